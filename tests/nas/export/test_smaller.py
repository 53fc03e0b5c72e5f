"""fp16, bf16 and int8 forms: nearly the same at every size, in fewer bytes; what they cannot hold is named."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import nas
from nas.errors import ExportError
from nas.export.loading import filled
from nas.export.programs import program_of, to_onnx
from nas.export.sides import sides_of
from nas.export.smaller import cast_form, int8_form, runner
from nas.graph import GraphBuilder
from nas.module import GraphModule
from nas.ops import Conv, ReLU
from tests.nas.export.networks import drawn, two_levels

pytestmark = pytest.mark.slow

SIZES = ((1, 8, 9), (3, 33, 46))


@pytest.fixture(scope="module")
def module() -> GraphModule:
    graph = two_levels()
    return filled(nas.deploy(graph), dict(nas.deploy_weights(graph, drawn(graph))))


@pytest.fixture(scope="module")
def float32(module: GraphModule) -> bytes:
    return to_onnx(program_of(module, 3, sides_of(nas.deploy(two_levels()))))


def differs(module: GraphModule, name: str, content: bytes) -> float:
    """The greatest difference of the logits over some sizes, as a share of their range."""
    run, shares = runner(name, content), []
    for batch, *size in SIZES:
        image = torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0)).clamp(-2, 2)
        with torch.no_grad():
            expected, found = module(image), run(image)
        assert isinstance(expected, torch.Tensor)
        assert found.dtype == torch.float32 and found.shape == expected.shape
        shares.append(float((found - expected).abs().max() / (expected.max() - expected.min())))
    return max(shares)


@pytest.mark.parametrize(("kind", "least", "most"), [("fp16", 1e-5, 3e-3), ("bf16", 1e-4, 3e-2)])
def test_16_bits_round_and_no_more_at_every_size(module: GraphModule, kind: str, least: float, most: float) -> None:
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    content = cast_form(kind, module, 3, sides_of(nas.deploy(two_levels())))  # type: ignore[arg-type]  # both are
    assert least < differs(module, "model.onnx" if kind == "fp16" else "model.pt2", content) < most
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, before[name]), "the float32 network stays as it was"


def test_int8_computes_nearly_the_same_whether_ranges_are_learnt_or_measured(
    module: GraphModule, float32: bytes
) -> None:
    noise = torch.Generator().manual_seed(1)
    images = [torch.randn(1, 3, 32, 40, generator=noise).clamp(-2, 2).numpy() for _ in range(8)]
    for calibration in (None, images):
        content = int8_form(float32, calibration)
        assert 1e-4 < differs(module, "model.onnx", content) < 0.05
        types = {tensor.data_type for tensor in onnx.load_model_from_string(content).graph.initializer}
        assert onnx.TensorProto.INT8 in types


def test_ranges_come_from_the_images_that_were_given(module: GraphModule, float32: bytes) -> None:
    image = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)).clamp(-2, 2).numpy()
    good, bad = (int8_form(float32, [image * scale]) for scale in (1, np.float32(0.02)))
    assert differs(module, "model.onnx", bad) > 5 * differs(module, "model.onnx", good)


def test_smaller_forms_declare_the_same_inputs_and_hold_no_paths(module: GraphModule, float32: bytes) -> None:
    fp16 = cast_form("fp16", module, 3, sides_of(nas.deploy(two_levels())))
    for content in (fp16, int8_form(float32, None)):
        (image,) = onnxruntime.InferenceSession(content).get_inputs()
        assert (image.name, image.type, image.shape) == ("image", "tensor(float)", ["batch", 3, "height", "width"])
        assert b"/tmp" not in content and b"/home" not in content and b"stack_trace" not in content
    assert len(fp16) < len(float32)


def test_weights_that_fp16_cannot_hold_are_named() -> None:
    g = GraphBuilder((1, 8, 8), 1)
    graph = g.freeze([g.add(Conv(1, 1), g.add(ReLU(), g.add(Conv(2, 1), g.image)))])
    state = drawn(graph)
    name = next(iter(state))
    state[name] = state[name] * 0 + 1e6
    with pytest.raises(ExportError, match=f"{name}.*--bf16"):
        cast_form("fp16", filled(graph, state), 1, sides_of(graph))
