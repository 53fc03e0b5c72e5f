"""What a study is: its YAML file, checked, with the overrides of the command line.

A relative `data.root` is relative to the current working directory of whoever runs the study, not to the file.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from evaluators.metrics import METRICS as KNOWN
from studies.constraints import LEARNED, Constraint, parse_constraint
from studies.data_section import FolderData, FolderSplit
from studies.errors import Address, ConfigError, dotted, one_line, shown
from studies.reading import Value, apply_overrides, parse_override, read_marked
from studies.sections import (
    Budget,
    Deploy,
    Device,
    EncoderWeights,
    GeneratedData,
    ProxyName,
    Rungs,
    Sampler,
    Section,
    Seed,
    Split,
    Start,
    Storage,
    Train,
)
from studies.validation import Source, broken_rules, explain
from studies.writing import to_yaml

__all__ = [
    "METRICS",
    "Budget",
    "Deploy",
    "EncoderWeights",
    "FolderData",
    "FolderSplit",
    "GeneratedData",
    "Rungs",
    "Sampler",
    "Split",
    "Start",
    "StudyConfig",
    "Train",
    "changed_fields",
    "fixed_for_resume",
    "folder_name",
    "load_config",
]

METRICS = tuple(KNOWN)

# What neither the trials' values nor their comparison depend on; everything else is fixed when a study starts.
FREE_ON_RESUME = (
    ("budget",),
    ("device",),
    ("pictures",),
    ("proxies",),
    ("workers",),
    ("rungs", "keep"),
    ("sampler", "startup"),
    ("train", "silence_s"),
    ("train", "threads"),
    ("train", "timeout_s"),
)

LONGEST_SLUG = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")  # device names of Windows


def _limit_text(text: object) -> object:
    if not isinstance(text, str):
        number = f"{text}" if isinstance(text, int | float) else "50"
        raise broken_rules({(): f"needs '<= NUMBER', such as '<= {number}'; came {shown(text)}"})
    return text


Limit = Annotated[str, BeforeValidator(_limit_text)]


class StudyConfig(Section):
    """A whole study. Values that YAML leaves out have the defaults given here; a section left empty has all of them."""

    name: str = Field(min_length=1, description="shown as it is; the folder below runs/ is named after it")
    space: str = Field(default="unet", min_length=1, description="the search space; a wrong name lists them")
    seed: Seed = Field(default=0, description="of the search: proposals and initial weights")
    device: Device = Field(default="auto", description="trains: auto, cpu, cuda or cuda:N; may change on resume")
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        default="auto", description="processes that train; 0: none, train in this one; may change on resume"
    )
    storage: Storage = Field(
        default="journal", description="of the trials: journal, sqlite or postgresql://USER@HOST/DATABASE"
    )
    objectives: tuple[str, ...] = Field(
        default=("dice", "latency_ms", "traffic_bytes"),
        strict=False,
        description=f"dice and any of {', '.join(METRICS[1:])}",
    )
    constraints: dict[str, Limit] = Field(
        default={},
        description="upper limits on costs; a network above one is never trained",
        examples=[{"latency_ms": "<= 50", "traffic_bytes": "<= 200 MB", "macs": "<= 1.5 G"}],
    )
    proxies: tuple[ProxyName, ...] = Field(
        default=(),
        strict=False,
        description="scores before training, beside Dice: synflow, naswot, grad_norm, jacob_cov; may change on resume",
    )
    pictures: bool = Field(
        default=True,
        description="whether the study's folder may hold validation images, with what its networks predict on them; "
        "may change on resume",
    )
    data: Annotated[FolderData | GeneratedData, Field(discriminator="kind", description="what is learned from")]
    train: Train = Field(default=Train(), description="how each network is trained")
    deploy: Deploy = Field(default=Deploy(), description="what latency, traffic and peak memory are of")
    sampler: Sampler = Field(default=Sampler(), description="what proposes the next network")
    budget: Budget = Field(default=Budget(), description="when the search ends; may change on resume")
    rungs: Rungs = Field(default=Rungs(), description="which trainings are stopped early")
    start: Start = Field(default=Start(), description="what is tried first")

    @model_validator(mode="before")
    @classmethod
    def _empty_sections_have_the_defaults(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        sections = {"constraints", "data", "train", "deploy", "sampler", "budget", "rungs", "start"}
        return {key: value for key, value in values.items() if value is not None or key not in sections}

    @field_validator("objectives")
    @classmethod
    def _are_known_metrics(cls, objectives: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        faults: dict[Address, str] = {}
        for index, metric in enumerate(objectives):
            if metric not in _metrics(info):
                faults[index,] = _unknown_metric(metric, info)
            elif metric in objectives[:index]:
                faults[index,] = f"{shown(metric)} is listed twice; remove one"
        if LEARNED not in objectives:
            faults[()] = f"needs '{LEARNED}' among the objectives: it is what the search learns; add it"
        if faults:
            raise broken_rules(faults)
        return objectives

    @field_validator("constraints")
    @classmethod
    def _are_limits_on_costs(cls, constraints: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        faults: dict[Address, str] = {}
        for metric, text in constraints.items():
            if metric not in _metrics(info):
                faults[metric,] = _unknown_metric(metric, info)
                continue
            try:
                parse_constraint(metric, text)
            except ConfigError as error:
                faults[metric,] = str(error)
        if faults:
            raise broken_rules(faults)
        return constraints

    def limits(self) -> tuple[Constraint, ...]:
        """Return the constraints as numbers, in the unit that each metric's name states."""
        return tuple(parse_constraint(metric, text) for metric, text in self.constraints.items())

    def to_yaml(self) -> str:
        """Return every value, defaults included, as YAML without comments; `load_config` reads back an equal one."""
        return to_yaml(self.model_dump(mode="json"))

    def fingerprint(self) -> str:
        """Return the SHA-256 (hex) of all values: equal for equal configurations, in every process."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


def load_config(path: Path, overrides: Sequence[str] = (), metrics: Sequence[str] = METRICS) -> StudyConfig:
    """Read and check a study's file.

    Args:
        path: The YAML file.
        overrides: `key=value`, such as `train.epochs=20`; they count as if they stood in the file.
        metrics: The names that objectives and constraints may use.

    Raises:
        ConfigError: One line for each fault, with the file and line or the override that it stands in.
    """
    marked = read_marked(path)
    document = apply_overrides(marked.values, overrides)
    try:
        return StudyConfig.model_validate(document, context={"metrics": tuple(metrics)})
    except ValidationError as error:
        written = tuple((parse_override(text)[0], text) for text in overrides)
        source = Source(one_line(str(path)), marked.lines, written)
        raise ConfigError(explain(error, StudyConfig, document, source)) from None


def changed_fields(old: StudyConfig, new: StudyConfig) -> list[str]:
    """Return the paths of all values that differ, such as `train.epochs`, in the order of the file."""
    return [dotted(path) for path in _differences(old, new)]


def fixed_for_resume(old: StudyConfig, new: StudyConfig) -> None:
    """Check that a study which began as `old` may go on as `new`: budgets, devices and workers may change.

    Raises:
        ConfigError: One line for each other value that differs.
    """
    fixed = {dotted(path): values for path, values in _differences(old, new).items() if not _is_free(path)}
    if fixed:
        raise ConfigError("\n".join(f"{name}: {_change(*values)}" for name, values in fixed.items()))


def folder_name(name: str) -> str:
    """Return a folder name for a study: the name itself if it is safe everywhere, else a slug of it and a hash.

    Different names have different folders, also where case does not count. The result is never empty, holds only
    a-z, 0-9, `.`, `_` and `-`, begins and ends with a letter, a digit or `_`, and no system reserves it.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_.]+", "-", plain)[:LONGEST_SLUG].strip(".-") or "study"
    if _RESERVED.fullmatch(slug):
        slug = f"study-{slug}"
    looks_hashed = re.search(r"-[0-9a-f]{8}$", slug)  # or a study could be given the folder of another
    if slug == name and not looks_hashed:
        return slug
    return f"{slug}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _metrics(info: ValidationInfo) -> tuple[str, ...]:
    metrics: tuple[str, ...] = (info.context or {}).get("metrics", METRICS)
    return metrics


def _unknown_metric(metric: str, info: ValidationInfo) -> str:
    known = _metrics(info)
    close = get_close_matches(metric[:100], known, n=1)
    return f"unknown metric {shown(metric)}; " + (
        f"did you mean '{close[0]}'?" if close else f"known: {', '.join(known)}"
    )


def _differences(old: StudyConfig, new: StudyConfig) -> dict[Address, tuple[Value, Value]]:
    before, after = dict(_leaves(old.model_dump(mode="json"))), dict(_leaves(new.model_dump(mode="json")))
    pairs = {path: (before.get(path), after.get(path)) for path in before | after}
    return {path: (was, now) for path, (was, now) in pairs.items() if was != now}


def _leaves(values: Mapping[str, Value], parent: Address = ()) -> Iterator[tuple[Address, Value]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*parent, key))
        else:
            yield (*parent, key), value


def _is_free(path: Address) -> bool:
    return any(path[: len(free)] == free for free in FREE_ON_RESUME)


def _change(was: Value, now: Value) -> str:
    texts = [", ".join(map(str, value)) if isinstance(value, list) else shown(value) for value in (was, now)]
    return f"was {texts[0]} when the study began, is now {texts[1]}; change it back, or give the study a new name"
