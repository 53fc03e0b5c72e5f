"""CPU seconds of one proposal in `medseg` after so many trials: `tpe` beside Optuna's own groups, `grammar` beside 1 s.

Run: python benchmarks/proposals.py   (one core, some minutes; writes benchmarks/results/proposals-cpu.json)

Trials are what evolution tried on the analytic problem of `landscapes.py`. A proposal of TPE is one that is asked and
derived; a search may ask for up to 50 of them, till one is new and feasible. `grammar` screens its candidates itself,
and knows the members of earlier trials, as it does in a search.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random

import optuna
import torch
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState
from recorded import record
from samplers import LANDSCAPE, Known, study_config, trial_of

from studies.proposing import Proposer
from studies.samplers.making import Maker
from studies.samplers.tpe import ReachedTPE

TRIALS, ASKED, AIM_S = (50, 150, 500), 8, 1.0


def history(screen: Known, proposer: Proposer, count: int) -> list[FrozenTrial]:
    """Return the trials of a search."""
    trials: list[FrozenTrial] = []
    for _ in range(count):
        candidate = proposer.next(trials).candidate
        trials.append(trial_of(candidate, screen.space, LANDSCAPE.dice(candidate, 0)))
    return trials


def grouped(seed: int) -> BaseSampler:
    """Return Optuna's TPE, which samples all groups before a trial."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=1)


def asks(make: Callable[[int], BaseSampler], trials: list[FrozenTrial]) -> Iterator[float]:
    """Yield the seconds of proposals that are asked one after the other, as a search asks for them."""
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=make(0))
    study.add_trials(trials)
    while True:
        began = time.process_time()
        trial = study.ask()
        LANDSCAPE.space.derive(trial.suggest_categorical)  # type: ignore[arg-type]
        yield time.process_time() - began
        study.tell(trial, state=TrialState.PRUNED)


def whole(maker: Maker, trials: list[FrozenTrial]) -> Iterator[float]:
    """Yield the seconds of proposals of `grammar`, as a search asks for them."""
    for number in range(ASKED + 1):
        began = time.process_time()
        maker.asks(trials, Random(number)).ask()
        yield time.process_time() - began


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = study_config(LANDSCAPE, "evolution", 0)
    screen = Known(LANDSCAPE, config)
    trials = history(screen, Proposer(screen, config, LANDSCAPE.reference), max(TRIALS))
    maker = Maker("grammar", screen, LANDSCAPE.reference, 0)
    record(row for count in TRIALS for row in rows(maker, trials[:count]))


def rows(maker: Maker, trials: list[FrozenTrial]) -> Iterator[dict[str, object]]:
    at = f"CPU seconds of a proposal after {len(trials)} trials"
    in_turn = list(islice(zip(asks(ReachedTPE, trials), asks(grouped, trials), strict=True), 1, ASKED + 1))
    ours, theirs = zip(*in_turn, strict=True)
    yield row(f"{at}, tpe; baseline: all groups", ours, statistics.median(theirs))
    yield row(f"{at}, grammar; baseline: the aim", list(whole(maker, trials))[1:], AIM_S)


def row(name: str, seconds: Sequence[float], baseline: float) -> dict[str, object]:
    value = statistics.median(seconds)
    return {"name": name, "value": round(value, 4), "baseline": round(baseline, 4), "ratio": round(value / baseline, 4)}


if __name__ == "__main__":
    main()
