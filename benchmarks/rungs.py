"""What rungs are worth: hypervolume against epochs spent, replayed on recorded trainings.

Run: python benchmarks/rungs.py   (minutes; writes benchmarks/results/rungs-cpu.json)

Members of a table that `benchmarks/trainings.py` recorded come in a random order, as a sampler that learns nothing
would propose them; four slots train them, an epoch at a time. Compared are everyone trained through, promotion by plain
non-dominated rank, and promotion by gain of hypervolume. A trial counts from the moment that its last epoch has ended.
Hypervolume is over (1 - Dice, log10 traffic) below the Dice of calling everything a lesion and the dearest member.
"""

import argparse
import csv
import heapq
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from recorded import record

from studies.front import Reference, hypervolume
from studies.rungs import RULES, Run, rung_epochs, to_promote

HERE = Path(__file__).parent
SLOTS, ORDERS, REDUCTION, BANDS = 4, 100, 3, 3
SHARES = (0.8, 0.9, 0.95)
FIRST = (3, 1)  # epochs: what a study of 20 steps an epoch has by default, and epochs / reduction^2


def members(table: Path) -> list[Run]:
    """Return the first training of every member, as promotion sees it when it is finished."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == "0"]
    epochs = sum(name.startswith("dice_") for name in rows[0])
    return [
        Run(
            number,
            tuple(float(row[f"dice_{i + 1}"]) for i in range(epochs)),
            {"traffic_bytes": float(row["traffic_bytes"])},
        )
        for number, row in enumerate(rows)
    ]


def replay(order: Sequence[Run], rule: str | None, reference: Reference, first: int) -> Iterator[tuple[int, float]]:
    """Yield (epochs spent, hypervolume of what is finished) whenever a trial has ended. rule: None trains everyone."""
    last = len(order[0].dice)
    rungs = (last,) if rule is None else rung_epochs(last, REDUCTION, first)
    runs: dict[int, Run] = {}
    busy: list[tuple[int, int, int]] = []  # (time at which it ends, trial, until)
    coming, finished, spent, now = iter(order), [], 0, 0
    while True:
        while len(busy) < SLOTS and (job := _next(runs, coming, order, rungs, rule, reference)) is not None:
            number, until = job
            before = len(runs[number].dice) if number in runs else 0
            spent += until - before
            runs[number] = replace(order[number], dice=order[number].dice[:before])
            heapq.heappush(busy, (now + until - before, number, until))
        if not busy:
            return
        now, number, until = heapq.heappop(busy)
        runs[number] = replace(order[number], dice=order[number].dice[:until], paused=until < last)
        if until == last:
            finished.append({"dice": order[number].dice[-1]} | order[number].costs)
            yield spent - sum(end - now for end, _, _ in busy), hypervolume(finished, reference)


def _next(
    runs: dict[int, Run],
    coming: Iterator[Run],
    order: Sequence[Run],
    rungs: Sequence[int],
    rule: str | None,
    reference: Reference,
) -> tuple[int, int] | None:
    """Return which trial trains next and up to which epoch, as the search decides it."""
    if rule is not None:
        number = to_promote(list(runs.values()), rungs, RULES[rule], reference, reduction=REDUCTION, bands=BANDS)
        if number is not None:
            return number, next(epoch for epoch in rungs if epoch > len(runs[number].dice))
    new = next(coming, None)
    return None if new is None else (new.number, rungs[0])


def epochs_to(curve: Sequence[tuple[int, float]], volume: float) -> float:
    """Return the epochs after which the hypervolume is reached, infinity where it never is."""
    return next((epochs for epochs, reached in curve if reached >= volume), float("inf"))


def compare(known: Sequence[Run], reference: Reference, first: int) -> list[dict[str, object]]:
    """Return a row per rule and share of the attainable hypervolume."""
    attainable = hypervolume([{"dice": run.dice[-1]} | run.costs for run in known], reference)
    curves: dict[str | None, list[list[tuple[int, float]]]] = {None: [], **{rule: [] for rule in RULES}}
    for seed in range(ORDERS):
        shuffled = Random(seed).sample(list(known), len(known))
        order = [replace(run, number=number) for number, run in enumerate(shuffled)]
        for rule, found in curves.items():
            found.append(list(replay(order, rule, reference, first)))
    rows: list[dict[str, object]] = []
    for rule in RULES:
        for share in SHARES:
            ours = [epochs_to(curve, share * attainable) for curve in curves[rule]]
            plain = [epochs_to(curve, share * attainable) for curve in curves[None]]
            pairs = [(a, b) for a, b in zip(ours, plain, strict=True) if a < float("inf")]
            ratios = [a / b for a, b in pairs]
            rows.append(
                {
                    "name": f"epochs to {share:.0%} of the attainable hypervolume, {rule}, first rung {first}",
                    "value": statistics.median(a for a, _ in pairs) if pairs else None,
                    "baseline": statistics.median(plain),
                    "ratio": round(statistics.median(ratios), 3) if ratios else None,
                    "interval": np.quantile(ratios, [0.025, 0.975]).round(3).tolist() if ratios else None,
                    "reached": f"{len(pairs)} of {ORDERS} orders",
                }
            )
        ends = [curve[-1] for curve in curves[rule] if curve]
        same = [max(v for e, v in plain if e <= end) for (end, _), plain in zip(ends, curves[None], strict=True)]
        rows.append(
            {
                "name": f"hypervolume when all members have come, {rule}, first rung {first}, share of the attainable",
                "value": round(statistics.median(volume / attainable for _, volume in ends), 4),
                "baseline": round(statistics.median(volume / attainable for volume in same), 4),
                "ratio": round(statistics.median(a / b for (_, a), b in zip(ends, same, strict=True)), 3),
                "epochs": statistics.median(epochs for epochs, _ in ends),
            }
        )
    return rows


def main() -> None:
    """Replay and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path, default=HERE / "tables" / "compact_kvasir.csv")
    parser.add_argument("--trivial", type=float, default=0.227, help="Dice of calling everything a lesion")
    asked = parser.parse_args()
    known = members(asked.table)
    reference = Reference(
        {"dice": asked.trivial, "traffic_bytes": 1.01 * max(run.costs["traffic_bytes"] for run in known)}
    )
    record([row | {"members": len(known)} for first in FIRST for row in compare(known, reference, first)])


if __name__ == "__main__":
    main()
