"""What the live page's own figures and tables hold, against the study they were made of."""

import math
from pathlib import Path

import pytest

from evaluators.roofline import Roofline
from studies.dashboard.beside import decisions_beside, difference_of
from studies.dashboard.explorer import OPTIONS, explorer_figure, picked_of, seen_of, shades
from studies.dashboard.linked import PAGE_ROWS, brush_of, brushed_numbers, linked_figure, table_of
from studies.dashboard.overlaid import common_reference, overlaid_figure, studies_table
from studies.dashboard.roofing import bounds_part, roof_figure
from studies.dashboard.space import space_figure
from studies.dashboard.watching import Snapshot, Watched
from studies.dashboard.wish import Brushed, Wish
from studies.front import Reference, hypervolume
from studies.report.looks import shade_of
from studies.report.tradeoff import GROUPS
from tests.studies.report import made


@pytest.fixture(scope="module")
def seen(watched: Watched) -> Snapshot:
    return watched.now


def _rgb(colour: str) -> list[int]:
    return [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


def traces(figure: object) -> dict[str, object]:
    return {trace.name: trace for trace in figure.data}  # type: ignore[attr-defined]


def test_the_front_shows_any_two_columns_a_third_as_colour_and_a_fourth_as_size(seen: Snapshot) -> None:
    figure = explorer_figure(seen, Wish(x="params", y="macs", colour="latency_ms", size="traffic_bytes"), None)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("params M", "GMACs")
    front = traces(figure)["Pareto front"]
    rows = [seen.study.row[number] for number in front.customdata]
    assert set(front.customdata) == set(seen.study.front)
    latencies = [row.values["latency_ms"] for row in seen.study.rows if row.outcome in ("ok", "stopped")]
    low, span = math.log10(min(latencies)), math.log10(max(latencies) / min(latencies))
    parts = [(math.log10(row.values["latency_ms"]) - low) / span for row in rows]
    assert [_rgb(colour) for colour in front.marker.color] == [
        pytest.approx(_rgb(shade_of(1 - part)), abs=1) for part in parts
    ]
    order = sorted(range(len(rows)), key=lambda i: rows[i].values["traffic_bytes"])
    sizes = [front.marker.size[i] for i in order]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    ticks = [float(text) for text in figure.layout.coloraxis.colorbar.ticktext]
    assert (ticks[0], ticks[-1]) == pytest.approx((min(latencies), max(latencies)), rel=1e-2)


def test_axes_are_logarithmic_for_costs_unless_it_is_wished_otherwise(seen: Snapshot) -> None:
    for log, kinds in ((None, ("log", "linear")), ("-", ("linear", "linear")), ("xy", ("log", "log"))):
        figure = explorer_figure(seen, Wish(log=log), None)
        assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == kinds


def test_a_decision_as_colour_names_its_options(seen: Snapshot) -> None:
    tradeoff = seen.tradeoff
    figure = explorer_figure(seen, Wish(x="encoder.base", colour="encoder.base"), None)
    options = ["8", "16", "24", "32"]
    assert list(figure.layout.coloraxis.colorbar.ticktext) == options == list(figure.layout.xaxis.categoryarray)
    front = traces(figure)["Pareto front"]
    assert [options[OPTIONS.index(colour)] for colour in front.marker.color] == list(front.x)
    everyone = range(len(tradeoff.numbers))
    assert len(set(shades(tradeoff, everyone, "encoder.base"))) == len(options)


def test_names_that_a_study_does_not_have_are_replaced(seen: Snapshot) -> None:
    unknown = Wish(x="<x>", y="nothing", z="encoder.base", colour="?", size="encoder.base", budget="dice")
    assert seen_of(seen.tradeoff, unknown) == seen_of(seen.tradeoff, Wish())


def test_a_limit_marks_the_best_below_it_in_the_unit_that_is_shown(seen: Snapshot) -> None:
    below = [row for row in seen.study.complete if row.values["traffic_bytes"] <= 50e6]
    best = max(below, key=lambda row: row.values["dice"])
    wish = Wish(x="traffic_bytes", budget="traffic_bytes", limit=50.0)
    place = picked_of(seen.tradeoff, wish)
    assert place is not None and seen.tradeoff.numbers[place] == best.number
    figure = explorer_figure(seen, wish, None)
    assert list(traces(figure)["picked"].y) == [pytest.approx(best.values["dice"], rel=1e-5)]
    assert [shape.x0 for shape in figure.layout.shapes] == [50.0]
    assert picked_of(seen.tradeoff, wish._replace(limit=1e-9)) is None


def test_ranges_dim_what_is_outside_and_keep_only_the_rest_in_the_table(seen: Snapshot) -> None:
    brush = (Brushed("dice", 0.5, 0.62), Brushed("number", 0, 30))
    kept = {r.number for r in seen.study.complete if 0.5 <= round(r.values["dice"], 5) <= 0.62 and r.number <= 30}
    assert brushed_numbers(seen.axes, brush) == kept and 0 < len(kept) < len(seen.study.complete)
    assert brushed_numbers(seen.axes, (Brushed("unknown", 0, 1),)) is None
    figure = explorer_figure(seen, Wish(), kept)
    for group in GROUPS:
        trace = next(t for t, g in zip(figure.data[1:], GROUPS, strict=False) if g == group)
        assert {trace.customdata[i] for i in trace.selectedpoints} == kept & set(trace.customdata)
    assert set(table_of(seen, Wish(brush=brush)).numbers) == kept
    dimension = next(d for d in linked_figure(seen, Wish(brush=brush)).data[0].dimensions if d.name == "dice")
    assert list(dimension.constraintrange) == [0.5, 0.62]


def test_what_plotly_says_was_dragged_becomes_ranges() -> None:
    axes, before = ["number", "macs", "dice"], (Brushed("dice", 0.1, 0.2),)
    one = brush_of(axes, before, {"dimensions[1].constraintrange": [[1.0, 2.0]]})
    assert one == (*before, Brushed("macs", 1.0, 2.0))
    assert brush_of(axes, one, {"dimensions[1].constraintrange": None}) == before
    assert brush_of(axes, before, {"dimensions[2].constraintrange": [[[0.3, 0.4], [0.6, 0.7]]]}) == (
        Brushed("dice", 0.3, 0.4),
    )
    moved = {"dimensions": [[{"name": "dice"}, {"name": "macs", "constraintrange": [3, 4]}, {"name": "number"}]]}
    assert brush_of(axes, before, moved) == (Brushed("macs", 3.0, 4.0),)
    assert brush_of(axes, before, {"line.color": "red", "dimensions[9].constraintrange": [[1, 2]]}) == before


def test_the_table_has_every_trial_once_sorted_by_any_column(seen: Snapshot) -> None:
    for sort in ("", "-number", "dice", "-dice", "latency_ms", "outcome", "nothing"):
        assert sorted(table_of(seen, Wish(sort=sort)).numbers) == list(range(40))
    falling = table_of(seen, Wish(sort="-dice")).numbers
    dices = [seen.study.row[number].values.get("dice") for number in falling]
    known = [dice for dice in dices if dice is not None]
    assert known == sorted(known, reverse=True)
    assert dices[len(known) :] == [None] * (40 - len(known)) and len(known) < 40


def test_long_tables_have_pages() -> None:
    kept = next(iter(made.trials(1, state="well")))
    trials = [
        made.trial(kept.params, kept.user_attrs["costs"], [0.5 + i / 1e4] * made.EPOCHS, made.BEGAN) for i in range(120)
    ]
    snapshot = Snapshot(0, made.study(trials))
    pages = [table_of(snapshot, Wish(page=page)) for page in (0, 1, 2, 99)]
    assert [len(page.numbers) for page in pages] == [PAGE_ROWS, PAGE_ROWS, 20, 20]
    assert [*pages[0].numbers, *pages[1].numbers, *pages[2].numbers] == list(range(120))
    assert (pages[3].page, pages[3].pages, pages[3].total) == (2, 3, 120)


def test_three_columns_at_once(seen: Snapshot) -> None:
    figure = space_figure(seen, Wish(z="traffic_bytes", trial=seen.study.front[0]), None)
    front = traces(figure)["Pareto front"]
    rows = [seen.study.row[number] for number in front.customdata]
    assert list(front.z) == pytest.approx([row.values["traffic_bytes"] / 1e6 for row in rows], rel=1e-4)
    assert figure.layout.scene.zaxis.type == "log"
    assert list(traces(figure)["open below"].y) == [
        pytest.approx(seen.study.row[seen.study.front[0]].values["dice"], 1e-4)
    ]
    kept = {seen.study.front[0]}
    assert set(traces(space_figure(seen, Wish(z="macs"), kept))["Pareto front"].customdata) == kept


def test_networks_beside_each_other_differ_where_it_is_marked(seen: Snapshot) -> None:
    rows = [seen.study.row[number] for number in seen.study.front[:3]]
    paths = {path for row in rows for path in row.decisions}
    different = sum(len({row.decisions.get(path) for row in rows}) > 1 for path in paths)
    page = decisions_beside(rows)
    assert f"{different} of {len(paths)} decisions differ" in page
    assert page.count('<tr class="differs">') == different
    drawing = difference_of(seen.study, *seen.study.front[:2])
    assert not isinstance(drawing, str)
    statuses = {face.title[1] for face in drawing.sheet.faces.values()}
    assert {"changed", "removed"} & statuses
    assert "There is no drawing" in str(difference_of(made.study(list(made.trials(2))), 0, 1))


def test_what_bounds_a_block_follows_from_its_intensity(seen: Snapshot) -> None:
    blocks = seen.detail(seen.study.front[0]).blocks
    middle = sorted(block.macs_per_byte for block in blocks)[len(blocks) // 2]
    roof = Roofline(macs_per_ms=1e6 * middle, bytes_per_ms=1e6, launch_ms=0.01)
    assert roof.ridge == middle
    bound = {name: set(trace.text) for name, trace in traces(roof_figure(blocks, roof)).items() if name}
    assert bound["compute-bound"] == {b.name for b in blocks if b.macs_per_byte > middle}
    assert bound["memory-bound"] == {b.name for b in blocks if 0 < b.macs_per_byte <= middle}
    assert "were not measured" in bounds_part(blocks, None)
    assert f"above {middle:.1f} MAC per byte" in bounds_part(blocks, roof)


def test_studies_are_compared_against_one_reference(seen: Snapshot) -> None:
    other = made.study(list(made.trials(20, seed=3)), Path("elsewhere"), name="other")
    other.reference.values["latency_ms"] = 500.0  # type: ignore[union-attr]
    studies = [seen.study, other]
    common = common_reference(studies)
    assert common is not None and common.values == {"dice": 0.2, "latency_ms": 500.0, "traffic_bytes": 3e8}
    page = studies_table(studies)
    for study in studies:
        front = [study.row[number].values for number in study.front]
        assert f'<td class="number">{hypervolume(front, common):.4f}</td>' in page
    points = traces(overlaid_figure(studies, "latency_ms", "dice"))
    assert set(points) >= {"made", "other"}
    assert len(points["other"].x) == len(other.front)
    assert common_reference([other._replace(reference=None), other]) is None
    fewer = other._replace(reference=Reference({"dice": 0.2, "macs": 1e9}))
    assert common_reference([other, fewer]) is None
