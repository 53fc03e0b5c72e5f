"""UNet 3+'s decoder: each level reads all levels, finer ones pooled, deeper ones (already decoded) enlarged.

Source: Huang et al., UNet 3+, ICASSP 2020, arXiv:2004.08790, section 2.1; code ZJUGiveLab/UNet-Version,
`models/UNet_3Plus.py`, which is followed. There pooling rounds up and sides are multiples of 16; here it rounds down,
as the encoder's does, which is the same for those and fits all others. The classification-guided module is left out.
"""

from nas.build import Outputs
from nas.errors import SpaceError
from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import MaxPool, PadTo, ResizeTo
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.fuses.concat import concat
from search_spaces.pyramid import Pyramid

__all__ = ["full_scale_decoder"]


@rule(
    "decoder",
    gives={"initialisation": "initialisation"},
    source=conv_unit,
    source_width=64,
    fuse=concat,
    block=conv_unit,
    supervise="last",
    initialisation="unet3plus",
)
def full_scale_decoder(
    g: GraphBuilder,
    pyramid: Pyramid,
    *,
    source: Block,
    source_width: int,
    fuse: Block,
    block: Block,
    supervise: str,
    initialisation: str,
) -> Outputs:
    """Append the way up. Shapes: pyramid of n features, each half of the one before -> features, finest first.

    source: brings each of a level's n sources to `source_width` channels. fuse: joins them, finest first. block: keeps
    the width of what is joined (n * source_width where concatenated).
    supervise: "last" gives the finest, "all" every level and at last the encoder's deepest; the finest counts.
    """
    if supervise not in ("last", "all"):
        raise SpaceError(f"full_scale_decoder: supervise='{supervise}'; it is one of last, all")
    features = pyramid.features
    made = list(features)  # made[j]: the encoder's feature until level j is decoded
    for i in reversed(range(len(features) - 1)):
        with g.scope(f"level{i}"):
            brought = [_bring(g, x, i - j, features[i]) for j, x in enumerate((*features[:i], *made[i:]))]
            sources = [source(g, x, source_width, name=f"from{j}") for j, x in enumerate(brought)]
            joined = fuse(g, sources)
            made[i] = block(g, joined, joined.channels)
    return Outputs(made if supervise == "all" else made[:1])


def _bring(g: GraphBuilder, x: Node, finer: int, reference: Node) -> Node:
    """Bring `x`, which is that many levels finer (below 0: deeper), to the reference's size.

    Maps whose halves were rounded up are a pixel larger than the pooled one, which is padded.
    """
    if finer > 0:
        return g.add(PadTo(), g.add(MaxPool(2**finer, 2**finer), x), reference)
    return g.add(ResizeTo(), x, reference) if finer else x
