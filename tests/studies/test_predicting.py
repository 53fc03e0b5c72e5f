"""`nas predict`: masks at the images' own size, whatever the network takes, and bad images named."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

import nas
from nas.export.inference import Network
from nas.graph import Graph
from tests.nas.export.networks import drawn, two_levels, write
from tests.nas.export.test_poisoned import Canary
from tests.studies.test_profiling import nas_command

ROOT = Path(__file__).parents[2]


def centred(graph: Graph) -> dict[str, torch.Tensor]:
    """Weights whose logits are about 0 in the middle of an image, so that masks are neither empty nor full."""
    state, module = drawn(graph), nas.to_module(graph).eval()
    module.load_state_dict(state)
    with torch.no_grad():
        logits = module(torch.randn(1, graph.image_shape[0], 64, 64))
    assert isinstance(logits, torch.Tensor)
    last = [name for name in state if name.endswith("bias")][-1]
    return state | {last: state[last] - logits.mean((0, 2, 3))}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Exports: of any side, of even sides and three classes of grey images, and trained at 48 pixels."""
    root = tmp_path_factory.mktemp("exports")
    made = {name: root / name for name in ("plain", "even", "sized", "padded")}
    plain, even = two_levels(), two_levels(1, 3, any_side=False)
    write(plain, made["plain"], centred(plain))
    write(even, made["even"], centred(even))
    for name, fit in (("sized", "squeeze"), ("padded", "pad")):
        changed(made["plain"], made[name], size=48, fit=fit)
    return made


def picture(path: Path, height: int, width: int, mode: str = "RGB", seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode).save(path)
    return path


def logits_by_hand(folder: Path, image: Path, size: tuple[int, int]) -> torch.Tensor:
    """The network on the image at a size, with torch."""
    pixels = np.asarray(Image.open(image).convert("RGB").resize(size[::-1], Image.Resampling.BILINEAR))
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        logits = nas.load(folder)((x - 0.5) / 0.25)
    assert isinstance(logits, torch.Tensor)
    return logits


def mask(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("backend", ["onnxruntime", "torch"])
def test_a_mask_is_what_the_network_gives_at_the_images_own_size(
    folders: dict[str, Path], tmp_path: Path, backend: str
) -> None:
    image = picture(tmp_path / "a.png", 37, 52)
    out = tmp_path / "out"
    code, said, _ = nas_command("predict", folders["plain"], image, "--out", out, "--backend", backend)
    assert code == 0 and "wrote 1 masks" in said
    expected = logits_by_hand(folders["plain"], image, (37, 52))[0, 0] >= 0
    assert mask(out / "a.png").shape == (37, 52)
    assert set(np.unique(mask(out / "a.png"))) == {0, 255}
    np.testing.assert_array_equal(mask(out / "a.png") == 255, expected.numpy())


def test_images_are_squeezed_to_the_trained_size_and_logits_brought_back(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    image = picture(tmp_path / "a.png", 90, 120)
    assert nas_command("predict", folders["sized"], image, "--out", tmp_path / "out", "--probabilities")[0] == 0
    logits = logits_by_hand(folders["sized"], image, (48, 48))
    expected = functional.interpolate(logits, size=(90, 120), mode="bilinear", align_corners=False).sigmoid()[0]
    found = np.load(tmp_path / "out" / "probabilities" / "a.npy")
    assert found.shape == (1, 90, 120) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


def test_padding_to_the_trained_size_is_cut_off_again(folders: dict[str, Path], tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", 60, 120)
    assert nas_command("predict", folders["padded"], image, "--out", tmp_path / "out", "--probabilities")[0] == 0
    pixels = np.zeros((48, 48, 3), np.uint8)
    pixels[:24] = np.asarray(Image.open(image).resize((48, 24), Image.Resampling.BILINEAR))
    Image.fromarray(pixels).save(tmp_path / "square.png")
    logits = logits_by_hand(folders["padded"], tmp_path / "square.png", (48, 48))[..., :24, :]
    expected = functional.interpolate(logits, size=(60, 120), mode="bilinear", align_corners=False).sigmoid()[0]
    np.testing.assert_allclose(np.load(tmp_path / "out" / "probabilities" / "a.npy"), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (33, 35)])
def test_any_size_of_image_has_a_mask_of_it_with_the_numbers_of_the_classes(
    folders: dict[str, Path], tmp_path: Path, size: tuple[int, int]
) -> None:
    image = picture(tmp_path / "a.png", *size, mode="L")
    code, _, error = nas_command("predict", folders["even"], image, "--out", tmp_path / "o", "--probabilities")
    assert (code, error) == (0, "")
    found = Image.open(tmp_path / "o" / "a.png")
    assert found.mode == "P" and found.size == size[::-1]
    probabilities = np.load(tmp_path / "o" / "probabilities" / "a.npy")
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(found), probabilities.argmax(0))


def test_an_image_is_padded_with_its_border_to_what_the_network_takes(folders: dict[str, Path], tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", 33, 35, mode="L")
    assert nas_command("predict", folders["even"], image, "--out", tmp_path / "o", "--probabilities")[0] == 0
    x = functional.pad(torch.from_numpy(mask(image).copy())[None, None].float(), (0, 1, 0, 1), "replicate")
    with torch.no_grad():
        logits = nas.load(folders["even"])((x / 255 - 0.5) / 0.25)
    assert isinstance(logits, torch.Tensor)
    found = np.load(tmp_path / "o" / "probabilities" / "a.npy")
    np.testing.assert_allclose(found, logits.softmax(1)[0, :, :33, :35].numpy(), atol=1e-5)


def changed(folder: Path, out: Path, **keys: object) -> Path:
    """The same export with other values in preprocess.json."""
    out.mkdir()
    for path in folder.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    stored = json.loads((out / "preprocess.json").read_text())
    (out / "preprocess.json").write_text(json.dumps(stored | keys))
    return out


def test_images_of_more_than_8_bits_are_read_in_their_range(folders: dict[str, Path], tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 1000, (16, 20)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    deep = changed(folders["even"], tmp_path / "deep", range=[0, 1000])
    assert nas_command("predict", deep, tmp_path / "a.png", "--out", tmp_path / "o", "--probabilities")[0] == 0
    x = torch.from_numpy(values.astype(np.float32))[None, None] / 1000
    with torch.no_grad():
        logits = nas.load(deep)((x - 0.5) / 0.25)
    assert isinstance(logits, torch.Tensor)
    found = np.load(tmp_path / "o" / "probabilities" / "a.npy")
    np.testing.assert_allclose(found, logits.softmax(1)[0].numpy(), atol=1e-5)


def test_a_network_of_neighbouring_slices_says_what_reads_them(folders: dict[str, Path], tmp_path: Path) -> None:
    stacked = changed(folders["plain"], tmp_path / "stacked", neighbours=1)
    code, _, error = nas_command("predict", stacked, picture(tmp_path / "a.png", 8, 8), "--out", tmp_path / "out")
    assert code == 2 and "nas.load" in error and not (tmp_path / "out").exists()


def test_a_folder_with_a_bad_image_names_it_and_does_the_others(folders: dict[str, Path], tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for i in range(3):
        picture(images / f"{i}.png", 20 + i, 30, seed=i)
    (images / "bad.png").write_bytes(b"\x89PNG no picture")
    (images / "notes.txt").write_text("not an image")
    code, said, error = nas_command("predict", folders["plain"], images, "--out", tmp_path / "out", "--overlay")
    assert code == 1
    assert "wrote 3 masks" in said and "1 of 4 images could not be used" in said
    assert "bad.png" in error and "left out" in error and len(error.splitlines()) == 1
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"0.png", "1.png", "2.png", "overlays"}
    drawn_on, plain = mask(tmp_path / "out" / "overlays" / "1.png"), mask(images / "1.png")
    assert drawn_on.shape == plain.shape == (21, 30, 3)
    changed = (drawn_on != plain).any(-1)
    assert changed.any() and not changed.all()


def test_masks_that_would_be_one_file_or_replace_an_image_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    first, second = picture(tmp_path / "a.png", 8, 8), picture(tmp_path / "a.bmp", 8, 8)
    before = first.read_bytes()
    for arguments in ([first, second, "--out", tmp_path / "out"], [first, "--out", tmp_path]):
        code, _, error = nas_command("predict", folders["plain"], *arguments)
        assert code == 2 and str(first) in error
    assert first.read_bytes() == before and not (tmp_path / "out").exists()


def test_nothing_is_written_through_links(folders: dict[str, Path], tmp_path: Path) -> None:
    image, secret = picture(tmp_path / "a.png", 8, 8), tmp_path / "secret"
    secret.write_text("as it was")
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (out / "a.png").symlink_to(secret)
    assert nas_command("predict", folders["plain"], image, "--out", out)[0] == 0
    assert secret.read_text() == "as it was" and not (out / "a.png").is_symlink()
    (out / "overlays").symlink_to(elsewhere)
    code, _, error = nas_command("predict", folders["plain"], image, "--out", out, "--overlay")
    assert code == 2 and "is a link" in error and not list(elsewhere.iterdir())


def test_predicting_loads_no_torch(folders: dict[str, Path], tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", 8, 8)
    code = (
        "import sys\nfrom studies.cli import app\n"
        f"try: app(['predict', {str(folders['plain'])!r}, {str(image)!r}, '--out', {str(tmp_path / 'out')!r}])\n"
        "except SystemExit as end: print('CODE', end.code, sorted({'torch', 'pandas', 'optuna'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "CODE 0 []" in done.stdout, done.stdout + done.stderr


def test_what_is_no_export_is_one_line(folders: dict[str, Path], tmp_path: Path) -> None:
    image = picture(tmp_path / "a.png", 8, 8)
    code, _, error = nas_command("predict", tmp_path, image)
    assert code == 2 and "preprocess.json" in error and len(error.splitlines()) == 1
    code, _, error = nas_command("predict", folders["plain"], tmp_path / "missing.png")
    assert code == 2 and "missing.png" in error
    state = load_file(folders["sized"] / "weights.safetensors")
    broken = changed(folders["sized"], tmp_path / "broken")
    save_file({name: tensor[:1].clone() for name, tensor in state.items()}, broken / "weights.safetensors")
    code, _, error = nas_command("predict", broken, image, "--backend", "torch", "--out", tmp_path / "out")
    assert code == 2 and "shape" in error and len(error.splitlines()) == 1


def test_poisoned_exports_are_refused_in_one_line_with_nothing_written(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    image, canary = picture(tmp_path / "a.png", 8, 8), tmp_path / "canary"
    graph = json.loads((folders["plain"] / "graph.json").read_text())
    next(node for node in graph["nodes"] if node["op"] == "Conv")["name"] = "../../canary"
    torch.save({"weight": Canary(canary)}, tmp_path / "pickled")
    poisons = {
        "weights.safetensors": [(tmp_path / "pickled").read_bytes(), (2**62).to_bytes(8, "little") + b"{}"],
        "graph.json": [json.dumps(graph).encode(), b"[" * 100_000],
        "preprocess.json": [b"{" * 100_000, b"{}"],
    }
    poisoned = changed(folders["plain"], tmp_path / "poisoned")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for name, contents in poisons.items():
        clean = (poisoned / name).read_bytes()
        for content in contents:
            (poisoned / name).write_bytes(content)
            code, _, error = nas_command("predict", poisoned, image, "--backend", "torch", "--out", tmp_path / "out")
            assert code == 2 and name in error and len(error.splitlines()) == 1, (name, error)
            assert sorted(path.name for path in tmp_path.rglob("*")) == before
        (poisoned / name).write_bytes(clean)
    assert nas_command("predict", poisoned, image, "--backend", "torch", "--out", tmp_path / "out")[0] == 0


def test_a_large_image_is_run_in_tiles_with_nearly_the_mask_of_the_whole(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(tmp_path / "a.png", 150, 211)
    sizes: list[tuple[int, ...]] = []
    logits = Network.logits

    def noted(network: Network, pixels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        sizes.append(pixels.shape[:2])
        return logits(network, pixels)

    monkeypatch.setattr(Network, "logits", noted)
    found = {}
    for tile in (0, 64):
        out = tmp_path / str(tile)
        arguments = (folders["plain"], image, "--out", out, "--probabilities", "--tile", tile)
        assert nas_command("predict", *arguments)[0] == 0
        found[tile] = np.load(out / "probabilities" / "a.npy")
        assert mask(out / "a.png").shape == (150, 211)
    assert sizes[0] == (150, 211) and max(max(size) for size in sizes[1:]) == 64 and len(sizes) > 9
    assert np.abs(found[0] - found[64]).mean() < 2e-3 and np.abs(found[0] - found[64]).max() < 0.1
    sizes.clear()
    assert nas_command("predict", folders["sized"], image, "--out", tmp_path / "s", "--tile", 64)[0] == 0
    assert sizes == [(48, 48)], "what is shrunk to a training's size needs no tiles"


def test_a_smaller_form_is_used_when_asked_for_and_named_when_it_is_not_there(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    image = picture(tmp_path / "a.png", 24, 32)
    code, _, error = nas_command("predict", folders["plain"], image, "--form", "fp16", "--out", tmp_path / "o")
    assert code == 2 and "no model.fp16.onnx" in error
    other = changed(folders["plain"], tmp_path / "other")
    graph = two_levels()
    write(graph, tmp_path / "another", drawn(graph, 9))
    (other / "model.fp16.onnx").write_bytes((tmp_path / "another" / "model.onnx").read_bytes())
    masks = []
    for form in ("float32", "fp16"):
        assert nas_command("predict", other, image, "--form", form, "--out", tmp_path / form)[0] == 0
        masks.append(mask(tmp_path / form / "a.png"))
    assert (masks[0] != masks[1]).any()
    code, _, error = nas_command("predict", other, image, "--form", "fp16", "--backend", "torch")
    assert code == 2 and "onnxruntime" in error
