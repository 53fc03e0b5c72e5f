"""The classification head: global average pooling, dropout and one linear layer."""

from collections.abc import Sequence

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Dropout, Flatten, GlobalAvgPool, Linear

__all__ = ["linear_head"]


@rule("head", dropout=0.1)
def linear_head(g: GraphBuilder, features: Sequence[Node], *, dropout: float) -> list[Node]:
    """Append the head per feature. Shapes: (C, h, w) -> (classes,).

    dropout: before the linear layer, 0 for none (HRNet).
    """
    names = [f"linear{i}" for i in range(len(features))] if len(features) > 1 else ["linear"]
    vectors = [g.add(Flatten(), g.add(GlobalAvgPool(), x)) for x in features]
    if dropout:
        vectors = [g.add(Dropout(dropout), x) for x in vectors]
    return [g.add(Linear(g.classes), x, name=name) for x, name in zip(vectors, names, strict=True)]
