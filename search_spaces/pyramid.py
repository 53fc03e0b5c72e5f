"""What encoders give and decoders take."""

from typing import NamedTuple

from nas.graph import Node

__all__ = ["Pyramid"]


class Pyramid(NamedTuple):
    """Features finest first (x1, x/2, x/4 or x/8 ...), and the image they come from."""

    image: Node
    features: tuple[Node, ...]
