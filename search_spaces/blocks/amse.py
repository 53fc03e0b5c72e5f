"""AMSE: the encoder block of AMSUnet, multi-scale attention out of dilated and strip convolutions.

Source: AMSUnet (code llluochen/AMSUnet, `AMSUnet.py`, which is followed; the paper's table 5 is the ablation that the
options `norm_placement` and `residual` express). The attention descends from SegNeXt's MSCA, arXiv:2209.08575.
"""

from nas.errors import SpaceError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv, Multiply
from search_spaces.parts import activate, normalise, project

__all__ = ["amse"]

STRIPS = (5, 7, 11, 21)
"""Lengths of the strip pairs, in the order of the published names conv0_*, conv1_*, conv2_* (21 is MSCA's)."""


@rule(
    "block",
    dilation=1,
    strip5=True,
    strip7=True,
    strip11=True,
    strip21=False,
    norm_placement="Bf",
    residual="N",
    norm="batch",
    activation="gelu",
    expansion=4,
)
def amse(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    dilation: int,
    strip5: bool,
    strip7: bool,
    strip11: bool,
    strip21: bool,
    norm_placement: str,
    residual: str,
    norm: str,
    activation: str,
    expansion: int,
) -> Node:
    """Append the block, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    dilation: of the second depthwise 3x3. strip5, strip7, strip11, strip21: which pairs (1, k), (k, 1) are summed.
    norm_placement: "Bf" before attention and FFN (the code), "Bb" behind each, "none".
    residual: "N" one from the block's input to its end (the code), "O" one around each of the two, "none".
    Without strips the attention is the two depthwise convolutions alone.
    """
    lengths = [k for k, on in zip(STRIPS, (strip5, strip7, strip11, strip21), strict=True) if on]
    x = project(g, x, width)
    inside = x
    for name, number, body in (("attn", 1, _attention), ("ffn", 2, _feed_forward)):
        start = inside
        if norm_placement == "Bf":
            inside = normalise(g, inside, norm, name=f"bn{number}")
        with g.scope(name):
            inside = body(g, inside, dilation, lengths, activation, expansion)
        if norm_placement == "Bb":
            inside = normalise(g, inside, norm, name=f"bn{number}")
        if residual == "O":
            inside = g.add(Add(), start, inside)
    _known("norm_placement", norm_placement, ("Bf", "Bb", "none"))
    _known("residual", residual, ("N", "O", "none"))
    return activate(g, g.add(Add(), x, inside) if residual == "N" else inside, activation)


def _known(option: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise SpaceError(f"amse: {option}='{value}'; it is one of {', '.join(values)}")


def _attention(g: GraphBuilder, x: Node, dilation: int, lengths: list[int], activation: str, expansion: int) -> Node:
    width = x.channels
    x = activate(g, g.add(Conv(width, kernel=1), x, name="conv1"), activation)
    with g.scope("ams"):
        x = _multi_scale(g, x, dilation, lengths)
    return g.add(Conv(width, kernel=1), x, name="conv2")


def _multi_scale(g: GraphBuilder, x: Node, dilation: int, lengths: list[int]) -> Node:
    width = x.channels
    near = g.add(Conv(width, kernel=3, groups=width), x, name="conv")
    total = wide = g.add(Conv(width, kernel=3, dilation=dilation, groups=width), near, name="conv0")
    total = g.add(Add(), near, wide)
    for k in lengths:
        i = STRIPS.index(k)
        strip = g.add(Conv(width, kernel=(1, k), groups=width), wide, name=f"conv{i}_1")
        strip = g.add(Conv(width, kernel=(k, 1), groups=width), strip, name=f"conv{i}_2")
        total = g.add(Add(), total, strip)
    return g.add(Multiply(), g.add(Conv(width, kernel=1), total, name="conv3"), x)


def _feed_forward(g: GraphBuilder, x: Node, dilation: int, lengths: list[int], activation: str, expansion: int) -> Node:
    width = x.channels
    x = g.add(Conv(expansion * width, kernel=1), x, name="conv1")
    x = g.add(Conv(expansion * width, kernel=3, groups=expansion * width), x, name="conv2")
    return g.add(Conv(width, kernel=1), activate(g, x, activation), name="conv3")
