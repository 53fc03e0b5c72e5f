"""An analytic stand-in for Dice over the whole of `medseg`, for comparing samplers where training would take weeks.

Made up, with what real ones are known for: capacity saturates, blocks suit some depths better than others, parts
interact, dead ends exist, and a rugged remainder belongs to each network alone. Its constants are drawn from a seed, so
that a sampler can be tried on several. It reads decisions and costs in its own way, not through any sampler's features.
"""

import hashlib
import math
from collections.abc import Mapping
from random import Random

from nas.grammar import Option

__all__ = ["quality"]

BLOCKS = ("double_conv", "hardblock", "amse", "convnext", "metaformer", "residual", "attended")
RUGGED = 0.008  # standard deviation, of Dice


def quality(decisions: Mapping[str, Option], costs: Mapping[str, float], key: str, seed: int = 0) -> float:
    """Return a Dice between 0 and 1."""
    made = Random(seed)
    shallow, deep = ({block: made.gauss(0, 1) for block in BLOCKS} for _ in range(2))
    placed = _placed(decisions)
    suits = [(1 - at) * shallow[block] + at * deep[block] for block, at in placed]
    fitness = sum(suits) / len(suits) if suits else made.gauss(0, 0.5)
    kinds = len({block for block, _ in placed})
    capacity = 1 / (1 + math.exp(-(math.log10(costs["macs"]) - made.uniform(7.8, 8.4)) / 0.35))
    score = capacity + 0.16 * math.tanh(fitness) + (0.04 if kinds == made.choice((2, 3)) else 0.0)
    words = sorted({f"{path.split('.')[-1]}={option}" for path, option in decisions.items()})
    alone = {word: Random(f"{seed}:{word}").gauss(0, 0.02) for word in words}
    score += sum(alone.values())
    main = [word for word in words if word.split("=")[0] in ("encoder", "decoder", "neck", "skip", "fuse", "order")]
    score += sum(Random(f"{seed}:{a}:{b}").gauss(0, 0.025) for i, a in enumerate(main) for b in main[:i])
    number = int(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).hexdigest(), 16)
    score += Random(number).gauss(0, RUGGED)
    if Random(number + 1).random() < 0.02:
        return 0.02 * Random(number + 2).random()  # one in fifty never learns
    return 0.25 + 0.6 / (1 + math.exp(-5 * (score - 0.75)))  # networks far too small reach what no network does


def _placed(decisions: Mapping[str, Option]) -> list[tuple[str, float]]:
    """Return the block of every stage that has one, and how deep it stands in its part, 0..1."""
    found = []
    for path, option in decisions.items():
        part, _, last = path.rpartition(".")
        if last in ("stages", "blocks") and str(option).startswith("all_"):
            places = {p.split(".")[len(path.split(".")) + 1] for p in decisions if p.startswith(f"{path}.{option}.")}
            numbers = sorted(int(place) for place in places if place.isdigit())
            found += [(str(option)[4:], i / max(1, numbers[-1])) for i in numbers]
        elif part.endswith(".mixed") and last.isdigit():
            siblings = [int(p.rpartition(".")[2]) for p in decisions if p.rpartition(".")[0] == part]
            found.append((str(option), int(last) / max(1, *siblings)))
    return found
