"""HRNets as their code builds them: V2 for segmentation, V1 for poses, and the classifiers that both start from.

V2: HRNet/HRNet-Semantic-Segmentation, `seg_hrnet.py`; the logits have a quarter of the side. V1:
leoxiaobin/deep-high-resolution-net.pytorch, `pose_hrnet.py`; heat maps from the finest branch. Classifiers:
HRNet/HRNet-Image-Classification, `cls_hrnet.py`. V1 and the classifiers enlarge by nearest neighbours.
The code for segmentation draws the weights of all convolutions with a standard deviation of 0.001 (`init_weights`), and
then loads those of ImageNet over the encoder's, though these were trained with the other enlargement.
"""

from search_spaces.classifier import classifier
from search_spaces.decoders.concat_all import concat_all
from search_spaces.decoders.downward import downward
from search_spaces.decoders.finest import finest
from search_spaces.encoders.hrnet import hrnet
from search_spaces.heads.linear_head import linear_head
from search_spaces.heads.ocr import ocr
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.segmenter import segmenter
from search_spaces.weights import Renames

__all__ = ["CLASSIFIER_NAMES", "NAMES", "POSE_NAMES", "hrnet_w18_cls", "hrnet_w32_cls", "hrnet_w48_cls"]
__all__ += [
    "OCR_NAMES",
    "hrnetv1_pose_w32",
    "hrnetv1_pose_w48",
    "hrnetv2_w18",
    "hrnetv2_w32",
    "hrnetv2_w48",
    "hrnetv2_w48_ocr",
]

hrnetv2_w18 = segmenter(encoder=hrnet, decoder=concat_all, initialisation="hrnet")
"""Branches of 18, 36, 72 and 144 channels; 9,636,241 parameters for RGB and 1 class."""

hrnetv2_w32 = hrnetv2_w18(encoder=hrnet(width=32))
"""29,537,857 parameters."""

hrnetv2_w48 = hrnetv2_w18(encoder=hrnet(width=48))
"""65,846,401 parameters; 65,859,379 for the 19 classes of Cityscapes."""

hrnetv2_w48_ocr = segmenter(
    encoder=hrnet(width=48, align_corners=True),
    decoder=concat_all(mix=no_mixer, align_corners=True),
    head=ocr,
    initialisation="hrnet",
)
"""With object-contextual representations: 70,372,678 parameters for 19 classes; first guess and logits at x/4."""

NAMES: Renames = (
    (r"^encoder\.", ""),
    (r"^decoder\.mix\.conv\.", "last_layer.0."),
    (r"^decoder\.mix\.norm\.", "last_layer.1."),
    (r"^head\.conv\.", "last_layer.3."),
)

OCR_NAMES: Renames = (
    (r"^encoder\.", ""),
    (r"^head\.object_context_block\.", "ocr_distri_head.object_context_block."),
    (r"^head\.conv_bn_dropout_", "ocr_distri_head.conv_bn_dropout_"),
    (r"^(ocr_distri_head\..*)_0\.conv\.", r"\1.0."),
    (r"^(ocr_distri_head\..*)_0\.bn\.", r"\1.1.0."),
    (r"^(ocr_distri_head\..*)_2\.conv\.", r"\1.2."),
    (r"^(ocr_distri_head\..*)_2\.bn\.", r"\1.3.0."),
    (r"^head\.", ""),
)

_nearest = hrnet(fusion="nearest")

hrnetv1_pose_w32 = segmenter(encoder=_nearest(width=32), decoder=finest, initialisation="hrnet_pose")
"""28,536,113 parameters for the 17 joints of COCO."""

hrnetv1_pose_w48 = hrnetv1_pose_w32(encoder=_nearest(width=48))
"""63,595,745 parameters for 17 joints."""

POSE_NAMES: Renames = ((r"^encoder\.", ""), (r"^head\.conv\.", "final_layer."))

hrnet_w18_cls = classifier(encoder=_nearest, decoder=downward, head=linear_head(dropout=0.0), initialisation="resnet")
"""21,299,004 parameters for the 1,000 classes of ImageNet."""

hrnet_w32_cls = hrnet_w18_cls(encoder=_nearest(width=32))
"""41,232,680 parameters."""

hrnet_w48_cls = hrnet_w18_cls(encoder=_nearest(width=48))
"""77,469,864 parameters."""

CLASSIFIER_NAMES: Renames = (
    (r"^encoder\.", ""),
    *((rf"^decoder\.level{i}\.", f"incre_modules.{i}.0.") for i in range(4)),
    *((rf"^decoder\.down{i}\.conv\.", f"downsamp_modules.{i - 1}.0.") for i in range(1, 4)),
    *((rf"^decoder\.down{i}\.norm\.", f"downsamp_modules.{i - 1}.1.") for i in range(1, 4)),
    (r"^decoder\.last\.conv\.", "final_layer.0."),
    (r"^decoder\.last\.norm\.", "final_layer.1."),
    (r"^head\.linear\.", "classifier."),
)
