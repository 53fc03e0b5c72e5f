import copy
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

from evaluators.faults import DeviceError, OutOfMemory
from evaluators.latency import Latency, latency_ms
from evaluators.reference import REFERENCE_SHAPE, reference_network


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "auto"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_is_positive_and_leaves_the_module_as_it_was(precision: str, channels_last: bool) -> None:
    module = network().train()
    module[3].eval()
    before = copy.deepcopy(module.state_dict())
    latency = latency_ms(module, (3, 16, 16), "cpu", precision=precision, channels_last=channels_last)
    assert latency.median_ms > 0
    assert latency.iqr_ms >= 0
    assert latency.n >= 20
    assert [part.training for part in module] == [True, True, True, False]
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.dtype == before[name].dtype
        assert value.stride() == before[name].stride()


class Slow(nn.Module):
    """Notes how it is called and takes a while."""

    def __init__(self, milliseconds: float) -> None:
        super().__init__()
        self.milliseconds = milliseconds
        self.calls: list[tuple[object, ...]] = []

    def __deepcopy__(self, memo: object) -> "Slow":
        return self  # so that the test sees the calls

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls.append((tuple(images.shape), images.dtype, self.training, torch.is_inference_mode_enabled()))
        time.sleep(self.milliseconds / 1e3)
        return images


def test_measures_the_time_of_one_run_of_the_deployed_kind() -> None:
    module = Slow(20)
    latency = latency_ms(module, (3, 4, 5), "cpu", precision="bf16", batch=2, warmup=2, repeats=9)
    assert latency.n == 9
    assert 20 <= latency.median_ms < 60
    assert set(module.calls) == {((2, 3, 4, 5), torch.bfloat16, False, True)}
    assert len(module.calls) == 2 + 9


def test_ratio_and_percentile_are_of_the_same_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(runs: object, *_: object, **__: object) -> list[list[float]]:
        return [[float(i) for i in range(1, 12)], [2.0] * 11]

    monkeypatch.setattr("evaluators.latency.timed", timed)
    assert latency_ms(network(), (3, 8, 8), "cpu") == Latency(median_ms=6, iqr_ms=5, n=11, p90_ms=10, ratio=3)


def test_the_reference_network_is_once_as_slow_as_itself() -> None:
    latency = latency_ms(reference_network(), REFERENCE_SHAPE, "cpu", repeats=100)
    assert latency.ratio is not None
    assert 0.5 < latency.ratio < 2


def test_a_slow_network_is_not_run_for_long() -> None:
    assert latency_ms(Slow(200), (1, 2, 2), "cpu", warmup=0).n == 7


def test_unknown_devices_and_too_little_memory_are_their_faults() -> None:
    with pytest.raises(DeviceError):
        latency_ms(network(), (3, 8, 8), "tpu")
    with pytest.raises(DeviceError):
        latency_ms(network(), (3, 8, 8), "cpu", precision="int8")
    with pytest.raises(OutOfMemory):
        latency_ms(network(), (3, 2**22, 2**22), "cpu")


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, evaluators; print('torch' in sys.modules); evaluators.train; print('torch' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["False", "True"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_is_positive_on_cuda(precision: str) -> None:
    latency = latency_ms(network(), (3, 64, 64), "cuda", precision=precision)
    assert isinstance(latency, Latency)
    assert 0 < latency.median_ms < 100
