"""HarDBlock: densely linked convolutions whose links are thinned so that feature maps are read less often.

Source: Chao et al., HarDNet, ICCV 2019, arXiv:1909.00948, section 3; code PingoLH/Pytorch-HarDNet, which is followed.
The other link patterns put the same layers together as its predecessors do: DenseNet (arXiv:1608.06993), LogDenseNet
(arXiv:1711.00002), a residual chain (ResNet, arXiv:1512.03385) and plain chains.
"""

from collections.abc import Callable

from nas.errors import SpaceError
from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Concat, Conv, Dropout
from search_spaces.parts import activate, shortcut

__all__ = ["PATTERNS", "conv_layer", "depthwise_layer", "hardblock", "links", "passed_on", "width_of"]


def _harmonic(layer: int) -> list[int]:
    """Layers l - 2^n for every 2^n that divides l, nearest first."""
    return [layer - 2**n for n in range(layer.bit_length()) if layer % 2**n == 0]


def _log_dense(layer: int) -> list[int]:
    """Layers l - 2^n for every n that stays in the block."""
    return [layer - 2**n for n in range(layer.bit_length()) if 2**n <= layer]


def _before(layer: int) -> list[int]:
    return [layer - 1]


PATTERNS: dict[str, Callable[[int], list[int]]] = {
    "harmonic": _harmonic,
    "dense": lambda layer: list(range(layer - 1, -1, -1)),
    "log_dense": _log_dense,
    "chain": _before,
    "residual": _before,
    "none": _before,
}
"""By pattern, the layers that a layer reads. "residual" adds what it reads to what it makes."""

_LAST_ALONE = ("residual", "none")


def links(pattern: str, layer: int) -> list[int]:
    """Return the layers that `layer` (1, 2, ...) reads, nearest first; 0 is the block's input.

    Raises SpaceError for an unknown pattern.
    """
    if pattern not in PATTERNS:
        raise SpaceError(f"hardblock: pattern='{pattern}'; it is one of {', '.join(PATTERNS)}")
    return PATTERNS[pattern](layer)


def passed_on(pattern: str, layers: int, keep_input: bool = False) -> list[int]:
    """Return the layers that the transition reads, ascending; 0 is the block's input."""
    first = 1 if pattern not in _LAST_ALONE else layers
    return [0] * keep_input + [i for i in range(first, layers + 1) if i % 2 == 1 or i == layers]


def width_of(layer: int, growth: int, multiplier: float) -> int:
    """Return a layer's channels: growth * multiplier^v, v = times that 2 divides it, rounded to an even number."""
    divided = (layer & -layer).bit_length() - 1
    return int(int(growth * multiplier**divided + 1) / 2) * 2


@rule(
    "block",
    pattern="harmonic",
    growth=16,
    multiplier=1.7,
    layers=8,
    keep_input=False,
    depthwise=False,
    dropout=0.0,
    activation="relu6",
    transition=True,
)
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
    activation: str,
    transition: bool,
) -> Node:
    """Append the block and its 1x1 transition. Shapes: x (C, H, W) -> (width, H, W).

    pattern: which layers a layer reads: "harmonic" (the paper's), "dense" (all), "log_dense", or the one before alone.
        The last is "chain" (no links among layers, yet the transition reads several), "none" (nor there: a plain
        stack) or "residual" (a stack whose layers add what they read, through a 1x1 where widths differ).
    growth, multiplier, layers: k, m and L of the paper; layers have the same widths in every pattern, all k at m = 1.
    keep_input: also pass the input on (off where published).
    depthwise: 1x1 then depthwise 3x3 without activation in place of each 3x3 (HarDNet-39DS, -68DS).
    dropout: before the transition; 0 is none (HarDNet-85's last block has 0.1).
    activation: "relu6" or, as in FC-HarDNet, "relu". transition: off, the block gives what it would read, of any width.
    The transition reads odd layers and the last, ascending; of "residual" and "none" the last alone.
    Cost at C = 64, k = 14, m = 1.7, L = 8, width 128: 187,160 weights of convolutions; as a residual chain 51,824.
    """
    if layers < 1:
        raise SpaceError(f"hardblock: layers={layers}; give at least 1")
    made = [x]
    with g.scope("layers"):
        for layer in range(1, layers + 1):
            sources = [made[i] for i in links(pattern, layer)]
            joined = g.add(Concat(), *sources) if len(sources) > 1 else sources[0]
            append = _residual if pattern == "residual" else _layer
            with g.scope(str(layer - 1)):
                made.append(append(g, joined, width_of(layer, growth, multiplier), depthwise, activation))
    passed = [made[i] for i in passed_on(pattern, layers, keep_input)]
    x = g.add(Concat(), *passed) if len(passed) > 1 else passed[0]
    x = g.add(Dropout(dropout), x) if dropout else x
    if not transition:
        return x
    with g.scope("transition"):
        return conv_layer(g, x, width, kernel=1, activation=activation)


def _layer(g: GraphBuilder, x: Node, channels: int, depthwise: bool, activation: str) -> Node:
    if not depthwise:
        return conv_layer(g, x, channels, kernel=3, activation=activation)
    with g.scope("layer1"):
        x = conv_layer(g, x, channels, kernel=1, activation=activation)
    with g.scope("layer2"):
        return depthwise_layer(g, x)


def _residual(g: GraphBuilder, x: Node, channels: int, depthwise: bool, activation: str) -> Node:
    """The layer plus what it reads, through a 1x1 and BatchNorm where widths differ, as in ResNet.

    The activation is behind the sum: branches that are never negative could only add up (arXiv:1603.05027, sec. 4.1).
    A depthwise layer ends without activation, and so does its sum.
    """
    if depthwise:
        return g.add(Add(), _layer(g, x, channels, depthwise, activation), shortcut(g, x, channels, "batch"))
    made = _conv_norm(g, x, channels, kernel=3)
    return activate(g, g.add(Add(), made, shortcut(g, x, channels, "batch")), activation)


def conv_layer(
    g: GraphBuilder, x: Node, channels: int, *, kernel: int, stride: int = 1, activation: str = "relu6"
) -> Node:
    """Append convolution, BatchNorm and activation. Shapes: (C, H, W) -> (channels, ceil(H / stride), ...)."""
    return activate(g, _conv_norm(g, x, channels, kernel, stride), activation)


def _conv_norm(g: GraphBuilder, x: Node, channels: int, kernel: int, stride: int = 1) -> Node:
    x = g.add(Conv(channels, kernel=kernel, stride=stride, bias=False), x, name="conv")
    return g.add(BatchNorm(), x, name="norm")


def depthwise_layer(g: GraphBuilder, x: Node, stride: int = 1) -> Node:
    """Append depthwise convolution 3x3 and BatchNorm, no activation. Shapes: (C, H, W) -> (C, H / stride, ...)."""
    x = g.add(Conv(x.channels, kernel=3, stride=stride, groups=x.channels, bias=False), x, name="dwconv")
    return g.add(BatchNorm(), x, name="norm")
