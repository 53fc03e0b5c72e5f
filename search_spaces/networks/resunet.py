"""ResUNet: a U-Net of pre-activated residual units, which go down by stride.

Source: Zhang et al., Deep Residual U-Net, GRSL 2018, arXiv:1711.10684, table I. There is no code of the authors; what
the paper leaves open is as in most ports: convolutions with bias, nearest upsampling, the upsampled feature first.
"""

from nas.grammar import Repeat
from search_spaces.blocks.preact_residual import preact_residual
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.no_stem import no_stem
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.resize import resize

__all__ = ["resunet"]

resunet = segmenter(
    encoder=staged(
        base=64,
        depth=4,
        down=no_stem,
        stages=(preact_residual(leading=False), *(preact_residual(stride=2),) * 3),
    ),
    decoder=unet_decoder(
        upsample=resize(mode="nearest"),
        order="up_first",
        blocks=Repeat(preact_residual, ("levels", -1)),
    ),
)
"""Widths 64, 128, 256 and 512 at the bridge; 8,223,809 parameters for RGB and 1 class."""
