"""Dense aggregation (cascaded partial decoder): the three deepest features, multiplied and joined from below.

Source: Wu et al., CVPR 2019, arXiv:1904.08739, as HarDNet-MSEG has it (arXiv:2101.07172, code
james128333/HarDNet-MSEG, `lib/HarDMSEG.py`), which is followed: its convolutions have no activation.
"""

import math

from nas.errors import ShapeError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Concat, Conv, Multiply, ResizeTo, Upsample
from search_spaces.contexts.rfb import conv_bn
from search_spaces.pyramid import Pyramid

__all__ = ["dense_aggregation"]


@rule("decoder", any_size=False)
def dense_aggregation(g: GraphBuilder, pyramid: Pyramid, *, any_size: bool) -> list[Node]:
    """Append the decoder. Shapes: features (w, 4h, 4w'), (w, 2h, 2w'), (w, h, w') -> [(3 w, 4h, 4w')].

    any_size: resize to the other factor's size in place of doubling; the same wherever doubling fits.
    Raises ShapeError, naming the multiple, where a map is not half of the next and any_size is off.
    """
    if not any_size:
        _check_sides(pyramid)
    c, b, a = pyramid.features[-3:]
    up_a, up_b = _up(g, a, b, any_size), _up(g, b, c, any_size)
    b1 = g.add(Multiply(), _conv(g, up_a, "conv_upsample1"), b)
    c1 = g.add(Multiply(), _conv(g, _up(g, up_a, c, any_size), "conv_upsample2"), _conv(g, up_b, "conv_upsample3"))
    c1 = g.add(Multiply(), c1, c)  # b, not b1, goes into this product
    b2 = _conv(g, g.add(Concat(), b1, _conv(g, up_a, "conv_upsample4")), "conv_concat2")
    c2 = _conv(g, g.add(Concat(), c1, _conv(g, _up(g, b2, c, any_size), "conv_upsample5")), "conv_concat3")
    return [_conv(g, c2, "conv4")]


def _conv(g: GraphBuilder, x: Node, name: str) -> Node:
    return conv_bn(g, x, Conv(x.channels, kernel=3, bias=False), name)


def _up(g: GraphBuilder, x: Node, reference: Node, any_size: bool) -> Node:
    return g.add(ResizeTo(align_corners=True), x, reference) if any_size else g.add(Upsample(align_corners=True), x)


def _check_sides(pyramid: Pyramid) -> None:
    """Raise ShapeError unless each of the last three maps is half of the one before."""
    sides = [x.shape[1:] for x in pyramid.features[-3:]]
    if len(sides) < 3:
        raise ShapeError(f"dense aggregation takes three features, {len(sides)} came; give an encoder with more levels")
    if all(2 * n == m for deep, fine in zip(sides[1:], sides, strict=False) for n, m in zip(deep, fine, strict=True)):
        return
    image = pyramid.image.shape[1:]
    multiple = 4 * 2 ** round(math.log2(image[0] / sides[0][0]))  # the finest of the three is the least rounded
    raise ShapeError(
        f"the maps {', '.join(map(str, sides))} do not double into each other; "
        f"give an image whose sides are multiples of {multiple} (now {'x'.join(map(str, image))})"
    )
