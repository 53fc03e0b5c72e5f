"""What a retraining is held to: networks, seeds and recipe, stored and hashed before anything is trained or tested."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.graph import Graph
from studies.config import StudyConfig, changed_fields, fixed_for_resume, folder_name, load_config
from studies.errors import ConfigError, SourceError
from studies.folder import StudyFolder, held, read_json, write_atomic

if TYPE_CHECKING:  # they load torch, which reading a retraining does without
    from studies.pretrained import Pretrained
    from studies.retraining.selecting import Chosen

__all__ = ["Plan", "RetrainFolder", "Run", "check_weights", "retrain_config", "run_in", "store", "stored_plan"]

_FORMAT = 1
_MAY_DIFFER = ("train.", "device", "workers")


@dataclass(frozen=True)
class Run:
    """One training of one network."""

    network: str
    seed: int
    folder: Path
    retraining: "RetrainFolder"

    @property
    def result_file(self) -> Path:
        """How it ended; absent before that."""
        return self.folder / "result.json"

    def result(self) -> dict[str, Any]:
        """Return how it ended, empty before that."""
        return read_json(self.result_file)


@dataclass(frozen=True)
class RetrainFolder:
    """Paths of one retraining."""

    root: Path

    @property
    def config_file(self) -> Path:
        """The study's configuration with what the command line changed."""
        return self.root / "study.yaml"

    @property
    def selection_file(self) -> Path:
        """Networks and seeds; its hash is what is logged when the test set is opened."""
        return self.root / "selection.json"

    @property
    def opening_file(self) -> Path:
        """Which opening of the test set was this retraining's."""
        return self.root / "opening.json"

    @property
    def images_file(self) -> Path:
        """The scores, image by image."""
        return self.root / "images.csv"

    @property
    def results_file(self) -> Path:
        """Means, intervals, differences and latencies."""
        return self.root / "results.json"

    @property
    def tables_file(self) -> Path:
        """The same as Markdown."""
        return self.root / "results.md"

    @property
    def failures_file(self) -> Path:
        """How trainings failed that were tried again, one line each."""
        return self.root / "failures.jsonl"

    def earlier(self, opening: int) -> Path:
        """The folder for results of an opening that another followed, after trainings were tried again."""
        return self.root / f"opening-{opening}"

    def run(self, network: str, seed: int) -> Run:
        """Return one of its trainings."""
        place = self.root / "runs" / folder_name(network.replace(":", "-")) / f"seed-{seed}"
        return Run(network, seed, place, self)

    @contextmanager
    def driver(self) -> Iterator[None]:
        """Hold the folder: a second driver is refused."""
        with held(self.root, "retrain"):
            yield


@dataclass(frozen=True)
class Plan:
    """A stored selection. sha256: of `selection.json`."""

    folder: RetrainFolder
    keys: dict[str, str]
    seeds: tuple[int, ...]
    sha256: str

    def runs(self) -> list[Run]:
        """Return all trainings, one seed of every network after the other."""
        return [self.folder.run(name, seed) for seed in self.seeds for name in self.keys]

    def unfinished(self) -> list[Run]:
        """Return the trainings that have not ended, well or with a fault."""
        return [run for run in self.runs() if not run.result_file.exists()]


def retrain_config(study: StudyFolder, overrides: Sequence[str]) -> StudyConfig:
    """Return the study's configuration with overrides. Raises ConfigError for one of anything but training."""
    old, new = study.config(), load_config(study.config_file, overrides)
    wrong = [name for name in changed_fields(old, new) if not name.startswith(_MAY_DIFFER)]
    if wrong:
        raise ConfigError(f"{wrong[0]}: is the study's; a retraining may change train.*, device and workers only")
    return new.model_copy(update={"proxies": ()})


def stored_plan(
    folder: RetrainFolder, study: StudyFolder, config: StudyConfig, selections: Sequence[str], seeds: int
) -> Plan | None:
    """Return the stored plan if it is of this selection, these seeds and this recipe; None where nothing is stored.

    What was selected stays selected, also if the study has gone on since. Raises ConfigError if it is of others.
    """
    if not folder.selection_file.exists():
        return None
    text = folder.selection_file.read_text(encoding="utf-8")
    stored = json.loads(text)
    now = {"format": _FORMAT, "select": list(selections), "seeds": seeds_of(config, seeds)}
    for name, value in now.items():
        if stored.get(name) != value:
            raise ConfigError(f"{folder.root}: began with {name} {stored.get(name)}, not {value}; give another --name")
    try:
        fixed_for_resume(load_config(folder.config_file), config)
    except ConfigError as fault:
        raise ConfigError("\n".join(f"{folder.root}: {line}" for line in str(fault).splitlines())) from None
    _check_split(folder, study, stored["split_sha256"])
    plan = Plan(folder, stored["networks"], tuple(stored["seeds"]), _sha256(text))
    for run in plan.runs():
        _check_graph(run, plan.keys[run.network])
    return plan


def store(
    folder: RetrainFolder,
    study: StudyFolder,
    config: StudyConfig,
    selections: Sequence[str],
    networks: "Sequence[Chosen]",
    seeds: int,
    pretrained: "Pretrained | None",
) -> Plan:
    """Store the networks of every run and what they begin with, then what was selected, and return it."""
    keys = {network.name: network.graph.key() for network in networks}
    for network in networks:
        for seed in seeds_of(config, seeds):
            place = folder.run(network.name, seed).folder
            write_atomic(place / "graph.json", network.graph.to_json())
            if network.architecture is not None:
                write_atomic(place / "architecture.json", network.architecture)
            if pretrained is not None:
                pretrained.record(place, network.graph)
    write_atomic(folder.config_file, config.to_yaml())
    selection = {
        "format": _FORMAT,
        "select": list(selections),
        "seeds": seeds_of(config, seeds),
        "networks": keys,
        "recipe_sha256": _sha256(config.train.model_dump_json()),
        "encoder_weights_sha256": None if pretrained is None else pretrained.sha256,
        "split_sha256": _sha256(study.split_file.read_text(encoding="utf-8")),
    }
    text = json.dumps(selection, indent=1)
    write_atomic(folder.selection_file, text)
    return Plan(folder, keys, tuple(seeds_of(config, seeds)), _sha256(text))


def check_weights(plan: Plan, pretrained: "Pretrained | None") -> None:
    """Raise ConfigError if the encoder weights are other ones than the plan's first trainings began with."""
    was = read_json(plan.folder.selection_file).get("encoder_weights_sha256")
    if pretrained is not None and was != pretrained.sha256:
        raise ConfigError(
            f"{plan.folder.root}: train.encoder_weights.file: {pretrained.file} has changed since this began: SHA-256 "
            f"{was}, now {pretrained.sha256}; put the old file back, or give another --name"
        )


def run_in(place: Path) -> Run | None:
    """Return the training whose folder this is, if it is one's and has ended well."""
    place = place.resolve()
    folder = RetrainFolder(place.parents[2]) if len(place.parents) > 2 else None
    if folder is None or not folder.selection_file.is_file():
        return None
    stored = json.loads(folder.selection_file.read_text(encoding="utf-8"))
    runs = (folder.run(name, seed) for name in stored["networks"] for seed in stored["seeds"])
    run = next((run for run in runs if run.folder == place), None)
    if run is not None and run.result().get("outcome") != "ok":
        raise SourceError(f"{place}: this training has not ended well; choose another seed")
    return run


def seeds_of(config: StudyConfig, count: int) -> list[int]:
    """Return seeds; the search's own is none of them: the networks were chosen by how they did with that."""
    return [(config.seed + 1 + i) % 2**32 for i in range(count)]


def _check_split(folder: RetrainFolder, study: StudyFolder, was: str) -> None:
    if _sha256(study.split_file.read_text(encoding="utf-8")) != was:
        raise ConfigError(f"{folder.root}: {study.split_file} has changed since this began; put the old one back")


def _check_graph(run: Run, key: str) -> None:
    path = run.folder / "graph.json"
    if not path.is_file() or Graph.from_json(path.read_text(encoding="utf-8")).key() != key:
        raise ConfigError(f"{path}: is not the network that was selected; put it back, or give another --name")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
