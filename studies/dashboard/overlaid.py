"""Several studies: their fronts in one figure, and their hypervolumes against one reference point."""

from collections.abc import Sequence

from plotly.graph_objects import Figure, Scatter

from studies.front import Reference, hypervolume
from studies.report.looks import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, figure_of, unit_of
from studies.report.markup import Markup, plain, tag
from studies.report.rows import Study
from studies.report.sections import table
from studies.report.tradeoff import staircase

__all__ = ["common_reference", "overlaid_figure", "studies_table"]

COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "star")


def common_reference(studies: Sequence[Study]) -> Reference | None:
    """Return the worse of the studies' reference points in each objective; None where objectives differ."""
    points = [study.reference.values for study in studies if study.reference is not None]
    if len(points) < len(studies) or any(point.keys() != points[0].keys() for point in points):
        return None
    return Reference({n: (min if n == "dice" else max)(point[n] for point in points) for n in points[0]})


def overlaid_figure(studies: Sequence[Study], x: str, y: str) -> Figure:
    """Return each study's front in two columns: the front in all objectives as points, the staircase of the two."""
    traces = [trace for place, study in enumerate(studies) for trace in _traces(study, place, x, y)]
    figure = figure_of(*traces, x=unit_of(x).title, y=unit_of(y).title, height=520)
    figure.update_xaxes(type="linear" if x == "dice" else "log")
    return figure.update_yaxes(type="linear" if y == "dice" else "log")


def _traces(study: Study, place: int, x: str, y: str) -> tuple[Scatter, Scatter]:
    """Return a study's staircase and its points."""
    rows = [row for n in study.front if {x, y} <= (row := study.row[n]).values.keys()]
    columns = {name: [row.values[name] for row in rows] for name in (x, y)}
    shown = {name: [value * unit_of(name).scale for value in values] for name, values in columns.items()}
    steps = staircase({name: list(values) for name, values in columns.items()}, range(len(rows)), x, y)
    colour = COLOURS[place % len(COLOURS)]
    line = Scatter(x=[shown[x][i] for i in steps], y=[shown[y][i] for i in steps], mode="lines", showlegend=False)
    line.update(line={"shape": "hv", "color": colour, "width": 2}, hoverinfo="skip")
    points = Scatter(x=shown[x], y=shown[y], mode="markers", name=plain(study.config.name))
    points.update(marker={"color": colour, "size": 10, "symbol": SHAPES[place % len(SHAPES)]})
    points.update(text=[plain(row.name) for row in rows])
    points.hovertemplate = "%{fullData.name}, %{text}<br>%{x:.4~g}, %{y:.4~g}<extra></extra>"
    return line, points


def studies_table(studies: Sequence[Study]) -> Markup:
    """Return a line for each study, and what makes their numbers hard to compare."""
    common = common_reference(studies)
    heads = ["study", "space", "data", "deployed at", "trained through", "on the front", "best Dice", "hypervolume"]
    heads += ["against one reference"]
    rows = []
    for study in studies:
        config, front = study.config, [study.row[number].values for number in study.front]
        own = f"{hypervolume(front, study.reference):.4f}" if study.reference else "–"
        shared = f"{hypervolume(front, common):.4f}" if common else "–"
        best = unit_of("dice").text(front[0]["dice"] if front else None)
        size = config.deploy.size or "median size"
        about = [config.name, config.space, _data(study), str(size), str(len(study.complete)), str(len(front))]
        rows.append([*about, best, own, shared])
    return tag("div", table(heads, rows, words=4), *(tag("p", words, class_="quiet") for words in _caveats(studies)))


def _data(study: Study) -> str:
    data = study.config.data
    return str(getattr(data, "root", "")) or data.kind


def _caveats(studies: Sequence[Study]) -> list[str]:
    found = []
    if common_reference(studies) is None:
        found.append("Their objectives differ, or one has not begun: there is no reference point for all.")
    else:
        found.append("The one reference is the worse of their own ones in each objective.")
    if len({_data(study) for study in studies}) > 1:
        found.append("They saw different images: their Dice does not compare.")
    if len({study.config.deploy.model_dump_json() for study in studies}) > 1:
        found.append("They deploy differently (size, precision, device or runtime): their costs do not compare.")
    return found
