"""How well latency is told before it is measured: by counts, by the roofline, by the table of measured operators.

Run: python benchmarks/latency.py   (one core, about ten minutes; writes benchmarks/results/latency-cpu.json)

Published networks and random members of `medseg` and `unet`, at 128 x 128 pixels, at most 2 GMACs, deployed, fp32,
channels last, one thread pinned to one core. Every network is measured twice, in two passes over all of them, in turn
with the reference network. Kendall's tau between the two passes is the ceiling: no predictor can be expected to agree
better with a measurement than another measurement does. A network is within 10 % if measured over predicted is within
10 % of 1.

Half of the networks are fitted on, the others are tested on, against their second pass. One number is fitted for what
is in milliseconds (a scale; of the first pass to the second as well), two for counts (log time = a + b log count).
"table, launches measured" measures the launches that a tested network adds, as a study does; "table, fitted half only"
has the roofline in their place, its factors by kind of operator being of the fitted half too.

Rows "cpu_ratio" are CPU time of the thread over that of the reference network in turn, which is what repeats best where
others use the machine or its speed changes; "cpu_ms" the CPU time alone, "wall_ms" the clock on the wall.
"""

import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import numpy as np
import torch
from recorded import record
from scipy.stats import kendalltau

import nas
from evaluators.cache import measuring
from evaluators.operator_table import Entry, OperatorTable, Setting
from evaluators.prediction import Predictor
from evaluators.reference import REFERENCE_SHAPE, reference_network
from evaluators.runtimes import runner
from evaluators.timing import pinned
from nas.errors import NasError
from nas.graph import Graph
from nas.launches import launches_of
from search_spaces import published, spaces

SHAPE, MOST_MACS = (3, 128, 128), 2e9
COUNT, ROUNDS = 160, 9
RESAMPLED = 2000
CPU = torch.device("cpu")
Row = dict[str, object]


@dataclass
class Network:
    graph: Graph
    cpu_ms: list[float] = field(default_factory=list)  # by pass
    wall_ms: list[float] = field(default_factory=list)
    cpu_ratio: list[float] = field(default_factory=list)  # to the reference network
    launches_s: float = 0.0  # to measure those that had no entry
    new: int = 0


def chosen() -> list[Network]:
    """Return the published networks that are small enough, then random members, none twice, in random order."""
    rng, found = Random(0), dict[str, Graph]()
    for graph in candidates(rng):
        if nas.cost(graph).macs <= MOST_MACS:
            found.setdefault(graph.key(), graph)
        if len(found) == COUNT:
            break
    graphs = list(found.values())
    rng.shuffle(graphs)
    return [Network(graph) for graph in graphs]


def candidates(rng: Random) -> Iterator[Graph]:
    for architecture in published.values():
        try:
            yield nas.deploy(nas.build(architecture, SHAPE, 1))
        except NasError:
            continue  # it needs a larger image
    while True:
        for name in ("medseg", "medseg", "unet"):
            yield nas.deploy(nas.build(spaces[name].sample(rng), SHAPE, 1))


def measure(network: Network) -> None:
    """Add a pass: medians of CPU and wall milliseconds, the reference in turn."""
    runs = [runner(nas.to_module(network.graph), (1, *SHAPE), CPU, torch.float32)]
    runs.append(runner(reference_network(), (1, *REFERENCE_SHAPE), CPU, torch.float32))
    cpu: list[list[float]] = [[], []]
    wall: list[list[float]] = [[], []]
    with measuring(CPU), pinned(CPU):
        for turn in range(1 + ROUNDS):
            for i, run in enumerate(runs):
                began = time.thread_time(), time.perf_counter()
                run()
                if turn:  # the first is to warm up
                    cpu[i].append(1e3 * (time.thread_time() - began[0]))
                    wall[i].append(1e3 * (time.perf_counter() - began[1]))
    network.cpu_ms.append(statistics.median(cpu[0]))
    network.wall_ms.append(statistics.median(wall[0]))
    network.cpu_ratio.append(network.cpu_ms[-1] / statistics.median(cpu[1]))


def fill(network: Network, table: OperatorTable) -> None:
    began = time.perf_counter()
    network.new = table.fill(launches_of(network.graph))
    network.launches_s = time.perf_counter() - began


def summed(networks: list[Network], entries: dict[str, Entry], table: OperatorTable) -> np.ndarray:
    """Return the milliseconds that the table predicts with these entries alone, not scaled."""
    view = OperatorTable(table.setting, CPU)
    view.entries = entries
    predictor = Predictor(view)
    return np.array([predictor.predict(network.graph, measure=False).ms for network in networks])


def predictors(networks: list[Network], table: OperatorTable) -> dict[str, np.ndarray]:
    """Return what each says of all networks: counts, or milliseconds."""
    costs = [nas.cost(network.graph) for network in networks]
    found = {
        name: np.array([getattr(cost, name) for cost in costs], dtype=float)
        for name in ("params", "macs", "cio_elements", "traffic_bytes", "kernels")
    }
    predictor = Predictor(table)
    _ = predictor.roofline
    half = networks[: len(networks) // 2]
    probes = dict(list(table.entries.items())[:3])
    of_half = probes | {x.key: table.entries[x.key] for network in half for x in launches_of(network.graph)}
    return found | {
        "roofline, three probes": summed(networks, probes, table),
        "table, fitted half only": summed(networks, of_half, table),
        "table, launches measured": summed(networks, table.entries, table),
    }


def fitted(name: str, said: np.ndarray, took: np.ndarray, half: slice) -> np.ndarray:
    """Return milliseconds from what a predictor says, its numbers fitted on `half`."""
    if name in nas.Cost.__dataclass_fields__:
        slope, level = np.polyfit(np.log(said[half]), np.log(took[half]), 1)
        return np.exp(level + slope * np.log(said))
    return said * statistics.median(took[half] / said[half])


def tau(a: np.ndarray, b: np.ndarray) -> float:
    return float(kendalltau(a, b).statistic)


def within(predicted: np.ndarray, took: np.ndarray) -> float:
    return float(np.mean(np.abs(took / predicted - 1) <= 0.1))


def interval(score: Callable[[np.ndarray], float], count: int) -> list[float]:
    """Return the 95 % interval of a score over networks drawn again with replacement."""
    rng = np.random.default_rng(0)
    scores = [score(rng.integers(count, size=count)) for _ in range(RESAMPLED)]
    return [float(x) for x in np.nanpercentile(scores, [2.5, 97.5])]


def scored(name: str, predicted: np.ndarray, took: np.ndarray, ceiling: np.ndarray, what: str) -> list[Row]:
    """Return the rows of one predictor on the tested half; the baseline is the other measurement."""
    rows = []
    for title, score in (("Kendall tau", tau), ("share within 10 %", within)):
        spread = interval(lambda at, score=score: score(predicted[at], took[at]), len(took))  # type: ignore[misc]
        rows.append(row(f"{title}, {what}, {name}", score(predicted, took), score(ceiling, took), spread))
    return rows


def row(name: str, value: float, baseline: float | None = None, spread: list[float] | None = None) -> Row:
    ratio = value / baseline if baseline else None
    return {"name": name, "value": value, "baseline": baseline, "ratio": ratio, "interval": spread}


def claim(said: dict[str, np.ndarray], took: np.ndarray, at: np.ndarray, which: str) -> Row:
    """Return HarDNet's claim (arXiv:1909.00948): tau of CIO, baseline that of MACs, interval of the difference."""
    cio, macs, took = said["cio_elements"][at], said["macs"][at], took[at]
    spread = interval(lambda x: tau(cio[x], took[x]) - tau(macs[x], took[x]), len(took))
    name = f"Kendall tau of CIO, baseline MACs, {len(took)} {which}; interval: of the difference"
    return row(name, tau(cio, took), tau(macs, took), spread)


def measured() -> list[Row]:
    networks = chosen()
    table = OperatorTable(Setting.of(CPU, "fp32"), CPU, clock=time.thread_time)
    _ = Predictor(table).roofline
    for turn in range(2):
        for number, network in enumerate(networks):
            fill(network, table)
            measure(network)
            if number % 20 == 19:
                print(f"pass {turn + 1}: {number + 1} of {len(networks)}", file=sys.stderr, flush=True)
        if not turn:
            added = [(network.new, network.launches_s) for network in networks]
    return rows_of(networks, table, added)


def rows_of(networks: list[Network], table: OperatorTable, added: list[tuple[int, float]]) -> list[Row]:
    said = predictors(networks, table)
    middle = len(networks) // 2
    half, rest = slice(middle), slice(middle, None)
    rows = []
    for what in ("cpu_ms", "cpu_ratio", "wall_ms"):
        first, second = (np.array([getattr(network, what)[i] for network in networks]) for i in range(2))
        took = second[rest]
        ceiling = fitted("", first, second, half)[rest]
        rows += scored("first pass (the ceiling)", ceiling, took, ceiling, what)
        for name, values in said.items():
            if what != "wall_ms" or name == "table, launches measured":
                rows += scored(name, fitted(name, values, first, half)[rest], took, ceiling, what)
    cpu = np.array([math.sqrt(network.cpu_ms[0] * network.cpu_ms[1]) for network in networks])
    plain = [not any(getattr(node.op, "groups", 1) > 1 for node in network.graph) for network in networks]
    rows.append(claim(said, cpu, np.arange(len(cpu)), "networks"))
    rows.append(claim(said, cpu, np.flatnonzero(plain), "networks without grouped convolutions"))
    last = added[-50:]
    rows.append(row("networks", len(networks)))
    rows.append(row("launches in the table", len(table.entries)))
    rows.append(row("launches that one of the last 50 networks adds, median", statistics.median(n for n, _ in last)))
    rows.append(row("seconds to measure those, median", statistics.median(s for _, s in last)))
    rows.append(row("median milliseconds of a network, CPU time; baseline wall", *medians(networks)))
    return rows


def medians(networks: list[Network]) -> tuple[float, float]:
    return (statistics.median(n.cpu_ms[1] for n in networks), statistics.median(n.wall_ms[1] for n in networks))


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAS_CACHE"] = folder  # a table that nothing was measured for yet
        record(measured())


if __name__ == "__main__":
    main()
