"""How long the driver of a search takes per trial, the sampler's model, latency and training left out.

Run: python benchmarks/driver.py   (minutes; writes benchmarks/results/driver-cpu.json)

Each storage is filled with trials as searches leave them, one in nine trained through and the others stopped at rungs.
Then a search goes on for some trials whose candidates are ready and whose trainings end at once: what is timed is
recording, promotion, the standing, and keeping the disk tidy. PostgreSQL is measured where a URL is given.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from random import Random

import optuna
import torch
from optuna.distributions import CategoricalDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial
from recorded import record
from rich.console import Console
from sqlalchemy import text

from evaluators.curve import Curve, EpochRecord
from evaluators.faults import Interrupted
from search_spaces import spaces
from studies.config import load_config
from studies.execution import Ended, Job, Report
from studies.folder import StudyFolder
from studies.material import load_material
from studies.progress import Progress
from studies.screening import Candidate, Verdict
from studies.search import Search
from studies.trial import Result

SIZES, TIMED, EPOCHS, AIM_MS = (100, 1_000, 5_000), 30, 9, 50.0
COPIED = {
    "trial_params": "param_name, param_value, distribution_json",
    "trial_user_attributes": "key, value_json",
    "trial_values": "objective, value, value_type",
}
STUDY = """\
name: driver
objectives: [dice, macs, traffic_bytes]
data: {{kind: generated, images: 20, size: 64}}
train: {{size: 64, epochs: {epochs}}}
deploy: {{size: 64}}
storage: {storage}
budget: {{trials: 100000}}
start: {{published: false}}
"""


class Instant:
    """An executor whose trainings end at once, with a drawn Dice."""

    slots = 1

    def __init__(self, left: int):
        self.ended, self._left, self._job, self._rng = 0, left, None, Random(1)

    def submit(self, job: Job) -> None:
        self._job = job

    def wait(self, seconds: float) -> list[Report]:
        job, self._job = self._job, None
        if job is None:
            return []
        self.ended += 1
        records = tuple(EpochRecord(i + 1, 1.0, self._rng.random(), 1.0, 0.5) for i in range(job.until))
        return [Ended(job, Result("ok" if job.until == EPOCHS else "paused", "", Curve(records), 1.0))]

    def cancel(self, job: Job) -> None: ...

    def close(self, seconds: float) -> None: ...

    @contextmanager
    def quiet(self) -> Iterator[None]:
        yield


class Ready:
    """Hands out candidates that were built before."""

    def __init__(self, candidates: list[Candidate]):
        self._candidates = iter(candidates)

    def next(self, trials: object) -> Verdict:
        candidate = next(self._candidates)
        return Verdict(candidate, costs=asdict(candidate.cost))


def candidates(count: int) -> list[Candidate]:
    space, rng, found = spaces["unet"], Random(0), []
    for _ in range(count):
        member = space.sample(rng)
        found.append(Candidate(member, space.decisions(member), "random", 64, "fp32"))
        _ = found[-1].cost
    return found


def fill(study: optuna.Study, count: int, drawn: list[Candidate]) -> None:
    rng, trials = Random(2), []
    for number in range(count):
        candidate = drawn[number % len(drawn)]
        done = number % 9 == 0
        curve = [rng.random() for _ in range(EPOCHS if done else 1)]
        distributions: dict[str, CategoricalDistribution] = {}

        def record(path, options, candidate=candidate, distributions=distributions):
            distributions[path] = CategoricalDistribution(options)
            return candidate.decisions[path]

        spaces["unet"].derive(record)
        costs = asdict(candidate.cost)
        facts = {"key": f"{number}", "origin": "random", "costs": costs, "curve": curve, "seconds": 1.0}
        facts |= {"outcome": "ok"} if done else {"outcome": "stopped", "paused": 1}
        values = [curve[-1], costs["macs"], costs["traffic_bytes"]] if done else None
        state = TrialState.COMPLETE if done else TrialState.PRUNED
        trials.append(
            create_trial(
                state=state,
                values=values,
                params=dict(candidate.decisions),
                distributions=distributions,
                user_attrs=facts,
            )
        )
    study.add_trials(trials)


def multiply(study: optuna.Study, known: int, count: int) -> None:
    """Copy the first `known` trials until there are `count`: through Optuna each takes a tenth of a second."""
    backend = getattr(study._storage, "_backend", None)
    if not isinstance(backend, RDBStorage):
        for _ in range(count // known - 1):
            study.add_trials(study.get_trials()[:known])
        return
    copies = [
        "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) "
        "SELECT number + :more, study_id, state, datetime_start, datetime_complete FROM trials "
        "WHERE study_id = :study AND number < :known"
    ]
    for table, columns in COPIED.items():
        copies.append(
            f"INSERT INTO {table} (trial_id, {columns}) SELECT n.trial_id, {columns} FROM {table} JOIN trials o ON "
            f"{table}.trial_id = o.trial_id JOIN trials n ON n.study_id = o.study_id AND n.number = o.number + :more "
            "WHERE o.study_id = :study AND o.number < :known"
        )
    with backend.engine.begin() as connection:
        for more in range(known, count, known):
            for copy in copies:
                connection.execute(text(copy), {"more": more, "study": study._study_id, "known": known})


def milliseconds(storage: str, count: int, drawn: list[Candidate]) -> tuple[float, float]:
    """Return the driver's CPU and wall time per trained job with so many trials on record."""
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "study.yaml"
        name = f"driver-{count}-{time.time_ns()}"
        file.write_text(STUDY.format(epochs=EPOCHS, storage=storage).replace("name: driver", f"name: {name}"))
        config, folder = load_config(file), StudyFolder(Path(place) / "run")
        folder.begin(config)
        material, executor = load_material(config, folder), Instant(TIMED)
        with Progress(Console(quiet=True)) as progress:
            search = Search(
                config, spaces["unet"], folder, material, progress, lambda: executor.ended >= TIMED, executor
            )
            fill(search._ledger._study, min(count, 1_000), drawn)
            if count > 1_000:
                multiply(search._ledger._study, 1_000, count)
            search._ledger._known = None  # it takes itself for the only writer
            for number in range(count):
                folder.trial(number).mkdir(parents=True)
            search._proposer = Ready(drawn)
            search._promoted(), search._standing()  # what is computed once
            began, worked = time.perf_counter(), time.process_time()
            with suppress(Interrupted):
                search.run()
            wall, work = time.perf_counter() - began, time.process_time() - worked
            return 1000 * work / executor.ended, 1000 * wall / executor.ended


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgresql", help="its URL")
    parser.add_argument("--only", action="store_true", help="PostgreSQL alone")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    drawn = candidates(60)
    storages = [asked.postgresql] if asked.postgresql else []
    record(measured(drawn, storages if asked.only else ["journal", "sqlite", *storages]))


def measured(drawn: list[Candidate], storages: Sequence[str]) -> Iterator[dict[str, object]]:
    for storage in storages:
        for count in SIZES:
            value, wall = milliseconds(storage, count, drawn)
            name = f"driver CPU ms per trial, {storage.partition(':')[0]}, {count} trials on record"
            row = {"name": name, "value": round(value, 2), "wall_ms": round(wall, 2)}
            yield row | {"baseline": AIM_MS, "ratio": round(value / AIM_MS, 3)}


if __name__ == "__main__":
    sys.exit(main())
