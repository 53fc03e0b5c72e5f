"""The Res2Net block: a bottleneck whose 3x3 convolutions are a chain over groups of channels.

Source: Gao et al., Res2Net, TPAMI 2021, arXiv:1904.01169, section 3.1; code DengPingFan/PraNet, `lib/Res2Net_v1b.py`
(Bottle2neck), which is followed. A stage's first block has no chain, and pools where the others pass on.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, AvgPool, BatchNorm, Concat, Conv, ReLU, Slice

__all__ = ["res2net_block"]


@rule("block", first=False, stride=1, base_width=26, scale=4, reduction=4, initialisation="resnet")
def res2net_block(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    first: bool,
    stride: int,
    base_width: int,
    scale: int,
    reduction: int,
    initialisation: str,
) -> Node:
    """Append the block. Shapes: x (C, H, W) -> (width, ceil(H / stride), ceil(W / stride)).

    first: the form of a stage's first block; so is every block that strides or changes the width.
    base_width: channels of a group where width / reduction is 64, else in proportion, at least one.
    scale: number of groups. initialisation: the scheme that draws its convolutions, empty for the network's.
    Cost at C = width = 256: 71,500 weights of convolutions.
    """
    first = first or stride > 1 or x.channels != width
    narrow = max(1, width // reduction * base_width // 64)
    wide = g.add(Conv(scale * narrow, kernel=1, bias=False, initialisation=initialisation), x, name="conv1")
    wide = g.add(ReLU(), g.add(BatchNorm(), wide, name="bn1"))
    groups = [g.add(Slice(i * narrow, narrow), wide) for i in range(scale)]
    conv = Conv(narrow, stride=stride, bias=False, initialisation=initialisation)
    made: list[Node] = []
    for i, group in enumerate(groups[:-1]):
        group = g.add(Add(), made[-1], group) if made and not first else group
        group = g.add(BatchNorm(), g.add(conv, group, name=f"convs_{i}"), name=f"bns_{i}")
        made.append(g.add(ReLU(), group))
    made.append(g.add(AvgPool(3, stride, 1), groups[-1]) if first else groups[-1])
    out = g.add(Conv(width, kernel=1, bias=False, initialisation=initialisation), g.add(Concat(), *made), name="conv3")
    out = g.add(BatchNorm(), out, name="bn3")
    return g.add(ReLU(), g.add(Add(), out, _shortcut(g, x, width, stride, initialisation)))


def _shortcut(g: GraphBuilder, x: Node, width: int, stride: int, initialisation: str) -> Node:
    """Return what the block adds: `x`, or where it changes its shape a 1x1 of its mean over windows of the stride."""
    if stride == 1 and x.channels == width:
        return x
    with g.scope("downsample"):
        x = g.add(AvgPool(stride, stride, ceil=True), x) if stride > 1 else x
        x = g.add(Conv(width, kernel=1, bias=False, initialisation=initialisation), x, name="1")
        return g.add(BatchNorm(), x, name="2")
