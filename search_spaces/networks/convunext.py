"""ConvUNeXt as its code builds it: base 32, bilinear, 3,505,730 parameters for RGB and 2 classes.

Its code leaves the weights as torch draws them.
"""

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
from search_spaces.weights import Renames

__all__ = ["FRAME_NAMES", "NAMES", "convunext"]

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

FRAME_NAMES: Renames = (
    (r"^encoder\.stem\.conv\.", "in_conv.0."),
    (r"^encoder\.stem\.norm\.", "in_conv.1."),
    (r"^encoder\.stages0\.", "in_conv.3."),
    (r"^encoder\.down(\d)\.norm\.", r"down\1.0."),
    (r"^encoder\.down(\d)\.conv\.", r"down\1.1."),
    (r"^encoder\.stages(\d)\.", r"down\1.2."),
    *((rf"^decoder\.level{i}\.", f"up{4 - i}.") for i in range(4)),
    (r"^(up\d\.)block\.project\.", r"\1conv1x1."),
    (r"^(up\d\.)block\.", r"\1conv.0."),
    (r"^(up\d\.)(skip|upsample)\.", r"\1"),
    (r"^head\.conv\.", "out_conv.0."),
)
"""Of a network with one block a stage; AMSUnet's code names all but the insides of blocks alike."""

NAMES: Renames = (
    *((rf"^encoder\.stages3\.{i}\.", f"down3.{2 + i}.") for i in range(3)),
    *FRAME_NAMES,
)
