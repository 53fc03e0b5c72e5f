"""Double convolution: the unit of every U-Net, (conv 3x3, norm, activation) twice.

Source: Ronneberger et al., MICCAI 2015, arXiv:1505.04597; with BatchNorm as in the common PyTorch ports.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, Dropout
from search_spaces.parts import activate, normalise

__all__ = ["double_conv"]


@rule("block", norm="batch", activation="relu", mid="width", bias=True, dilation=1, dropout=0.0)
def double_conv(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    norm: str,
    activation: str,
    mid: str,
    bias: bool,
    dilation: int,
    dropout: float,
) -> Node:
    """Append the two units. Shapes: x (C, H, W) -> (width, H, W).

    mid: channels between the two, "width" or "half_input" (C / 2, at least 1: the decoder of the bilinear U-Net).
    bias: of the convolutions (the bilinear U-Net has none). dilation: of both; 1 is published.
    dropout: probability behind each activation (0.5 in UNet++), 0 for none.
    Cost at C = width = 32: 18,432 weights, 18,432 H W MACs.
    """
    between = width if mid == "width" else max(1, x.channels // 2)
    for i, channels in enumerate((between, width), start=1):
        x = g.add(Conv(channels, kernel=3, dilation=dilation, bias=bias), x, name=f"conv{i}")
        x = activate(g, normalise(g, x, norm, name=f"bn{i}"), activation)
        x = g.add(Dropout(dropout), x) if dropout else x
    return x
