"""The space `compact`: a full factorial of five decisions on small U-Nets. 288 members, which can all be trained.

For judging samplers where the true front is known: `benchmarks/tables/compact_kvasir.csv` holds a training of every
member. Which block the encoder's stages are, what stands on the skips, how the decoder joins, whether the deepest level
sees its surroundings, and how wide all of it is. The decoder's blocks are double convolutions.

A stem of stride 2 makes them cheap: deployed at 128 x 128 pixels members have 25 to 234 M MACs.
"""

from nas.grammar import Choice, OneOf, Repeat, Spec
from nas.space import SearchSpace
from search_spaces.attentions.se import se
from search_spaces.blocks.amse import amse
from search_spaces.blocks.attended import attended
from search_spaces.blocks.basic_residual import basic_residual
from search_spaces.blocks.convnext import convnext
from search_spaces.blocks.double_conv import double_conv
from search_spaces.blocks.hardblock import hardblock
from search_spaces.contexts.rfb import rfb
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.encoders.staged import staged
from search_spaces.fuses.add import add
from search_spaces.fuses.concat import concat
from search_spaces.necks.as_is import as_is
from search_spaces.necks.deepest_context import deepest_context
from search_spaces.segmenter import segmenter
from search_spaces.skips.attention_gate import attention_gate
from search_spaces.skips.gated import gated
from search_spaces.skips.identity import identity
from search_spaces.skips.rsc import rsc
from search_spaces.upsampling.resize import resize

__all__ = ["compact"]

_BLOCKS: dict[str, Spec] = {
    "double_conv": double_conv,
    "residual": basic_residual,
    "hardblock": hardblock(layers=4, growth=8),
    "amse": amse,
    "convnext": convnext(kernel=5, padding_mode="zeros"),
    "attended": attended(block=double_conv, attention=se(reduction=4)),
}

compact = SearchSpace(
    name="compact",
    version=1,
    min_side=64,
    root=segmenter(
        encoder=staged(
            base=Choice((8, 12, 16)),
            depth=4,
            deepest="keep",
            stem=conv_stem(stride=2, activation="relu"),
            stages=OneOf(**{name: Repeat(block, "depth") for name, block in _BLOCKS.items()}),
        ),
        neck=OneOf(as_is=as_is, context=deepest_context(context=rfb)),
        decoder=unet_decoder(
            upsample=resize,
            skip=OneOf(identity=identity, rsc=rsc, gated=gated, attention_gate=attention_gate),
            fuse=OneOf(concat=concat, add=add),
            blocks=Repeat(double_conv, ("levels", -1)),
        ),
    ),
)
