"""The U-Net's decoder: from the deepest level up, join the upsampled feature with the skip and apply a block.

Source: Ronneberger et al., MICCAI 2015, arXiv:1505.04597.
"""

from nas.errors import SpaceError
from nas.grammar import Block, Repeat, rule
from nas.graph import GraphBuilder, Node
from search_spaces.blocks.double_conv import double_conv
from search_spaces.fuses.concat import concat
from search_spaces.pyramid import Pyramid
from search_spaces.skips.identity import identity
from search_spaces.upsampling.transposed import transposed

__all__ = ["unet_decoder"]


@rule(
    "decoder",
    upsample=transposed,
    skip=identity,
    order="skip_first",
    fuse=concat,
    width="level",
    widths=(),
    blocks=Repeat(double_conv, ("levels", -1)),
)
def unet_decoder(
    g: GraphBuilder,
    pyramid: Pyramid,
    *,
    upsample: Block,
    skip: Block,
    order: str,
    fuse: Block,
    width: str,
    widths: tuple[int, ...],
    blocks: tuple[Block, ...],
) -> list[Node]:
    """Append the way up. Shapes: pyramid of n features -> [(width of level 0, H, W) of the finest].

    order: of what `fuse` joins, "skip_first" or "up_first".
    width: channels after level i's block: those of "level" i, or of the "finer" level i - 1 (the bilinear U-Net and
    AMSUnet, whose upsampling keeps the channels). widths: of each level's block, in place of that; empty for none.
    blocks[i] belongs to level i.
    """
    features = pyramid.features
    if widths and len(widths) != len(features) - 1:
        raise SpaceError(f"unet_decoder: widths={widths}; give {len(features) - 1}, one per level above the deepest")
    x = features[-1]
    for i in reversed(range(len(features) - 1)):
        with g.scope(f"level{i}"):
            up = upsample(g, x, features[i], features[i].channels)
            kept = skip(g, features[i], up)
            joined = fuse(g, (kept, up) if order == "skip_first" else (up, kept))
            own = widths[i] if widths else features[max(0, i - 1) if width == "finer" else i].channels
            x = blocks[i](g, joined, own, name="block")
    return [x]
