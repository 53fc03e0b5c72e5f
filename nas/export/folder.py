"""Writing an export: a folder that stands alone, whole or not at all."""

import copy
import inspect
import runpy
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor
from torch.export import ExportedProgram

from nas.errors import ExportError
from nas.export import programs
from nas.export.carried import reading
from nas.export.loading import filled
from nas.export.preprocess import Preprocess
from nas.export.sides import Sides
from nas.graph import Graph
from nas.module import GraphModule
from nas.source import to_source

__all__ = ["BOUND", "Differences", "Export", "allowed", "check_free", "example_image", "write_export"]

BOUND = 1e-4  # of the logits' range; what a form may differ by from the module

_LOAD = '''

def load(weights: str | Path = Path(__file__).with_name("weights.safetensors")) -> "Network":
    """Return the network with its weights, in evaluation mode, on the CPU."""
    network = Network()
    network.load_state_dict(tensors(Path(weights)))
    return network.eval()
'''

Differences = dict[str, float]
"""By form, the greatest difference of its logits from the module's as a share of their range."""


@dataclass(frozen=True)
class Export:
    """What is exported: a deployed graph, its weights, and what is known of it.

    Attributes:
        graph: As `nas.deploy` returns it.
        state: The state dict of `to_module(graph)`.
        preprocess: What comes before and after it.
        card: The README, in Markdown.
        architecture: The stored form of the architecture, where there is one.
        program: Of the network, at the sides that `preprocess` declares; None: it is traced.
        onnx: What `to_onnx` made of the program; None: it is made.
        more: Further files by name, such as pictures and smaller forms.
    """

    graph: Graph
    state: Mapping[str, Tensor]
    preprocess: Preprocess
    card: str
    architecture: str | None = None
    program: ExportedProgram | None = None
    onnx: bytes | None = None
    more: Mapping[str, bytes] = field(default_factory=dict)


def write_export(export: Export, out: Path) -> Differences:
    """Write the folder `out`, which must not exist; return how far each form is from the module.

    It is written beside its place and moved there when all forms agree: there is never half an export, and nothing is
    written through a link. Raises ExportError if `out` is there, a form cannot be made, or one differs by more than
    `BOUND`.
    """
    check_free(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name[:40]}.", dir=out.parent))
        try:
            differences = _write(export, draft)
            draft.chmod(0o755)
            draft.rename(out)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as fault:
        raise ExportError(f"{out}: cannot be written: {fault}") from None
    return differences


def check_free(out: Path) -> None:
    """Raise ExportError if there is something at the place of an export, a dangling link too."""
    if out.is_symlink() or out.exists():
        raise ExportError(f"{out}: exists already; give another folder with --out, or remove it")


def _write(export: Export, folder: Path) -> Differences:
    programs.check_packages()
    module = filled(export.graph, dict(export.state))
    sides = Sides(export.preprocess.multiple, export.preprocess.least_side)
    image = example_image(export.graph.image_shape[0], sides)
    with torch.no_grad():
        logits = module(image)
    program = export.program or programs.program_of(module, export.graph.image_shape[0], sides)
    texts = {
        "README.md": export.card,
        "graph.json": export.graph.to_json(),
        "model.py": source_of(export.graph),
        "preprocess.json": export.preprocess.to_json(),
        "verify.py": _carried("verify.py"),
    }
    if export.architecture is not None:
        texts["architecture.json"] = export.architecture
    contents = dict(export.more) | {
        "example.safetensors": save({"image": image, "logits": logits}),
        "model.onnx": export.onnx or programs.to_onnx(program),
        "model.pt2": programs.to_pt2(program),
        "weights.safetensors": save({name: tensor.contiguous() for name, tensor in module.state_dict().items()}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    source = runpy.run_path(str(folder / "model.py"))["load"]()
    return _compared(module, source, program.module(), contents["model.onnx"], [image, *_others(image.shape[1], sides)])


def allowed(logits: Tensor) -> float:
    """Return how much logits may differ from these: `BOUND` of their range, or 16 roundings of the greatest.

    A network that is not trained may give nearly one number everywhere, whose rounding is more than its range.
    """
    spread, greatest = float(logits.max() - logits.min()), float(logits.abs().max())
    return max(BOUND * spread, 16 * torch.finfo(torch.float32).eps * greatest)


def source_of(graph: Graph) -> str:
    """Return model.py: the source of the network and a `load` of its weights; imports torch and what Python has."""
    text = to_source(graph, "Network")
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(("import torch", "from torch")))
    own = ["import json", "from pathlib import Path", "", "import torch"]  # which a network without sums does not need
    rest = lines[at + 1 :] if lines[at] == "import torch" else lines[at:]
    first = "\n".join([*lines[:at], *own, *rest]) + "\n"
    return f"{first}\n\n{inspect.getsource(reading.tensors)}{_LOAD}"


def _carried(name: str) -> str:
    return Path(reading.__file__).with_name(name).read_text(encoding="utf-8")


def example_image(channels: int, sides: Sides) -> Tensor:
    """Return the image that forms are compared on: two of different noise, not square."""
    height = max(sides.least, -(-64 // sides.multiple) * sides.multiple)
    noise = torch.Generator().manual_seed(0)
    return torch.randn(2, channels, height, height + sides.multiple, generator=noise).clamp(-2, 2)


def _others(channels: int, sides: Sides) -> list[Tensor]:
    """Return noise of the least size, and of two that are not square, one of odd steps."""
    step, least = sides
    noise = torch.Generator().manual_seed(1)
    sizes = ((1, least, least), (1, least + 2 * step, 2 * least), (3, least + 3 * step, least + 5 * step))
    return [torch.randn(batch, channels, *size, generator=noise) for batch, *size in sizes]


def _compared(
    module: GraphModule, source: torch.nn.Module, program: torch.nn.Module, onnx: bytes, images: list[Tensor]
) -> Differences:
    """Return the worst over all images: a form may be right at one size and wrong at another."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    differences: Differences = {}
    for image in images:
        with torch.no_grad():
            ours, found = module(image), {"model.py": source(image), "model.pt2": program(image)}
        found["model.onnx"] = torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
        spread, bound = float(ours.max() - ours.min()), allowed(ours)
        for name, logits in found.items():
            worst = float((logits - ours).abs().max())
            share = worst / (spread or 1.0)
            if not worst <= bound:  # nan differs too
                size = " x ".join(map(str, image.shape[2:]))
                raise ExportError(
                    f"{name}: its logits differ by {share:.1e} of their range from the module's at {size} pixels, at "
                    f"most {BOUND:g} is allowed, so nothing is written; {_cause(module, image, ours)}"
                )
            differences[name] = max(differences.get(name, 0.0), share)
    return differences


def _cause(module: GraphModule, image: torch.Tensor, ours: Tensor) -> str:
    """Return what is known of why a form differs: weights that are not finite, or that amplify rounding."""
    if not torch.isfinite(ours).all():
        return "the module's are not finite: are the weights?"
    with torch.no_grad():
        exact = copy.deepcopy(module).double()(image.double())
    rounding = float((ours - exact).abs().max() / (exact.max() - exact.min()))
    return f"the module itself is {rounding:.1e} from what it gives in float64; more training often makes that less"
