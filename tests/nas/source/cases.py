"""Source files beside what the module computes, to be run where only torch is at hand."""

import subprocess
import sys
from pathlib import Path

import torch

import nas
from nas.graph import Graph

ROOT = Path(__file__).parents[3]

SIZES = ((32, 32), (37, 45))


def write_case(
    folder: Path, name: str, graph: Graph, sizes: tuple[tuple[int, ...], ...] = SIZES, batch: int = 2
) -> str:
    """Write NAME.py, and NAME.pt with a state dict, images and what the module makes of them in both modes."""
    source = nas.to_source(graph)
    torch.manual_seed(3)
    module = nas.to_module(graph)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point() and tensor.dim() == 1:  # biases, affine weights and statistics
            tensor.mul_(torch.empty_like(tensor).uniform_(0.7, 1.3)).add_(torch.empty_like(tensor).uniform_(0, 0.1))
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    runs = []
    for size in sizes:
        for train in (False, True):
            image = torch.randn(batch, graph.image_shape[0], *size)
            torch.manual_seed(7)
            with torch.no_grad():
                outputs = module.train(train)(image)
            listed = outputs if isinstance(outputs, list) else [outputs]
            assert all(torch.isfinite(x).all() for x in listed), name
            runs.append({"image": image, "train": train, "outputs": listed, "list": isinstance(outputs, list)})
    torch.save({"state": state, "runs": runs, "prediction": graph.prediction}, folder / f"{name}.pt")
    (folder / f"{name}.py").write_text(source)
    return source


def check(folder: Path, count: int) -> None:
    """Run the cases of a folder in a process that cannot import the project."""
    script = Path(__file__).with_name("stranger.py")
    done = subprocess.run(
        [sys.executable, script, folder, str(count)], capture_output=True, text=True, cwd=folder, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_lint(folder: Path) -> None:
    config = ["--config", str(ROOT / "docs" / "examples" / "ruff.toml")]
    for command in (["check", *config], ["format", "--check", *config]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
