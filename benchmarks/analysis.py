"""How fast architectures are analysed: from decisions to shapes, all costs and key, against torch doing the counting.

Run: python benchmarks/analysis.py   (one core, about a minute; writes benchmarks/results/analysis-cpu.json)

Fresh random members of the space `unet` with 250 to 600 operators, no architecture twice. What is kept between them:
operators (interned) and what follows from (operator, input shapes); nothing of whole architectures or blocks. Beside
them, in turn in the same process and of the same architectures: the module built on the meta device and counted by
FlopCounterMode, and the module built on the CPU and counted by fvcore. Those two count parameters and MACs only.
"""

import gc
import json
import logging
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch
from fvcore.nn import FlopCountAnalysis
from torch.utils.flop_counter import FlopCounterMode

import nas
from evaluators.device import describe_device
from search_spaces import spaces

SHAPE = (3, 128, 128)  # fvcore computes the network: at 352 pixels it takes minutes each
COUNT, COMPARED, FVCORED = 200, 10, 2
LEAST, MOST = 250, 600
Decisions = dict[str, str | int | float | bool]


def analyse(decisions: Decisions) -> int:
    """Return the number of operators after going all the way."""
    graph = nas.build(spaces["unet"].replay(decisions), SHAPE)
    nas.cost(graph)
    graph.key()
    return len(graph)


def by_meta(decisions: Decisions) -> None:
    graph = nas.build(spaces["unet"].replay(decisions), SHAPE)
    with torch.device("meta"):
        module = nas.to_module(graph).eval()
        image = torch.empty(1, *SHAPE)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(image)
    assert counter.get_total_flops() == 2 * nas.cost(graph).macs


def by_fvcore(decisions: Decisions) -> None:
    module = nas.to_module(nas.build(spaces["unet"].replay(decisions), SHAPE)).eval()
    with torch.no_grad():
        FlopCountAnalysis(module, torch.zeros(1, *SHAPE)).by_operator()


def drawn(count: int) -> list[Decisions]:
    space, rng = spaces["unet"], Random(0)
    found: dict[str, Decisions] = {}
    while len(found) < count:
        architecture = space.sample(rng)
        graph = nas.build(architecture, (3, 64, 64))  # another size: what is cached of it does not help below
        if LEAST <= len(graph) <= MOST:
            found.setdefault(graph.key(), space.decisions(architecture))
    return list(found.values())


def seconds_each(run: Callable[[Decisions], object], members: list[Decisions]) -> list[float]:
    times = []
    for member in members:
        gc.collect()
        began = time.perf_counter()
        run(member)
        times.append(time.perf_counter() - began)
    return times


def main() -> None:
    torch.set_num_threads(1)
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    members = drawn(COUNT)
    began = time.perf_counter()
    operators = sum(map(analyse, members))
    ours = time.perf_counter() - began
    by_meta(members[0])  # its first call imports
    mine = statistics.median(seconds_each(analyse, members[:COMPARED]))
    meta = statistics.median(seconds_each(by_meta, members[:COMPARED]))
    fvcore = statistics.median(seconds_each(by_fvcore, members[:FVCORED]))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    about = {
        "machine": f"{describe_device(torch.device('cpu'))}, Python {platform.python_version()}, {torch.__version__=}",
        "commit": commit.strip(),
        "command": "python benchmarks/analysis.py",
    }
    rows = [
        {"name": f"operators/s over {COUNT} fresh members", "value": operators / ours, "baseline": None, "ratio": None},
        {"name": "operators per member, mean", "value": operators / COUNT, "baseline": None, "ratio": None},
        {
            "name": "seconds per member against meta + FlopCounterMode",
            "value": mine,
            "baseline": meta,
            "ratio": meta / mine,
        },
        {"name": "seconds per member against CPU + fvcore", "value": mine, "baseline": fvcore, "ratio": fvcore / mine},
    ]
    path = Path(__file__).parent / "results" / "analysis-cpu.json"
    path.write_text(json.dumps([row | about for row in rows], indent=1) + "\n")
    json.dump([{k: row[k] for k in ("name", "value", "baseline", "ratio")} for row in rows], sys.stdout, indent=1)


if __name__ == "__main__":
    main()
