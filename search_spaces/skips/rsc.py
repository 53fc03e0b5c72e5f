"""RSC: the residual spatial and channel attention on AMSUnet's skips.

Source: AMSUnet, code llluochen/AMSUnet, which multiplies the two gated features (x^2 s c); the paper's text can also be
read as multiplying the two attention maps (x s c). Neither reading changes the number of parameters.
"""

from nas.errors import SpaceError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, Conv, GlobalAvgPool, Multiply, ReLU, Sigmoid

__all__ = ["rsc"]


@rule("skip", product="features", reduction=4)
def rsc(g: GraphBuilder, x: Node, upsampled: Node, *, product: str, reduction: int) -> Node:
    """Append the gate. Shapes: (C, H, W), any -> (C, H, W).

    product: "features" (the code: x + (x s) (x c)) or "maps" (the paper's text: x + x s c).
    """
    with g.scope("satt"):
        spatial = g.add(Sigmoid(), g.add(Conv(1, kernel=1, bias=False), x, name="squeeze"))
    with g.scope("catt"):
        squeezed = g.add(Conv(max(1, x.channels // reduction), kernel=1), g.add(GlobalAvgPool(), x), name="conv1")
        channel = g.add(Sigmoid(), g.add(Conv(x.channels, kernel=1), g.add(ReLU(), squeezed), name="conv2"))
    gated = g.add(Multiply(), x, spatial)
    if product == "features":
        return g.add(Add(), x, g.add(Multiply(), gated, g.add(Multiply(), x, channel)))
    if product == "maps":
        return g.add(Add(), x, g.add(Multiply(), gated, channel))
    raise SpaceError(f"rsc: product='{product}'; it is one of features, maps")
