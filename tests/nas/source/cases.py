"""Networks written as source files with the outputs of their modules, and the run that compares them."""

import subprocess
import sys
from pathlib import Path

import torch

import nas
from nas.graph import Graph

__all__ = ["check", "write_case"]


def write_case(folder: Path, name: str, graph: Graph, sizes: tuple[tuple[int, int], ...], batch: int = 2) -> str:
    """Write NAME.py and NAME.pt; returns the text. Statistics are random too; each size runs in both modes."""
    source = nas.to_source(graph)
    torch.manual_seed(3)
    module = nas.to_module(graph)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point() and tensor.dim() == 1:  # biases, affine weights and statistics
            tensor.mul_(torch.empty_like(tensor).uniform_(0.7, 1.3)).add_(torch.empty_like(tensor).uniform_(0, 0.1))
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    runs = []
    for height, width in sizes:
        for train in (False, True):
            image = torch.randn(batch, graph.image_shape[0], height, width)
            torch.manual_seed(7)
            with torch.no_grad():
                outputs = module.train(train)(image)
            listed = outputs if isinstance(outputs, list) else [outputs]
            assert all(torch.isfinite(x).all() for x in listed), name
            runs.append({"image": image, "train": train, "outputs": listed, "list": isinstance(outputs, list)})
    torch.save({"state": state, "runs": runs, "prediction": graph.prediction}, folder / f"{name}.pt")
    (folder / f"{name}.py").write_text(source)
    return source


def check(folder: Path) -> None:
    """Run all cases of a folder in a process that cannot import the project."""
    script = Path(__file__).with_name("stranger.py")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, cwd=folder, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
