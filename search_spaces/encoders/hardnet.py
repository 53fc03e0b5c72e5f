"""HarDNet: HarDBlocks with 1x1 transitions, and downsampling behind some of them.

Source: Chao et al., HarDNet, ICCV 2019, arXiv:1909.00948, table 1; code PingoLH/Pytorch-HarDNet, which is followed.
The defaults are HarDNet-68; the other depths are in `search_spaces/networks/hardnet.py`.
"""

from nas.grammar import Block, Inherit, Rule, rule
from nas.graph import GraphBuilder, Node
from nas.ops import MaxPool
from search_spaces.blocks.hardblock import conv_layer, depthwise_layer, hardblock
from search_spaces.pyramid import Pyramid

__all__ = ["hardblocks", "hardnet"]


def hardblocks(*shapes: tuple[int, int]) -> tuple[Rule, ...]:
    """Return HarDBlocks of these (growth, layers), multiplier and depthwise as the encoder has them."""
    block = hardblock(multiplier=Inherit("multiplier"), depthwise=Inherit("depthwise"))
    return tuple(block(growth=growth, layers=layers) for growth, layers in shapes)


@rule(
    "encoder",
    gives={"levels": "levels", "initialisation": "initialisation"},
    levels=4,
    depthwise=False,
    multiplier=1.7,
    stem=(32, 64),
    blocks=hardblocks((14, 8), (16, 16), (20, 16), (40, 16), (160, 4)),
    widths=(128, 256, 320, 640, 1024),
    down=(True, False, True, True, False),
    initialisation="torch",
)
def hardnet(
    g: GraphBuilder,
    image: Node,
    *,
    levels: int,
    depthwise: bool,
    multiplier: float,
    stem: tuple[int, int],
    blocks: tuple[Block, ...],
    widths: tuple[int, ...],
    down: tuple[bool, ...],
    initialisation: str,
) -> Pyramid:
    """Append stem and blocks. Shapes: image (C, H, W) -> the last `levels` features of x/4, x/8, x/16, x/32.

    A feature is the last transition at its size. levels: 4 has the first feature at x/4, 3 at x/8.
    depthwise: of the second stem convolution and the downsampling, which are else 3x3 and max pooling; it and
    multiplier (m of the paper) are for the blocks to inherit. stem: channels of the two convolutions.
    initialisation: the scheme of `nas.ops.SCHEMES` that a network with this encoder may inherit.
    widths: channels behind each block. down: whether the map is halved after it.
    Cost of the default: 16,540,348 parameters, 10.48 GMACs at 352x352.
    """
    x = _stem(g, image, stem, depthwise)
    features = []
    for i, (block, width, halve) in enumerate(zip(blocks, widths, down, strict=True)):
        x = block(g, x, width)
        if halve or i == len(blocks) - 1:
            features.append(x)
        if halve:
            with g.scope(f"down{i}"):
                x = depthwise_layer(g, x, stride=2) if depthwise else g.add(MaxPool(), x)
    return Pyramid(image, tuple(features[-levels:]))


def _stem(g: GraphBuilder, image: Node, stem: tuple[int, int], depthwise: bool) -> Node:
    """Two convolutions and downsampling. Shapes: (C, H, W) -> (stem[1], H / 4, W / 4), each half rounded up."""
    with g.scope("stem0"):
        x = conv_layer(g, image, stem[0], kernel=3, stride=2)
    with g.scope("stem1"):
        x = conv_layer(g, x, stem[1], kernel=1 if depthwise else 3)
    with g.scope("stem2"):
        return depthwise_layer(g, x, stride=2) if depthwise else g.add(MaxPool(kernel=3, padding=1), x)
