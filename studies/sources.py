"""Networks as a command line names them: `published:NAME`, a stored architecture or graph, or a trial of a study."""

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import nas
from nas.architecture import Architecture
from nas.errors import GraphError, SpaceError
from nas.grammar import Rule
from nas.graph import Graph
from search_spaces import load, published
from search_spaces.about import customary_input
from studies.errors import SourceError, one_line, shown

__all__ = ["Asked", "Network", "named_network", "parse_size", "published_named", "trial_named"]

_PUBLISHED = "published:"


class Asked(NamedTuple):
    """What the network is to be built for; None: what is customary for it, or what it is stored with."""

    size: tuple[int, int] | None = None
    in_channels: int | None = None
    classes: int | None = None
    rules: tuple[Rule, ...] = ()
    """A person's own, which an architecture may have."""


class Network(NamedTuple):
    """A network as it is trained.

    precision: in which its study deploys it, fp32 where there is none.
    architecture: its stored form; None of a graph alone.
    """

    graph: Graph
    precision: str = "fp32"
    architecture: str | None = None


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width) of `352` or `480x640`. Raises SourceError for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,4}))?", text)
    if match is None:
        raise SourceError(f"size: needs pixels as SIDE or HEIGHTxWIDTH, such as 352 or 480x640; came {shown(text)}")
    height, width = match.groups()
    return int(height), int(width or height)


def named_network(source: str, asked: Asked) -> Network:
    """Return the network that `source` names.

    source: `published:NAME`, a file that `Architecture.to_json` or `Graph.to_json` wrote, `STUDY_DIR:N`, trial N,
    or a folder with a graph.json, such as a training of `nas retrain`.
    A stored graph, and so a trial, has its channels and classes in its operators; another size is possible.
    Raises SourceError, ConfigError (no study), SpaceError or GraphError (a damaged file), ShapeError (the size).
    """
    if source.startswith(_PUBLISHED):
        architecture = published_named(source.removeprefix(_PUBLISHED))
        return Network(_build(architecture, asked), architecture=architecture.to_json())
    if Path(source).is_file():
        return _from_file(Path(source), asked)
    if (Path(source) / "graph.json").is_file():
        return _stored(Path(source), asked)
    trial = trial_named(source)
    if trial is None:
        raise SourceError(
            f"{one_line(source)}: no such file; needs published:NAME, an architecture.json, STUDY_DIR:N, or the "
            "folder of a training"
        )
    return _trial(*trial, asked)


def trial_named(source: str) -> tuple[Path, int] | None:
    """Return the study's folder and the trial's number of `STUDY_DIR:N`; None of any other source."""
    directory, colon, number = source.rpartition(":")
    if source.startswith(_PUBLISHED) or Path(source).is_file() or not colon or not re.fullmatch(r"[0-9]{1,9}", number):
        return None
    return Path(directory), int(number)


def published_named(name: str) -> Architecture:
    """Return a published network. Raises SourceError, with the nearest name, if there is none."""
    if name not in published:
        near = get_close_matches(name, published, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise SourceError(f"published:{one_line(name)}: {hint}`nas published` lists the {len(published)} there are")
    return published[name]


def _build(architecture: Architecture, asked: Asked) -> Graph:
    side, classes = customary_input(architecture)
    size = asked.size or (side, side)
    return nas.build(architecture, (asked.in_channels or 3, *size), asked.classes or classes)


def _from_file(path: Path, asked: Asked) -> Network:
    """Return the network of a stored architecture or graph."""
    try:
        text = path.read_text(encoding="utf-8")
        stored = json.loads(text)
    except (OSError, ValueError) as fault:
        raise SourceError(f"{path}: cannot be read as JSON: {one_line(str(fault))}") from None
    if isinstance(stored, dict) and "nodes" in stored:
        return Network(_rebuilt(path, stored, asked))
    if not isinstance(stored, dict) or "architecture" not in stored:
        raise SourceError(f"{path}: holds no network; needs an architecture.json or graph.json, as trials have them")
    try:
        architecture = load(text, asked.rules)
    except SpaceError as fault:
        raise SpaceError(f"{path}: {fault}") from None
    return Network(_build(architecture, asked), architecture=architecture.to_json())


def _rebuilt(path: Path, stored: dict[str, Any], asked: Asked) -> Graph:
    """Return a stored graph at the size that is asked for; its key is of no size."""
    image = stored.get("image")
    if asked.size and isinstance(image, list):
        stored = stored | {"image": [*image[:1], *asked.size]}
    try:
        graph = Graph.from_json(json.dumps(stored))
    except GraphError as fault:
        raise GraphError(f"{path}: {fault}") from None
    has = {"--in-channels": graph.image_shape[0], "--classes": graph.classes}
    wanted = {"--in-channels": asked.in_channels, "--classes": asked.classes}
    for option, value in wanted.items():
        if value not in (None, has[option]):
            raise SourceError(f"{path}: is built for {option} {has[option]}, not {value}; give its architecture.json")
    return graph


def _trial(directory: Path, number: int, asked: Asked) -> Network:
    from studies.folder import StudyFolder  # loads optuna, which the other sources do without

    folder = StudyFolder(directory)
    config = folder.config()
    path = folder.trial(number)
    if not (path / "graph.json").is_file():
        count = sum(1 for _ in folder.root.glob("trials/*/graph.json"))
        raise SourceError(f"{directory}: no trial {number}; it has {count}, see `nas status {directory}`")
    return _stored(path, asked)._replace(precision=config.deploy.precision)


def _stored(folder: Path, asked: Asked) -> Network:
    """Return the network of a folder with a graph.json and, where it is known, its architecture.json."""
    tree = folder / "architecture.json"
    architecture = tree.read_text(encoding="utf-8") if tree.is_file() else None
    return _from_file(folder / "graph.json", asked)._replace(architecture=architecture)
