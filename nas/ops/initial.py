"""How weights are drawn before training, as plain data: per weight a distribution, per network a scheme of them.

A scheme is no part of an architecture's identity (`Op.code`, `Graph.key`), but of what a stored graph holds.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from nas.errors import GraphError
from nas.ops.base import APART, Call, Op, Shape

__all__ = ["SCHEMES", "Draw", "Weighted", "check_scheme"]

_CUT_STD = 0.87962566103423978  # standard deviation of a standard normal cut off at two of its own


class Draw(NamedTuple):
    """The distribution that a weight's elements are drawn from, with mean 0 but for "around_one" and "constant".

    scale: of "uniform" the largest absolute value, of "normal" and "around_one" (normal, mean 1) the standard
    deviation, of "truncated_normal" the one before everything beyond two of it is drawn again, of "constant" the value.
    """

    kind: str
    scale: float

    @property
    def std(self) -> float:
        """The elements' standard deviation."""
        parts = {"uniform": 1 / math.sqrt(3), "truncated_normal": _CUT_STD, "constant": 0.0}
        return self.scale * parts.get(self.kind, 1.0)


Kernel = Callable[[int, int], Draw]
"""The draw of a kernel of this fan in and fan out. Fans as torch counts them: a kernel's second and first axis."""


def _he_normal(slope: float) -> Kernel:
    return lambda fan_in, fan_out: Draw("normal", math.sqrt(2 / (1 + slope**2) / fan_in))


def _he_truncated(fan_in: int, fan_out: int) -> Draw:
    return Draw("truncated_normal", math.sqrt(2 / fan_in) / _CUT_STD)


def _he_normal_out(fan_in: int, fan_out: int) -> Draw:
    return Draw("normal", math.sqrt(2 / fan_out))


def _glorot_normal(fan_in: int, fan_out: int) -> Draw:
    return Draw("normal", math.sqrt(2 / (fan_in + fan_out)))


def _glorot_uniform(fan_in: int, fan_out: int) -> Draw:
    return Draw("uniform", math.sqrt(6 / (fan_in + fan_out)))


def _narrow_normal(fan_in: int, fan_out: int) -> Draw:
    return Draw("normal", 0.001)


def _token_normal(fan_in: int, fan_out: int) -> Draw:
    return Draw("normal", 0.02)


def _zeros(fan_in: int, fan_out: int) -> Draw:
    return Draw("constant", 0.0)


def _one(fan_in: int, fan_out: int) -> Draw:
    return Draw("constant", 1.0)


def _near_one(fan_in: int, fan_out: int) -> Draw:
    return Draw("around_one", 0.02)


def _torch_kernel(fan_in: int, fan_out: int) -> Draw:
    # The steps of kaiming_uniform_(a=sqrt(5)), so that the last bit is torch's as well.
    return Draw("uniform", math.sqrt(3.0) * (math.sqrt(2.0 / (1 + math.sqrt(5) ** 2)) / math.sqrt(fan_in)))


def _torch_bias(fan_in: int, fan_out: int) -> Draw:
    return Draw("uniform", 1 / math.sqrt(fan_in))


_TORCH: dict[str, Kernel] = {
    **dict.fromkeys(("convolution", "transposed", "linear"), _torch_kernel),
    "bias": _torch_bias,
    "norm": _one,
}

SCHEMES: Mapping[str, Mapping[str, Kernel]] = {
    "torch": _TORCH,
    "hardnet": _TORCH | {"convolution": _glorot_normal, "bias": _zeros},
    "fc_hardnet": _TORCH | {"convolution": _glorot_normal},
    "resnet": _TORCH | {"convolution": _he_normal_out},
    "unext_linear": _TORCH | {"convolution": _token_normal, "bias": _zeros},
    "unext_embedding": _TORCH | {"convolution": _he_normal_out, "bias": _zeros},
    "unext_depthwise": _TORCH | {"convolution": _he_normal(0), "bias": _zeros},
    "hrnet": _TORCH | {"convolution": _narrow_normal},
    "hrnet_pose": _TORCH | {"convolution": _narrow_normal, "bias": _zeros},
    "keras": _TORCH | {**dict.fromkeys(("convolution", "transposed", "linear"), _glorot_uniform), "bias": _zeros},
    "keras_dense": _TORCH | {"convolution": _he_truncated, "bias": _zeros},
    "unetpp_keras": _TORCH | {"convolution": _he_truncated, "transposed": _glorot_uniform, "bias": _zeros},
    "unet3plus": _TORCH | {"convolution": _he_normal(0), "linear": _he_normal(0), "norm": _near_one},
    "nnunet": _TORCH | {"convolution": _he_normal(0.01), "transposed": _he_normal(0.01), "bias": _zeros},
}
"""What each kind of kernel, its bias and a norm's weight are drawn from. A norm's bias starts at 0 in all of them.

torch: torch's layers, uniform with bounds of 1 / sqrt(fan in). What nothing else is known of has it.
hardnet: PingoLH/Pytorch-HarDNet, `imagenet/main.py`, `weights_init`: Glorot normal (linear layers: torch's), bias 0.
fc_hardnet: PingoLH/FCHarDNet, `train.py`, `weights_init`: Glorot normal, all else as torch.
resnet: PraNet's `lib/Res2Net_v1b.py` and HRNet/HRNet-Image-Classification, `cls_hrnet.py`: He normal by fan out.
unext_linear, unext_embedding, unext_depthwise: jeya-maria-jose/UNeXt-pytorch, `archs.py`, `_init_weights`: of tokens
    std 0.02 (cut off at 2, which is nowhere), else He normal by fan out over groups; bias 0.
hrnet: HRNet/HRNet-Semantic-Segmentation, `seg_hrnet.py`, `init_weights`: std 0.001, bias as torch's. There weights of
    ImageNet are then loaded over it.
hrnet_pose: leoxiaobin/deep-high-resolution-net.pytorch, `pose_hrnet.py`, `init_weights`: the same with bias 0.
keras: Keras's default, Glorot uniform, bias 0. keras_dense: "he_normal" there, as DoubleU-Net's SE blocks have it.
unetpp_keras: MrGiovanni/UNetPlusPlus, `keras/helper_functions.py`: "he_normal" (He et al., arXiv:1502.01852; truncated
    in Keras), for transposed convolutions Keras's default, Glorot uniform; bias 0.
unet3plus: ZJUGiveLab/UNet-Version, `models/init_weights.py`, "kaiming": He normal, BatchNorm normal around 1.
nnunet: MrGiovanni/UNetPlusPlus, `generic_UNetPlusPlus.py`, InitWeights_He(1e-2): He normal for slope 0.01, bias 0.
"""


def check_scheme(name: str, where: str) -> None:
    """Raise GraphError if there is no scheme of that name."""
    if name not in SCHEMES:
        raise GraphError(f"{where}: unknown initialisation '{name}'; known: {', '.join(SCHEMES)}")


@dataclass(frozen=True, eq=False)
class Weighted(Op):
    """An operator with a kernel, and perhaps a bias, that a scheme of `SCHEMES` draws and a torch module owns.

    initialisation: the scheme's name; empty for the network's. Raises GraphError for an unknown one.
    """

    initialisation: str = field(default="", kw_only=True, metadata=APART)

    kernel_kind: ClassVar[str]  # its name in a scheme

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scheme(self.initialisation or "torch", str(self))

    def draws(self, *xs: Shape, scheme: str = "torch") -> dict[str, Draw]:
        kernels = SCHEMES[self.initialisation or scheme]
        weights = self.weights(*xs)
        first, second, *sides = weights["weight"]
        fan_in, fan_out = second * math.prod(sides), first * math.prod(sides)
        return {name: kernels[self.kernel_kind if name == "weight" else name](fan_in, fan_out) for name in weights}

    def call(self, *xs: Shape) -> Call | None:
        return None
