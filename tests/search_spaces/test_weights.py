"""Loading published checkpoints: what fits is loaded, what does not is named, and nothing is half done."""

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

import nas
from nas.errors import WeightsError
from search_spaces import published, published_names
from search_spaces.weights import Report, load_file, load_published, published_name

KEY = "unet_bn32"


def network(classes: int = 1) -> torch.nn.Module:
    torch.manual_seed(classes)
    return nas.to_module(nas.build(published[KEY], (3, 32, 32), classes))


def checkpoint(classes: int = 1) -> dict[str, torch.Tensor]:
    """A checkpoint as the published code writes it."""
    torch.manual_seed(7)
    state = network(classes).state_dict()
    drawn = {name: torch.rand_like(t) if t.is_floating_point() else t for name, t in state.items()}
    return {published_name(name, published_names[KEY]): tensor for name, tensor in drawn.items()}


def check_loaded(module: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    for name, tensor in module.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[published_name(name, published_names[KEY])]), name


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": state},
        lambda state: {"model": {f"module.{name}": tensor for name, tensor in state.items()}, "optimizer": {}},
    ],
)
def test_a_checkpoint_is_found_however_it_was_wrapped(wrap: Any) -> None:
    module, state = network(), checkpoint()
    load_published(module, KEY, wrap(state))
    check_loaded(module, state)


def test_the_report_names_what_was_used_unused_and_skipped() -> None:
    state = checkpoint()
    counters = tuple(name for name in state if name.endswith("num_batches_tracked"))
    tensors = tuple(name for name in state if name not in counters)
    more: dict[str, Any] = {**state, "aux.weight": torch.ones(3), "epoch": 3}
    assert load_published(network(), KEY, more) == Report(tensors, ("aux.weight",), (*counters, "epoch"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda state: state.pop("final.bias"),
            "lacks 1 of 110 tensors .first: head.conv.bias, published as final.bias",
        ),
        (
            lambda state: state.update({"final.bias": torch.ones(2)}),
            r"head.conv.bias is \(1,\), final.bias in the file is \(2,\)",
        ),
        (lambda state: state.clear(), "the file is no unet_bn32: it lacks 110 of 110"),
    ],
)
def test_what_does_not_fit_is_named_and_the_network_stays_as_it_was(change: Any, said: str) -> None:
    module, state = network(), checkpoint()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    change(state)
    with pytest.raises(WeightsError, match=said):
        load_published(module, KEY, state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_a_network_without_a_map_is_named() -> None:
    with pytest.raises(WeightsError, match="no published names for 'unet'; known: unet_bn32, "):
        load_published(network(), "unet", checkpoint())


def test_linear_weights_fit_a_convolution_of_one_pixel_and_no_other() -> None:
    module, state = network(classes=4), checkpoint(classes=4)
    flat = state | {"final.weight": state["final.weight"][:, :, 0, 0]}
    load_published(module, KEY, flat)
    check_loaded(module, state)
    wide = state | {"conv0_0.conv1.weight": torch.ones(32, 3)}
    with pytest.raises(WeightsError, match="encoder.stages0.conv1.weight is"):
        load_published(module, KEY, wide)


def test_files_of_both_kinds_are_read(tmp_path: Path) -> None:
    state = checkpoint()
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "weights.pth")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "weights.safetensors")
    for name in ("weights.pth", "weights.safetensors"):
        module = network()
        load_published(module, KEY, load_file(tmp_path / name))
        check_loaded(module, state)


class Harmful:
    """What a pickle may hold: a call that unpickling makes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm",)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": Harmful()}, "weights.pth")
    with pytest.raises(WeightsError, match=r"weights.pth cannot be read as a checkpoint"):
        load_file(Path("weights.pth"))
    assert not Path("harm").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_however_a_file_is_damaged_it_is_a_clear_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    tensors = {"weight": torch.ones(3), "bias": torch.ones(2)}
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")
    whole, rng = path.read_bytes(), random.Random(0)
    for _ in range(400):
        damaged = bytearray(whole[: rng.choice([len(whole), rng.randrange(len(whole))])])
        for _ in range(rng.choice([1, 2, 8])):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            load_file(path)
        except WeightsError as fault:
            assert str(fault).startswith(f"{path} ")


def test_names_that_are_no_text_are_no_names_of_ours() -> None:
    with pytest.raises(WeightsError, match="the file is no unet_bn32: it lacks 110 of 110"):
        load_published(network(), KEY, {0: torch.ones(3)})  # type: ignore[dict-item]  # what a file may hold


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    for name in ("weights.pth", "weights.safetensors"):
        with pytest.raises(WeightsError, match=f"{name} cannot be read"):
            load_file(tmp_path / name)
        (tmp_path / name).write_bytes(b"no checkpoint")
        with pytest.raises(WeightsError, match=f"{name} cannot be read"):
            load_file(tmp_path / name)
    torch.save(torch.ones(3), tmp_path / "tensor.pth")
    with pytest.raises(WeightsError, match="holds a Tensor, no state dict"):
        load_file(tmp_path / "tensor.pth")


def test_names_and_shapes_of_hardnet85_are_the_published_ones() -> None:
    """The one HarDNet without a golden file: its last dropout moves the numbers of what follows."""
    listed = json.loads((Path(__file__).parents[1] / "golden" / "hardnet85_names.json").read_text())
    with torch.device("meta"):
        module = nas.to_module(nas.build(published["hardnet85"], (3, 64, 64), classes=1000))
    ours = {published_name(n, published_names["hardnet85"]): list(t.shape) for n, t in module.state_dict().items()}
    assert {n: s for n, s in ours.items() if not n.endswith("tracked")} == dict(listed)


def test_two_names_of_ours_never_load_one_tensor() -> None:
    for key, renames in published_names.items():
        graph = nas.build(published[key], (3, 64, 64))
        names = [published_name(f"{name}.weight", renames) for name in graph.names]
        assert len(set(names)) == len(names), key
