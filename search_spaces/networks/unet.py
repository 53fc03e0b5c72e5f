"""U-Nets that papers compare with, as their code builds them (reference counts: tests/golden/counts.json).

`attunet_bn64` is Attention U-Net (arXiv:1804.03999) in the form of LeeJunHyun/Image_Segmentation.

Weights are drawn as torch draws them: LeeJunHyun/Image_Segmentation has other initialisations, but calls none.
"""

from nas.grammar import Repeat
from search_spaces.blocks.double_conv import double_conv
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.skips.attention_gate import attention_gate
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.upsampling.resize_conv import resize_conv
from search_spaces.weights import Renames

__all__ = ["ATTENTION_NAMES", "BN32_NAMES", "BN64_NAMES", "attunet_bn64", "unet_bilinear32", "unet_bn32", "unet_bn64"]

_plain = double_conv(bias=False)

unet_bilinear32 = segmenter(
    encoder=staged(base=32, deepest="keep", stages=Repeat(_plain, "depth")),
    decoder=unet_decoder(upsample=double_pad, width="finer", blocks=Repeat(_plain(mid="half_input"), ("levels", -1))),
)
"""The "standard U-Net" of the ConvUNeXt and AMSUnet tables: widths 32..256, 256; 4,318,434 parameters for 2 classes."""

unet_bn32 = segmenter(encoder=staged(base=32), decoder=unet_decoder(upsample=double_pad))
"""The U-Net twin of 4uiiurz1/pytorch-nested-unet: widths 32..512, 7,852,545 parameters for 1 class."""

BN32_NAMES: Renames = (
    (r"^encoder\.stages(\d)\.", r"conv\1_0."),
    *((rf"^decoder\.level{i}\.block\.", f"conv{i}_{4 - i}.") for i in range(4)),
    (r"^head\.conv\.", "final."),
)

unet_bn64 = segmenter(encoder=staged(base=64), decoder=unet_decoder(upsample=resize_conv))
"""The U-Net of LeeJunHyun/Image_Segmentation: widths 64..1024, 34,527,041 parameters for 1 class."""

BN64_NAMES: Renames = (
    *((rf"^encoder\.stages{i}\.", f"Conv{i + 1}.") for i in range(5)),
    *((rf"^decoder\.level{i}\.block\.", f"Up_conv{i + 2}.") for i in range(4)),
    *((rf"^decoder\.level{i}\.upsample\.", f"Up{i + 2}.") for i in range(4)),
    (r"^(Up\d\.)conv\.", r"\1up.1."),
    (r"^(Up\d\.)norm\.", r"\1up.2."),
    (r"^(Conv\d\.|Up_conv\d\.)conv1\.", r"\1conv.0."),
    (r"^(Conv\d\.|Up_conv\d\.)bn1\.", r"\1conv.1."),
    (r"^(Conv\d\.|Up_conv\d\.)conv2\.", r"\1conv.3."),
    (r"^(Conv\d\.|Up_conv\d\.)bn2\.", r"\1conv.4."),
    (r"^head\.conv\.", "Conv_1x1."),
)

attunet_bn64 = segmenter(encoder=staged(base=64), decoder=unet_decoder(upsample=resize_conv, skip=attention_gate))
"""The same with an attention gate on each skip; there the gated feature comes first: 34,878,573 parameters, 1 class."""

ATTENTION_NAMES: Renames = (
    *((rf"^decoder\.level{i}\.skip\.", f"Att{i + 2}.") for i in range(4)),
    *BN64_NAMES,
)
