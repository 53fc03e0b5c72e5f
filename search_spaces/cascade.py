"""Two networks in a row: the second sees the image where the first found something, and the first one's features.

Source: Jha et al., DoubleU-Net, CBMS 2020, arXiv:2006.04868, figure 1.
"""

from nas.build import Outputs
from nas.errors import SpaceError
from nas.grammar import Block, rule
from nas.graph import GraphBuilder, Node
from nas.ops import ChannelMax, Multiply, PadTo, Sigmoid
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.fuses.concat import concat
from search_spaces.heads.conv_head import conv_head
from search_spaces.necks.as_is import as_is
from search_spaces.pyramid import Pyramid

__all__ = ["cascade"]


@rule(
    "network",
    encoder=staged,
    neck=as_is,
    decoder=unet_decoder,
    second_encoder=staged,
    second_neck=as_is,
    second_decoder=unet_decoder,
    fuse=concat,
    head=conv_head(full_size=True),
    initialisation="torch",
)
def cascade(
    g: GraphBuilder,
    *,
    encoder: Block,
    neck: Block,
    decoder: Block,
    second_encoder: Block,
    second_neck: Block,
    second_decoder: Block,
    fuse: Block,
    head: Block,
    initialisation: str,
) -> Outputs:
    """Append both. Shapes: the image (C, H, W) -> logits of each, (classes, H, W); the second counts.

    The second reads the image times the sigmoid of the first one's logits, of several classes the largest. fuse: joins
    the features of both encoders, of levels of one scale, but for the deepest; where halves were rounded otherwise, the
    first's are cropped or padded.
    head: one for each, of the first feature. Raises SpaceError where the encoders differ in their number of levels.
    """
    first = encoder(g, g.image)
    found = head(g, _features(decoder(g, neck(g, first)))[:1], name="first_head")[0]
    seen = g.add(Sigmoid(), g.add(ChannelMax(), found) if g.classes > 1 else found)
    second = second_encoder(g, g.add(Multiply(), g.image, seen))
    deep = second_neck(g, second).features[-1]
    if len(first.features) != len(second.features):
        counts = f"{len(first.features)} and {len(second.features)}"
        raise SpaceError(f"cascade: the encoders give {counts} levels; give them as many")
    joined = []
    with g.scope("joined"):
        for i, (a, b) in enumerate(zip(first.features[:-1], second.features[:-1], strict=True)):
            joined.append(fuse(g, [g.add(PadTo(), a, b), b], name=f"level{i}"))
    features = second_decoder(g, Pyramid(g.image, (*joined, deep)))
    return Outputs([found, head(g, _features(features)[:1])[0]], prediction=1, initialisation=initialisation)


def _features(found: Outputs | list[Node]) -> list[Node]:
    """Return the features of a decoder, the one that counts first."""
    nodes, prediction, _ = found if isinstance(found, Outputs) else Outputs(found)
    counts = 0 if prediction == "mean" else int(prediction)
    return [nodes[counts], *nodes[:counts], *nodes[counts + 1 :]]
