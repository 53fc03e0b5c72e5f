"""DoubleU-Net as its code builds it: VGG-19 and a U-Net, then a second U-Net on what the first found.

Source: Jha et al., CBMS 2020, arXiv:2006.04868; code DebeshJha/2020-CBMS-DoubleU-Net, `model.py` (Keras; its later port
to torch differs in biases, pooling and enlargement). It ends in sigmoids and joins both maps; ours are two logits, of
which the second counts. Weights: ImageNet's in VGG, else as Keras draws them.
"""

from nas.grammar import Repeat
from search_spaces.attentions.se import se
from search_spaces.blocks.attended import attended
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.blocks.double_conv import double_conv
from search_spaces.blocks.run import run
from search_spaces.cascade import cascade
from search_spaces.contexts.aspp import aspp
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.staged import staged
from search_spaces.heads.conv_head import conv_head
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.necks.deepest_context import deepest_context
from search_spaces.upsampling.resize import resize

__all__ = ["doubleunet", "vgg19"]

_plain = conv_unit(norm="none")
_attended = attended(
    block=double_conv(norm="keras_batch"),
    attention=se(reduction=8, bias=False, initialisation="keras_dense"),
)
_context = deepest_context(
    context=aspp(norm="keras_batch", pooled_norm="keras_batch", pooled_bias=True, pooled_first=True, dropout=0.0),
    width=64,
)
_decoder = unet_decoder(
    upsample=resize,
    order="up_first",
    widths=(32, 64, 128, 256),
    blocks=Repeat(_attended, ("levels", -1)),
)

vgg19 = staged(
    widths=(64, 128, 256, 512, 512),
    stages=(*(run(count=2, block=_plain),) * 2, *(run(count=4, block=_plain),) * 3),
)
"""The convolutions of VGG-19 (arXiv:1409.1556): each level's last map before pooling."""

doubleunet = cascade(
    encoder=vgg19,
    neck=_context,
    decoder=_decoder,
    second_encoder=staged(widths=(32, 64, 128, 256, 256), stages=(*(_attended,) * 4, no_mixer)),
    second_neck=_context,
    second_decoder=_decoder,
    head=conv_head,
    initialisation="keras",
)
"""29,290,274 parameters for RGB and 1 class. The second encoder's deepest level is the pooled one above it."""
