"""What differs between two architectures: found by scope and content, the same from either side."""

from collections import Counter
from random import Random

import pytest

import nas
from nas.drawing import Difference, diff
from nas.drawing.colours import STATUS
from nas.errors import DrawingError
from nas.graph import Graph, GraphBuilder
from nas.ops import Add, Conv, ReLU, Sigmoid
from search_spaces import published, spaces

MIRRORED = {"added": "removed", "removed": "added", "changed": "changed", "same": "same"}


def network(key: str) -> Graph:
    return nas.build(published[key], (3, 352, 352))


def statuses(difference: Difference) -> dict[str, str]:
    return {cell.shown.id: cell.status for cell in difference.cells}


def test_a_network_does_not_differ_from_itself(graph: Graph) -> None:
    difference = diff(graph, Graph.from_json(graph.to_json()))
    assert {cell.status for cell in difference.cells} == {"same"}
    assert set(difference.arrows.values()) <= {"same"}
    assert all(cell.operators() == (Counter(), Counter()) for cell in difference.cells)


def pairs() -> list[tuple[Graph, Graph]]:
    rng = Random(5)
    drawn = [nas.build(spaces["unet"].sample(rng), (3, 352, 352)) for _ in range(8)]
    named = [(network(a), network(b)) for a, b in (("unet_bn32", "unetpp_bn32"), ("unet_bilinear32", "amsunet"))]
    return named + list(zip(drawn[::2], drawn[1::2], strict=True))


@pytest.mark.parametrize("number", range(6))
def test_seen_from_the_other_side_added_is_removed(number: int) -> None:
    first, second = pairs()[number]
    there, back = diff(first, second), diff(second, first)
    assert statuses(back) == {cell: MIRRORED[status] for cell, status in statuses(there).items()}
    assert back.arrows == {arrow: MIRRORED[status] for arrow, status in there.arrows.items()}
    columns = {cell.shown.id: cell.shown.column for cell in there.cells}
    assert columns == {cell.shown.id: cell.shown.column for cell in back.cells}
    for cell in there.cells:
        other = next(c for c in back.cells if c.shown.id == cell.shown.id)
        assert other.operators() == cell.operators()[::-1]


@pytest.mark.parametrize("number", range(6))
def test_each_side_is_whole(number: int) -> None:
    """All operators of the first are in cells that it has, and of the second alike."""
    first, second = pairs()[number]
    cells = diff(first, second).cells
    assert sum(len(cell.before.operators) for cell in cells if cell.before) == len(first)
    assert sum(len(cell.after.operators) for cell in cells if cell.after) == len(second)


def test_unetpp_keeps_the_encoder_of_the_unet() -> None:
    found = statuses(diff(network("unet_bn32"), network("unetpp_bn32")))
    assert {cell for cell, status in found.items() if status == "removed"} == {
        f"decoder.level{i}@{i}" for i in range(4)
    }
    added = {f"decoder.x{i}_{j}@{i}" for j in range(1, 5) for i in range(5 - j)}
    assert {cell for cell, status in found.items() if status == "added"} == added
    assert Counter(found.values()) == {"same": 11, "added": 10, "removed": 4}


def test_wider_channels_are_a_change_that_says_which() -> None:
    difference = diff(network("unet_bn32"), network("unet_bn64"))
    assert Counter(cell.status for cell in difference.cells) == {"same": 1, "changed": 14}
    gone, come = next(cell.operators() for cell in difference.cells if cell.shown.id == "encoder.stages0@0")
    assert gone["Conv(out_channels=32) of 3×352×352"] == 1
    assert come["Conv(out_channels=64) of 3×352×352"] == 1


def small(*, rewired: bool = False, sigmoid: bool = False, swapped: bool = False) -> Graph:
    g = GraphBuilder((3, 8, 8), 1)
    with g.scope("body"):
        a = g.add(Conv(4), g.image)
        b = g.add(ReLU(), g.add(Conv(4), a))
        c = g.add(Conv(4), a if rewired else b)
        x = g.add(Add(), c, b) if swapped else g.add(Add(), b, c)
    with g.scope("head"):
        x = g.add(Conv(1), g.add(Sigmoid() if sigmoid else ReLU(), x))
    return g.freeze([x])


def test_other_operators_and_other_connections_are_changes() -> None:
    found = diff(small(), small(sigmoid=True))
    assert statuses(found) == {"image": "same", "body@0": "same", "head@0": "changed"}
    assert found.cells[2].operators() == (Counter({"ReLU() of 4×8×8": 1}), Counter({"Sigmoid() of 4×8×8": 1}))
    rewired = diff(small(), small(rewired=True))
    assert statuses(rewired) == {"image": "same", "body@0": "changed", "head@0": "same"}
    assert rewired.cells[1].operators() == (Counter(), Counter())
    drawn = nas.draw_diff(small(), small(rewired=True)).sheet.faces["body@0"]
    assert drawn.inside == (("", "the same operators, connected otherwise", ""),)


def test_the_order_of_summands_is_no_change() -> None:
    assert set(statuses(diff(small(), small(swapped=True))).values()) == {"same"}


def test_different_image_sizes_cannot_be_compared() -> None:
    other = nas.build(published["unet_bn32"], (3, 64, 64))
    with pytest.raises(DrawingError, match=r"images \(3, 352, 352\) and \(3, 64, 64\); build both for one"):
        diff(network("unet_bn32"), other)


def test_the_drawing_shows_what_happened() -> None:
    sheet = nas.draw_diff(network("unet_bn32"), network("unetpp_bn32"), heading="to UNet++").sheet
    for cell in diff(network("unet_bn32"), network("unetpp_bn32")).cells:
        face = sheet.faces[cell.shown.id]
        assert (face.fill, face.border) == STATUS[cell.status]
        assert face.title[1] == cell.status
        assert cell.status == "same" or face.texts[2] == cell.status
    assert [swatch.text for swatch in sheet.legend] == ["same (11)", "added (10)", "removed (4)"]
    style = sheet.styles["decoder.level0@0", "head@0"]
    assert (style.colour, style.dashed) == (STATUS["removed"][1], True)


def test_a_change_of_channels_and_cost_is_said() -> None:
    faces = nas.draw_diff(network("unet_bn32"), network("unet_bn64")).sheet.faces
    assert faces["encoder.stages1@1"].texts == ("stages1", "64→128×176×176", "MACs +300%")
    back = nas.draw_diff(network("unet_bn64"), network("unet_bn32")).sheet.faces
    assert back["encoder.stages1@1"].texts == ("stages1", "128→64×176×176", "MACs \N{MINUS SIGN}75%")
