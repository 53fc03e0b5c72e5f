"""UNet++ and the U-Nets of its paper: the official 2-D (Keras) and nnU-Net forms, and the BatchNorm port it links to.

Sources: MrGiovanni/UNetPlusPlus (`keras/helper_functions.py`; `pytorch/nnunet`, `generic_UNetPlusPlus.py`) and
4uiiurz1/pytorch-nested-unet (`archs.py`). The Keras forms end in a sigmoid; ours give its argument, the logits.
The Keras and nnU-Net forms draw their weights as their code does (`nas.ops.SCHEMES`), the port as torch does.
"""

from nas.grammar import Repeat, Rule
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.blocks.double_conv import double_conv
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.decoders.unetpp_decoder import unetpp_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.encoders.staged import staged
from search_spaces.heads.conv_head import conv_head
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.double_pad import double_pad
from search_spaces.upsampling.transposed import transposed
from search_spaces.weights import Renames

__all__ = [
    "BN32_DS_NAMES",
    "BN32_NAMES",
    "KERAS_DS_NAMES",
    "NNUNET_NAMES",
    "keras_names",
    "unet_keras",
    "unetpp_bn32",
    "unetpp_bn32_ds",
    "unetpp_keras",
    "unetpp_keras_ds",
    "unetpp_keras_pruned",
    "unetpp_nnunet",
    "wunet_keras",
]

_keras = double_conv(norm="none", dropout=0.5)
_below_deepest = ("levels", -1)


def _keras_encoder(base: int) -> Rule:
    return staged(base=base, stages=Repeat(_keras, "depth"))


def _keras_unet(base: int) -> Rule:
    return segmenter(
        encoder=_keras_encoder(base),
        decoder=unet_decoder(order="up_first", blocks=Repeat(_keras, _below_deepest)),
        initialisation="unetpp_keras",
    )


unet_keras = _keras_unet(32)
"""The paper's U-Net: no norm, transposed convolutions, upsampled feature first; 7,760,097 parameters for RGB."""

wunet_keras = _keras_unet(35)
"""The paper's wide U-Net: widths 35 to 560; 9,282,876 parameters for RGB."""

_keras_nested = unetpp_decoder(blocks=Repeat(_keras, _below_deepest))

unetpp_keras = segmenter(encoder=_keras_encoder(32), decoder=_keras_nested, initialisation="unetpp_keras")
"""UNet++ without deep supervision: 9,042,177 parameters for RGB."""

unetpp_keras_ds = unetpp_keras(decoder=_keras_nested(supervise="all"))
"""With deep supervision: X(0,1) to X(0,4), the last counts."""

unetpp_keras_pruned = {level: unetpp_keras(decoder=_keras_nested(pruned_to=level)) for level in (1, 2, 3, 4)}
"""The paper's L1 to L4, as they are deployed: 101,537, 511,681, 2,205,537 and 9,042,177 parameters for RGB."""

_bn_decoder = unetpp_decoder(upsample=double_pad, order="skip_first")

unetpp_bn32 = segmenter(encoder=staged(base=32), decoder=_bn_decoder)
"""The BatchNorm port: bilinear upsampling without a convolution; 9,163,329 parameters."""

unetpp_bn32_ds = segmenter(encoder=staged(base=32), decoder=_bn_decoder(supervise="all"))
"""With deep supervision: X(0,1) to X(0,4), the last counts."""

_nn = {"norm": "instance", "activation": "leaky_relu"}

unetpp_nnunet = segmenter(
    encoder=staged(
        base=32,
        depth=6,
        widest=480,
        down=conv_stem(stride=2, padding_mode="zeros", **_nn),
        stages=(double_conv(**_nn), *(conv_unit(**_nn),) * 5),
    ),
    decoder=unetpp_decoder(
        upsample=transposed(bias=False),
        order="skip_first",
        supervise="all_reversed",
        blocks=Repeat(double_conv(**_nn), _below_deepest),
    ),
    head=conv_head(bias=False),
    initialisation="nnunet",
)
"""The nnU-Net form: five strided downsamplings, InstanceNorm, X(0,5) to X(0,1); 24,000,608 parameters for 2 classes."""


def _nodes(depth: int) -> list[tuple[int, int]]:
    """Return the (i, j) of the nodes X(i, j) above the encoder."""
    return [(i, j) for i in range(depth) for j in range(1, depth + 1 - i)]


_KERAS_BODY: Renames = (
    *((rf"^decoder\.level{i}\.", f"decoder.x{i}_{4 - i}.") for i in range(4)),  # a U-Net has the last nodes alone
    *((rf"^encoder\.stages{i}\.", f"layers.conv{i + 1}1.") for i in range(5)),
    *((rf"^decoder\.x{i}_{j}\.block\.", f"layers.conv{i + 1}{j + 1}.") for i, j in _nodes(4)),
    *((rf"^decoder\.x{i}_{j}\.upsample\.up\.", f"layers.up{i + 1}{j + 1}.") for i, j in _nodes(4)),
    (r"^layers\.conv(\d\d)\.conv(\d)\.", r"layers.conv\1_\2."),
)


def keras_names(head: str) -> Renames:
    """Return the names of a Keras form with one output: `head` is "output" in the U-Nets, "output_4" in UNet++ L4."""
    return (*_KERAS_BODY, (r"^head\.conv\.", f"layers.{head}."))


KERAS_DS_NAMES: Renames = (
    *_KERAS_BODY,
    *((rf"^head\.conv{i}\.", f"layers.output_{i + 1}.") for i in range(4)),
)

_BN32_BODY: Renames = (
    (r"^encoder\.stages(\d)\.", r"conv\1_0."),
    (r"^decoder\.x(\d)_(\d)\.block\.", r"conv\1_\2."),
)

BN32_NAMES: Renames = (*_BN32_BODY, (r"^head\.conv\.", "final."))

BN32_DS_NAMES: Renames = (*_BN32_BODY, *((rf"^head\.conv{i}\.", f"final{i + 1}.") for i in range(4)))

NNUNET_NAMES: Renames = (
    *((rf"^decoder\.x{i}_{j}\.block\.", f"loc{5 - i - j}.{j - 1}.") for i, j in _nodes(5)),
    *((rf"^decoder\.x{i}_{j}\.upsample\.up\.", f"up{5 - i - j}.{j - 1}.") for i, j in _nodes(5)),
    *((rf"^(loc\d\.\d)\.(conv|bn){n + 1}\.", rf"\1.{n}.blocks.0.\2.") for n in (0, 1)),
    *((rf"^encoder\.stages0\.(conv|bn){n + 1}\.", rf"conv_blocks_context.0.blocks.{n}.\1.") for n in (0, 1)),
    (r"^encoder\.down5\.", "conv_blocks_context.5.0.blocks.0."),
    (r"^encoder\.stages5\.", "conv_blocks_context.5.1.blocks.0."),
    (r"^encoder\.down(\d)\.", r"conv_blocks_context.\1.blocks.0."),
    (r"^encoder\.stages(\d)\.", r"conv_blocks_context.\1.blocks.1."),
    (r"\.(bn|norm)\.", ".instnorm."),
    (r"^head\.conv(\d)\.", r"seg_outputs.\1."),
)
