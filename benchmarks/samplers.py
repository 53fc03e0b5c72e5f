"""What samplers are worth: hypervolume after so many trials, on recorded trainings and on an analytic problem.

Run: python benchmarks/samplers.py --problem table --seeds 10 --trials 40       (goes on by the same command)
     python benchmarks/samplers.py --problem fitted --seeds 20 --trials 100
     python benchmarks/samplers.py --problem landscape --seeds 20 --trials 100
     python benchmarks/samplers.py --problem table --unfiltered ...
     python benchmarks/samplers_summary.py

All samplers go through `studies.proposing`: same random start, same limits, nothing is trained twice. `--unfiltered`
takes whatever a sampler says first: a repeat or an infeasible member costs a trial and brings nothing. Runs are
appended to `benchmarks/results/samplers-runs.jsonl`, which `samplers_summary.py` reads.

table: the members of `compact` whose training is recorded; others count as infeasible. fitted: members of `medseg` with
at most 150 M MACs at 128 x 128 pixels, Dice by the forest of `fitted.py`; samplers are told it with the noise of a
training and judged without. landscape: `landscapes.py` over `medseg`, at most 1 G. Objectives: Dice, MACs, traffic.
"""

import argparse
import csv
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import optuna
import torch
from fitted import Fitted, recorded_members
from landscapes import quality
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluators.latency import Latency
from nas.architecture import Architecture
from nas.grammar import Option
from nas.space import SearchSpace
from search_spaces import spaces
from studies.config import StudyConfig, load_config
from studies.front import Reference, hypervolume, hypervolumes
from studies.proposing import Proposer
from studies.samplers.making import Maker
from studies.screening import Candidate, Screen

HERE = Path(__file__).parent
RUNS = HERE / "results" / "samplers-runs.jsonl"
STUDY = """\
name: samplers
objectives: [dice, macs, traffic_bytes]
data: {kind: generated, images: 24, size: 128}
deploy: {size: 128}
workers: 0
"""


class Problem(NamedTuple):
    """What is searched: the space, a Dice for each member, None where there is none."""

    space: SearchSpace
    reference: Reference
    most_macs: float
    table: Mapping[str, float] | None = None
    attainable: float | None = None
    fitted: Fitted | None = None

    def dice(self, candidate: Candidate, seed: int) -> float | None:
        """Return the Dice that a search is judged by."""
        if self.table is not None:
            return self.table.get(candidate.key)
        if self.fitted is not None:
            return self.fitted.dice(candidate.decisions, vars(candidate.cost), candidate.key)
        return quality(candidate.decisions, {"macs": candidate.cost.macs}, candidate.key, seed)

    def told(self, dice: float, candidate: Candidate, seed: int) -> float:
        """Return the Dice that a search is told."""
        return self.fitted.told(dice, candidate.key, seed) if self.fitted is not None else dice


class Known(Screen):
    """A screen that builds a member once. Members without a recorded training cost more than is allowed."""

    def __init__(self, problem: Problem, config: StudyConfig):
        super().__init__(problem.space, config, lambda graph: Latency(1.0, 0.1, 10))
        self._problem = problem
        self._met: dict[frozenset[tuple[str, Option]], Candidate] = {}

    def candidate(self, architecture: Architecture, origin: str) -> Candidate:
        decisions = self.space.decisions(architecture)
        at = frozenset(decisions.items())
        if at not in self._met:
            if len(self._met) > 20_000:
                self._met.clear()
            found = self._candidate(architecture, decisions, origin)
            if self._problem.table is not None and found.key not in self._problem.table:
                found.__dict__["cost"] = found.cost.__class__(**(vars(found.cost) | {"macs": math.inf}))
            self._met[at] = found
        return self._met[at]

    def _exact_costs(self, architecture: Architecture) -> dict[str, float]:
        return self.exact_costs(self.candidate(architecture, "draw"))


def table_problem(path: Path) -> Problem:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == "0"]
    reference = {"dice": 0.227} | {name: 1.01 * max(float(row[name]) for row in rows) for name in COSTS}
    values = [{"dice": float(row["dice_9"])} | {name: float(row[name]) for name in COSTS} for row in rows]
    table = {row["key"]: value["dice"] for row, value in zip(rows, values, strict=True)}
    return Problem(spaces["compact"], Reference(reference), 1e9, table, hypervolume(values, Reference(reference)))


def fitted_problem() -> Problem:
    members = recorded_members()
    reference = {"dice": 0.227} | {name: 1.01 * max(one.costs[name] for one in members) for name in COSTS}
    return Problem(spaces["medseg"], Reference(reference), 150e6, fitted=Fitted(members))


COSTS = ("macs", "traffic_bytes")
LANDSCAPE = Problem(spaces["medseg"], Reference({"dice": 0.3, "macs": 1e9, "traffic_bytes": 3e8}), 1e9)


def offered(space: SearchSpace, decisions: Mapping[str, Option]) -> dict[str, BaseDistribution]:
    """Return the options that were open at each decision."""
    found: dict[str, BaseDistribution] = {}

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        found[path] = CategoricalDistribution(options)
        return decisions[path]

    space.derive(choose)
    return found


def study_config(problem: Problem, sampler: str, seed: int) -> StudyConfig:
    """Return the configuration of a search of the problem."""
    limit = f"constraints.macs=<= {problem.most_macs:g}"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(STUDY, encoding="utf-8")
        return load_config(path, [f"space={problem.space.name}", f"sampler.name={sampler}", f"seed={seed}", limit])


def trial_of(candidate: Candidate, space: SearchSpace, dice: float | None) -> FrozenTrial:
    """Return the trial as a study would store it."""
    return create_trial(
        state=TrialState.PRUNED if dice is None else TrialState.COMPLETE,
        values=None if dice is None else [dice, candidate.cost.macs, candidate.cost.traffic_bytes],
        params=dict(candidate.decisions),
        distributions=offered(space, candidate.decisions),
        user_attrs={"key": candidate.key, "origin": candidate.origin},
    )


def search(problem: Problem, sampler: str, seed: int, count: int, filtered: bool) -> dict[str, object]:
    """Return the hypervolume after each trial, the trials that brought nothing new, and seconds per proposal."""
    config = study_config(problem, sampler, seed)
    screen = Known(problem, config)
    proposer, maker = Proposer(screen, config, problem.reference), Maker(sampler, screen, problem.reference, seed)
    trials: list[FrozenTrial] = []
    judged: list[dict[str, float] | None] = []
    spent = []
    keys: set[str] = set()
    repeats = infeasible = 0
    for number in range(count):
        began = time.process_time()
        if filtered or number < config.sampler.startup:
            candidate = proposer.next(trials).candidate
        elif sampler == "random":
            candidate = screen.candidate(problem.space.sample(Random(f"{seed}:{number}")), sampler)
        else:
            candidate = screen.candidate(maker.asks(trials, Random(f"{seed}:{number}")).ask(), sampler)
        spent.append(time.process_time() - began)
        fits = screen.feasible(candidate)
        repeats += candidate.key in keys
        infeasible += not fits
        keys.add(candidate.key)
        dice = problem.dice(candidate, seed) if fits else None
        judged.append(None if dice is None else {"dice": dice} | {name: vars(candidate.cost)[name] for name in COSTS})
        told = None if dice is None else problem.told(dice, candidate, seed)
        trials.append(trial_of(candidate, problem.space, told))
    return {
        "volumes": volumes_after(judged, problem.reference),
        "repeats": repeats,
        "infeasible": infeasible,
        "seconds_per_proposal": round(sum(spent) / len(spent), 4),
        "seconds_of_last_20": round(statistics.mean(spent[-20:]), 3),
        "slowest_proposal_s": round(max(spent), 3),
    }


def volumes_after(judged: Sequence[Mapping[str, float] | None], reference: Reference) -> list[float]:
    """Return the hypervolume after each trial; None: a trial that brought nothing."""
    volumes = hypervolumes([values for values in judged if values], reference)
    after, at = [], 0
    for values in judged:
        at += values is not None
        after.append(round(volumes[at - 1], 6) if at else 0.0)
    return after


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--problem", choices=("table", "fitted", "landscape"), default="table")
    parser.add_argument("--samplers", default="grammar,tpe,random,evolution,nsga2,nsga3,gp")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--unfiltered", action="store_true")
    parser.add_argument("--table", type=Path, default=HERE / "tables" / "compact_kvasir.csv")
    parser.add_argument("--runs", type=Path, default=RUNS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    problem = {"table": lambda: table_problem(asked.table), "fitted": fitted_problem, "landscape": lambda: LANDSCAPE}[
        asked.problem
    ]()
    name = f"table of {len(problem.table)}" if problem.table is not None else asked.problem
    done = set()
    if asked.runs.exists():
        known = [json.loads(line) for line in asked.runs.read_text(encoding="utf-8").splitlines()]
        done = {
            (run["problem"], run["sampler"], run["seed"], run["filtered"])
            for run in known
            if run["trials"] >= asked.trials
        }
    for seed in range(asked.seeds):
        for sampler in asked.samplers.split(","):
            if (name, sampler, seed, not asked.unfiltered) in done:
                continue
            found = search(problem, sampler, seed, asked.trials, not asked.unfiltered)
            run = {
                "problem": name,
                "sampler": sampler,
                "seed": seed,
                "filtered": not asked.unfiltered,
                "attainable": problem.attainable,
                "trials": asked.trials,
            }
            with asked.runs.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run | found) + "\n")
            volumes = found["volumes"]
            assert isinstance(volumes, Sequence)
            print(
                name,
                sampler,
                seed,
                [volumes[i - 1] for i in (10, 20, 40, 80, 100, 200) if i <= len(volumes)],
                found["repeats"],
                found["infeasible"],
                found["seconds_per_proposal"],
                flush=True,
            )


if __name__ == "__main__":
    main()
