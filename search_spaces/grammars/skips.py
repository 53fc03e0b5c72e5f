"""The space `skips`: U-Nets that differ in how encoder features reach the decoder, and how maps are enlarged to them.

Members: `unet_bn32`, `unet_bn64`, `attunet_bn64`.
"""

from nas.grammar import Choice, OneOf
from nas.space import SearchSpace
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.fuses.add import add
from search_spaces.fuses.concat import concat
from search_spaces.grammars.medseg import SKIPS, UPSAMPLING
from search_spaces.segmenter import segmenter

__all__ = ["skips"]

skips = SearchSpace(
    name="skips",
    version=1,
    min_side=64,
    root=segmenter(
        encoder=staged(base=Choice((8, 16, 32, 64))),
        decoder=unet_decoder(upsample=UPSAMPLING, skip=SKIPS, fuse=OneOf(concat=concat, add=add)),
    ),
)
