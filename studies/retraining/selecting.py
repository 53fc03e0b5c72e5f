"""Which networks `--select` names: of the front, by number, or published ones to compare with."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from nas.architecture import Architecture
from nas.graph import Graph
from search_spaces import published
from studies.config import METRICS, StudyConfig
from studies.constraints import parse_constraint
from studies.errors import ConfigError, SourceError, shown
from studies.front import knee_of
from studies.records import StudyRecord
from studies.screening import Candidate
from studies.sources import published_named

__all__ = ["Chosen", "chosen"]

_LIMIT = re.compile(r"([a-z_]+)\s*(<=?)\s*(.+)")
_FORMS = "best, knee, front, best:latency_ms<5, trial=N (or N,N) or published:NAME"


class Chosen(NamedTuple):
    """A network to train. name: `trial-N` or `published:NAME`; trees is None where the study stored a graph alone."""

    name: str
    graph: Graph
    architecture: str | None


def chosen(record: StudyRecord, selections: Sequence[str]) -> list[Chosen]:
    """Return the networks that the selections name, each once, in that order.

    Raises SourceError for what names nothing, and where a trial is a published network by another name.
    """
    names = list(dict.fromkeys(name for text in selections for name in _names(record, text.strip())))
    found = [_network(record, name) for name in names]
    known: dict[str, str] = {}
    for network in found:
        same = known.setdefault(network.graph.key(), network.name)
        if same != network.name:
            raise SourceError(f"--select: {same} and {network.name} are the same network; leave one out")
    return found


def _names(record: StudyRecord, text: str) -> Iterator[str]:
    if text.startswith("published:"):
        published_named(text.removeprefix("published:"))
        yield text
    elif re.fullmatch(r"(trial=)?[0-9]+(,[0-9]+)*", text):
        yield from (f"trial-{int(number)}" for number in text.removeprefix("trial=").split(","))
    elif text == "front":
        yield from (f"trial-{number}" for number in _front(record).index)
    elif text == "knee":
        rows = _front(record)
        yield f"trial-{rows.index[knee_of(_values(rows, record), record.config.objectives)]}"
    else:
        yield f"trial-{_best(record, text).name}"


def _front(record: StudyRecord) -> pd.DataFrame:
    rows = record.front()
    if rows.empty:
        raise SourceError(
            f"{record.folder.root}: no trial has ended well, so there is nothing to select; go on with it"
        )
    return rows


def _values(rows: pd.DataFrame, record: StudyRecord) -> list[dict[str, float]]:
    return [{name: float(row[name]) for name in record.config.objectives} for _, row in rows.iterrows()]


def _best(record: StudyRecord, text: str) -> pd.Series:
    """Return the row with the best Dice of those that keep all limits of `best:LIMIT,LIMIT` or `LIMIT`."""
    limits = text.removeprefix("best").removeprefix(":")
    rows, count = _front(record), len(record.front())
    for limit in limits.split(",") if limits else ():
        rows = rows[_keeps(rows, limit, text)]
    if rows.empty:
        raise SourceError(f"--select {text}: none of the {count} trials of the front keeps these limits")
    return rows.iloc[0]


def _keeps(rows: pd.DataFrame, limit: str, text: str) -> "pd.Series[bool]":
    match = _LIMIT.fullmatch(limit.strip())
    if match is None or match[1] not in METRICS:
        raise SourceError(f"--select: needs {_FORMS}; came {shown(text)}")
    metric, sign, number = match.groups()
    if metric not in rows:
        raise SourceError(
            f"--select {text}: the study has no {metric}; it has {', '.join(name for name in METRICS if name in rows)}"
        )
    try:
        most = parse_constraint(metric, f"<= {number}").limit
    except ConfigError as fault:
        raise SourceError(f"--select {text}: {fault}") from None
    return rows[metric] < most if sign == "<" else rows[metric] <= most


def _network(record: StudyRecord, name: str) -> Chosen:
    if name.startswith("published:"):
        architecture = published[name.removeprefix("published:")]
        return Chosen(name, _built(record.config, architecture, name), architecture.to_json())
    folder = record.folder.trial(int(name.removeprefix("trial-")))
    if not (folder / "graph.json").is_file():
        raise SourceError(f"{record.folder.root}: no {name}; `nas status` lists the trials of the front")
    tree = folder / "architecture.json"
    text = (folder / "graph.json").read_text(encoding="utf-8")
    return Chosen(name, Graph.from_json(text), tree.read_text(encoding="utf-8") if tree.is_file() else None)


def _built(config: StudyConfig, architecture: Architecture, origin: str) -> Graph:
    """Return a published network for the study's images, as the study would have built it."""
    size, classes = config.deploy.size, len(config.data.classes)
    assert size is not None, "a study that has begun knows its deploy size"
    outputs = 1 if classes == 2 else classes
    precision = config.deploy.precision
    return Candidate(architecture, {}, origin, size, precision, config.data.input_channels, outputs).graph
