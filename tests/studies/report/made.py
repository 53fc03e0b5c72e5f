"""Studies with known trials, written as a search writes them, without training anything."""

import json
import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from PIL import Image

import nas
from nas.grammar import Option
from search_spaces import published, spaces
from studies.config import StudyConfig
from studies.folder import StudyFolder, write_atomic
from studies.front import Reference
from studies.predictions import PICTURES, PREDICTIONS, Case, Predictions, write_predictions
from studies.report.rows import Study, read_study, study_of
from studies.retraining.plan import RetrainFolder
from studies.storing import closed

SPACE = spaces["unet"]
BEGAN = datetime(2026, 1, 1)
EPOCHS, RUNGS = 9, (1, 3, 9)


def config_of(**sections: object) -> StudyConfig:
    plain = {
        "name": "made",
        "space": "unet",
        "data": {"kind": "generated"},
        "train": {"epochs": EPOCHS, "size": 64},
        "deploy": {"size": 64},
    }
    return StudyConfig.model_validate(plain | {"budget": {"trials": 40}} | sections)


def trials(count: int, seed: int = 0, folder: StudyFolder | None = None, state: str = "mixed") -> Iterator[FrozenTrial]:
    """Published networks first; of the others every third is stopped at a rung and every eighth fails."""
    rng, began = Random(seed), BEGAN
    for number in range(count):
        name = ("amsunet", "unet_bn32")[number] if number < 2 and state == "mixed" else ""
        architecture = published[name] if name else SPACE.sample(rng)
        graph = nas.build(architecture, (3, 64, 64))
        cost = asdict(nas.cost(nas.deploy(graph)))
        cost |= {"latency_ms": cost["traffic_bytes"] * 2e-7 * rng.uniform(0.7, 1.4), "latency_iqr_ms": 0.1}
        failed = state == "failed" or (state == "mixed" and number > 2 and number % 8 == 0)
        epochs = RUNGS[number % 2] if number > 2 and number % 3 == 0 else EPOCHS
        curve = curve_of(math.log10(cost["macs"]), epochs, rng)
        if folder is not None:
            folder.trial(number).mkdir(parents=True)
            (folder.trial(number) / "graph.json").write_text(graph.to_json())
        began += timedelta(minutes=2)
        decisions = SPACE.decisions(architecture)
        made = trial(decisions, cost, curve, began, f"published:{name}" if name else "tpe", failed)
        made.distributions = options_of(decisions)
        yield made


def options_of(decisions: Mapping[str, Option]) -> dict[str, BaseDistribution]:
    found: dict[str, BaseDistribution] = {}

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        found[path] = CategoricalDistribution(options)
        return decisions[path]

    SPACE.derive(choose)
    return found


def curve_of(log_macs: float, epochs: int, rng: Random) -> list[float]:
    end = min(0.95, max(0.05, 0.25 + 0.09 * (log_macs - 5) + rng.gauss(0, 0.03)))
    return [round(end * (1 - math.exp(-(e + 1) / 2.5)) + rng.gauss(0, 0.004), 6) for e in range(epochs)]


def trial(
    decisions: dict[str, object],
    costs: dict[str, float],
    curve: Sequence[float],
    ended: datetime,
    origin: str = "tpe",
    failed: bool = False,
    objectives: Sequence[str] = ("dice", "latency_ms", "traffic_bytes"),
    **facts: object,
) -> FrozenTrial:
    """A trial that ended well if its curve has all epochs, else stopped at a rung, unless it failed."""
    well = len(curve) == EPOCHS and not failed
    known = {"key": "k", "origin": origin, "costs": dict(costs), "seconds": 12.0 * len(curve)}
    known |= {"outcome": "ok" if well else "stopped", "reason": "", "curve": list(curve)}
    if failed:
        known |= {"outcome": "oom", "reason": "OutOfMemory: out of memory at step 3"}
        del known["curve"]
    values = [curve[-1] if name == "dice" else costs[name] for name in objectives] if well else None
    state = TrialState.COMPLETE if well else TrialState.FAIL if failed else TrialState.PRUNED
    made = create_trial(
        state=state,
        values=values,
        params=dict(decisions),
        distributions={path: CategoricalDistribution((option, "-")) for path, option in decisions.items()},
        user_attrs=known | facts,
    )
    made.datetime_start, made.datetime_complete = ended, ended
    return made


def reference_of(config: StudyConfig) -> dict[str, float]:
    known = {"dice": 0.2, "latency_ms": 50.0, "traffic_bytes": 3e8, "macs": 6e8}
    return {name: known[name] for name in config.objectives}


def write(folder: StudyFolder, config: StudyConfig, made: Sequence[FrozenTrial]) -> Path:
    """Store a study's record in its folder."""
    folder.begin(config)
    facts = {"reference": reference_of(config), "identity": "made", "rungs": RUNGS}
    folder.facts_file.write_text(json.dumps(facts))
    storage = folder.storage(writing=True)
    study = optuna.create_study(
        study_name=folder.study_name(),
        storage=storage,
        directions=["maximize" if name == "dice" else "minimize" for name in config.objectives],
    )
    study.add_trials(made)
    closed(storage)
    return folder.root


def on_disk(root: Path) -> Path:
    """A study of forty trials with all that a page reads; two of the front and trial 1 have predictions."""
    folder = StudyFolder(root)
    write(folder, config_of(), list(trials(40, folder=folder)))
    folder.screened_file.write_text('{"infeasible": 12, "duplicate": 3, "admitted": 40}')
    for number in (8, 16):
        text = 'Traceback:\n  File "/home/somebody/own/nas/module.py", line 3\n<b>no room</b>\n'
        (folder.trial(number) / "fault.txt").write_text("old\n" * 100 + text)
    for number in {1, *read_study(root).front[:2]}:
        predict(folder, number)
    return root


def predict(folder: StudyFolder, number: int, names: Sequence[str] = ("anna.png", "bert.png")) -> Predictions:
    """Store cases whose pictures are one square of the colour of a name's first letter, all sizes and kinds alike."""
    cases = []
    for place, name in enumerate(names):
        file = BytesIO()
        Image.new("RGB", (32, 32), (ord(name[0]), 60, 60)).save(file, "png")
        picture = b64encode(file.getvalue()).decode()
        cases.append(Case(name, 0.1 + 0.2 * place, dict.fromkeys(PICTURES, picture)))
    found = Predictions(12, 0.75, tuple(cases))
    write_predictions(folder.trial(number) / PREDICTIONS, found)
    return found


def retrain(folder: StudyFolder, name: str, dices: Mapping[str, Sequence[float | None]], epochs: int = 30) -> None:
    """Store retrainings by what a retraining calls a network; None: the training of a seed has not ended well."""
    root = RetrainFolder(folder.root / "retrained" / name)
    seeds = list(range(1, 1 + max(map(len, dices.values()))))
    for network, by_seed in dices.items():
        for seed, dice in zip(seeds, by_seed, strict=False):
            result = {"outcome": "oom" if dice is None else "ok", "dice": dice, "epochs": epochs}
            write_atomic(root.run(network, seed).result_file, json.dumps(result))
    write_atomic(root.selection_file, json.dumps({"networks": dict.fromkeys(dices, "key"), "seeds": seeds}))


def study(made: Sequence[FrozenTrial], root: Path = Path("nowhere"), **sections: object) -> Study:
    """A study in memory, its trials numbered from 0."""
    for number, one in enumerate(made):
        one.number = number
    config = config_of(**sections)
    return study_of(StudyFolder(root), config, Reference(reference_of(config)), made)
