"""What a sampler is worth in a whole search, with rungs and without: hypervolume against epochs, on recorded trainings.

Run: python benchmarks/searches.py --seeds 20   (a core, half an hour; goes on by the same command)
     python benchmarks/searches.py --sum-up     (seconds; writes benchmarks/results/searches-cpu.json)

Four slots train members of `compact` an epoch at a time, Dice after each is the table's. Proposals come from
`studies.proposing`, which sees what a study would have recorded by then: trials in training with their curves up to
the last rung, those that wait there, those that are finished; promotion is by gain. Objectives: Dice, MACs, traffic. A
trial counts from the moment that its last epoch has ended.
"""

import argparse
import csv
import heapq
import json
import statistics
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import optuna
import torch
from optuna.trial import FrozenTrial, TrialState, create_trial
from recorded import record
from rungs import BANDS, REDUCTION, SLOTS
from samplers import COSTS, Known, Problem, offered, study_config, table_problem
from samplers_summary import interval

from studies.front import hypervolume
from studies.proposing import Proposer
from studies.rungs import RULES, Run, to_promote
from studies.screening import Candidate

HERE = Path(__file__).parent
TABLE, RUNS = HERE / "tables" / "compact_kvasir.csv", HERE / "results" / "searches-runs.jsonl"
SAMPLERS, EPOCHS = ("random", "tpe", "grammar"), 540
AFTER = (90, 180, 360, 540)  # epochs: what 10, 20, 40, 60 members take that are trained through
SHARES = (0.9, 0.95)
WAYS = {"no rungs": (9,), "rungs at 3 and 9": (3, 9)}
Curves = Mapping[str, tuple[float, ...]]


class Replay:
    """One search of which all trainings are recorded."""

    def __init__(self, problem: Problem, curves: Curves, sampler: str, rungs: tuple[int, ...], seed: int):
        config = study_config(problem, sampler, seed)
        self._problem, self._curves, self._rungs = problem, curves, rungs
        self._screen = Known(problem, config)
        self._proposer = Proposer(self._screen, config, problem.reference)
        self._candidates: list[Candidate] = []
        self._trials: list[FrozenTrial] = []
        self._ends: list[tuple[int, int, int]] = []  # (time at which it ends, trial, until)

    def run(self) -> Iterator[tuple[int, float]]:
        """Yield (epochs spent, hypervolume of what is finished) whenever a trial has been trained through."""
        spent = now = 0
        finished: list[dict[str, float]] = []
        while spent < EPOCHS:
            while len(self._ends) < SLOTS:
                spent += self._begin(now)
            now, number, until = heapq.heappop(self._ends)
            self._end(number, until)
            if until == self._rungs[-1]:
                finished.append(dict(zip(("dice", *COSTS), self._trials[number].values, strict=True)))
                in_training = sum(end - now for end, _, _ in self._ends)
                yield spent - in_training, hypervolume(finished, self._problem.reference)

    def _begin(self, now: int) -> int:
        """Train a trial up to its next rung, as a search decides which; return the epochs that takes."""
        number = to_promote(
            [self._run(trial) for trial in self._trials],
            self._rungs,
            RULES["gain"],
            self._problem.reference,
            reduction=REDUCTION,
            bands=BANDS,
        )
        if number is None:
            number = len(self._trials)
            self._candidates.append(self._proposer.next(self._trials).candidate)
            self._trials.append(self._trial(number, 0, paused=False))
        done = len(self._curve(number))
        until = next(epoch for epoch in self._rungs if epoch > done)
        self._trials[number] = self._trial(number, done, paused=False)
        heapq.heappush(self._ends, (now + until - done, number, until))
        return until - done

    def _end(self, number: int, until: int) -> None:
        self._trials[number] = self._trial(number, until, paused=until < self._rungs[-1])

    def _curve(self, number: int) -> tuple[float, ...]:
        curve: tuple[float, ...] = self._trials[number].user_attrs["curve"]
        return curve

    def _run(self, trial: FrozenTrial) -> Run:
        costs: dict[str, float] = trial.user_attrs["costs"]
        return Run(trial.number, trial.user_attrs["curve"], costs, trial.user_attrs["paused"] > 0)

    def _trial(self, number: int, epochs: int, *, paused: bool) -> FrozenTrial:
        """Return the trial as a study would have recorded it."""
        candidate = self._candidates[number]
        curve = self._curves[candidate.key][:epochs]
        costs = {name: float(vars(candidate.cost)[name]) for name in COSTS}
        through = epochs == self._rungs[-1]
        trial = create_trial(
            state=TrialState.COMPLETE if through else TrialState.RUNNING,
            values=[curve[-1], *costs.values()] if through else None,
            params=dict(candidate.decisions),
            distributions=offered(self._problem.space, candidate.decisions),
            user_attrs={
                "key": candidate.key,
                "origin": candidate.origin,
                "costs": costs,
                "curve": curve,
                "paused": epochs if paused else 0,
            },
        )
        trial.number = number
        return trial


def recorded_curves(path: Path) -> Curves:
    """Return Dice after each epoch of the first training of every member."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == "0"]
    return {row["key"]: tuple(float(row[f"dice_{epoch}"]) for epoch in range(1, 10)) for row in rows}


def run_all(seeds: int, samplers: tuple[str, ...], runs: Path) -> None:
    """Run what is not recorded yet."""
    problem, curves = table_problem(TABLE), recorded_curves(TABLE)
    done = {(run["sampler"], run["way"], run["seed"]) for run in read(runs)}
    for seed in range(seeds):
        for sampler, (way, rungs) in ((s, w) for s in samplers for w in WAYS.items()):
            if (sampler, way, seed) in done:
                continue
            steps = [
                (at, round(v / (problem.attainable or 1), 5))
                for at, v in Replay(problem, curves, sampler, rungs, seed).run()
            ]
            with runs.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"sampler": sampler, "way": way, "seed": seed, "steps": steps}) + "\n")
            print(sampler, way, seed, [reached(steps, after) for after in AFTER], flush=True)


def read(runs: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in runs.read_text(encoding="utf-8").splitlines()] if runs.exists() else []


def reached(steps: list[tuple[int, float]], epochs: int) -> float:
    """Return the share of the attainable hypervolume after so many epochs."""
    return max((share for at, share in steps if at <= epochs), default=0.0)


def epochs_to(steps: list[tuple[int, float]], share: float) -> float:
    """Return the epochs after which the share is reached, infinity where it is not."""
    return next((at for at, found in steps if found >= share), float("inf"))


def sum_up(runs: Path) -> Iterator[dict[str, object]]:
    """Yield rows: what each sampler has reached, beside the next simpler one; and the epochs that this takes."""
    found = {(run["sampler"], run["way"], run["seed"]): run["steps"] for run in read(runs)}
    for way in WAYS:
        for plain, better in pairwise(SAMPLERS):
            seeds = [
                seed for sampler, w, seed in found if (sampler, w) == (better, way) and (plain, way, seed) in found
            ]
            pairs = [(found[better, way, seed], found[plain, way, seed]) for seed in seeds]
            for after in AFTER:
                ours, theirs = ([reached(pair[i], after) for pair in pairs] for i in (0, 1))  # type: ignore[arg-type]
                ahead = [a - b for a, b in zip(ours, theirs, strict=True)]
                yield _row(f"share after {after} epochs", way, better, plain, ours, theirs) | {
                    "ahead": round(statistics.mean(ahead), 4),
                    "interval": interval(ahead),
                }
            for share in SHARES:
                ours, theirs = ([epochs_to(pair[i], share) for pair in pairs] for i in (0, 1))  # type: ignore[arg-type]
                yield _row(f"epochs to a share of {share}, median", way, better, plain, ours, theirs)


def _row(what: str, way: str, better: str, plain: str, ours: list[float], theirs: list[float]) -> dict[str, object]:
    middle = statistics.median if "median" in what else statistics.mean
    value, baseline = middle(ours), middle(theirs)
    return {
        "name": f"{what}, {way}, {better}; baseline: {plain}",
        "value": round(value, 4) if value < float("inf") else None,
        "baseline": round(baseline, 4) if baseline < float("inf") else None,
        "ratio": round(value / baseline, 4) if max(value, baseline) < float("inf") else None,
        "seeds": len(ours),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", default=",".join(SAMPLERS))
    parser.add_argument("--runs", type=Path, default=RUNS)
    parser.add_argument("--sum-up", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if asked.sum_up:
        record(sum_up(asked.runs))
    else:
        run_all(asked.seeds, tuple(asked.samplers.split(",")), asked.runs)


if __name__ == "__main__":
    main()
