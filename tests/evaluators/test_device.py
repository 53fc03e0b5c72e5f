import pytest
import torch

from evaluators import device as devices
from evaluators.device import describe_device, pick_device, precision
from evaluators.faults import DeviceError

CPU = torch.device("cpu")


def test_auto_is_a_device_that_works() -> None:
    assert torch.zeros(1, device=pick_device("auto")).item() == 0
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cuda:", "cpu:0", "", "gpu", "cuda:-1"])
def test_unknown_names_are_an_error_that_lists_the_known(name: str) -> None:
    with pytest.raises(DeviceError, match="auto, cpu, cuda or cuda:N"):
        pick_device(name)


def test_a_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == CPU
    with pytest.raises(DeviceError, match="'cuda' is not there: this machine has 0 CUDA devices"):
        pick_device("cuda")


def test_cuda_is_picked_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceError, match="cuda:2"):
        pick_device("cuda:2")


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("AuthenticAMD", "fpu avx512f avx512_bf16", torch.bfloat16),
        ("GenuineIntel", "fpu amx_bf16 amx_tile", torch.bfloat16),
        ("GenuineIntel", "fpu avx512f avx512_bf16", torch.float32),
        ("AuthenticAMD", "fpu avx2 avx512f", torch.float32),
        ("", "", torch.float32),
    ],
)
def test_auto_precision_follows_the_units(
    monkeypatch: pytest.MonkeyPatch, vendor: str, flags: str, expected: torch.dtype
) -> None:
    monkeypatch.setattr(devices, "_cpuinfo", lambda: {"vendor_id": vendor, "flags": flags})
    assert precision("auto", CPU) is expected


def test_named_precisions_are_taken_at_their_word() -> None:
    assert precision("fp32", CPU) is torch.float32
    assert precision("bf16", CPU) is torch.bfloat16
    with pytest.raises(DeviceError, match="auto, fp32 or bf16, not 'fp16'"):
        precision("fp16", CPU)


def test_the_description_tells_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_cpuinfo", lambda: {"model name": "Abacus 9"})
    assert describe_device(CPU) == f"Abacus 9, {torch.get_num_threads()} threads"


def test_a_machine_without_proc_is_described_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_cpuinfo", dict)
    assert describe_device(CPU).endswith("threads")
