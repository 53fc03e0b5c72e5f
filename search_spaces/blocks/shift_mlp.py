"""UNeXt's tokenized MLP: channels shifted along one axis, then along the other, between two linear layers.

Source: Valanarasu and Patel, UNeXt, MICCAI 2022, arXiv:2203.04967, section 2; code jeya-maria-jose/UNeXt-pytorch,
`archs.py`, which is followed: the first shift is along the height. Its linear layers on tokens are 1x1 convolutions.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv, LayerNorm, Shift
from search_spaces.parts import activate, project

__all__ = ["shift_mlp"]


@rule("block", embed=False, reach=2, expansion=1, activation="gelu", end_norm=True)
def shift_mlp(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    embed: bool,
    reach: int,
    expansion: int,
    activation: str,
    end_norm: bool,
) -> Node:
    """Append the block. Shapes: x (C, H, W) -> (width, H, W); with `embed` (width, ceil(H / 2), ceil(W / 2)).

    embed: first a 3x3 convolution of stride 2 and LayerNorm, tokens of overlapping patches; else a 1x1 projection where
    C is not `width`. reach: pixels of the farthest shift to either side. expansion: channels between the linear layers
    per channel of the block. end_norm: a LayerNorm behind the residual.
    Cost at C = width = 160: 53,760 parameters, 52,640 H W MACs.
    """
    if embed:
        with g.scope("embed"):
            x = g.add(Conv(width, stride=2, initialisation="unext_embedding"), x, name="proj")
            x = g.add(LayerNorm(), x, name="norm")
    x = project(g, x, width)
    inside = g.add(LayerNorm(), x, name="norm2")
    wide = expansion * width
    with g.scope("mlp"):
        inside = g.add(Shift(axis=1, reach=reach), inside)
        inside = g.add(Conv(wide, kernel=1, initialisation="unext_linear"), inside, name="fc1")
        inside = g.add(Conv(wide, groups=wide, initialisation="unext_depthwise"), inside, name="dwconv")
        inside = g.add(Shift(axis=2, reach=reach), activate(g, inside, activation))
        inside = g.add(Conv(width, kernel=1, initialisation="unext_linear"), inside, name="fc2")
    x = g.add(Add(), x, inside)
    return g.add(LayerNorm(), x, name="norm") if end_norm else x
