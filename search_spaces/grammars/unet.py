"""The space `unet`: U-Nets whose stages choose among double convolution, HarDBlock and AMSE.

Members: `unet_bilinear32`, `unet_bn32`, `amsunet`. Changing what is offered here makes a new version: studies store it.
"""

from nas.grammar import Choice, OneOf, Repeat, Rule
from nas.space import SearchSpace
from search_spaces.blocks.amse import amse
from search_spaces.blocks.double_conv import double_conv
from search_spaces.blocks.hardblock import hardblock
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.downsampling.max_pool import max_pool
from search_spaces.downsampling.no_stem import no_stem
from search_spaces.downsampling.norm_conv import norm_conv
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.skips.identity import identity
from search_spaces.skips.rsc import rsc
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.upsampling.resize import resize
from search_spaces.upsampling.transposed import transposed

__all__ = ["unet"]

_FLAGS = Choice((True, False))

_BLOCKS: dict[str, Rule] = {
    "double_conv": double_conv(
        norm=Choice(("batch", "group")),
        activation=Choice(("relu", "gelu")),
        mid=Choice(("width", "half_input")),
        bias=_FLAGS,
        dilation=Choice((1, 2)),
    ),
    "hardblock": hardblock(
        pattern=Choice(("harmonic", "dense", "log_dense", "chain")),
        growth=Choice((8, 12, 16, 24, 40)),
        multiplier=Choice((1.4, 1.6, 1.7)),
        layers=Choice((4, 8)),
    ),
    "amse": amse(
        dilation=Choice((1, 2, 3, 5)),
        strip5=_FLAGS,
        strip7=_FLAGS,
        strip11=_FLAGS,
        norm_placement=Choice(("Bf", "Bb", "none")),
        residual=Choice(("N", "O")),
    ),
}


def _stages(times: str | tuple[str, int]) -> OneOf:
    """One family in all places, own options in each, or any block anywhere: pure families stay common that way."""
    pure = {f"all_{name}": Repeat(block, times) for name, block in _BLOCKS.items()}
    return OneOf(**pure, mixed=Repeat(OneOf(**_BLOCKS), times))


unet = SearchSpace(
    name="unet",
    version=1,
    min_side=64,
    root=segmenter(
        encoder=staged(
            base=Choice((8, 16, 24, 32)),
            depth=Choice((3, 4, 5)),
            deepest=Choice(("double", "keep")),
            stem=OneOf(no_stem=no_stem, conv_stem=conv_stem(stride=Choice((1, 2)))),
            down=OneOf(max_pool=max_pool, norm_conv=norm_conv),
            stages=_stages("depth"),
        ),
        decoder=unet_decoder(
            upsample=OneOf(resize=resize, double_pad=double_pad(norm=Choice(("none", "batch"))), transposed=transposed),
            skip=OneOf(identity=identity, rsc=rsc(product=Choice(("features", "maps")))),
            width=Choice(("level", "finer")),
            blocks=_stages(("levels", -1)),
        ),
    ),
)
