"""The space `decoders`: one kind of encoder, every decoder.

Members: `unet_bn32`, `unet_bn64`, `attunet_bn64`, `unetpp_bn32`, `unetpp_bn32_ds`, `unet3plus`, `unet3plus_ds`.
"""

from nas.grammar import Choice, Inherit, Repeat
from nas.space import SearchSpace
from search_spaces.blocks.double_conv import double_conv
from search_spaces.encoders.staged import staged
from search_spaces.grammars.medseg import HEAD, NECKS, decoders_of
from search_spaces.segmenter import segmenter

__all__ = ["decoders"]

decoders = SearchSpace(
    name="decoders",
    version=1,
    min_side=64,
    root=segmenter(
        encoder=staged(base=Choice((8, 16, 32, 64)), depth=Choice((4, 5))),
        neck=NECKS,
        decoder=decoders_of(Repeat(double_conv, ("levels", -1))),
        head=HEAD,
        initialisation=Inherit("initialisation"),
    ),
)
