"""AMSUnet as its code builds it: base 32, bilinear, 2,619,898 parameters for RGB and 2 classes.

Its code leaves the weights as torch draws them.
"""

from nas.grammar import Repeat
from search_spaces.blocks.amse import amse
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.downsampling.norm_conv import norm_conv
from search_spaces.encoders.staged import staged
from search_spaces.networks.convunext import FRAME_NAMES
from search_spaces.segmenter import segmenter
from search_spaces.skips.rsc import rsc
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.weights import Renames

__all__ = ["NAMES", "amsunet"]

amsunet = segmenter(
    encoder=staged(
        base=32,
        deepest="keep",
        stem=conv_stem,
        down=norm_conv,
        stages=(amse, amse, amse, amse(dilation=3), amse(dilation=5)),
    ),
    decoder=unet_decoder(
        upsample=double_pad(norm="batch"),
        skip=rsc,
        width="finer",
        blocks=Repeat(amse, ("levels", -1)),
    ),
)
"""Widths 32, 64, 128, 256, 256; dilations 1, 1, 1, 3, 5 in the encoder and 1 in the decoder."""

NAMES: Renames = FRAME_NAMES
