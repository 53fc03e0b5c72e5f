"""AMSE: the encoder block of AMSUnet, multi-scale attention out of dilated and strip convolutions.

Source: AMSUnet (code llluochen/AMSUnet, `AMSUnet.py`, which is followed; the paper's table 5 is the ablation that the
options `norm_placement` and `residual` express). It is `metaformer` with the mixer `ams`, whose options are its own.
"""

from typing import Any

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from search_spaces.blocks.metaformer import metaformer
from search_spaces.mixers.ams import ams

__all__ = ["amse"]


@rule(
    "block",
    dilation=1,
    strip5=True,
    strip7=True,
    strip11=True,
    strip21=False,
    norm_placement="Bf",
    residual="N",
    norm="batch",
    activation="gelu",
    expansion=4,
)
def amse(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    norm_placement: str,
    residual: str,
    norm: str,
    activation: str,
    expansion: int,
    **of_mixer: int | bool,
) -> Node:
    """Append the block, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    dilation, strip5, strip7, strip11, strip21: of the attention, see `ams`.
    norm_placement: "Bf" before attention and FFN (the code), "Bb" behind each, "none".
    residual: "N" one from the block's input to its end (the code), "O" one around each of the two, "none".
    Cost at C = width = 32: 15,232 parameters, 14,464 H W MACs.
    """

    def mixer(g: GraphBuilder, *inputs: Any, name: str | None = None) -> Any:
        with g.scope(name or "mixer"):
            return ams.emit(g, *inputs, **of_mixer, activation=activation)

    made: Node = metaformer.emit(
        g,
        x,
        width,
        norm_placement=norm_placement,
        residual=residual,
        norm=norm,
        activation=activation,
        mixer=mixer,
        expansion=expansion,
        ffn_depthwise=True,
        final_activation=True,
        layer_scale=0.0,
    )
    return made
