"""The network every segmentation space starts from: encoder, neck, decoder, head."""

from nas.build import Outputs
from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.heads.conv_head import conv_head
from search_spaces.necks.as_is import as_is

__all__ = ["FAMILY", "segmenter"]

FAMILY = ("encoder", "decoder")
"""Decisions that name a network's family, where a space takes them."""


@rule("network", encoder=staged, neck=as_is, decoder=unet_decoder, head=conv_head, initialisation="torch")
def segmenter(
    g: GraphBuilder, *, encoder: Block, neck: Block, decoder: Block, head: Block, initialisation: str
) -> Outputs:
    """Append the four. Shapes: the image (C, H, W) -> logits (classes, h, w), as the head gives them.

    initialisation: the scheme that draws all weights, of `nas.ops.SCHEMES`.
    """
    features = decoder(g, neck(g, encoder(g, g.image)))
    nodes, prediction, _ = features if isinstance(features, Outputs) else Outputs(features)
    logits = head(g, nodes)
    if isinstance(logits, Outputs):  # a head of more outputs than features says itself which counts
        nodes, prediction, _ = logits
        return Outputs(nodes, prediction, initialisation)
    return Outputs(logits, prediction, initialisation)
