"""DeepLabv3+'s decoder: the deepest feature with its context, joined once with a fine one.

Source: Chen et al., ECCV 2018, arXiv:1802.02611, section 3.1. Its low-level feature has a quarter of the image's side,
which is the finest one of HarDNet and HRNet.
"""

from nas.errors import SpaceError
from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.blocks.run import run
from search_spaces.contexts.aspp import aspp
from search_spaces.fuses.concat import concat
from search_spaces.pyramid import Pyramid
from search_spaces.upsampling.resize import resize

__all__ = ["deeplab_decoder"]

_PLAIN = conv_unit(bias=False)


@rule(
    "decoder",
    context=aspp,
    width=256,
    low_level=0,
    low_width=48,
    reduce=_PLAIN(kernel=1),
    upsample=resize,
    fuse=concat,
    stage=run(count=2, block=_PLAIN),
)
def deeplab_decoder(
    g: GraphBuilder,
    pyramid: Pyramid,
    *,
    context: Block,
    width: int,
    low_level: int,
    low_width: int,
    reduce: Block,
    upsample: Block,
    fuse: Block,
    stage: Block,
) -> list[Node]:
    """Append the decoder. Shapes: pyramid -> [(width, h, w) of the low-level feature].

    low_level: its number in the pyramid, 0 for the finest; `reduce` brings it to `low_width` channels.
    fuse: joins what `context` made of the deepest feature, enlarged, with it. stage: mixes the two.
    Raises SpaceError where the pyramid has no such level above its deepest.
    """
    *finer, deepest = pyramid.features
    if low_level not in range(len(finer)):
        raise SpaceError(f"deeplab_decoder: low_level={low_level}; the encoder gives {len(finer)} above its deepest")
    low = reduce(g, finer[low_level], low_width)
    up = upsample(g, context(g, deepest, width), low, width)
    return [stage(g, fuse(g, (up, low)), width)]
