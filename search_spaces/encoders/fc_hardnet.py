"""The encoder of FC-HarDNet: as HarDNet's, but skips leave before the transitions, and it goes down to x/64.

Source: Chao et al., HarDNet, ICCV 2019, arXiv:1909.00948, section 4.2; code PingoLH/FCHarDNet,
`ptsemseg/models/hardnet.py`, which is followed. The defaults are FC-HarDNet-70.
"""

from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import AvgPool
from search_spaces.blocks.hardblock import conv_layer, hardblock
from search_spaces.pyramid import Pyramid

__all__ = ["BARE", "fc_hardnet"]

BARE = hardblock(activation="relu", transition=False)
"""A HarDBlock as FC-HarDNet has it: ReLU, no transition."""


@rule(
    "encoder",
    gives={"levels": 5},
    stem=(16, 24, 32, 48),
    blocks=tuple(BARE(growth=k, layers=n) for k, n in ((10, 4), (16, 4), (18, 8), (24, 8), (32, 8))),
    widths=(64, 96, 160, 224, 320),
)
def fc_hardnet(
    g: GraphBuilder, image: Node, *, stem: tuple[int, ...], blocks: tuple[Block, ...], widths: tuple[int, ...]
) -> Pyramid:
    """Append stem and blocks. Shapes: image (C, H, W) -> 5 features at x/4, x/8, x/16, x/32 and x/64.

    A feature is what a block gives, the last one's that of its transition. stem: channels of its convolutions, every
    second of which strides, from the first on. widths: of the 1x1 transition behind each block.
    """
    x = image
    for i, channels in enumerate(stem):
        with g.scope(f"stem{i}"):
            x = conv_layer(g, x, channels, kernel=3, stride=1 if i % 2 else 2, activation="relu")
    features = []
    for i, (block, width) in enumerate(zip(blocks, widths, strict=True)):
        x = block(g, x, width)
        features.append(x)
        with g.scope(f"transition{i}"):
            x = conv_layer(g, x, width, kernel=1, activation="relu")
        x = g.add(AvgPool(), x) if i < len(blocks) - 1 else x
    return Pyramid(image, (*features[:-1], x))
