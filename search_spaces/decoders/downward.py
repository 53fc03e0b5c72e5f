"""HRNet's way to a class: from the finest level down, each widened by a block and added to what came from above.

Source: Wang et al., HRNet, TPAMI 2020, arXiv:1908.07919, appendix; code HRNet/HRNet-Image-Classification,
`lib/models/cls_hrnet.py`.
"""

from nas.errors import SpaceError
from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add
from search_spaces.blocks.bottleneck import bottleneck
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.pyramid import Pyramid

__all__ = ["downward"]


@rule(
    "decoder",
    widths=(128, 256, 512, 1024),
    last_width=2048,
    block=bottleneck,
    down=conv_stem(stride=2, padding_mode="zeros", activation="relu"),
    last=conv_unit(kernel=1),
)
def downward(
    g: GraphBuilder,
    pyramid: Pyramid,
    *,
    widths: tuple[int, ...],
    last_width: int,
    block: Block,
    down: Block,
    last: Block,
) -> list[Node]:
    """Append the way down. Shapes: pyramid, each level half of the one before, rounded up -> [(last_width, h, w)].

    widths: channels that `block` gives each level. Raises SpaceError for another number of levels.
    """
    if len(widths) != len(pyramid.features):
        raise SpaceError(f"downward: widths={widths}; the encoder gives {len(pyramid.features)} levels")
    total: Node | None = None
    for i, (x, width) in enumerate(zip(pyramid.features, widths, strict=True)):
        x = block(g, x, width, name=f"level{i}")
        total = x if total is None else g.add(Add(), x, down(g, total, width, name=f"down{i}"))
    return [last(g, total, last_width)]
