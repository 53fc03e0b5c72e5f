"""HarDNet-MSEG as its code builds it, less the layers it never uses: 17,423,837 parameters for 1 class.

Source: Huang et al., arXiv:2101.07172, code james128333/HarDNet-MSEG. The published count of 33.3 million includes
reverse attention left over from PraNet and the ImageNet classifier. The published code takes sides that are multiples
of 32 only; this takes any, and is the same there.
Weights: ImageNet's in the encoder, elsewhere torch's draw, which is also what the encoder has before they are loaded.
"""

from nas.derivation import fixed
from search_spaces.decoders.dense_aggregation import dense_aggregation
from search_spaces.encoders.hardnet import hardnet
from search_spaces.heads.conv_head import conv_head
from search_spaces.necks.every import every
from search_spaces.networks.hardnet import encoder_names
from search_spaces.segmenter import segmenter
from search_spaces.weights import Renames

__all__ = ["NAMES", "hardnet_mseg"]

hardnet_mseg = segmenter(
    encoder=hardnet(levels=3), neck=every, decoder=dense_aggregation, head=conv_head(full_size=True)
)
"""HarDNet-68, an RFB of 32 channels on x/8, x/16 and x/32, dense aggregation, logits at full resolution."""

NAMES: Renames = (
    *encoder_names(fixed(hardnet), "hardnet.")[0],
    (r"^neck\.level0\.", "rfb2_1."),
    (r"^neck\.level1\.", "rfb3_1."),
    (r"^neck\.level2\.", "rfb4_1."),
    (r"^decoder\.", "agg1."),
    (r"^head\.conv\.", "agg1.conv5."),
)
