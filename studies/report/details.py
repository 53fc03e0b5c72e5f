"""One trial in full: drawing, decisions beside those of another, costs by block, learning curve, commands."""

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from plotly.graph_objects import Bar, Figure, Scatter

import nas
from nas.drawing import Drawing
from nas.errors import NasError
from nas.grammar import Option
from nas.graph import Graph
from nas.profile import BlockCost
from studies.report.looks import BLUE, GREY, ORANGE, SKY, figure_of, shade_of
from studies.report.markup import plain
from studies.report.retrained import Retrained
from studies.report.rows import Row, Study

__all__ = [
    "Changed",
    "Command",
    "Detail",
    "blocks_figure",
    "changes",
    "commands_of",
    "curves_figure",
    "deployed_graph",
    "detail_of",
    "nearest",
    "shown_numbers",
]

MOST = 40  # of the front, and as many published: the page stays a few megabytes


class Changed(NamedTuple):
    """A decision that two trials made differently; None where one of them had it not to make."""

    path: str
    here: Option | None
    there: Option | None


class Command(NamedTuple):
    """A command line and what it does."""

    what: str
    line: str


class Detail(NamedTuple):
    """A trial in full. `graph_fault` says why there is no drawing and are no blocks, empty where there are."""

    row: Row
    drawing: Drawing | None
    blocks: tuple[BlockCost, ...]
    graph_fault: str
    beside: Row | None
    changed: tuple[Changed, ...]
    commands: tuple[Command, ...]
    retrained: tuple[Retrained, ...]


def shown_numbers(study: Study) -> list[int]:
    """Return which trials are shown in full: the front, evenly spread where it is large, and published networks."""
    front = list(study.front)
    if len(front) > MOST:
        front = [front[round(i * (len(front) - 1) / (MOST - 1))] for i in range(MOST)]
    published = [row.number for row in study.complete if row.published]
    return list(dict.fromkeys([*front, *published[:MOST]]))


def detail_of(study: Study, number: int) -> Detail:
    """Return a trial in full; its graph is read from its folder."""
    row = study.row[number]
    beside = nearest(study, row)
    changed = changes(row.decisions, beside.decisions) if beside else ()
    drawing, fault = None, ""
    blocks: tuple[BlockCost, ...] = ()
    try:
        graph = deployed_graph(study, number)
        drawing = nas.draw(graph, heading=row.name)
        blocks = tuple(b for _, b in nas.profile(graph, precision=study.config.deploy.precision).rows(2) if _leaf(b))
    except OSError as missing:
        fault = f"its graph.json cannot be read: {missing.strerror}"
    except (NasError, UnicodeDecodeError) as damaged:
        fault = f"its graph.json is damaged: {damaged}"
    retrained = tuple(each for each in study.retrained if each.number == number)
    return Detail(row, drawing, blocks, fault, beside, changed, commands_of(study, row, beside), retrained)


def deployed_graph(study: Study, number: int) -> Graph:
    """Return what runs of a trial. Raises OSError where its graph.json is not there, NasError where it is damaged."""
    return nas.deploy(Graph.from_json((study.folder.trial(number) / "graph.json").read_text(encoding="utf-8")))


def nearest(study: Study, row: Row) -> Row | None:
    """Return the published network with the fewest other decisions, else the best Dice; None where that is itself."""
    published = [other for other in study.rows if other.published and other.number != row.number]
    if published and not row.published:
        return min(published, key=lambda other: (len(changes(row.decisions, other.decisions)), other.number))
    best = study.row[study.front[0]] if study.front else None
    return None if best is None or best.number == row.number else best


def changes(here: Mapping[str, Option], there: Mapping[str, Option]) -> tuple[Changed, ...]:
    """Return what differs, in the order of the decisions here, then those that are only there."""
    paths = dict.fromkeys([*here, *there])
    found = (Changed(path, here.get(path), there.get(path)) for path in paths)
    return tuple(change for change in found if change.here != change.there)


def commands_of(study: Study, row: Row, beside: Row | None) -> tuple[Command, ...]:
    """Return what can be typed to look further at a trial."""
    place = str(study.folder.root)
    source = f"{place}:{row.number}"

    def line(*options: str) -> str:
        return shlex.join(["nas", "profile", source, *options])

    exported = shlex.join(["nas", "export", source, "--out", f"trial{row.number}"])
    retrained = shlex.join(["nas", "retrain", place, "--select", f"trial={row.number}"])
    found = [
        Command("trained in full with five seeds, then scored on the test images", retrained),
        Command("this network as a folder that stands alone: source, weights, ONNX", exported),
        Command("costs by block, counted again independently", line("--depth", "3", "--verify")),
        Command("the drawing, whose cells open at a click", line("--draw", f"trial{row.number}.html")),
    ]
    if beside is not None:
        drawn = f"trial{beside.number}-{row.number}.html"
        compared = shlex.join(["nas", "profile", f"{place}:{beside.number}", "--diff", source, "--draw", drawn])
        found.append(Command(f"what differs from {beside.name}", compared))
    return tuple(found)


def blocks_figure(blocks: Sequence[BlockCost]) -> Figure:
    """Return bars: the share of MACs, traffic and parameters that each block takes, the first on top."""
    blocks = [block for block in blocks if block.traffic_bytes or block.params]
    names = [plain(block.name) for block in blocks]
    bars = []
    for field, title, colour in (
        ("macs", "MACs", BLUE),
        ("traffic_bytes", "traffic", ORANGE),
        ("params", "params", SKY),
    ):
        parts = [getattr(block, field) for block in blocks]
        shares = [round(100 * part / max(1, sum(parts)), 3) for part in parts]
        bar = Bar(x=shares, y=names, orientation="h", name=title, marker={"color": colour})
        bars.append(bar.update(hovertemplate="%{y}<br>" + title + " %{x:.1f} %<extra></extra>"))
    figure = figure_of(*bars, x="share of the network, %", height=110 + 34 * len(blocks), bargap=0.25)
    figure.update_yaxes(autorange="reversed", automargin=True, title=None)
    return figure.update_layout(legend={"traceorder": "normal"})


def curves_figure(study: Study, rows: Sequence[Row]) -> Figure:
    """Return Dice after each epoch; dotted lines are the rungs, dashed curves published networks."""
    traces = []
    for place, row in enumerate(rows):
        colour = BLUE if len(rows) == 1 else shade_of(place / (len(rows) - 1))
        line = {"color": colour, "width": 2, "dash": "dash" if row.published and len(rows) > 1 else "solid"}
        epochs = list(range(1, len(row.curve) + 1))
        mode = "lines+markers" if len(row.curve) <= 30 else "lines"
        trace = Scatter(x=epochs, y=list(row.curve), mode=mode, line=line, marker={"size": 5}, name=plain(row.name))
        trace.update(customdata=[row.number] * len(epochs), text=[plain(row.name)] * len(epochs))
        traces.append(trace.update(hovertemplate="%{text}<br>epoch %{x}: Dice %{y:.4f}<extra></extra>"))
    figure = figure_of(*traces, x="epoch", y="Dice", height=420 if len(rows) > 1 else 280)
    for epoch in study.rungs[:-1]:
        figure.add_vline(epoch, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_layout(showlegend=len(rows) > 1, legend={"orientation": "v", "y": 1, "yanchor": "top"})
    return figure


def _leaf(block: BlockCost) -> bool:
    """Return whether a row of two levels has no rows below it."""
    return block.name.count(".") == 1 or not block.inside
