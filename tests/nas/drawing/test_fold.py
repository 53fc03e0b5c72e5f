"""What a drawing shows is the graph: all of it, once, with its edges, costs and resolutions."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

import nas
from nas.drawing import Cell, Picture, fold
from nas.errors import DrawingError
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import Add, Conv, ConvTranspose, GlobalAvgPool, MaxPool, Multiply, ReLU
from search_spaces import published


def homes(picture: Picture) -> dict[int, Cell]:
    return {operator.index: cell for cell in picture.cells for operator in cell.operators}


def grid(picture: Picture) -> dict[str, tuple[int, int]]:
    """Row and column of each cell by its label."""
    return {cell.label: (cell.level, cell.column) for cell in picture.cells}


def test_every_operator_is_in_one_cell(graph: Graph) -> None:
    picture = fold(graph)
    held = [operator for cell in picture.cells for operator in cell.operators]
    assert sorted(operator.index for operator in held) == list(range(len(graph)))
    for operator in held:
        node = graph.nodes()[operator.index]
        assert (operator.name, operator.text, operator.shape) == (graph.names[node.index], str(node.op), node.shape)
    assert len({cell.id for cell in picture.cells}) == len(picture.cells)


def test_arrows_are_the_edges_between_cells(graph: Graph) -> None:
    picture = fold(graph)
    home = homes(picture)
    edges = {(home[x.index].id, home[node.index].id) for node in graph for x in node.inputs}
    arrows = [(arrow.source, arrow.target) for arrow in picture.arrows]
    assert len(arrows) == len(set(arrows))
    assert set(arrows) == {(a, b) for a, b in edges if a != b}


def test_costs_of_cells_add_up(graph: Graph) -> None:
    picture, cost = fold(graph), nas.cost(graph)
    for name in ("params", "macs", "cio_elements", "traffic_bytes"):
        assert sum(getattr(cell, name) for cell in picture.cells) == getattr(cost, name)


def test_a_row_is_the_resolution_of_what_its_cells_give(graph: Graph) -> None:
    picture = fold(graph)
    home = homes(picture)
    given = {x for node in graph for x in node.inputs if home[x.index] is not home[node.index]} | set(graph.outputs)
    axes = len(graph.image_shape) - 1
    for node in given:
        ratio = math.prod(graph.image_shape[1:]) / math.prod(node.shape[1:])
        assert home[node.index].level == round(math.log2(ratio) / axes)
    for cell in picture.cells:
        assert cell.shape in {node.shape for node in given if home[node.index] is cell}


def test_columns_are_depths(graph: Graph) -> None:
    """One more than the deepest of what a cell takes; what goes both ways shares a column."""
    picture = fold(graph)
    for cell in picture.cells:
        before = [picture.by_id[a.source].column for a in picture.arrows if a.target == cell.id]
        assert all(column <= cell.column for column in before)
        ring = [other for other in picture.cells if other.column == cell.column]
        feeds = [
            picture.by_id[a.source].column
            for a in picture.arrows
            if a.target in {other.id for other in ring} and picture.by_id[a.source].column < cell.column
        ]
        assert cell.column == max(feeds, default=-1) + 1


def test_drawing_twice_gives_the_same(graph: Graph) -> None:
    assert fold(graph) == fold(Graph.from_json(graph.to_json()))


@pytest.mark.parametrize("key", published)
def test_published_networks_have_15_to_25_cells(key: str) -> None:
    graph = nas.build(published[key], (3, 352, 352))
    for form in (graph, nas.deploy(graph)):
        cells = len(fold(form).cells)
        assert cells <= 25
        assert cells >= 15 or len(form) < 70  # ResUNet: seven units in all


def test_a_flat_network_is_cut_into_runs(flat: Callable[[int], Graph]) -> None:
    sizes = [len(cell.operators) for cell in fold(flat(400)).cells]
    assert 15 <= len(sizes) <= 25
    assert max(sizes) < 60
    assert len(fold(flat(10)).cells) < 15


def test_the_triangle_of_unetpp() -> None:
    """X(i, j) is at row i and, behind the image, in column i + 2j: one more than X(i + 1, j - 1)."""
    cells = grid(fold(nas.build(published["unetpp_bn32"], (3, 352, 352))))
    body = {"stages0": (0, 0)} | {f"down{i} + stages{i}": (i, 0) for i in range(1, 5)}
    body |= {f"x{i}_{j}": (i, j) for j in range(1, 5) for i in range(5 - j)}
    wanted = {label: (i, 1 + i + 2 * j) for label, (i, j) in body.items()}
    assert cells == wanted | {"image": (0, 0), "head": (0, 10)}


def test_the_streams_of_hrnet() -> None:
    picture = fold(nas.build(published["hrnetv2_w18"], (3, 352, 352)))
    rows = {level: [c.label for c in picture.cells if c.level == level] for level in (2, 3, 4, 5)}
    assert [len(rows[level]) for level in (2, 3, 4, 5)] == [8, 4, 3, 2]
    for level, stages in ((2, ["stage2.0", "stage3", "stage4"]), (3, ["stage2.0", "stage3", "stage4"])):
        assert [label for label in rows[level] if label.startswith("stage")] == stages
    streams = sorted(cell.shape for cell in picture.cells if cell.label == "stage4")
    assert streams == [(18, 88, 88), (36, 44, 44), (72, 22, 22), (144, 11, 11)]
    assert len({cell.column for cell in picture.cells if cell.label == "stage4"}) == 1


def test_the_parts_of_hardnet_mseg() -> None:
    cells = fold(nas.build(published["hardnet_mseg"], (3, 352, 352))).cells
    assert [cell.level for cell in cells if cell.scope.startswith("neck")] == [3, 4, 5]
    aggregation = [cell for cell in cells if cell.scope == "decoder"]
    assert [(cell.level, cell.kind) for cell in aggregation] == [(3, "finer"), (4, "finer")]


def test_a_gate_stays_with_the_map_it_weighs() -> None:
    """Its vector, 1x1, is no row of its own; a norm before a resize stays with the resized map."""
    g = GraphBuilder((3, 32, 32), 1)
    with g.scope("gate"):
        gate = g.add(Conv(3, kernel=1), g.add(GlobalAvgPool(), g.image))
        x = g.add(Multiply(), g.image, gate)
    with g.scope("body"):
        x = g.add(ConvTranspose(4, kernel=2, stride=2), g.add(ReLU(), g.add(MaxPool(), x)))
    with g.scope("head"):
        x = g.add(Conv(1), x)
    assert [(cell.id, cell.level) for cell in fold(g.freeze([x])).cells] == [
        ("image", 0),
        ("gate@0", 0),
        ("body@0", 0),
        ("head@0", 0),
    ]


def test_a_gate_of_two_resolutions_is_a_cell() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    with g.scope("body"):
        gate = g.add(Conv(3, kernel=1), g.add(GlobalAvgPool(), g.image))
        fine = g.add(Conv(3), g.add(Multiply(), g.image, gate))
        coarse = g.add(Conv(3), g.add(Multiply(), g.add(MaxPool(), g.image), gate))
    graph = g.freeze([fine, coarse])
    levels = {cell.id: (cell.level, len(cell.operators)) for cell in fold(graph).cells}
    assert levels == {"image": (0, 1), "body@5": (5, 2), "body@0": (0, 2), "body@1": (1, 3)}


def chain(g: GraphBuilder, x: Node, operators: int) -> Node:
    for _ in range(operators):
        x = g.add(Conv(3), x)
    return x


def test_scopes_of_one_size_are_opened_together() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    x = g.image
    for stage in range(12):
        with g.scope(f"stage{stage}"):
            for half in ("first", "second"):
                with g.scope(half):
                    x = chain(g, x, 7)
    cells = fold(g.freeze([x])).cells
    assert [cell.id for cell in cells][1:] == [f"stage{n}.{half}@0" for n in range(12) for half in ("first", "second")]


def test_operators_before_and_after_a_part_are_two_cells() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    with g.scope("body"):
        x = chain(g, g.image, 2)
        with g.scope("middle"):
            x = chain(g, x, 20)
        x = chain(g, x, 2)
    cells = fold(g.freeze([x])).cells
    assert [(cell.scope, len(cell.operators), cell.column) for cell in cells] == [
        ("", 1, 0),
        ("body", 2, 1),
        ("body.middle", 20, 2),
        ("body", 2, 3),
    ]


def test_a_shortcut_around_a_part_does_not_join_its_two_sides() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    with g.scope("body"):
        before = chain(g, g.image, 2)
        with g.scope("middle"):
            x = chain(g, before, 20)
        x = g.add(ReLU(), g.add(Add(), before, x))
    cells = fold(g.freeze([x])).cells
    assert [(cell.label, len(cell.operators), cell.column) for cell in cells] == [
        ("image", 1, 0),
        ("conv1 … conv2", 2, 1),
        ("middle", 20, 2),
        ("add1 … relu1", 2, 3),
    ]


def test_a_cell_opens_to_its_operators() -> None:
    graph = nas.build(published["unet_bn32"], (3, 64, 64))
    closed, opened = fold(graph), fold(graph, open=("encoder.stages0@0", "decoder.level3"))
    inside = {name for name in graph.names if name.startswith(("encoder.stages0.", "decoder.level3."))}
    assert {cell.id for cell in opened.cells if len(cell.operators) == 1} >= inside
    assert len(opened.cells) == len(closed.cells) - 2 + len(inside)
    chain = [cell for cell in opened.cells if cell.scope.startswith("encoder.stages0")]
    assert [b.column - a.column for a, b in pairwise(chain)] == [1] * 5


def test_cells_keep_apart_where_a_file_gives_a_name_twice() -> None:
    """Also where an operator's name looks like a cell's."""
    text = nas.build(published["unetpp_keras_L1"], (3, 64, 64)).to_json()
    for name in ("encoder.stages0.conv1", "encoder.stages0.conv2", "encoder.stages0.relu1"):
        text = text.replace(f'"{name}"', '"head@0"')
    picture = fold(Graph.from_json(text), open=[cell.id for cell in fold(Graph.from_json(text)).cells][1:3])
    ids = [cell.id for cell in picture.cells]
    assert len(set(ids)) == len(ids)
    assert {"head@0", "head@0~2"} < set(ids)


def test_opening_what_is_not_there_says_what_is() -> None:
    with pytest.raises(DrawingError, match=r"open='encoder.stage9': no cell or scope .* image, encoder.stages0@0"):
        fold(nas.build(published["unet_bn32"], (3, 64, 64)), open=("encoder.stage9",))


def test_an_arrow_says_whether_only_the_size_is_read() -> None:
    picture = fold(nas.build(published["hardnet_mseg"], (3, 352, 352)))
    sizes = {(a.source, a.target) for a in picture.arrows if a.size_only}
    assert sizes == {("image", "head@0")}


def test_kinds_tell_the_resolutions_that_a_cell_takes() -> None:
    picture = fold(nas.build(published["hrnetv2_w18"], (3, 352, 352)))
    home = {cell.id: cell for cell in picture.cells}
    for cell in picture.cells:
        taken = {home[a.source].level for a in picture.arrows if a.target == cell.id}
        finer, coarser = any(x < cell.level for x in taken), any(x > cell.level for x in taken)
        wanted = {(True, True): "exchange", (True, False): "coarser", (False, True): "finer"}.get((finer, coarser))
        assert cell.kind in (wanted or "same", "image", "output")


def test_labels_are_the_shortest_that_tell_cells_apart() -> None:
    """A number never stands alone, and an operator says in which scope it is."""
    g = GraphBuilder((3, 32, 32), 1)
    with g.scope("body"):
        x = g.image
        for number in ("0", "1"):
            with g.scope(number):
                x = chain(g, x, 10)
        with g.scope("end"):
            x = chain(g, x, 3)
    with g.scope("head"):
        x = g.add(ReLU(), g.add(Conv(1), x, name="end"))
    graph = g.freeze([x])
    assert [cell.label for cell in fold(graph).cells] == ["image", "body.0", "body.1", "end", "head"]
    opened = fold(graph, open=("head",))
    assert [cell.label for cell in opened.cells][3:] == ["body.end", "head.end", "head.relu1"]


def test_content_names_the_main_operators() -> None:
    cells = {cell.label: cell.content for cell in fold(nas.build(published["amsunet"], (3, 352, 352))).cells}
    assert cells["stem"] == "conv 3×3"
    assert cells["down1"] == "conv 2×2 /2"
    assert cells["stages0"] == "5 conv 1×1 …"
    unet = {cell.label: cell.content for cell in fold(nas.build(published["unet_bn32"], (3, 64, 64))).cells}
    assert (unet["image"], unet["down1"], unet["stages1"]) == ("input", "MaxPool", "2 conv 3×3")


def test_pictures_are_values() -> None:
    picture = fold(nas.build(published["unet_bn32"], (3, 64, 64)))
    assert replace(picture) == picture
