"""The space `hardblock`: one U-Net, all of its stages one kind of HarDBlock. 960 members, few enough to train them all.

For the question of HarDNet (arXiv:1909.00948, section 3): which links are worth their memory traffic.
"""

from nas.grammar import Choice, Repeat
from nas.space import SearchSpace
from search_spaces.blocks.hardblock import hardblock as block
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.resize import resize

__all__ = ["hardblock"]

_BLOCK = block(
    pattern=Choice(("harmonic", "dense", "log_dense", "chain", "residual", "none")),
    growth=Choice((8, 12, 16, 24)),
    multiplier=Choice((1.2, 1.4, 1.6, 1.7, 2.0)),
    layers=Choice((4, 8)),
    keep_input=Choice((False, True)),
    depthwise=Choice((False, True)),
)

hardblock = SearchSpace(
    name="hardblock",
    version=1,
    min_side=64,
    root=segmenter(
        encoder=staged(
            base=16, depth=4, stem=conv_stem(stride=2, activation="relu6"), stages=Repeat(_BLOCK, "depth", shared=True)
        ),
        decoder=unet_decoder(upsample=resize, blocks=Repeat(block(layers=4), ("levels", -1))),
    ),
)
