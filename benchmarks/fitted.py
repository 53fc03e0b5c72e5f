"""A stand-in for Dice over small members of `medseg`: a forest fitted to recorded trainings of real ones.

Extremely randomised trees on decisions (by path, and by their last two names) and logarithms of exact costs: another
kind of model than the samplers' own, on other features. Members trained with several seeds count by their mean.

Run: python benchmarks/fitted.py    (a minute; how well it tells the Dice of members it was not fitted on; the noise)
"""

import csv
import json
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from recorded import record
from scipy.stats import kendalltau
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.feature_extraction import DictVectorizer
from sklearn.model_selection import RepeatedKFold
from sklearn.pipeline import Pipeline, make_pipeline

from nas.grammar import Option

__all__ = ["Fitted", "Trained", "recorded_members"]

TABLE = Path(__file__).parent / "tables" / "medseg_kvasir.csv"
COSTS = ("params", "macs", "traffic_bytes", "peak_memory_bytes", "kernels")
LAST = "dice_9"


class Trained(NamedTuple):
    """A member of which trainings are recorded."""

    features: dict[str, float]
    costs: dict[str, float]
    dice: tuple[float, ...]  # by seed


def recorded_members(path: Path = TABLE) -> list[Trained]:
    """Return the members of a table of `benchmarks/trainings.py`."""
    rows = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["key"]].append(row)
    found = []
    for trainings in rows.values():
        costs = {name: float(trainings[0][name]) for name in COSTS}
        features = features_of(json.loads(trainings[0]["decisions"]), costs)
        found.append(Trained(features, costs, tuple(float(row[LAST]) for row in trainings)))
    return found


def features_of(decisions: Mapping[str, Option], costs: Mapping[str, float]) -> dict[str, float]:
    """Return what the forest is told of a member."""
    found = {name: math.log10(max(1.0, costs[name])) for name in COSTS}
    for path, option in decisions.items():
        found[f"{path}={option}"] = 1.0
        tail = f"... {'.'.join(path.split('.')[-2:])}={option}"
        found[tail] = found.get(tail, 0.0) + 1.0
    return found


def forest() -> Pipeline:
    return make_pipeline(
        DictVectorizer(), ExtraTreesRegressor(500, min_samples_leaf=2, max_features=0.3, random_state=0)
    )


class Fitted:
    """The Dice of any small member of `medseg`, as the forest tells it; a search is told it with a training's noise."""

    def __init__(self, members: list[Trained]):
        self._model = forest().fit([one.features for one in members], [statistics.mean(one.dice) for one in members])
        self._noise = noise(members)
        self._known: dict[str, float] = {}

    def dice(self, decisions: Mapping[str, Option], costs: Mapping[str, float], key: str) -> float:
        """Return the Dice that a search is judged by."""
        if key not in self._known:
            self._known[key] = float(self._model.predict([features_of(decisions, costs)])[0])
        return self._known[key]

    def told(self, dice: float, key: str, seed: int) -> float:
        """Return the Dice that a search is told: of one training."""
        return min(1.0, max(0.0, dice + Random(f"{seed}:{key}").gauss(0, self._noise)))


def noise(members: list[Trained]) -> float:
    """Return the standard deviation of Dice between trainings of the same member with other seeds, pooled."""
    repeated = [one.dice for one in members if len(one.dice) > 1]
    return math.sqrt(
        sum(statistics.variance(dice) * (len(dice) - 1) for dice in repeated) / sum(len(dice) - 1 for dice in repeated)
    )


def main() -> int:
    """Say how far the forest can be believed."""
    members = recorded_members()
    told = np.array([statistics.mean(one.dice) for one in members])
    taus, errors = [], []
    for fitted_on, left_out in RepeatedKFold(n_splits=5, n_repeats=5, random_state=0).split(told):
        model = forest().fit([members[i].features for i in fitted_on], told[fitted_on])
        predicted = model.predict([members[i].features for i in left_out])
        taus.append(float(kendalltau(predicted, told[left_out]).statistic))
        errors.append(float(np.sqrt(np.mean((predicted - told[left_out]) ** 2))))
    spread = float(told.std(ddof=1))
    seeds = [one.dice[:2] for one in members if len(one.dice) > 1]
    ceiling = float(kendalltau(*zip(*seeds, strict=True)).statistic)
    about = {"members": len(members), "trainings": sum(len(one.dice) for one in members), "repeated": len(seeds)}
    tau = float(np.mean(taus))
    record(
        [
            {"name": "Kendall's tau on left-out members; baseline: two seeds of the same", "value": tau,
             "baseline": ceiling, "ratio": tau / ceiling, **about},
            {"name": "root mean square error of Dice, left out; baseline: of their mean",
             "value": float(np.mean(errors)), "baseline": spread, "ratio": float(np.mean(errors)) / spread},
            {"name": "Dice between seeds, standard deviation; baseline: between members", "value": noise(members),
             "baseline": spread, "ratio": noise(members) / spread},
        ]
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
