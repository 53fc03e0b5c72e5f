"""PraNet as its code builds it, less the encoder's classifier, which it never uses: 30,498,319 parameters for 1 class.

Source: Fan et al., MICCAI 2020, arXiv:2006.11392; code DengPingFan/PraNet, `lib/PraNet_Res2Net.py`. Sides of the image:
multiples of 32. Four logits at full resolution, the coarse one first; the last counts.
Weights: ImageNet's in the encoder, which are loaded over its class's draw, elsewhere torch's draw.
"""

from search_spaces.decoders.coarse_and_levels import coarse_and_levels
from search_spaces.encoders.res2net import res2net
from search_spaces.heads.reverse_attention import reverse_attention
from search_spaces.segmenter import segmenter
from search_spaces.weights import Renames

__all__ = ["NAMES", "pranet"]

pranet = segmenter(encoder=res2net(levels=3), decoder=coarse_and_levels, head=reverse_attention)
"""Res2Net-50, RFBs of 32 channels, dense aggregation, three refinements."""

NAMES: Renames = (
    *((rf"^encoder\.stem\.conv{i}\.", f"resnet.conv1.{3 * i}.") for i in range(3)),
    *((rf"^encoder\.stem\.bn{i}\.", f"resnet.conv1.{3 * i + 1}.") for i in range(2)),
    (r"^encoder\.stem\.bn2\.", "resnet.bn1."),
    (r"^encoder\.", "resnet."),
    (r"\.(conv|bn)s_(\d)\.", r".\1s.\2."),
    *((rf"^decoder\.neck\.level{i}\.", f"rfb{i + 2}_1.") for i in range(3)),
    (r"^decoder\.decoder\.", "agg1."),
    (r"^head\.conv\.", "agg1.conv5."),
    *((rf"^head\.level{i}\.", f"ra{4 - i}_") for i in range(3)),
)
