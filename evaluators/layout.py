"""Memory layout of a network for training, with a guard against wrong gradients of dilated convolutions on CPUs."""

import torch
from torch import Tensor, nn

__all__ = ["lay_out"]


def lay_out(module: nn.Module, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
    """Lay out the weights of `module` (on `device`) for training in `dtype`.

    On the CPU in bfloat16 and channels last, the weight gradient of a dilated convolution is wrong: values off by far
    more than rounding, and nan or infinity (measured with torch 2.13 on a CPU with AVX512-bf16: 22 of 60 depthwise
    layers wrong, 6 to 10 of 60 not finite; none with the default layout or in float32). Such layers therefore get
    weights and inputs in the default layout.
    """
    if not channels_last:
        return
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
    if device.type == "cpu" and dtype == torch.bfloat16:
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d) and max(layer.dilation) > 1:
                # A copy: of one channel per group, torch calls both layouts contiguous and would keep the strides.
                layer.weight.data = layer.weight.data.clone(memory_format=torch.contiguous_format)
                layer.register_forward_pre_hook(_default_layout)


def _default_layout(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(x.contiguous() for x in inputs)
