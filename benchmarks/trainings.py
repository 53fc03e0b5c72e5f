"""Record real trainings of members of a space, to judge samplers and rungs without training again.

Run: python benchmarks/trainings.py --data DIR [--members 200]    (one core, hours; go on by the same command)
     python benchmarks/trainings.py --data DIR --space compact --all

Writes `benchmarks/tables/<name>.csv`, one row per training, appended as it finishes. The plan (which members, which
seeds, in which order) depends on the name alone, so a recording that was stopped goes on where it stopped.

Of every four members two are drawn from the space under the limit on MACs, families alike; two differ from an earlier
member in one decision. After every second member one of the first 25 is trained again with another seed, until each
of those has three.

With --all every member of the space is trained, in an order shuffled by its name; then the first 50 with other seeds.
"""

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import NamedTuple

import torch

import nas
from evaluators.data import Layout, find_pairs, load
from evaluators.data.samples import Samples
from evaluators.device import describe_device
from evaluators.recipe import Recipe
from evaluators.training import train
from nas.architecture import Architecture
from nas.listing import listed
from nas.sampling import Sampler
from nas.space import SearchSpace
from search_spaces import spaces
from search_spaces.segmenter import FAMILY

TABLES = Path(__file__).parent / "tables"
SIDE, COST_SIDE, TRAINING, VALIDATION, EPOCHS = 64, 128, 160, 80, 9
MOST_MACS = 150e6  # of one deployed image of COST_SIDE pixels
REPEATED, SEEDS = 25, 3
REPEATED_OF_ALL = 50
COSTS = ("params", "macs", "cio_elements", "traffic_bytes", "peak_memory_bytes", "kernels")
COLUMNS = ("member", "seed", "key", "origin", *COSTS, "seconds", *(f"dice_{i + 1}" for i in range(EPOCHS)), "decisions")


class Planned(NamedTuple):
    """One training to record."""

    member: int
    seed: int
    origin: str
    architecture: Architecture


def costs_of(architecture: Architecture) -> dict[str, float]:
    """Return the costs of the deployed network."""
    return asdict(nas.cost(nas.deploy(nas.build(architecture, (3, COST_SIDE, COST_SIDE)))))


def members(space: SearchSpace, count: int) -> Iterator[tuple[str, Architecture]]:
    """Yield distinct members below the limit, and where each comes from."""
    found: list[Architecture] = []
    keys: set[str] = set()
    sampler = Sampler(space, {"macs": MOST_MACS}, costs_of, FAMILY, 0)
    for number in range(count):
        rng = Random(f"{space.label}:{number}")
        while True:
            parent = rng.randrange(len(found)) if number % 4 >= 2 else None
            member = sampler.draw(rng) if parent is None else space.mutate(found[parent], rng)
            key = nas.build(member, (3, COST_SIDE, COST_SIDE)).key()
            if key not in keys and costs_of(member)["macs"] <= MOST_MACS:
                break
        keys.add(key)
        found.append(member)
        yield "drawn" if parent is None else f"neighbour:{parent}", member


def plan(space: SearchSpace, count: int) -> Iterator[Planned]:
    """Yield what is trained, in order."""
    first: list[tuple[str, Architecture]] = []
    again = [(member, seed) for seed in range(1, SEEDS) for member in range(REPEATED)]
    for number, (origin, member) in enumerate(members(space, count)):
        first.append((origin, member))
        yield Planned(number, 0, origin, member)
        if number % 2 and again and again[0][0] < len(first):
            which, seed = again.pop(0)
            yield Planned(which, seed, *first[which])


def whole(space: SearchSpace) -> Iterator[Planned]:
    """Yield every member of a space of few, then the first of them again."""
    listing = [member for member, _ in listed(space)]
    Random(space.label).shuffle(listing)
    for seed in range(SEEDS):
        for number, member in enumerate(listing[:REPEATED_OF_ALL] if seed else listing):
            yield Planned(number, seed, "listed", member)


def material(root: Path) -> tuple[Samples, Samples]:
    """Return training and validation images: the first by the hash of their content."""
    pairs = find_pairs(Layout(root))
    samples = load(pairs[: 2 * (TRAINING + VALIDATION)], SIDE)
    order = sorted(range(len(samples)), key=lambda i: samples.hashes[i])
    return samples.select(order[:TRAINING]), samples.select(order[TRAINING : TRAINING + VALIDATION])


def row(planned: Planned, space: SearchSpace, training: Samples, validation: Samples) -> dict[str, object]:
    """Train one member and return its row."""
    graph = nas.build(planned.architecture, (3, COST_SIDE, COST_SIDE))
    torch.manual_seed(planned.seed)
    recipe = Recipe(epochs=EPOCHS, seed=planned.seed)
    curve = train(nas.to_module(graph), training, validation, recipe, torch.device("cpu"), prediction=graph.prediction)
    costs = costs_of(planned.architecture)
    return {
        "member": planned.member,
        "seed": planned.seed,
        "key": graph.key(),
        "origin": planned.origin,
        **{name: costs[name] for name in COSTS},
        "seconds": round(sum(epoch.seconds for epoch in curve.epochs), 1),
        **{f"dice_{epoch.epoch}": round(epoch.dice, 5) for epoch in curve.epochs},
        "decisions": json.dumps(space.decisions(planned.architecture), separators=(",", ":")),
    }


def main() -> None:
    """Record what is not recorded yet."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--space", default="medseg")
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--all", action="store_true", help="every member of the space")
    parser.add_argument("--name", help="of the table; default: SPACE_kvasir")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    space, path = spaces[asked.space], TABLES / f"{asked.name or asked.space + '_kvasir'}.csv"
    TABLES.mkdir(exist_ok=True)
    training, validation = material(asked.data)
    done = set()
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            done = {(int(known["member"]), int(known["seed"])) for known in csv.DictReader(file)}
    print(f"{describe_device(torch.device('cpu'))}; {len(done)} trainings recorded", flush=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not done:
            writer.writeheader()
        for planned in whole(space) if asked.all else plan(space, asked.members):
            if (planned.member, planned.seed) in done:
                continue
            found = row(planned, space, training, validation)
            writer.writerow(found)
            file.flush()
            print(planned.member, planned.seed, planned.origin, found["seconds"], found[f"dice_{EPOCHS}"], flush=True)


if __name__ == "__main__":
    main()
