"""FC-HarDNet-70 as its code builds it: HarDBlocks down and up, logits at the image's size.

Source: Chao et al., HarDNet, ICCV 2019, arXiv:1909.00948, section 4.2; code PingoLH/FCHarDNet,
`ptsemseg/models/hardnet.py`. Weights are drawn as its `train.py` draws them before it loads those of the encoder.
"""

from search_spaces.blocks.squeezed import squeezed
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.fc_hardnet import BARE, fc_hardnet
from search_spaces.heads.conv_head import conv_head
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.resize import resize
from search_spaces.weights import Renames

__all__ = ["NAMES", "fc_hardnet70"]

fc_hardnet70 = segmenter(
    encoder=fc_hardnet,
    decoder=unet_decoder(
        upsample=resize(align_corners=True),
        order="up_first",
        blocks=tuple(squeezed(block=BARE(growth=k, layers=n)) for k, n in ((10, 4), (16, 4), (18, 8), (24, 8))),
    ),
    head=conv_head(full_size=True, align_corners=True),
    initialisation="fc_hardnet",
)
"""4,119,257 parameters for RGB and the 19 classes of Cityscapes."""

NAMES: Renames = (
    (r"^encoder\.stem(\d)\.", r"base.\1."),
    *((rf"^encoder\.blocks{i}\.", f"base.{4 + 3 * i}.") for i in range(5)),
    *((rf"^encoder\.transition{i}\.", f"base.{5 + 3 * i}.") for i in range(5)),
    *((rf"^decoder\.level{i}\.block\.squeeze\.", f"conv1x1_up.{3 - i}.") for i in range(4)),
    *((rf"^decoder\.level{i}\.block\.block\.", f"denseBlocksUp.{3 - i}.") for i in range(4)),
    (r"^head\.conv\.", "finalConv."),
)
