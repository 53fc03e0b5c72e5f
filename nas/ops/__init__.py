"""The closed set of operators. The import list is the registry."""

from nas.ops.activation import GELU, Dropout, LeakyReLU, ReLU, ReLU6, Scale, Sigmoid, Tanh
from nas.ops.attention import MatMul, Softmax
from nas.ops.base import Call, Facts, Input, Op, Shape, Size, elements
from nas.ops.channel_scale import ChannelScale
from nas.ops.conv import Conv, ConvTranspose
from nas.ops.image import Image
from nas.ops.initial import SCHEMES, Draw, Weighted, check_scheme
from nas.ops.join import Add, Concat, Maximum, Multiply
from nas.ops.norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from nas.ops.pool import AvgPool, ChannelMax, ChannelMean, GlobalAvgPool, GlobalMaxPool, MaxPool
from nas.ops.resample import PadTo, ResizeTo, Upsample
from nas.ops.shift import Shift
from nas.ops.slice import Slice
from nas.ops.vector import Flatten, Linear

__all__ = [
    "GELU",
    "OPERATORS",
    "SCHEMES",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Call",
    "ChannelMax",
    "ChannelMean",
    "ChannelScale",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Draw",
    "Dropout",
    "Facts",
    "Flatten",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "Image",
    "Input",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MatMul",
    "MaxPool",
    "Maximum",
    "Multiply",
    "Op",
    "PadTo",
    "ReLU",
    "ReLU6",
    "ResizeTo",
    "Scale",
    "Shape",
    "Shift",
    "Sigmoid",
    "Size",
    "Slice",
    "Softmax",
    "Tanh",
    "Upsample",
    "Weighted",
    "check_scheme",
    "elements",
]

OPERATORS: dict[str, type[Op]] = {
    op.__name__: op
    for op in (
        *(Image, Conv, ConvTranspose, BatchNorm, GroupNorm, InstanceNorm, LayerNorm),
        *(ReLU, ReLU6, LeakyReLU, GELU, Sigmoid, Tanh, Scale, Dropout, MaxPool, AvgPool, GlobalAvgPool),
        *(GlobalMaxPool, ChannelMean, ChannelMax, ChannelScale),
        *(Upsample, ResizeTo, PadTo, Shift, Slice, Concat, Add, Multiply, Maximum, Flatten, Linear),
        *(MatMul, Softmax),
    )
}
"""Operator classes by name: what a stored graph may contain."""
