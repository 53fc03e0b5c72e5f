"""How fast architectures are analysed: from decisions to shapes, all costs and key, against torch doing the counting.

Run: python benchmarks/analysis.py   (one core, some minutes; writes benchmarks/results/analysis-cpu.json)

Random members, no architecture twice, of a space like `unet` whose stages are runs of 1 to 3 blocks, HarDBlocks of up
to 16 layers among them: 415 operators on average. What is kept between architectures: operators, what follows from
(operator, input shapes), and recorded blocks by (rule, options, shape, width). "cold" starts with nothing recorded,
"screening" after 10,000 other members, as a search that screens its proposals does. Mutants differ from an analysed
architecture in one decision; they start from the derived tree.

Beside them, in turn in the same process and of the same architectures: the module built on the meta device and counted
by FlopCounterMode, and the module built on the CPU and counted by fvcore. Those two count MACs only.
"""

import logging
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from random import Random

import torch
from fvcore.nn import FlopCountAnalysis
from recorded import record
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas import recording
from nas.grammar import Choice, OneOf, Repeat
from nas.space import SearchSpace
from search_spaces.blocks.run import run
from search_spaces.grammars.unet import _BLOCKS, unet

SHAPE, FVCORE_SHAPE = (3, 352, 352), (3, 128, 128)  # fvcore computes the network: at 352 pixels it takes minutes each
COUNT, BEFORE, COMPARED, FVCORED, MUTANTS = 600, 10_000, 12, 3, 600
LEAST, MOST = 300, 560
Decisions = dict[str, str | int | float | bool]


def runs(times: str | tuple[str, int]) -> OneOf:
    blocks = _BLOCKS | {"hardblock": _BLOCKS["hardblock"](layers=Choice((4, 8, 16)))}
    several = Choice((1, 2, 3))
    pure = {f"all_{name}": Repeat(run(count=several, block=block), times) for name, block in blocks.items()}
    return OneOf(**pure, mixed=Repeat(run(count=several, block=OneOf(**blocks)), times))


def space() -> SearchSpace:
    encoder, decoder = unet.root.options["encoder"], unet.root.options["decoder"]
    root = unet.root(
        encoder=encoder(depth=Choice((4, 5)), stages=runs("depth")), decoder=decoder(blocks=runs(("levels", -1)))
    )
    return SearchSpace(name="runs", version=1, root=root, min_side=64)


RUNS = space()


def fresh(rng: Random, seen: set[str]) -> Iterator[Decisions]:
    """Yield decisions of members that were not seen, of about the wanted number of operators."""
    while True:
        architecture = RUNS.sample(rng)
        graph = nas.build(architecture, (3, 64, 64))
        if LEAST <= len(graph) <= MOST and graph.key() not in seen:
            seen.add(graph.key())
            yield RUNS.decisions(architecture)


def analyse(architecture: nas.Architecture) -> int:
    """Return the number of operators after going all the way."""
    graph = nas.build(architecture, SHAPE)
    nas.cost(graph)
    graph.key()
    return len(graph)


def analyse_decisions(decisions: Decisions) -> int:
    return analyse(RUNS.replay(decisions))


def by_meta(decisions: Decisions) -> None:
    graph = nas.build(RUNS.replay(decisions), SHAPE)
    with torch.device("meta"):
        module = nas.to_module(graph).eval()
        image = torch.empty(1, *SHAPE)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(image)
    assert counter.get_total_flops() == 2 * nas.cost(graph).macs


def by_fvcore(decisions: Decisions) -> None:
    module = nas.to_module(nas.build(RUNS.replay(decisions), FVCORE_SHAPE)).eval()
    with torch.no_grad():
        FlopCountAnalysis(module, torch.zeros(1, *FVCORE_SHAPE)).by_operator()


def forget() -> None:
    recording._recordings.clear()
    recording._operators_kept = 0


def seconds(run: Callable[[], object]) -> float:
    """Return CPU seconds: of one thread, so that whoever shares the machine counts less."""
    began = time.process_time()
    run()
    return time.process_time() - began


def operators_per_second(members: list[Decisions]) -> float:
    total: list[int] = []
    took = seconds(lambda: total.extend(map(analyse_decisions, members)))
    return sum(total) / took


def mutants_per_second(members: list[Decisions], rng: Random) -> float:
    """Return operators per second over one mutant of each member, whose parent was analysed just before."""
    operators, took = 0, 0.0
    for decisions in members:
        parent = RUNS.replay(decisions)
        analyse(parent)
        child = RUNS.mutate(parent, rng)
        operators += len(nas.build(child, (3, 64, 64)))
        took += seconds(lambda child=child: analyse(child))  # type: ignore[misc]
    return operators / took


def module_ms(members: list[Decisions]) -> float:
    graphs = [nas.build(RUNS.replay(d), SHAPE) for d in members]
    graphs = sorted(graphs, key=lambda graph: abs(len(graph) - 400))[:COMPARED]
    for graph in graphs:
        _ = graph.names
    return 1e3 * statistics.median(seconds(lambda g=g: nas.to_module(g, initialise=False)) for g in graphs)  # type: ignore[misc]


def measured() -> list[dict[str, object]]:
    rng, seen = Random(0), set[str]()
    source = fresh(rng, seen)
    members = [next(source) for _ in range(COUNT)]
    operators = statistics.mean(map(analyse_decisions, members))
    forget()
    cold = operators_per_second(members)
    forget()
    for _ in range(BEFORE):
        analyse_decisions(next(source))
    recorded = recording._operators_kept
    later = [next(source) for _ in range(COUNT)]
    screening = operators_per_second(later)
    again = operators_per_second(later)
    mutants = mutants_per_second([next(source) for _ in range(MUTANTS)], rng)
    compared = [next(source) for _ in range(COMPARED)]
    by_meta(compared[0])  # its first call imports
    times: dict[str, list[float]] = {"screening": [], "meta": [], "cold": []}
    for decisions in compared:
        times["screening"].append(seconds(lambda d=decisions: analyse_decisions(d)))  # type: ignore[misc]
        times["meta"].append(seconds(lambda d=decisions: by_meta(d)))  # type: ignore[misc]
    fvcore = statistics.median(seconds(lambda d=d: by_fvcore(d)) for d in compared[:FVCORED])  # type: ignore[misc]
    to_module = module_ms(later)
    forget()
    times["cold"] = [seconds(lambda d=d: analyse_decisions(d)) for d in compared]  # type: ignore[misc]
    mine, meta = statistics.median(times["screening"]), statistics.median(times["meta"])
    first = statistics.median(times["cold"])
    return [
        row(f"operators/s, {COUNT} fresh members, cold", cold),
        row(f"operators/s, {COUNT} fresh members, screening", screening),
        row("operators/s, the same members again", again),
        row("operators/s, mutants", mutants),
        row("operators per member, mean", operators),
        row(f"operators in blocks recorded after {BEFORE} members", recorded),
        row("peak memory of the process, MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3),
        row("seconds per member, cold, against meta + FlopCounterMode", first, meta),
        row("seconds per member, screening, against meta + FlopCounterMode", mine, meta),
        row(f"seconds per member, screening, against CPU + fvcore at {FVCORE_SHAPE[1]} px", mine, fvcore),
        row("to_module of 400 operators without initialisation, ms", to_module),
    ]


def row(name: str, value: float, baseline: float | None = None) -> dict[str, object]:
    return {"name": name, "value": value, "baseline": baseline, "ratio": baseline and baseline / value}


def main() -> None:
    torch.set_num_threads(1)
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    record(measured())


if __name__ == "__main__":
    main()
