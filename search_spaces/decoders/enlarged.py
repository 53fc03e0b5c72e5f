"""A decoder, and behind it one more step up: to the size of the image, where the pyramid begins below it (UNeXt)."""

from nas.build import Outputs
from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.pyramid import Pyramid
from search_spaces.upsampling.resize import resize

__all__ = ["enlarged"]


@rule("decoder", decoder=unet_decoder, upsample=resize)
def enlarged(g: GraphBuilder, pyramid: Pyramid, *, decoder: Block, upsample: Block) -> Outputs:
    """Append both. Shapes: pyramid -> the decoder's features, (C, H, W) of the image's size."""
    found = decoder(g, pyramid)
    nodes, prediction, _ = found if isinstance(found, Outputs) else Outputs(found)
    names = [f"upsample{i}" for i in range(len(nodes))] if len(nodes) > 1 else ["upsample"]
    made = [upsample(g, x, pyramid.image, x.channels, name=name) for x, name in zip(nodes, names, strict=True)]
    return Outputs(made, prediction)
