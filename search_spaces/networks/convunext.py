"""ConvUNeXt as its code builds it: base 32, bilinear, 3,505,730 parameters for RGB and 2 classes."""

from nas.grammar import Repeat
from search_spaces.blocks.convnext import convnext
from search_spaces.blocks.run import run
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.downsampling.norm_conv import norm_conv
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.skips.gated import gated
from search_spaces.upsampling.double_pad import double_pad

__all__ = ["convunext"]

convunext = segmenter(
    encoder=staged(
        base=32,
        deepest="keep",
        stem=conv_stem(kernel=7),
        down=norm_conv,
        stages=(convnext, convnext, convnext, run(count=3, block=convnext), convnext),
    ),
    decoder=unet_decoder(
        upsample=double_pad(norm="batch"),
        skip=gated,
        width="finer",
        blocks=Repeat(convnext, ("levels", -1)),
    ),
)
"""Widths 32, 64, 128, 256, 256; three blocks at x/8, one elsewhere."""
