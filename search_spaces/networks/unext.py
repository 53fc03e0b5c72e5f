"""UNeXt and UNeXt-S as their code builds them: three convolutional stages, two of tokenized MLPs, sums on the way up.

Source: Valanarasu and Patel, MICCAI 2022, arXiv:2203.04967; code jeya-maria-jose/UNeXt-pytorch, `archs.py`. The blocks
of tokens draw their weights as it does; all else is left as torch draws it.
"""

from search_spaces.blocks.conv_pool import conv_pool
from search_spaces.blocks.shift_mlp import shift_mlp
from search_spaces.decoders.enlarged import enlarged
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.no_stem import no_stem
from search_spaces.encoders.staged import staged
from search_spaces.fuses.add import add
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.conv_resize import conv_resize
from search_spaces.weights import Renames

__all__ = ["NAMES", "unext", "unext_s"]

_tokens = shift_mlp(embed=True)
_encoder = staged(down=no_stem, stages=(conv_pool, conv_pool, conv_pool, _tokens, _tokens))

unext = segmenter(
    encoder=_encoder(widths=(16, 32, 128, 160, 256)),
    decoder=enlarged(
        decoder=unet_decoder(
            upsample=conv_resize,
            order="up_first",
            fuse=add,
            blocks=(no_mixer, no_mixer, shift_mlp, shift_mlp),
        ),
        upsample=conv_resize(norm="none"),
    ),
)
"""1,471,921 parameters for RGB and 1 class."""

unext_s = unext(encoder=_encoder(widths=(8, 16, 32, 64, 128)))
"""253,561 parameters."""

NAMES: Renames = (
    *((rf"^encoder\.stages{i}\.conv\.", f"encoder{i + 1}.") for i in range(3)),
    *((rf"^encoder\.stages{i}\.norm\.", f"ebn{i + 1}.") for i in range(3)),
    *((rf"^encoder\.stages{i}\.embed\.", f"patch_embed{i}.") for i in (3, 4)),
    *((rf"^encoder\.stages{i}\.norm\.", f"norm{i}.") for i in (3, 4)),
    *((rf"^encoder\.stages{i}\.", f"block{i - 2}.0.") for i in (3, 4)),
    *((rf"^decoder\.decoder\.level{i}\.upsample\.conv\.", f"decoder{4 - i}.") for i in range(4)),
    *((rf"^decoder\.decoder\.level{i}\.upsample\.norm\.", f"dbn{4 - i}.") for i in range(4)),
    *((rf"^decoder\.decoder\.level{i}\.block\.norm\.", f"dnorm{6 - i}.") for i in (2, 3)),
    *((rf"^decoder\.decoder\.level{i}\.block\.", f"dblock{4 - i}.0.") for i in (2, 3)),
    (r"^decoder\.upsample\.conv\.", "decoder5."),
    (r"\.mlp\.dwconv\.", ".mlp.dwconv.dwconv."),
    (r"^head\.conv\.", "final."),
)
