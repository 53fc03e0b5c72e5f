"""From the scores of all runs to what a table says: means, intervals, and which differences can be claimed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluators.comparison import difference, holm, mean_score
from evaluators.scores import Score, Summary, summarise

__all__ = [
    "LEAST_SEEDS",
    "LEAST_UNITS",
    "METRICS",
    "Scored",
    "comparisons_of",
    "dices_of",
    "spread",
    "summary_of",
    "why_no_claim",
]

LEAST_UNITS, LEAST_SEEDS = 30, 5
METRICS = ("dice", "iou", "precision", "recall", "hd95", "nsd", "pooled_dice")
_WORST = 4
_LEVEL = 0.05


class Scored(NamedTuple):
    """One network's scores on the test images, by seed, of the trainings that ended well."""

    name: str
    by_seed: Mapping[int, Sequence[Score]]


def dices_of(scored: Scored) -> NDArray[np.float64]:
    """Return the Dice of each image (rows, in the order of the images) with each seed (columns)."""
    return np.array([_by_image(scores) for scores in scored.by_seed.values()]).T


def _by_image(scores: Sequence[Score]) -> list[float]:
    rows: dict[str, list[Score]] = {}
    for score in scores:
        rows.setdefault(score.image, []).append(score)
    return [summarise(some)[0].dice for some in rows.values()]


def summary_of(scored: Scored, units: Sequence[str], classes: Sequence[str]) -> dict[str, object]:
    """Return means and standard deviations over seeds, the Dice of each class, its interval, and the worst images.

    The interval is None where there are too few images or seeds for one.
    """
    every = [summarise(scores) for scores in scored.by_seed.values()]
    dices = dices_of(scored)
    images = list(dict.fromkeys(score.image for score in next(iter(scored.by_seed.values()))))
    means = dices.mean(1)
    interval = mean_score(dices, units) if why_no_claim([scored], units) is None else None
    return {
        "seeds": list(scored.by_seed),
        "means": {name: spread([getattr(one[0], name) for one in every]) for name in METRICS},
        "class_dice": {name: _mean([one[i] for one in every]) for i, name in enumerate(classes[1:], 1)},
        "dice_interval": None if interval is None else [interval.low, interval.high],
        "worst": [{"image": images[i], "dice": float(means[i])} for i in np.argsort(means, kind="stable")[:_WORST]],
    }


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Return the mean of values and their standard deviation, None of a single one."""
    return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None}


def _mean(summaries: Sequence[Summary]) -> float:
    return float(np.mean([summary.dice for summary in summaries]))


def why_no_claim(networks: Sequence[Scored], units: Sequence[str]) -> str | None:
    """Return why no interval is given and no difference claimed; None where both are."""
    count, grouped = len(set(units)), len(set(units)) < len(units)
    if count < LEAST_UNITS:
        what = f"groups among {len(units)} test images" if grouped else "test images"
        return f"{count} {what}, a claim needs {LEAST_UNITS}"
    fewest = min(networks, key=lambda network: len(network.by_seed))
    if len(fewest.by_seed) < LEAST_SEEDS:
        return f"{len(fewest.by_seed)} trainings of {fewest.name} ended well, a claim needs {LEAST_SEEDS} seeds"
    return None


def comparisons_of(networks: Sequence[Scored], units: Sequence[str]) -> list[dict[str, object]]:
    """Return the difference in Dice of each network of the study from each published one, adjusted for their number.

    Only networks with enough seeds are compared.
    """
    able = [network for network in networks if why_no_claim([network], units) is None]
    found = [each for each in able if not each.name.startswith("published:")]
    pairs = [(each, other) for each in found for other in able if other.name.startswith("published:")]
    differences = [difference(dices_of(each), dices_of(other), units) for each, other in pairs]
    adjusted = holm([each.p for each in differences])
    return [
        {
            "network": ours.name,
            "against": other.name,
            "difference": each.interval.mean,
            "interval": [each.interval.low, each.interval.high],
            "p": each.p,
            "p_holm": p,
            "claim": "not told apart" if p >= _LEVEL else "better" if each.interval.mean > 0 else "worse",
        }
        for (ours, other), each, p in zip(pairs, differences, adjusted, strict=True)
    ]
