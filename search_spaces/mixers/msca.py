"""MSCA: SegNeXt's multi-scale convolutional attention, between two 1x1 convolutions.

Source: Guo et al., SegNeXt, NeurIPS 2022, arXiv:2209.08575, section 3.1; code Visual-Attention-Network/SegNeXt,
`mscan.py`, which is followed: the attention adds its own input, within the block's residual.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv
from search_spaces.mixers.ams import strip_gate
from search_spaces.parts import activate, project

__all__ = ["msca"]


@rule("mixer", strip5=False, strip7=True, strip11=True, strip21=True, shortcut=True, activation="gelu")
def msca(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    strip5: bool,
    strip7: bool,
    strip11: bool,
    strip21: bool,
    shortcut: bool,
    activation: str,
) -> Node:
    """Append the attention, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    strip5, strip7, strip11, strip21: which pairs (1, k), (k, 1) are summed with the depthwise 5x5 that they read.
    shortcut: add the attention's own input (the code). The strips' published names are conv0_*, conv1_* and conv2_*;
    length 5, which is AMS's, takes conv3_*.
    Cost at C = width = 32: 6,688 parameters, 6,368 H W MACs.
    """
    x = start = project(g, x, width)
    x = activate(g, g.add(Conv(width, kernel=1), x, name="proj_1"), activation)
    with g.scope("spatial_gating_unit"):
        wide = g.add(Conv(width, kernel=5, groups=width), x, name="conv0")
        x = strip_gate(g, x, wide, wide, {7: strip7, 11: strip11, 21: strip21, 5: strip5})
    x = g.add(Conv(width, kernel=1), x, name="proj_2")
    return g.add(Add(), x, start) if shortcut else x
