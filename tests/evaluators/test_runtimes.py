"""Runtimes run the network itself; what they cannot run is refused."""

import numpy as np
import pytest
import torch

import nas
from evaluators.faults import DeviceError
from evaluators.latency import latency_ms
from evaluators.reference import REFERENCE_SHAPE, reference_network
from evaluators.runtimes import runner
from search_spaces import published

CPU = torch.device("cpu")


def test_onnxruntime_computes_what_torch_computes() -> None:
    graph = nas.deploy(nas.build(published["unetpp_keras_L1"], (3, 32, 40), 1))
    module = nas.to_module(graph)
    by_torch = runner(module, (1, 3, 32, 40), CPU, torch.float32)()
    by_onnx = runner(module, (1, 3, 32, 40), CPU, torch.float32, runtime="onnxruntime")()
    assert isinstance(by_torch, torch.Tensor)
    assert isinstance(by_onnx, list)
    np.testing.assert_allclose(by_onnx[0], by_torch.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("runtime", "precision", "said"),
    [
        ("tensorrt", "fp32", "must be one of torch, cuda_graph, onnxruntime, not 'tensorrt'"),
        ("cuda_graph", "fp32", "cuda_graph needs a CUDA device"),
        ("onnxruntime", "bf16", "on the CPU in fp32"),
    ],
)
def test_what_a_runtime_cannot_run_is_refused(runtime: str, precision: str, said: str) -> None:
    with pytest.raises(DeviceError, match=said):
        latency_ms(torch.nn.ReLU(), (1, 4, 4), "cpu", precision=precision, runtime=runtime)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(DeviceError, match=r"needs 'onnxruntime'; pip install 'nas-medseg\[onnx\]'"):
        latency_ms(torch.nn.ReLU(), (1, 4, 4), "cpu", runtime="onnxruntime")


def test_the_reference_network_is_the_same_for_ever() -> None:
    state = torch.random.get_rng_state()
    network = reference_network()
    assert torch.equal(state, torch.random.get_rng_state())
    counted = sum(weight.numel() for weight in network.parameters())
    with torch.inference_mode():
        out = network(torch.ones(1, *REFERENCE_SHAPE))
    assert (counted, tuple(out.shape)) == (45025, (1, 1, 64, 64))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_replayed_graph_computes_what_torch_computes() -> None:
    device, network = torch.device("cuda"), reference_network()
    eager = runner(network, (1, *REFERENCE_SHAPE), device, torch.float32)()
    replay = runner(network, (1, *REFERENCE_SHAPE), device, torch.float32, runtime="cuda_graph")
    replay()
    torch.testing.assert_close(replay(), eager)
    assert latency_ms(network, REFERENCE_SHAPE, "cuda", runtime="cuda_graph").median_ms > 0
