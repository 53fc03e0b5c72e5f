"""A network that a search found, used where this toolkit is not: torch alone, onnxruntime, OpenVINO, MONAI."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nas
from tests.environments import environment_with
from tests.studies.conftest import TINY
from tests.studies.test_profiling import nas_command

PAIRS = Path(__file__).parents[1] / "data" / "dsb2018"

pytestmark = pytest.mark.slow

ROUNDED = 1e-4  # of pixels: logits that are 0 up to rounding

WITH_ONNXRUNTIME = """
import json, sys
from importlib.util import find_spec
from pathlib import Path
assert not any(map(find_spec, ("torch", "nas", "evaluators", "safetensors")))
import numpy as np, onnxruntime
from PIL import Image
known = json.loads(Path("preprocess.json").read_text())
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
for path in sorted(Path(sys.argv[1]).iterdir()):
    image = Image.open(path).convert("RGB")
    small = image.resize((known["size"], known["size"]), Image.Resampling.BILINEAR)
    x = (np.asarray(small, np.float32) / 255 - known["mean"]) / known["std"]
    (logits,) = session.run(["logits"], {"image": x.transpose(2, 0, 1)[None].astype(np.float32)})
    whole = Image.fromarray(logits[0, 0]).resize(image.size, Image.Resampling.BILINEAR)
    Image.fromarray((np.asarray(whole) >= 0).astype(np.uint8) * 255).save(Path(sys.argv[2]) / path.name)
"""

WITH_TORCH = """
import sys
from importlib.util import find_spec
from pathlib import Path
assert not any(map(find_spec, ("numpy", "PIL", "nas", "evaluators", "safetensors", "onnxruntime")))
sys.path.insert(0, ".")
import torch
from model import load
network = load()
for path in sorted(Path(sys.argv[1]).iterdir()):
    kind, size, most, pixels = path.read_bytes().split(b"\\n", 3)
    width, height = map(int, size.split())
    image = torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(1, height, width, 3).permute(0, 3, 1, 2)
    with torch.no_grad():
        mask = network((image / 255 - 0.5) / 0.25)[0, 0] >= 0
    (Path(sys.argv[2]) / path.name).write_bytes(bytes((mask.flatten() * 255).byte().tolist()))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of the best network of a short search on cell nuclei."""
    root = tmp_path_factory.mktemp("nuclei")
    drawn = "data:\n  kind: generated\n  images: 24\n  size: 64\n"
    assert drawn in TINY
    (root / "study.yaml").write_text(TINY.replace(drawn, f"data:\n  kind: folder\n  root: {PAIRS}\n"))
    settings = ("budget.trials=2", "train.epochs=15", "train.learning_rate=0.005", "sampler.name=random")
    code, _, error = nas_command("search", root / "study.yaml", "--dir", root / "run", *settings)
    assert (code, error) == (0, "")
    number = next(int(path.parent.name) for path in sorted(root.glob("run/trials/*/weights.safetensors")))
    assert nas_command("export", f"{root / 'run'}:{number}", "--out", root / "net")[0] == 0
    return root / "net"


def mask(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    with Image.open(path) as image:
        return np.asarray(image)


def run(python: Path, code: str, folder: Path, images: Path, out: Path) -> None:
    out.mkdir()
    (out.parent / "use.py").write_text(code)
    done = subprocess.run(
        [python, "-E", out.parent / "use.py", images, out], capture_output=True, text=True, cwd=folder, timeout=300
    )
    assert done.returncode == 0, done.stderr


def test_the_masks_are_those_of_nas_predict_where_only_onnxruntime_numpy_and_pillow_are(
    found: Path, tmp_path: Path
) -> None:
    python = environment_with(tmp_path / "venv", "onnxruntime", "numpy", "pillow")
    run(python, WITH_ONNXRUNTIME, found, PAIRS / "images", tmp_path / "there")
    assert nas_command("predict", found, PAIRS / "images", "--out", tmp_path / "here")[0] == 0
    names = [path.name for path in sorted((PAIRS / "images").iterdir())]
    assert len(names) == 12
    shares = []
    for name in names:
        here, there, truth = (
            mask(place / name) == 255 for place in (tmp_path / "here", tmp_path / "there", PAIRS / "masks")
        )
        assert (here != there).mean() < ROUNDED
        shares.append(2 * (here & truth).sum() / (here.sum() + truth.sum()))
    assert np.mean(shares) > 0.5, "it has learnt nuclei"


def test_the_masks_are_those_of_nas_load_where_only_torch_is(found: Path, tmp_path: Path) -> None:
    python = environment_with(tmp_path / "venv", "torch")
    (tmp_path / "images").mkdir()
    for path in sorted((PAIRS / "images").iterdir()):
        with Image.open(path) as image:
            image.convert("RGB").save(tmp_path / "images" / f"{path.stem}.ppm")
    run(python, WITH_TORCH, found, tmp_path / "images", tmp_path / "there")
    network = nas.load(found)
    for path in (tmp_path / "images").iterdir():
        x = torch.from_numpy(mask(path).copy()).permute(2, 0, 1)[None] / 255
        with torch.no_grad():
            logits = network((x - 0.5) / 0.25)
        assert isinstance(logits, torch.Tensor)
        there = np.frombuffer((tmp_path / "there" / path.name).read_bytes(), np.uint8).reshape(256, 256)
        assert ((there == 255) != (logits[0, 0].numpy() >= 0)).mean() < ROUNDED


def test_openvino_computes_the_same_at_any_size(found: Path) -> None:
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(found / "model.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    network = nas.load(found)
    for size in ((1, 64, 64), (2, 75, 101)):
        image = torch.randn(size[0], 3, *size[1:])
        with torch.no_grad():
            expected = network(image)
        assert isinstance(expected, torch.Tensor)
        result = torch.from_numpy(next(iter(compiled(image.numpy()).values())).copy())
        assert float((result - expected).abs().max() / (expected.max() - expected.min())) <= 1e-4


@pytest.mark.filterwarnings("ignore")  # MONAI's of its own dependencies
def test_monai_trains_it_on_and_runs_it_in_a_sliding_window(found: Path) -> None:
    from monai.inferers import SlidingWindowInferer
    from monai.losses import DiceCELoss

    torch.manual_seed(0)
    network: nn.Module = nas.load(found)
    names = sorted(path.name for path in (PAIRS / "images").iterdir())[:4]
    pictures = [mask(PAIRS / "images" / name) for name in names]
    rgb = [p if p.ndim == 3 else np.repeat(p[..., None], 3, -1) for p in pictures]
    images = (torch.from_numpy(np.stack(rgb)).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25
    truths = torch.from_numpy(np.stack([mask(PAIRS / "masks" / name) == 255 for name in names]))[:, None].float()
    loss_of, losses = DiceCELoss(sigmoid=True), []
    optimizer = torch.optim.AdamW(network.train().parameters(), 1e-3)
    for step in range(12):
        top, left = 64 * (step % 3), 64 * (step % 2)
        loss = loss_of(
            network(images[..., top : top + 64, left : left + 64]), truths[..., top : top + 64, left : left + 64]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] and losses[-6] < losses[0]
    with torch.no_grad():
        logits = SlidingWindowInferer((96, 96), sw_batch_size=4, overlap=0.25)(images, network.eval())
    assert isinstance(logits, torch.Tensor) and logits.shape == (4, 1, 256, 256)
    found_share = 2 * ((logits >= 0) * truths).sum() / ((logits >= 0).sum() + truths.sum())
    assert float(found_share) > 0.5
