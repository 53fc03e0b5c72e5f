"""Which heights and widths a network takes, told from its graph without running it."""

import json
from typing import NamedTuple

from nas.errors import ExportError, ShapeError
from nas.graph import Graph

__all__ = ["Sides", "sides_of"]

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_LARGE = 256  # pixels; where every network that takes a multiple at all takes it
_LONGEST = 1024


class Sides(NamedTuple):
    """Heights and widths, in pixels, are any multiples of `multiple` from `least` on."""

    multiple: int
    least: int


def sides_of(graph: Graph) -> Sides:
    """Return what sides a deployed graph takes. `least` leaves no map with a side of 1 that the image's size gave it.

    Tracing takes a side of 1 for one that always is 1. Raises ExportError where no multiple up to 64 will do.
    """
    stored = json.loads(graph.to_json())
    for multiple in _MULTIPLES:
        tried = [_at(stored, _LARGE + factor * multiple) for factor in (1, 3, 7)]
        large = tried[-1]
        if large is not None and None not in tried:
            return Sides(multiple, _least(stored, multiple, large))
    raise ExportError(f"the network takes no sides that are multiples of {_MULTIPLES[-1]}; it cannot be exported")


def _least(stored: dict[str, object], multiple: int, large: Graph) -> int:
    side = multiple
    while side < _LONGEST:
        small = _at(stored, side)
        if small is not None and _keeps_area(small, large):
            return side
        side *= 2
    raise ExportError(f"the network takes no image of less than {_LONGEST} pixels; it cannot be exported")


def _keeps_area(small: Graph, large: Graph) -> bool:
    pairs = zip(small.nodes(), large.nodes(), strict=True)
    return all(min(a.shape[1:]) > 1 for a, b in pairs if a.shape[1:] != b.shape[1:])


def _at(stored: dict[str, object], side: int) -> Graph | None:
    """Return the graph on a square image; None if it does not take it or gives logits of another size."""
    image = stored["image"]
    assert isinstance(image, list)
    try:
        graph = Graph.from_json(json.dumps(stored | {"image": [image[0], side, side]}))
    except ShapeError:
        return None
    return graph if graph.outputs[0].shape[1:] == (side, side) else None
