"""Dense aggregation (cascaded partial decoder): the three deepest features, multiplied and joined from below.

Source: Wu et al., CVPR 2019, arXiv:1904.08739, as HarDNet-MSEG has it (arXiv:2101.07172, code
james128333/HarDNet-MSEG, `lib/HarDMSEG.py`), which is followed: its convolutions have no activation.
"""

from nas.errors import ShapeError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Concat, Conv, Multiply, ResizeTo
from search_spaces.contexts.rfb import conv_bn
from search_spaces.parts import project
from search_spaces.pyramid import Pyramid

__all__ = ["dense_aggregation"]


@rule("decoder")
def dense_aggregation(g: GraphBuilder, pyramid: Pyramid) -> list[Node]:
    """Append the decoder. Shapes: the three deepest features (w, h_i, w_i) -> [(3 w, h, w')] of the finest of them.

    Maps are enlarged to the size of what they are joined with. The published code doubles them, which is the same where
    the image's sides are multiples of 32, and else fails. Features of other widths than the finest go through a 1x1
    convolution first. Raises ShapeError if there are fewer than three.
    """
    if len(pyramid.features) < 3:
        came = len(pyramid.features)
        raise ShapeError(f"dense aggregation takes three features, {came} came; give an encoder with more levels")
    c, b, a = _of_one_width(g, pyramid.features[-3:])
    up_a, up_b = _up(g, a, b), _up(g, b, c)
    b1 = g.add(Multiply(), _conv(g, up_a, "conv_upsample1"), b)
    c1 = g.add(Multiply(), _conv(g, _up(g, up_a, c), "conv_upsample2"), _conv(g, up_b, "conv_upsample3"))
    c1 = g.add(Multiply(), c1, c)  # b, not b1, goes into this product
    b2 = _conv(g, g.add(Concat(), b1, _conv(g, up_a, "conv_upsample4")), "conv_concat2")
    c2 = _conv(g, g.add(Concat(), c1, _conv(g, _up(g, b2, c), "conv_upsample5")), "conv_concat3")
    return [_conv(g, c2, "conv4")]


def _of_one_width(g: GraphBuilder, features: tuple[Node, ...]) -> tuple[Node, ...]:
    fitting = []
    for i, x in enumerate(features):
        with g.scope(f"feature{i}"):
            fitting.append(project(g, x, features[0].channels))
    return tuple(fitting)


def _conv(g: GraphBuilder, x: Node, name: str) -> Node:
    return conv_bn(g, x, Conv(x.channels, kernel=3, bias=False), name)


def _up(g: GraphBuilder, x: Node, reference: Node) -> Node:
    return g.add(ResizeTo(align_corners=True), x, reference)
