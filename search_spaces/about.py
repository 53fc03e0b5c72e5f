"""What each published network is, in one line, and the input that its paper's counts are of."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from nas.architecture import Architecture

__all__ = ["About", "about_published", "customary_input"]


class About(NamedTuple):
    """One line on a network, and where it comes from (details: the file in `search_spaces/networks/`)."""

    what: str
    source: str


_UNETPP = "Zhou 2018, arXiv:1807.10165"
_UNET3PLUS = "Huang 2020, arXiv:2004.08790"
_UNEXT = "Valanarasu 2022, arXiv:2203.04967"
_PORT = "4uiiurz1/pytorch-nested-unet"
_HARDNET = "Chao 2019, arXiv:1909.00948"
_HRNET = "Wang 2020, arXiv:1908.07919"
_POSE = "Sun 2019, arXiv:1902.09212"
_AMSUNET = "Yin 2023, llluochen/AMSUnet"
_CONVUNEXT = "Han 2022, 1914669687/ConvUNeXt"

about_published: Mapping[str, About] = MappingProxyType(
    {
        "unet_bilinear32": About("U-Net, BatchNorm, bilinear, 32 to 256 channels", f"compared with in {_CONVUNEXT}"),
        "unet_bn32": About("U-Net, BatchNorm, bilinear, 32 to 512 channels", _PORT),
        "unet_bn64": About("U-Net, BatchNorm, nearest and 3x3, 64 to 1024 channels", "LeeJunHyun/Image_Segmentation"),
        "attunet_bn64": About("Attention U-Net: that U-Net with gated skips", "Oktay 2018, arXiv:1804.03999"),
        "unet_keras": About("U-Net without norm, 32 to 512 channels", _UNETPP),
        "wunet_keras": About("wide U-Net without norm, 35 to 560 channels", _UNETPP),
        "unetpp_keras": About("UNet++ without norm, one output", _UNETPP),
        "unetpp_keras_ds": About("UNet++ without norm, deep supervision", _UNETPP),
        **{f"unetpp_keras_L{level}": About(f"UNet++ pruned to L{level}", _UNETPP) for level in (1, 2, 3, 4)},
        "unetpp_bn32": About("UNet++ with BatchNorm, bilinear, one output", _PORT),
        "unetpp_bn32_ds": About("UNet++ with BatchNorm, deep supervision", _PORT),
        "unetpp_nnunet": About("UNet++ in nnU-Net's form, InstanceNorm, five outputs", "MrGiovanni/UNetPlusPlus"),
        "unet3plus": About("UNet 3+, full-scale skips, one output", _UNET3PLUS),
        "unet3plus_ds": About("UNet 3+, full-scale skips, deep supervision", _UNET3PLUS),
        "unext": About("tokenized MLPs below three convolutions", _UNEXT),
        "unext_s": About("UNeXt-S, half as wide", _UNEXT),
        "resunet": About("pre-activated residual units, strided", "Zhang 2018, arXiv:1711.10684"),
        "amsunet": About("atrous multi-scale convolutions, gated skips", _AMSUNET),
        "convunext": About("ConvNeXt blocks, gated skips", _CONVUNEXT),
        **{f"hrnetv2_w{c}": About(f"HRNetV2, {c} channels, logits at x/4", _HRNET) for c in (18, 32, 48)},
        "hrnetv2_w48_ocr": About("HRNetV2, 48 channels, OCR, logits at x/4", "Yuan 2020, arXiv:1909.11065"),
        **{f"hrnetv1_pose_w{c}": About(f"HRNetV1 for poses, {c} channels, maps at x/4", _POSE) for c in (32, 48)},
        **{f"hrnet_w{c}_cls": About(f"classifier, HRNet, {c} channels", _HRNET) for c in (18, 32, 48)},
        "hardnet39ds": About("classifier, depthwise separable, 39 layers", _HARDNET),
        "hardnet68": About("classifier, 68 layers", _HARDNET),
        "hardnet68ds": About("classifier, depthwise separable, 68 layers", _HARDNET),
        "hardnet85": About("classifier, 85 layers", _HARDNET),
        "hardnet_mseg": About("HarDNet-68, RFBs, dense aggregation", "Huang 2021, arXiv:2101.07172"),
        "pranet": About("Res2Net-50, the same, reverse attention", "Fan 2020, arXiv:2006.11392"),
        "doubleunet": About("VGG-19, two U-Nets in a row, SE, ASPP", "Jha 2020, arXiv:2006.04868"),
        "fc_hardnet70": About("HarDBlocks down and up, to x/64", _HARDNET),
    }
)
"""By key of `published`."""


def customary_input(architecture: Architecture) -> tuple[int, int]:
    """Return the side of the image and the classes that a network is counted with where nothing else is said.

    Segmentation: 352 pixels (polyps) and one class; classifiers: ImageNet's 224 and 1,000.
    """
    return (224, 1000) if architecture.rule.name == "classifier" else (352, 1)
