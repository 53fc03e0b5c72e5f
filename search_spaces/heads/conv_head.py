"""One convolution to the classes, resized to the image where a paper's network ends at its size."""

from collections.abc import Sequence

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, ResizeTo

__all__ = ["conv_head"]


@rule("head", kernel=1, bias=True, full_size=False, align_corners=False)
def conv_head(
    g: GraphBuilder, features: Sequence[Node], *, kernel: int, bias: bool, full_size: bool, align_corners: bool
) -> list[Node]:
    """Append a convolution per feature. Shapes: (C, h, w) -> (classes, h, w).

    full_size: resize to the image (bilinear, with align_corners or without), (classes, H, W), as the codes of
    HarDNet-MSEG and FC-HarDNet do inside the network. Elsewhere that is left to the loss and to `nas.deploy`.
    """
    names = [f"conv{i}" for i in range(len(features))] if len(features) > 1 else ["conv"]
    conv = Conv(g.classes, kernel=kernel, bias=bias)
    logits = [g.add(conv, x, name=name) for x, name in zip(features, names, strict=True)]
    return [g.add(ResizeTo(align_corners=align_corners), x, g.image) for x in logits] if full_size else logits
