"""The space `medseg`: encoders, necks, skips and decoders of the papers, freely joined.

Members, at their published sizes: `hardnet_mseg`, `amsunet`, `convunext`, `unetpp_bn32`, `unetpp_bn32_ds`,
`unet_bilinear32`, `attunet_bn64`, `unet3plus`, `hrnetv2_w18` and more. Changing what is offered here makes a new
version: studies store it.

Weights are drawn as the encoder's (for UNet 3+ the decoder's) published code draws them. Reflect padding stays where a
map of a 64-pixel image is larger than it: everywhere but at 1/32.
"""

from nas.grammar import Choice, Inherit, OneOf, Repeat, Rule, Spec
from nas.space import SearchSpace
from search_spaces.attentions.cbam import cbam
from search_spaces.attentions.scse import scse
from search_spaces.attentions.se import se
from search_spaces.blocks.amse import amse
from search_spaces.blocks.attended import attended
from search_spaces.blocks.basic_residual import basic_residual
from search_spaces.blocks.convnext import convnext
from search_spaces.blocks.double_conv import double_conv
from search_spaces.blocks.hardblock import hardblock
from search_spaces.blocks.metaformer import metaformer
from search_spaces.blocks.preact_residual import preact_residual
from search_spaces.blocks.run import run
from search_spaces.contexts.aspp import aspp
from search_spaces.contexts.rfb import rfb
from search_spaces.decoders.concat_all import concat_all
from search_spaces.decoders.dense_aggregation import dense_aggregation
from search_spaces.decoders.full_scale_decoder import full_scale_decoder
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.decoders.unetpp_decoder import unetpp_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.downsampling.max_pool import max_pool
from search_spaces.downsampling.no_stem import no_stem
from search_spaces.downsampling.norm_conv import norm_conv
from search_spaces.encoders.hardnet import hardblocks, hardnet
from search_spaces.encoders.hrnet import hrnet
from search_spaces.encoders.staged import staged
from search_spaces.fuses.add import add
from search_spaces.fuses.concat import concat
from search_spaces.heads.conv_head import conv_head
from search_spaces.mixers.depthwise import depthwise
from search_spaces.mixers.msca import msca
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.mixers.pooling import pooling
from search_spaces.necks.as_is import as_is
from search_spaces.necks.deepest_context import deepest_context
from search_spaces.necks.every import every
from search_spaces.segmenter import segmenter
from search_spaces.skips.attended_skip import attended_skip
from search_spaces.skips.attention_gate import attention_gate
from search_spaces.skips.gated import gated
from search_spaces.skips.grid_gate import grid_gate
from search_spaces.skips.identity import identity
from search_spaces.skips.rsc import rsc
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.upsampling.resize import resize
from search_spaces.upsampling.resize_conv import resize_conv
from search_spaces.upsampling.transposed import transposed

__all__ = ["HEAD", "NECKS", "SKIPS", "UPSAMPLING", "blocks", "decoders_of", "medseg", "stages"]

_FLAGS = Choice((True, False))
_SEVERAL = Choice((2, 3))

_ATTENTIONS = OneOf(se=se(reduction=Choice((4, 16))), scse=scse, cbam=cbam)

_DOUBLE_CONV = double_conv(
    norm=Choice(("batch", "group")),
    activation=Choice(("relu", "gelu")),
    mid=Choice(("width", "half_input")),
    bias=_FLAGS,
    dilation=Choice((1, 2)),
)

_HARDBLOCK = hardblock(
    pattern=Choice(("harmonic", "dense", "log_dense", "chain", "residual", "none")),
    growth=Choice((8, 12, 16, 24, 40)),
    multiplier=Choice((1.4, 1.6, 1.7)),
    layers=Choice((4, 8)),
    depthwise=_FLAGS,
)

_AMSE = amse(
    dilation=Choice((1, 2, 3, 5)),
    strip5=_FLAGS,
    strip7=_FLAGS,
    strip11=_FLAGS,
    strip21=_FLAGS,
    norm_placement=Choice(("Bf", "Bb", "none")),
    residual=Choice(("N", "O")),
)

_METAFORMER = metaformer(
    mixer=OneOf(msca=msca, depthwise=depthwise(kernel=Choice((3, 5, 7))), pooling=pooling, no_mixer=no_mixer),
    residual=Choice(("N", "O")),
    expansion=Choice((2, 4)),
    ffn_depthwise=_FLAGS,
)


def blocks(padding: str) -> dict[str, Spec]:
    """Return the blocks that a stage chooses among. padding: of ConvUNeXt's depthwise convolution."""
    convnexts = convnext(kernel=Choice((5, 7)), expansion=Choice((2, 4)), padding_mode=padding)
    return {
        "double_conv": _DOUBLE_CONV,
        "hardblock": _HARDBLOCK,
        "amse": _AMSE,
        "convnext": OneOf(one=convnexts, several=run(count=_SEVERAL, block=convnexts)),
        "metaformer": OneOf(one=_METAFORMER, several=run(count=_SEVERAL, block=_METAFORMER)),
        "residual": run(count=Choice((1, 2, 3)), block=OneOf(basic=basic_residual, preact=preact_residual)),
        "attended": attended(block=_DOUBLE_CONV, attention=_ATTENTIONS),
    }


def stages(times: str | tuple[str, int], padding: str = "reflect") -> OneOf:
    """Return one family in all places, own options in each, or any block anywhere: pure families stay common so."""
    offered = blocks(padding)
    pure = {f"all_{name}": Repeat(block, times) for name, block in offered.items()}
    return OneOf(**pure, mixed=Repeat(OneOf(**offered), times))


def _staged(stem: Spec, padding: str) -> Rule:
    return staged(
        base=Choice((8, 16, 24, 32, 48, 64)),
        depth=Choice((3, 4, 5)),
        deepest=Choice(("double", "keep")),
        stem=stem,
        down=OneOf(max_pool=max_pool, norm_conv=norm_conv),
        stages=stages("depth", padding),
    )


def _encoders() -> OneOf:
    whole = OneOf(no_stem=no_stem, conv_stem=conv_stem(kernel=Choice((3, 7))))
    levels = Choice((3, 4))
    return OneOf(
        staged=_staged(whole, "reflect"),
        staged_half=_staged(conv_stem(kernel=Choice((3, 7)), stride=2), "zeros"),
        hardnet68=hardnet(levels=levels, multiplier=Choice((1.6, 1.7)), depthwise=_FLAGS),
        hardnet39=hardnet(
            levels=levels,
            multiplier=Choice((1.6, 1.7)),
            depthwise=_FLAGS,
            stem=(24, 48),
            blocks=hardblocks((16, 4), (20, 16), (64, 8), (160, 4)),
            widths=(96, 320, 640, 1024),
            down=(True, True, True, False),
        ),
        hrnet=hrnet(
            width=Choice((8, 18, 32, 48)),
            modules=OneOf(full=(1, 4, 3), small=(1, 1, 1), middle=(1, 2, 2)),
            branches=Repeat(run(count=Choice((1, 2, 4)), block=basic_residual), 3),
        ),
    )


SKIPS = OneOf(
    identity=identity,
    rsc=rsc(product=Choice(("features", "maps"))),
    gated=gated,
    attention_gate=attention_gate,
    grid_gate=grid_gate,
    attended=attended_skip(attention=_ATTENTIONS),
)

UPSAMPLING = OneOf(
    resize=resize,
    double_pad=double_pad(norm=Choice(("none", "batch"))),
    transposed=transposed,
    resize_conv=resize_conv(mode=Choice(("nearest", "linear"))),
)

_ORDER = Choice(("skip_first", "up_first"))
_SUPERVISE = Choice(("last", "all"))


def decoders_of(level_blocks: Spec) -> OneOf:
    """Return the decoders. level_blocks: what stands at their levels, where there is a choice."""
    return OneOf(
        unet=unet_decoder(
            upsample=UPSAMPLING,
            skip=SKIPS,
            fuse=OneOf(concat=concat, add=add),
            order=_ORDER,
            width=Choice(("level", "finer")),
            blocks=level_blocks,
        ),
        unetpp=unetpp_decoder(upsample=UPSAMPLING, skip=SKIPS, order=_ORDER, supervise=_SUPERVISE, blocks=level_blocks),
        full_scale=full_scale_decoder(source_width=Choice((16, 32, 64)), supervise=_SUPERVISE),
        dense_aggregation=dense_aggregation,
        concat_all=concat_all,
    )


# Without BatchNorm on its pooled branch: a batch of one image has one value per channel there.
_CONTEXTS = OneOf(rfb=rfb, aspp=aspp(pooled_norm="none"))

NECKS = OneOf(
    as_is=as_is,
    deepest=deepest_context(context=_CONTEXTS),
    every=every(context=_CONTEXTS, width=Choice((16, 32, 64))),
)

HEAD = conv_head(kernel=Choice((1, 3)), full_size=_FLAGS)

medseg = SearchSpace(
    name="medseg",
    version=1,
    min_side=64,
    root=segmenter(
        encoder=_encoders(),
        neck=NECKS,
        decoder=decoders_of(stages(("levels", -1))),
        head=HEAD,
        initialisation=Inherit("initialisation"),
    ),
)
