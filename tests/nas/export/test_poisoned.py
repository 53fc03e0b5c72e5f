"""Files made to do harm: refused in one line, with nothing executed, and nothing written or read elsewhere."""

import json
import pickle
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

import nas
from nas.errors import ExportError, GraphError, NasError, WeightsError
from nas.export.inference import Network
from nas.export.preprocess import Preprocess
from tests.nas.export.test_folder import verify


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, place: Path):
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.place,)


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    """An export of one's own to damage."""
    return Path(shutil.copytree(exported, tmp_path / "net"))


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    stored = json.loads(path.read_text())
    change(stored)
    path.write_text(json.dumps(stored))


def test_what_can_be_run_in_an_export_is_not_run(copied: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for name in ("model.py", "verify.py", "__init__.py", "onnx.py", "sitecustomize.py"):
        (copied / name).write_text(f"open({str(canary)!r}, 'w')\n")
    (copied / "model.pt2").write_bytes(pickle.dumps(Canary(canary)))
    nas.load(copied)
    for backend in ("onnxruntime", "torch"):
        Network(copied, backend).logits(np.zeros((8, 8, 3), np.uint8))  # type: ignore[arg-type]  # both are
    assert not canary.exists()


@pytest.mark.parametrize("write", [lambda c, p: p.write_bytes(pickle.dumps(c)), torch.save], ids=["pickle", "torch"])
def test_pickled_weights_are_refused_unread(copied: Path, tmp_path: Path, write: Callable[[Any, Path], Any]) -> None:
    canary = tmp_path / "canary"
    write(Canary(canary), copied / "weights.safetensors")
    with pytest.raises(WeightsError, match="pickled checkpoints"):
        nas.load(copied)
    assert not canary.exists()


def test_the_folders_own_reader_takes_no_pickle_and_no_endless_header(copied: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    load = runpy.run_path(str(copied / "model.py"))["load"]
    for content in (pickle.dumps(Canary(canary)), (2**63).to_bytes(8, "little") + b"{}", b"", header({"x": {}})):
        (copied / "weights.safetensors").write_bytes(content)
        with pytest.raises((ValueError, KeyError, RuntimeError)):
            load()
    code, said = verify(copied, ("onnxruntime",))
    assert code == 1 and "agrees" not in said
    assert not canary.exists()


def header(entries: dict[str, Any]) -> bytes:
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        (2**63).to_bytes(8, "little") + b"{}",
        (10**9).to_bytes(8, "little") + b"{}",
        (99).to_bytes(8, "little") + b"{",
        header({"huge": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4 * 10**12]}}),
        header({"wrap": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}),
        header({"back": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}),
        header({"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 1]}}) + b"x",
    ],
    ids=["empty", "short", "endless header", "oversized header", "cut off", "huge", "overflow", "negative", "objects"],
)
def test_damaged_weights_are_refused(copied: Path, content: bytes) -> None:
    (copied / "weights.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"weights\.safetensors: "):
        nas.load(copied)


def test_weights_of_another_network_are_refused_with_the_tensor(copied: Path) -> None:
    path = copied / "weights.safetensors"
    state = load_file(path)
    name = next(iter(state))
    for broken, said in (
        ({k: v for k, v in state.items() if k != name}, f"1 tensors missing, 0 too many; lacks '{name}'"),
        (state | {"more": torch.zeros(1)}, "0 tensors missing, 1 too many; has 'more'"),
        (state | {name: torch.zeros(7)}, rf"{name} has shape \(7,\)"),
        (state | {name: state[name].to(torch.complex64)}, f"{name} is C64"),
    ):
        save_file(broken, path)
        with pytest.raises(WeightsError, match=said):
            nas.load(copied)


@pytest.mark.parametrize("name", ["../../canary", "/canary", "", "forward", "a..b", "__class__", "x\0y", 5, None])
def test_names_in_a_graph_do_no_harm(copied: Path, tmp_path: Path, name: object) -> None:
    def rename(stored: dict[str, Any]) -> None:
        node = next(n for n in stored["nodes"] if n["op"] == "Conv")
        node["name"] = name

    before = {p.name for p in tmp_path.rglob("*")}
    edit(copied / "graph.json", rename)
    with pytest.raises(NasError):
        nas.load(copied)
    assert {p.name for p in tmp_path.rglob("*")} == before


def test_a_graph_with_weights_without_measure_takes_no_memory(copied: Path) -> None:
    def widen(stored: dict[str, Any]) -> None:
        for node in stored["nodes"]:
            if node["op"] == "Conv":
                node["args"]["out_channels"] = 10**9

    edit(copied / "graph.json", widen)
    with pytest.raises((GraphError, NasError)):
        nas.load(copied)


def test_a_graph_nested_without_end_is_refused(copied: Path) -> None:
    for name, wanted in (("graph.json", GraphError), ("preprocess.json", ExportError)):
        (copied / name).write_text("[" * 200_000)
        with pytest.raises(wanted):
            nas.load(copied) if wanted is GraphError else Network(copied)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("channels", 0), ("channels", "3"), ("channels", True), ("classes", ["one"]), ("classes", "ab")],
        *[("logits", 5), ("multiple", 0), ("least_side", 10**9), ("size", [1, 2]), ("size", -1), ("fit", "crop")],
        *[("range", [1, 0]), ("range", 5), ("std", 0), ("mean", "0.5"), ("threshold", None), ("neighbours", -1)],
        *[("format", 2), ("unknown", 1)],
    ],
)
def test_preprocess_json_is_checked(copied: Path, key: str, value: object) -> None:
    edit(copied / "preprocess.json", lambda stored: stored.update({key: value}))
    with pytest.raises(ExportError, match=r"preprocess\.json"):
        Network(copied)


def test_preprocess_json_comes_back_as_it_was() -> None:
    kept = Preprocess(1, ("a", "b", "c"), 3, 2, 8, size=48, fit="pad", range=(-5, 70.5), neighbours=0, threshold=0.4)
    assert Preprocess.from_json(kept.to_json()) == kept


def test_numbers_that_are_not_finite_are_refused(copied: Path) -> None:
    path = copied / "preprocess.json"
    for number in ("NaN", "Infinity"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"mean": float(number)}))
        with pytest.raises(ExportError, match="mean"):
            Network(copied)


def test_onnx_that_names_other_files_is_not_loaded(copied: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\0" * 4096)
    path = copied / "model.onnx"
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ExportError, match="names other files"):
        Network(copied)


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x07" * 9])
def test_damaged_onnx_is_refused(copied: Path, content: bytes) -> None:
    (copied / "model.onnx").write_bytes(content)
    with pytest.raises(ExportError, match=r"model\.onnx"):
        Network(copied)


def test_an_onnx_of_another_network_is_told_from_the_export(copied: Path) -> None:
    edit(copied / "preprocess.json", lambda stored: stored.update(classes=["a", "b", "c"], logits=3))
    with pytest.raises(ExportError, match="export again"):
        Network(copied).logits(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ExportError, match="the image has 1 channels"):
        Network(copied).logits(np.zeros((8, 8, 1), np.uint8))
