"""Whether all forms of exported networks agree: every published segmentation network and random members of a space.

    python benchmarks/exports.py [--members 50] [--space medseg] [--only NAME...] [--out results/exports-cpu.json]

For each network, with drawn weights and statistics, it makes the source, torch.export's program and the ONNX model, and
prints the greatest difference of their logits from the module's as a share of the logits' range, over three sizes (one
odd where the network takes odd sides) and batches of 1 and 3. Ends with 1 if one is above 1e-4 or cannot be made.
"""

import argparse
import json
import platform
import runpy
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import onnx
import onnxruntime
import torch
from torch import Tensor

import nas
from evaluators.device import describe_device
from nas.errors import NasError
from nas.export.folder import BOUND, source_of
from nas.export.loading import filled
from nas.export.programs import to_onnx, traced
from nas.export.sides import Sides, sides_of
from nas.graph import Graph
from search_spaces import published, spaces
from search_spaces.about import customary_input

SIDE, BATCHES = 64, (1, 3)


def weights_of(graph: Graph) -> dict[str, Tensor]:
    """Draw weights, with affine weights that are not what they begin with, and statistics of noise.

    Without the statistics of a training, deep networks whose weights are drawn small give nearly the same logit
    everywhere, and its rounding is more than the bound.
    """
    torch.manual_seed(0)
    module = nas.to_module(graph)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point() and tensor.dim() == 1:
            tensor.mul_(torch.empty_like(tensor).uniform_(0.8, 1.2)).add_(torch.empty_like(tensor).uniform_(0, 0.05))
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.momentum = None  # the statistics become those of the one batch
            part.reset_running_stats()
    with torch.no_grad():
        module.train()(torch.randn(4, *graph.image_shape))
    return nas.deploy_weights(graph, module.state_dict())


def sizes_of(sides: Sides) -> tuple[tuple[int, int], ...]:
    """Return the least size, one that is not square, and one of odd steps."""
    least, step = sides.least, sides.multiple
    return (least, least), (least + 2 * step, 2 * least), (least + 3 * step, least + 5 * step)


def compare(graph: Graph) -> dict[str, Any]:
    """Return sides, seconds and the worst share of each form."""
    began = time.perf_counter()
    deployed = nas.deploy(graph)
    state, sides = weights_of(graph), sides_of(deployed)
    module = filled(deployed, state)
    source = source_module(deployed, state)
    program, sides = traced(module, deployed.image_shape[0], sides)
    content = to_onnx(program)
    onnx.checker.check_model(content, full_check=True)
    session, run = onnxruntime.InferenceSession(content), program.module()
    worst = dict.fromkeys(("model.py", "model.pt2", "model.onnx"), 0.0)
    for height, width in sizes_of(sides):
        for batch in BATCHES:
            image = torch.randn(batch, deployed.image_shape[0], height, width)
            with torch.no_grad():
                ours = module(image)
                found = {"model.py": source(image), "model.pt2": run(image)}
            found["model.onnx"] = torch.from_numpy(session.run(None, {"image": image.numpy()})[0])
            for form, logits in found.items():
                worst[form] = max(worst[form], share(logits, ours))
    seconds = round(time.perf_counter() - began, 1)
    return {"operators": len(deployed), "multiple": sides.multiple, "least": sides.least, "seconds": seconds} | worst


def source_module(deployed: Graph, state: dict[str, Tensor]) -> torch.nn.Module:
    """Return the network of the emitted file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.py"
        path.write_text(source_of(deployed))
        network: torch.nn.Module = runpy.run_path(str(path))["Network"]()
    network.load_state_dict(state)
    return network.eval()


def share(found: Tensor, ours: Tensor) -> float:
    """Return the greatest difference as a share of the range; infinite where shapes differ or values are no numbers."""
    if found.shape != ours.shape or not torch.isfinite(found).all():
        return float("inf")
    return float((found - ours).abs().max() / (ours.max() - ours.min()))


def networks(members: int, space: str, only: list[str]) -> dict[str, Graph]:
    """Return published segmentation networks and random members, none twice."""
    found = {}
    for name, architecture in published.items():
        graph = nas.build(architecture, (3, SIDE, SIDE), customary_input(architecture)[1])
        if len(graph.outputs[0].shape) == 3 and (not only or name in only):
            found[name] = graph
    rng = Random(0)
    for i in range(members):
        found[f"{space}:{i}"] = nas.build(spaces[space].sample(rng), (3, SIDE, SIDE), 1 + i % 3)
    return found


def main() -> int:
    """Compare all and write the result after each, so that it can be stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--space", default="medseg")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "exports-cpu.json")
    asked = parser.parse_args()
    rows: dict[str, Any] = json.loads(asked.out.read_text())["networks"] if asked.out.exists() else {}
    bad = 0
    for name, graph in networks(asked.members, asked.space, asked.only).items():
        if name not in rows:
            try:
                rows[name] = compare(graph)
            except NasError as fault:
                rows[name] = {"fault": str(fault)[:300]}
            write(asked.out, rows)
        row = rows[name]
        agrees = "fault" not in row and all(row[form] <= BOUND for form in ("model.py", "model.pt2", "model.onnx"))
        bad += not agrees
        print(name, "agrees" if agrees else "DIFFERS", row, flush=True)
    print(f"{len(rows) - bad} of {len(rows)} agree to {BOUND:g} of the logits' range")
    return 1 if bad else 0


def write(path: Path, rows: dict[str, Any]) -> None:
    """Store the rows with what they were made with."""
    versions = {"torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    device = describe_device(torch.device("cpu"))
    head = {"bound": BOUND, "device": device, "python": platform.python_version(), "versions": versions}
    path.write_text(json.dumps(head | {"batches": BATCHES, "networks": rows}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
