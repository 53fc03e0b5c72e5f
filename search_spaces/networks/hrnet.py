"""HRNetV2 for segmentation as HRNet/HRNet-Semantic-Segmentation builds it; the logits have a quarter of the side.

Its code draws the weights of all convolutions with a standard deviation of 0.001 (`seg_hrnet.py`, `init_weights`), and
then loads those of ImageNet over the encoder's.
"""

from search_spaces.decoders.concat_all import concat_all
from search_spaces.encoders.hrnet import hrnet
from search_spaces.segmenter import segmenter
from search_spaces.weights import Renames

__all__ = ["NAMES", "hrnetv2_w18", "hrnetv2_w32", "hrnetv2_w48"]

hrnetv2_w18 = segmenter(encoder=hrnet, decoder=concat_all, initialisation="hrnet")
"""Branches of 18, 36, 72 and 144 channels; 9,636,241 parameters for RGB and 1 class."""

hrnetv2_w32 = hrnetv2_w18(encoder=hrnet(width=32))
"""29,537,857 parameters."""

hrnetv2_w48 = hrnetv2_w18(encoder=hrnet(width=48))
"""65,846,401 parameters; 65,859,379 for the 19 classes of Cityscapes."""

NAMES: Renames = (
    (r"^encoder\.", ""),
    (r"^decoder\.mix\.conv\.", "last_layer.0."),
    (r"^decoder\.mix\.norm\.", "last_layer.1."),
    (r"^head\.conv\.", "last_layer.3."),
)
