"""OCR: pixels look at the mean features of the classes that a first guess sees.

Source: Yuan et al., ECCV 2020, arXiv:1909.11065; code HRNet/HRNet-Semantic-Segmentation, `lib/models/seg_hrnet_ocr.py`,
which is followed. It reads the first feature alone.
"""

import math
from collections.abc import Sequence

from nas.build import Outputs
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import BatchNorm, Concat, Conv, Dropout, MatMul, ReLU, Scale, Softmax

__all__ = ["ocr"]


@rule("head", width=512, key_width=256, dropout=0.05)
def ocr(g: GraphBuilder, features: Sequence[Node], *, width: int, key_width: int, dropout: float) -> Outputs:
    """Append the module to the first feature. Shapes: (C, h, w), ... -> [first guess, (classes, h, w)], logits.

    The second output counts; the loss of the first is to be weighted 0.4. dropout: of whole channels.
    With one class every pixel has but one region to look at.
    """
    x = features[0]
    with g.scope("aux_head"):
        guess = g.add(ReLU(), g.add(BatchNorm(), g.add(Conv(x.channels, kernel=1), x, name="0"), name="1"))
        guess = g.add(Conv(g.classes, kernel=1), guess, name="3")
    with g.scope("conv3x3_ocr"):
        pixels = g.add(ReLU(), g.add(BatchNorm(), g.add(Conv(width), x, name="0"), name="1"))
    regions = g.add(MatMul(transpose_second=True), pixels, g.add(Softmax(pixels=True), guess))  # (width, classes, 1)
    with g.scope("object_context_block"):
        context = _context(g, pixels, regions, width, key_width)
    joined = _unit(g, g.add(Concat(), context, pixels), width, "conv_bn_dropout", 0)
    made = g.add(Dropout(dropout, channels=True), joined) if dropout else joined
    return Outputs([guess, g.add(Conv(g.classes, kernel=1), made, name="cls_head")], prediction=1)


def _context(g: GraphBuilder, pixels: Node, regions: Node, width: int, key_width: int) -> Node:
    """What each pixel takes of the regions. Shapes: (C, h, w), (C, K, 1) -> (width, h, w)."""
    query = _unit(g, _unit(g, pixels, key_width, "f_pixel", 0), key_width, "f_pixel", 2)
    key = _unit(g, _unit(g, regions, key_width, "f_object", 0), key_width, "f_object", 2)
    value = _unit(g, regions, key_width, "f_down", 0)
    likeness = g.add(Scale(1 / math.sqrt(key_width)), g.add(MatMul(transpose_first=True), key, query))
    taken = g.add(MatMul(), value, g.add(Softmax(), likeness))
    return _unit(g, taken, width, "f_up", 0)


def _unit(g: GraphBuilder, x: Node, width: int, name: str, number: int) -> Node:
    """1x1 convolution, BatchNorm and ReLU, named as two layers from `number` on."""
    with g.scope(f"{name}_{number}"):
        return g.add(ReLU(), g.add(BatchNorm(), g.add(Conv(width, kernel=1, bias=False), x, name="conv"), name="bn"))
