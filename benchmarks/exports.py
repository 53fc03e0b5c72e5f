"""Whether all forms of exported networks agree: every published segmentation network and random members of a space.

    python benchmarks/exports.py [--members 50] [--space medseg] [--only NAME...] [--again NAME...] [--trained NAME...]

For each network, with drawn weights and statistics, it makes the source, torch.export's program and the ONNX model, and
records the greatest difference of their logits from the module's as a share of the logits' range, over three sizes (one
odd where the network takes odd sides) and batches of 1 and 3; the baseline is what is allowed. Where more differs, also
how far the module and ONNX are from the module in float64. Drawn weights may amplify rounding as trained ones do not:
`--trained` adds a row for these networks after 100 steps of training. Networks in the result are not compared again,
unless `--again` names them. Half a minute each on one core, nearly all of it torch's tracing and conversion to ONNX.
Ends with 1 if one differs by more than 1e-4 or cannot be made.
"""

import argparse
import copy
import runpy
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import onnx
import onnxruntime
import torch
from torch import Tensor

import nas
from evaluators.data import scenes
from evaluators.recipe import Recipe
from evaluators.training import train
from nas.errors import ExportError, NasError
from nas.export.folder import BOUND, source_of
from nas.export.loading import filled
from nas.export.programs import to_onnx, traced
from nas.export.sides import Sides, sides_of
from nas.graph import Graph
from nas.module import GraphModule
from search_spaces import published, spaces
from search_spaces.about import customary_input

SIDE, BATCHES = 64, (1, 3)
Weights = Callable[[Graph], dict[str, Tensor]]


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


def trained_weights(graph: Graph) -> dict[str, Tensor]:
    """Return the weights after 100 steps on drawn scenes of 96 pixels; for one class."""
    torch.manual_seed(0)
    module, samples = nas.to_module(graph), scenes(16, 96, 0)
    recipe = Recipe(epochs=25, batch=4, precision="fp32")
    train(module, samples, samples, recipe, torch.device("cpu"), prediction=int(module.prediction))
    return nas.deploy_weights(graph, module.state_dict())


def sizes_of(sides: Sides) -> tuple[tuple[int, int], ...]:
    """Return the least size, one that is not square, and one of odd steps."""
    least, step = sides.least, sides.multiple
    return (least, least), (least + 2 * step, 2 * least), (least + 3 * step, least + 5 * step)


class Forms(NamedTuple):
    """A deployed network as a module, the sides that it takes, and its other forms by name."""

    module: GraphModule
    sides: Sides
    others: dict[str, Callable[[Tensor], Tensor]]


def forms_of(deployed: Graph, state: dict[str, Tensor]) -> Forms:
    """Make all forms of a network in memory."""
    module = filled(deployed, state)
    program, sides = traced(module, deployed.image_shape[0], sides_of(deployed))
    session = onnxruntime.InferenceSession(to_onnx(program), providers=["CPUExecutionProvider"])

    def run(image: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {"image": image.numpy()})[0])

    others = {"model.py": source_module(deployed, state), "model.pt2": program.module(), "model.onnx": run}
    return Forms(module, sides, others)


def compare(graph: Graph, weights: Weights = weights_of) -> dict[str, Any]:
    """Return the worst share of each form and of all (`value`), sides and seconds."""
    began = time.perf_counter()
    deployed = nas.deploy(graph)
    forms = forms_of(deployed, weights(graph))
    worst, exact = dict.fromkeys(forms.others, 0.0), {}
    for height, width in sizes_of(forms.sides):
        for batch in BATCHES:
            image = torch.randn(batch, deployed.image_shape[0], height, width)
            with torch.no_grad():
                ours = forms.module(image)
                shares = {name: share(run(image), ours, name) for name, run in forms.others.items()}
                if max(shares.values()) > max(BOUND, *worst.values()):
                    exact = from_float64(forms, image)
            worst = {name: max(worst[name], found) for name, found in shares.items()}
    value, seconds = max(worst.values()), round(time.perf_counter() - began, 1)
    facts = {"operators": len(deployed), "multiple": forms.sides.multiple, "least": forms.sides.least}
    return {"value": value, "baseline": BOUND, "ratio": value / BOUND} | worst | exact | facts | {"seconds": seconds}


def from_float64(forms: Forms, image: Tensor) -> dict[str, float]:
    """Return how far the module and ONNX are from the module in float64, on one image."""
    exact = copy.deepcopy(forms.module).double()(image.double())
    found = {"module": forms.module(image), "model.onnx": forms.others["model.onnx"](image)}
    return {f"{name} from float64": share(logits.double(), exact, name) for name, logits in found.items()}


def source_module(deployed: Graph, state: dict[str, Tensor]) -> torch.nn.Module:
    """Return the network of the emitted file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.py"
        path.write_text(source_of(deployed))
        network: torch.nn.Module = runpy.run_path(str(path))["Network"]()
    network.load_state_dict(state)
    return network.eval()


def share(found: Tensor, ours: Tensor, form: str) -> float:
    """Return the greatest difference as a share of the range.

    Raises ExportError where shapes differ or values are no numbers.
    """
    if found.shape != ours.shape or not torch.isfinite(found).all():
        raise ExportError(f"{form}: gives {tuple(found.shape)} with numbers that may not be finite")
    return float((found - ours).abs().max() / (ours.max() - ours.min()))


def networks(members: int, space: str, trained: Sequence[str]) -> dict[str, tuple[Graph, Weights]]:
    """Return the published segmentation networks and random members, each with what gives its weights."""
    graphs = {
        name: nas.build(architecture, (3, SIDE, SIDE), customary_input(architecture)[1])
        for name, architecture in published.items()
    }
    graphs = {name: graph for name, graph in graphs.items() if len(graph.outputs[0].shape) == 3}
    rng = Random(0)
    for i in range(members):
        graphs[f"{space}:{i}"] = nas.build(spaces[space].sample(rng), (3, SIDE, SIDE), 1 + i % 3)
    found: dict[str, tuple[Graph, Weights]] = {}
    for name, graph in graphs.items():
        found[name] = graph, weights_of
        if name in trained:
            found[f"{name}, trained"] = graph, trained_weights
    return found


def compared(graphs: dict[str, tuple[Graph, Weights]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each network; one that cannot be made has its fault."""
    made_with = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    for name, (graph, weights) in graphs.items():
        try:
            row = compare(graph, weights)
        except NasError as fault:
            row = {"value": None, "baseline": BOUND, "ratio": None, "fault": str(fault)[:300]}
        yield {"name": name} | row | made_with


def main() -> int:
    """Compare all that the result does not hold yet; it is written after each, so that this can be stopped."""
    from recorded import known, record  # beside this script; tests import only what is above

    parser = argparse.ArgumentParser()
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--space", default="medseg")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="none but these")
    parser.add_argument("--again", nargs="*", default=[], metavar="NAME", help="these also if the result holds them")
    parser.add_argument("--trained", nargs="*", default=[], metavar="NAME", help="these also after a short training")
    asked = parser.parse_args()
    kept = [row for row in known() if row["name"] not in asked.again]
    left_out = {row["name"] for row in kept}
    wanted = networks(asked.members, asked.space, asked.trained)
    wanted = {n: each for n, each in wanted.items() if n not in left_out and (n in asked.only or not asked.only)}
    record(compared(wanted), kept=kept)
    rows = known()
    bad = [row for row in rows if row["value"] is None or row["value"] > BOUND]
    for row in bad:
        print("DIFFERS" if row["value"] else "FAILED", row)
    print(f"{len(rows) - len(bad)} of {len(rows)} agree to {BOUND:g} of the logits' range")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
