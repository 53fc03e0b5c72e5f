"""How fast members of `medseg` are drawn under limits on exact costs, against rejection alone, and how alike the draws.

Run: python benchmarks/sampling.py   (one core, some minutes; writes benchmarks/results/sampling-cpu.json)

Limits: at most 2 GMACs and 20 MB of traffic (fp32, fused), of the network as it is deployed at 128 and at 352 pixels.
"rejection" draws top-down until a member keeps them; where none of its draws did, its rate is at most one in as long.
The distances are total variation between the options of one decision in 150 draws each way, of the family staged_half +
unet at 128 pixels; between two times 150 draws of rejection it is what chance makes of it.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from random import Random

import torch
from recorded import record

import nas
from nas.grammar import OneOf
from nas.sampling import Sampler
from nas.space import Decisions, SearchSpace
from nas.walk import Point, draw
from search_spaces import spaces
from search_spaces.segmenter import FAMILY

LIMITS = {"macs": 2e9, "traffic_bytes": 20e6}
SIZES, REJECTED, DRAWN, COMPARED = (128, 352), 2_000, 100, 150
MEDSEG = spaces["medseg"]
GIVEN = {"encoder": "staged_half", "decoder": "unet"}
ENCODER = "encoder.staged_half"
PATHS = (f"{ENCODER}.base", f"{ENCODER}.depth", f"{ENCODER}.stages", "decoder.unet.blocks", "decoder.unet.skip", "neck")


def sampler_at(size: int, space: SearchSpace = MEDSEG) -> Sampler:
    def costs_of(architecture: nas.Architecture) -> dict[str, float]:
        return asdict(nas.cost(nas.deploy(nas.build(architecture, (3, size, size)))))

    return Sampler(space, LIMITS, costs_of, FAMILY)


def speed(size: int) -> list[dict[str, object]]:
    sampler, rng, at = sampler_at(size), Random(0), f"at {size} px"
    began = time.process_time()
    families = len(sampler.surveys) - len(sampler.refused)
    surveyed = time.process_time() - began
    began = time.process_time()
    kept = sum(sampler.excess(draw(MEDSEG, {}, rng, frozenset())) == 0 for _ in range(REJECTED))
    rejection = max(kept, 1) / (time.process_time() - began)
    began = time.process_time()
    drawn = [sampler.draw(rng) for _ in range(DRAWN)]
    mine = DRAWN / (time.process_time() - began)
    keys = {nas.build(architecture, (3, 64, 64)).key() for architecture in drawn}
    return [
        row(f"share of {REJECTED} plain draws that keep the limits {at}", kept / REJECTED),
        row(f"families of 25 with a feasible member {at}", families),
        row(f"CPU seconds to look for one in each {at}", surveyed),
        row(f"feasible draws per CPU second {at}, against rejection", mine, rejection),
        row(f"distinct networks of {DRAWN} draws {at}", len(keys)),
    ]


def likeness() -> list[dict[str, object]]:
    slots = {slot: MEDSEG.root.options[slot].alternatives[label] for slot, label in GIVEN.items()}  # type: ignore[union-attr]
    family = SearchSpace(
        "family", 1, MEDSEG.root(**{slot: OneOf(**{GIVEN[slot]: part}) for slot, part in slots.items()})
    )
    sampler, rng, fixed = sampler_at(128, family), Random(1), frozenset(GIVEN)
    rejected: list[Point] = []
    while len(rejected) < 2 * COMPARED:
        point = draw(MEDSEG, GIVEN, rng, fixed)
        rejected += [point] if sampler.excess(point) == 0 else []
    mine = [MEDSEG.decisions(sampler.draw(rng)) for _ in range(COMPARED)]
    one, other = ([MEDSEG.decisions(p.architecture) for p in part] for part in (rejected[::2], rejected[1::2]))
    return [
        row(f"distance to rejection, {path}", distance(one, mine, path), distance(one, other, path)) for path in PATHS
    ]


def distance(some: Sequence[Decisions], others: Sequence[Decisions], path: str) -> float:
    counts = [Counter(decisions[path] for decisions in part) for part in (some, others)]
    options = counts[0] | counts[1]
    return sum(abs(counts[0][o] / len(some) - counts[1][o] / len(others)) for o in options) / 2


def row(name: str, value: float, baseline: float | None = None) -> dict[str, object]:
    """ratio: of speeds, how much faster; of distances, how much farther than chance."""
    return {"name": name, "value": value, "baseline": baseline, "ratio": baseline and value / baseline}


def main() -> None:
    torch.set_num_threads(1)
    record([each for size in SIZES for each in speed(size)] + likeness())


if __name__ == "__main__":
    main()
