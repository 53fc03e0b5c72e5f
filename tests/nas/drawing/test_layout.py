"""Cells do not overlap, arrows run between them, and each arrow can be followed from its source to its target."""

from collections import defaultdict
from itertools import combinations, pairwise, permutations

import pytest

import nas
from nas.drawing import Arrow, Cell, fold
from nas.drawing.architecture import sheet_of
from nas.drawing.layout import WIDEST, Box, Layout, Line, lay_out
from nas.drawing.sheet import Sheet
from nas.graph import Graph, GraphBuilder
from nas.ops import Conv, ReLU
from search_spaces import published

Segment = tuple[tuple[float, float], tuple[float, float]]


def drawn(graph: Graph) -> Sheet:
    return sheet_of(graph, "kind", (), "")


def crosses(segment: Segment, box: Box) -> bool:
    """Whether a segment runs through the inside of a box."""
    (x1, y1), (x2, y2) = segment
    wide = max(x1, x2) > box.x + 0.01 and min(x1, x2) < box.x + box.width - 0.01
    return wide and max(y1, y2) > box.y + 0.01 and min(y1, y2) < box.y + box.height - 0.01


def on_border(point: tuple[float, float], box: Box) -> bool:
    x, y = point
    side = x in (box.x, box.x + box.width) and box.y <= y <= box.y + box.height
    return side or (y in (box.y, box.y + box.height) and box.x <= x <= box.x + box.width)


def test_cells_do_not_overlap_and_fit_in(graph: Graph) -> None:
    layout = drawn(graph).layout
    for a, b in combinations(layout.boxes.values(), 2):
        assert a.x + a.width < b.x or b.x + b.width < a.x or a.y + a.height < b.y or b.y + b.height < a.y
    for box in layout.boxes.values():
        assert box.x > 0
        assert box.x + box.width < layout.width
        assert box.y >= 0
        assert box.y + box.height <= layout.height


def test_rows_go_down_and_columns_right(graph: Graph) -> None:
    picture, layout = fold(graph), drawn(graph).layout
    for cell in picture.cells:
        top, bottom = layout.rows[cell.level]
        assert top < layout.boxes[cell.id].y < layout.boxes[cell.id].y + layout.boxes[cell.id].height < bottom
    for a, b in combinations(picture.cells, 2):
        if a.level < b.level:
            assert layout.rows[a.level][1] < layout.rows[b.level][0]
        if a.column < b.column:
            assert layout.boxes[a.id].x + layout.boxes[a.id].width < layout.boxes[b.id].x


def test_each_arrow_leads_from_its_source_to_its_target(graph: Graph) -> None:
    picture, layout = fold(graph), drawn(graph).layout
    shown = {(line.source, line.target) for line in layout.lines}
    shown |= {(line.target, line.source) for line in layout.lines if line.both}
    assert shown == {(arrow.source, arrow.target) for arrow in picture.arrows}
    for line in layout.lines:
        assert on_border(line.points[0], layout.boxes[line.source])
        assert on_border(line.points[-1], layout.boxes[line.target])
        for (x1, y1), (x2, y2) in pairwise(line.points):
            assert x1 == x2 or y1 == y2


def test_arrows_do_not_run_through_cells(graph: Graph) -> None:
    layout = drawn(graph).layout
    for line in layout.lines:
        for segment in pairwise(line.points):
            assert not any(crosses(segment, box) for box in layout.boxes.values()), line


def test_arrows_of_different_cells_do_not_run_over_one_another(graph: Graph) -> None:
    check_apart(drawn(graph).layout)


def check_apart(layout: Layout) -> None:
    runs: dict[tuple[str, float], list[tuple[float, float, Line]]] = defaultdict(list)
    for line in layout.lines:
        for (x1, y1), (x2, y2) in pairwise(line.points):
            if x1 == x2 and y1 != y2:
                runs["x", round(x1, 3)].append((min(y1, y2), max(y1, y2), line))
            elif x1 != x2:
                runs["y", round(y1, 3)].append((min(x1, x2), max(x1, x2), line))
    for held in runs.values():
        for (a, b, one), (c, d, other) in combinations(held, 2):
            if one.source != other.source and not {one.source, one.target} >= {other.source, other.target}:
                assert b <= c or d <= a, (one, other)


@pytest.mark.parametrize(("key", "scope"), [("hardnet_mseg", "decoder"), ("hrnetv2_w18", "encoder.stage2")])
def test_opened_cells_are_laid_out_alike(key: str, scope: str) -> None:
    layout = sheet_of(nas.build(published[key], (3, 352, 352)), "kind", (scope,), "").layout
    check_apart(layout)
    for line in layout.lines:
        for segment in pairwise(line.points):
            assert not any(crosses(segment, box) for box in layout.boxes.values()), line


def test_arrows_that_look_different_do_not_share_a_line() -> None:
    picture = fold(nas.build(published["unetpp_bn32"], (3, 352, 352)))
    looks = {(arrow.source, arrow.target): number for number, arrow in enumerate(picture.arrows)}
    widths = {cell.id: 80.0 for cell in picture.cells}
    layout = lay_out(picture.cells, picture.arrows, widths, looks)
    ends = [(line.points[1:-1], line) for line in layout.lines if len(line.points) > 4]
    heights = defaultdict(list)
    for points, line in ends:
        (x1, y), (x2, _) = points[1:3]
        heights[y].append((x1, x2, line))
    for held in heights.values():
        for (a, b, _), (c, d, _) in combinations(held, 2):
            assert b < c or d < a


def check_no_crossing_before_cells(layout: Layout) -> None:
    into: dict[str, list[Line]] = defaultdict(list)
    for line in layout.lines:
        if len(line.points) > 2 and line.points[-2][0] < line.points[-1][0]:
            into[line.target].append(line)
    for lines in into.values():
        for one, other in permutations(lines, 2):
            (x, y1), (_, y2), _ = one.points[-3:]
            (start, y), (end, _) = other.points[-2:]
            assert not (start < x < end and min(y1, y2) < y < max(y1, y2)), (one, other)


def test_arrows_into_one_cell_do_not_cross_before_it(graph: Graph) -> None:
    check_no_crossing_before_cells(drawn(graph).layout)


def test_long_arrows_of_one_cell_branch_off_one_line() -> None:
    layout = drawn(nas.build(published["unetpp_bn32"], (3, 352, 352))).layout
    heights = defaultdict(set)
    for line in layout.lines:
        if len(line.points) == 6:  # out, up, along, down, in
            heights[line.source].add(line.points[2][1])
    assert {source: len(found) for source, found in heights.items()} == {
        **{"encoder@0": 1, "decoder.x0_1@0": 1, "decoder.x0_2@0": 1},
        **{"encoder@1": 1, "decoder.x1_1@1": 1, "encoder@2": 1},
    }


def spot(name: str, level: int, column: int) -> Cell:
    return Cell(name, "", name, "", "same", level, column, (1, 8, 8), ())


def lay_out_spots(cells: list[Cell], pairs: list[str]) -> Layout:
    arrows = [Arrow(a, b) for a, b in pairs]
    return lay_out(
        cells, arrows, dict.fromkeys([cell.id for cell in cells], 80.0), dict.fromkeys(map(tuple, pairs), "")
    )


def test_a_line_along_an_empty_lane_ends_before_a_cell_there() -> None:
    """a to c turns down in front of b, where the line from d to b comes up."""
    cells = [spot("a", 0, 0), spot("b", 0, 2), spot("c", 1, 2), spot("d", 1, 1)]
    check_apart(lay_out_spots(cells, ["ac", "db", "ad"]))


def test_lines_enter_in_the_order_of_their_tracks() -> None:
    """c to t is routed after b to t, yet left of it: beside the line from a to e there is room."""
    cells = [spot("a", 0, 0), spot("b", 1, 0), spot("c", 2, 0), spot("e", 1, 1), spot("t", 3, 1)]
    layout = lay_out_spots(cells, ["ae", "bt", "ct"])
    turns = {line.source: line.points[1][0] for line in layout.lines}
    assert turns["a"] == turns["c"] < turns["b"]
    check_no_crossing_before_cells(layout)


def test_long_names_are_cut_to_fit() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    with g.scope("W" * 100 + "i" * 100):
        x = g.add(ReLU(), g.add(Conv(1), g.image))
    sheet = drawn(g.freeze([x]))
    label = next(text for text in sheet.texts() if text.text.startswith("W"))
    assert label.text.endswith("i")
    assert "…" in label.text
    assert sum(0.95 if c == "W" else 0.3 if c == "i" else 1 for c in label.text) * label.size < WIDEST


def test_texts_fit_in_their_cells(graph: Graph) -> None:
    sheet = drawn(graph)
    inside = [text for text in sheet.texts() if text.centred]
    assert len(inside) == sum(len(face.texts) for face in sheet.faces.values())
    for text in inside:
        box = next(
            b for b in sheet.layout.boxes.values() if b.x < text.x < b.x + b.width and b.y < text.y < b.y + b.height
        )
        assert len(text.text) * text.size * 0.5 < box.width
        assert box.y + text.size / 2 < text.y < box.y + box.height - text.size / 2
