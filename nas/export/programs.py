"""A module as torch.export's program, and that as ONNX: free batch, height and width, and no local path in either.

torch.export comes first: it refuses what does not hold at every size, where ONNX made without it would be written all
the same and fail at other sizes than the traced one.
"""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from nas.errors import ExportError
from nas.export.sides import Sides

if TYPE_CHECKING:
    import onnx

__all__ = ["Traced", "check_packages", "program_of", "quiet", "to_onnx", "to_pt2", "traced"]

_USUAL = 32  # pixels; the stride of most encoders
_TRACED = ("stack_trace", "source_fn_stack", "from_node")  # of a traced node: where in which file of this machine


def check_packages() -> None:
    """Raise ExportError if a package is missing that ONNX is made or run with."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ExportError(f"ONNX needs {', '.join(missing)}: pip install 'nas-medseg[onnx]'")


class Traced(NamedTuple):
    """A program, and the sides that it takes."""

    program: ExportedProgram
    sides: Sides


def traced(module: nn.Module, channels: int, sides: Sides) -> Traced:
    """Trace a module; one that torch.export refuses at these sides at multiples of 32 instead.

    At some sides maps that meet differ by one pixel, which the network mends and torch.export cannot prove; at
    multiples of 32, which is what papers use, they agree. Raises ExportError where it refuses that too.
    """
    try:
        return Traced(program_of(module, channels, sides), sides)
    except ExportError:
        if _USUAL % sides.multiple or sides.multiple == _USUAL:
            raise
        coarser = Sides(_USUAL, -(-sides.least // _USUAL) * _USUAL)
        return Traced(program_of(module, channels, coarser), coarser)


def program_of(module: nn.Module, channels: int, sides: Sides) -> ExportedProgram:
    """Trace a module on images (N, channels, H, W): any N, and any H and W that `sides` allows.

    Raises ExportError where the traced network would not be right at all of them.
    """
    image = torch.zeros(2, channels, *(max(3 * sides.multiple, n * sides.least) for n in (3, 4)))
    free = {0: Dim("batch", min=1), 2: _side("height", sides), 3: _side("width", sides)}
    try:
        with torch.no_grad(), quiet():
            program = torch.export.export(module, (image,), dynamic_shapes=(free,))
    except (torch._dynamo.exc.UserError, ValueError, RuntimeError) as fault:
        said = " ".join(str(fault).split())[:400]
        raise ExportError(f"torch.export refuses this network at free sizes, so nothing is written: {said}") from None
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, torch.fx.GraphModule) else ():
            for key in _TRACED:
                node.meta.pop(key, None)
    return program


def to_pt2(program: ExportedProgram) -> bytes:
    """Return the program as torch.export.save stores it."""
    file = io.BytesIO()
    with quiet():
        torch.export.save(program, file)
    return file.getvalue()


def to_onnx(program: ExportedProgram) -> bytes:
    """Return the program as ONNX, `image` to `logits`, checked."""
    import onnx

    with quiet():
        made = torch.onnx.export(
            program, (), input_names=["image"], output_names=["logits"], external_data=False, verbose=False
        )
    assert made is not None
    model: onnx.ModelProto = made.model_proto
    _tidy(model)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _side(name: str, sides: Sides) -> Dim:
    if sides.multiple == 1:
        return Dim(name, min=sides.least)
    return sides.multiple * Dim(f"{name}_steps", min=sides.least // sides.multiple)


def _tidy(model: "onnx.ModelProto") -> None:
    """Name the free sizes and drop what the exporter notes of the traced code: paths and names of this machine."""
    for value in (model.graph.input[0], model.graph.output[0]):
        shape = value.type.tensor_type.shape
        for at, name in ((0, "batch"), (2, "height"), (3, "width")):
            shape.dim[at].dim_param = name
    del model.graph.value_info[:]
    for part in (model, model.graph, *model.functions, *model.graph.node, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
        value.doc_string = ""


@contextmanager
def quiet(name: str = "torch.onnx") -> Iterator[None]:
    """Keep back what exporters say of packages that are not installed and of torch's own deprecations."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
