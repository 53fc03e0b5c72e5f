"""One convolution to the classes."""

from collections.abc import Sequence

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv

__all__ = ["conv_head"]


@rule("head", kernel=1, bias=True)
def conv_head(g: GraphBuilder, features: Sequence[Node], *, kernel: int, bias: bool) -> list[Node]:
    """Append a convolution per feature. Shapes: (C, h, w) -> (classes, h, w)."""
    names = [f"conv{i}" for i in range(len(features))] if len(features) > 1 else ["conv"]
    return [
        g.add(Conv(g.classes, kernel=kernel, bias=bias), x, name=name) for x, name in zip(features, names, strict=True)
    ]
