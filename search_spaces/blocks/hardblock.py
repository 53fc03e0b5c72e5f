"""HarDBlock: densely linked convolutions whose links are thinned so that feature maps are read less often.

Source: Chao et al., HarDNet, ICCV 2019, arXiv:1909.00948, section 3; code PingoLH/Pytorch-HarDNet, which is followed.
The other link patterns are the ones the paper compares with: DenseNet, LogDenseNet, and a plain chain.
"""

from collections.abc import Callable

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import BatchNorm, Concat, Conv, Dropout, ReLU6

__all__ = ["PATTERNS", "conv_layer", "depthwise_layer", "hardblock", "links", "width_of"]


def _harmonic(layer: int) -> list[int]:
    """Layers l - 2^n for every 2^n that divides l, nearest first."""
    return [layer - 2**n for n in range(layer.bit_length()) if layer % 2**n == 0]


def _log_dense(layer: int) -> list[int]:
    """Layers l - 2^n for every n that stays in the block."""
    return [layer - 2**n for n in range(layer.bit_length()) if 2**n <= layer]


PATTERNS: dict[str, Callable[[int], list[int]]] = {
    "harmonic": _harmonic,
    "dense": lambda layer: list(range(layer - 1, -1, -1)),
    "log_dense": _log_dense,
    "chain": lambda layer: [layer - 1],
}


def links(pattern: str, layer: int) -> list[int]:
    """Return the layers that `layer` (1, 2, ...) reads, nearest first; 0 is the block's input."""
    return PATTERNS[pattern](layer)


def width_of(layer: int, growth: int, multiplier: float) -> int:
    """Return a layer's channels: growth * multiplier^v, v = times that 2 divides it, rounded to an even number."""
    divided = (layer & -layer).bit_length() - 1
    return int(int(growth * multiplier**divided + 1) / 2) * 2


@rule("block", pattern="harmonic", growth=16, multiplier=1.7, layers=8, keep_input=False, depthwise=False, dropout=0.0)
def hardblock(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    pattern: str,
    growth: int,
    multiplier: float,
    layers: int,
    keep_input: bool,
    depthwise: bool,
    dropout: float,
) -> Node:
    """Append the block and its 1x1 transition. Shapes: x (C, H, W) -> (width, H, W).

    pattern: "harmonic" (the paper's), "dense", "log_dense" or "chain" (each layer reads the one before).
    growth, multiplier, layers: k, m and L of the paper. keep_input: also pass the input on (off where published).
    depthwise: 1x1 then depthwise 3x3 without activation in place of each 3x3 (HarDNet-39DS, -68DS).
    dropout: before the transition; 0 is none (HarDNet-85's last block has 0.1).
    Output before the transition: odd layers and the last, ascending. Cost at C = 64, k = 14, m = 1.7, L = 8, width 128:
    166,976 weights of convolutions.
    """
    made = [x]
    with g.scope("layers"):
        for layer in range(1, layers + 1):
            sources = [made[i] for i in links(pattern, layer)]
            joined = g.add(Concat(), *sources) if len(sources) > 1 else sources[0]
            with g.scope(str(layer - 1)):
                made.append(_layer(g, joined, width_of(layer, growth, multiplier), depthwise))
    passed = [made[i] for i in range(layers + 1) if (i == 0 and keep_input) or i % 2 == 1 or (i == layers and i > 0)]
    x = g.add(Concat(), *passed) if len(passed) > 1 else passed[0]
    with g.scope("transition"):
        return conv_layer(g, g.add(Dropout(dropout), x) if dropout else x, width, kernel=1)


def _layer(g: GraphBuilder, x: Node, channels: int, depthwise: bool) -> Node:
    if not depthwise:
        return conv_layer(g, x, channels, kernel=3)
    with g.scope("layer1"):
        x = conv_layer(g, x, channels, kernel=1)
    with g.scope("layer2"):
        return depthwise_layer(g, x)


def conv_layer(g: GraphBuilder, x: Node, channels: int, *, kernel: int, stride: int = 1) -> Node:
    """Append convolution without bias, BatchNorm and ReLU6. Shapes: (C, H, W) -> (channels, ceil(H / stride), ...)."""
    x = g.add(Conv(channels, kernel=kernel, stride=stride, bias=False), x, name="conv")
    return g.add(ReLU6(), g.add(BatchNorm(), x, name="norm"))


def depthwise_layer(g: GraphBuilder, x: Node, stride: int = 1) -> Node:
    """Append depthwise convolution 3x3 and BatchNorm, no activation. Shapes: (C, H, W) -> (C, H / stride, ...)."""
    x = g.add(Conv(x.channels, kernel=3, stride=stride, groups=x.channels, bias=False), x, name="dwconv")
    return g.add(BatchNorm(), x, name="norm")
