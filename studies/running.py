"""What the commands do, with words for the person at the terminal."""

import shlex
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import optuna
import torch
from rich.console import Console
from rich.text import Text

from evaluators.data import DataError, block_of_slices, check, find_pairs, recognise
from evaluators.data.examination import faults_of
from evaluators.data.samples import listed
from evaluators.device import describe_device, pick_device
from nas.space import SearchSpace
from search_spaces import spaces
from studies.config import StudyConfig, folder_name, load_config
from studies.data_section import FolderData
from studies.errors import ConfigError
from studies.families import lines_of
from studies.fidelity import foretelling
from studies.folder import StudyFolder, write_atomic
from studies.latency_meter import LatencyMeter
from studies.material import Material, load_material, with_deploy_size
from studies.own_rules import checked_space, fix_rules, rules_of
from studies.pretrained import load_pretrained
from studies.progress import Progress, duration
from studies.records import StudyRecord, load
from studies.rehearsal import rehearse
from studies.screening import Screen
from studies.search import Search, check_sizes, disk_free_bytes
from studies.slots import executor_for, slots_of
from studies.splitting import data_section, with_full_parts
from studies.standing import last_said
from studies.starter import starter_yaml
from studies.tables import foretelling_table, front_table, outcome_line, pretrained_line

__all__ = ["dry_run", "run", "show_status", "write_starter"]

LEAST_FREE_BYTES = 500_000_000


def run(
    path: Path,
    overrides: Sequence[str],
    directory: Path | None,
    interrupted: Callable[[], bool],
    rules: Sequence[str] = (),
) -> bool:
    """Run or resume a study and print its front. Return False if no trial ended well. rules: what --rules named."""
    console, config, space = _opened(path, overrides)
    own = rules_of(rules)
    space = checked_space(space, own)
    pretrained = load_pretrained(config)
    if config.train.threads != "auto":
        torch.set_num_threads(config.train.threads)
    folder = StudyFolder(directory or Path("runs") / folder_name(config.name))
    with folder.driver(), Progress(console) as progress:
        fix_rules(folder, own)
        folder.begin(config)
        progress.say(f"study {config.name} in {folder.root} · {describe_device(pick_device(config.device))}")
        if own:
            progress.say(f"space {space.label}; the rules of {', '.join(each.source for each in own)} are checked")
        if disk_free_bytes(folder.root) < LEAST_FREE_BYTES:
            raise ConfigError(f"{folder.root}: less than {LEAST_FREE_BYTES // 10**6} MB free on this disk; make room")
        material = load_material(config, folder, lambda done, total: progress.doing(f"reading images {done}/{total}"))
        progress.say(_said(material))
        progress.doing("finding out how many trainings fill this machine best")
        executor = executor_for(config, material, pretrained, interrupted)
        Search(config, space, folder, material, progress, interrupted, executor, pretrained).run()
    record = load(folder.root)
    _print_standing(console, record)
    kept = [text for text in overrides if not text.startswith("budget.trials=")]
    place = ["--dir", str(directory)] if directory else []
    place += [word for source in rules for word in ("--rules", source)]
    more = shlex.join(["nas", "search", str(path), *kept, f"budget.trials={2 * config.budget.trials}", *place])
    for line in (f"Next: nas status {folder.root}", f"More trials: {more}"):
        console.print(Text(line), soft_wrap=True)  # a command is copied as one line
    return not record.front().empty


def dry_run(path: Path, overrides: Sequence[str], rules: Sequence[str] = ()) -> None:
    """Print the size of the space, the feasible share, seconds per trial, what fits the budget, and disk use."""
    console, config, space = _opened(path, overrides)
    space = checked_space(space, rules_of(rules))
    pretrained = load_pretrained(config)
    screen = Screen(space, config, LatencyMeter(config).measure)
    with Progress(console) as progress:
        material = load_material(config, None, lambda done, total: progress.doing(f"reading images {done}/{total}"))
        progress.say(_said(material))
        if pretrained is not None:
            progress.say(pretrained.said(screen))
        progress.doing("drawing and timing members")
        found = rehearse(config, screen, material, len(slots_of(config)[0]), pretrained)
    console.print(
        f"space {space.label}: {found.size:.3g} derivations; feasible: {found.feasible_share:.0%} of random ones"
    )
    for line in lines_of(found.refused, found.families):
        console.print(Text(line), soft_wrap=True)
    if found.pretrained_share is not None:
        console.print(f"of feasible random ones {found.pretrained_share:.1%} begin with some of the encoder weights")
    for what, macs, seconds in zip(("cheapest", "median", "dearest"), found.macs, found.seconds_per_trial, strict=True):
        console.print(f"a trial, {what} draw ({macs / 1e9:.2f} GMACs deployed): {duration(seconds)}")
    console.print(
        f"budget: {config.budget.trials} trials take about {duration(found.total_seconds)}{_stopping(config)}"
    )
    if found.fitting_trials is not None:
        console.print(f"in {config.budget.hours} h fit about {found.fitting_trials} trials")
    console.print(
        f"disk: at most about {found.disk_bytes / 1e6:.0f} MB; free {disk_free_bytes(Path.cwd()) / 1e9:.1f} GB"
    )


def _stopping(config: StudyConfig) -> str:
    return "" if config.rungs.promote == "off" else ", most of them stopped early by rungs"


def show_status(directory: Path) -> None:
    """Print how a study stands, and what its driver said last if one is at work."""
    console, record = Console(), load(directory)
    said = last_said(record.folder)
    if said:
        ago = duration(time.time() - said.at)
        console.print(Text(f"running (process {said.pid}, {said.slots} at once), {ago} ago: {said.text}"))
    _print_standing(console, record)


def write_starter(data: Path, out: Path | None, name: str | None) -> None:
    """Check the images of a folder and write a commented study file. Raises DataError listing what cannot be used."""
    console = Console()
    found = recognise(data)
    section = data_section(data, found)
    with Progress(console) as progress:
        pairs = find_pairs(found.layout)
        checked = check(pairs, lambda done, total: progress.doing(f"checking images {done}/{total}"), form=found.form)
    if checked.faults or checked.facts is None:
        raise DataError(
            f"{data}: {len(checked.faults)} files cannot be used: {listed(checked.faults)}; mend or remove them"
        )
    facts = checked.facts
    study = name or data.resolve().name
    path = out or Path(f"{folder_name(study)}.yaml")
    if path.exists():
        raise ConfigError(f"{path}: exists already; give another file with --out, or remove it")
    section = section.model_copy(update={"block": block_of_slices(checked.looks)})
    section = with_full_parts(section, pairs, [look.hash for look in checked.looks])
    side = min(facts.median_height, facts.median_width)
    write_atomic(path, starter_yaml(study, section, facts.count, side, facts.foreground_share[2]))
    console.print(f"{facts.count} pairs, median {facts.median_width} x {facts.median_height} pixels, all can be used")
    doubtful = faults_of(checked.looks, {})
    if doubtful:
        console.print(Text(f"{len(doubtful)} files are EXIF-rotated or CMYK; look at them: nas data check {data}"))
    for line in (*found.said, *_advice(section, facts.foreground_share[2])):
        console.print(Text(line))
    console.print(f"wrote {path}. Next: nas search {path} --dry-run")


def _advice(section: FolderData, foreground_median: float) -> Iterator[str]:
    """What a person should look at in the file that was written."""
    if section.block is not None:
        yield f"neighbouring numbers look alike, as slices do: data.block: {section.block} keeps them together"
    if foreground_median > 0.5:
        share = f"half of the masks are more than {foreground_median:.0%} foreground"
        yield f"{share}; if that is the background, set data.invert: true"


def _opened(path: Path, overrides: Sequence[str]) -> tuple[Console, StudyConfig, SearchSpace]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    config = load_config(path, overrides)
    if config.space not in spaces:
        raise ConfigError(f"{path}: space: '{config.space}' is unknown; known: {', '.join(spaces)}")
    config = with_deploy_size(config)
    check_sizes(config, spaces[config.space])
    return Console(), config, spaces[config.space]


def _said(material: Material) -> str:
    parts = (
        f"{len(material.training)} training, {len(material.validation)} validation, {material.test_count} test images"
    )
    trivial = ", ".join(f"{name.replace('_', ' ')} {dice:.3f}" for name, dice in material.baselines.items())
    return f"{parts} · trivial Dice: {trivial}"


def _print_standing(console: Console, record: StudyRecord) -> None:
    trials = record.trials()
    console.print(
        f"{record.folder.root}: {len(trials)} of {record.config.budget.trials} trials: {outcome_line(trials)}"
    )
    weights = record.config.train.encoder_weights
    if weights is not None:
        console.print(pretrained_line(trials, weights.network))
    if not record.front().empty:
        console.print(front_table(record.front(), record.config.objectives))
        point = ", ".join(f"{name} {value:.4g}" for name, value in record.reference.values.items())
        early = foretelling(record)
        if not early.empty:
            console.print(foretelling_table(early))
        console.print(f"hypervolume {record.hypervolume().iloc[-1]:.4f}; reference point: {point}")
