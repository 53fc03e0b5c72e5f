"""MetaFormer: a token mixer and a feed-forward part with norms and residuals around them; what mixes is open.

Source: Yu et al., MetaFormer, CVPR 2022, arXiv:2111.11418, section 3.1. The defaults are AMSUnet's block, which `amse`
is; its ablation gave the options `norm_placement` and `residual`. The blocks of other networks are points too:

- PoolFormer (code sail-sg/poolformer): mixer `pooling`, norm "group1", residual "O", no depthwise convolution in the
  FFN, no final activation, layer_scale 1e-5; there too with the identity, here `no_mixer`, from which IdentityFormer
  (arXiv:2210.13452) differs by its norm, activation and biases
- SegNeXt (arXiv:2209.08575): mixer `msca`, residual "O", no final activation, layer_scale 1e-2
- ConvUNeXt, which `convnext` is: mixer `depthwise(padding_mode="reflect")`, placement "Bb", no depthwise in the FFN
"""

from nas.errors import SpaceError
from nas.grammar import Block, Inherit, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, ChannelScale, Conv
from search_spaces.mixers.ams import ams
from search_spaces.parts import activate, normalise, project

__all__ = ["metaformer"]


@rule(
    "block",
    norm_placement="Bf",
    residual="N",
    norm="batch",
    activation="gelu",
    mixer=ams(activation=Inherit("activation")),
    expansion=4,
    ffn_depthwise=True,
    final_activation=True,
    layer_scale=0.0,
)
def metaformer(
    g: GraphBuilder,
    x: Node,
    width: int,
    *,
    norm_placement: str,
    residual: str,
    norm: str,
    activation: str,
    mixer: Block,
    expansion: int,
    ffn_depthwise: bool,
    final_activation: bool,
    layer_scale: float,
) -> Node:
    """Append the block, after a 1x1 projection where C is not `width`. Shapes: x (C, H, W) -> (width, H, W).

    norm_placement: "Bf" before the mixer and the FFN, "Bb" behind each, "none".
    residual: "N" one from the block's input to its end, "O" one around each of the two, "none".
    activation: in the FFN and at the end. A mixer's own is an option of the mixer, which may inherit this one.
    expansion: channels of the FFN per channel of the block. ffn_depthwise: a depthwise 3x3 before its activation.
    layer_scale: where the learned factors start that multiply what each residual adds; 0 is without them.
    Names are AMSUnet's: bn1, attn (the mixer), bn2, ffn.
    Cost at C = width = 32 without the mixer: 9,760 parameters, 9,344 H W MACs.
    """
    _known("norm_placement", norm_placement, ("Bf", "Bb", "none"))
    _known("residual", residual, ("N", "O", "none"))
    x = inside = project(g, x, width)
    for number in (1, 2):
        start = inside
        if norm_placement == "Bf":
            inside = normalise(g, inside, norm, name=f"bn{number}")
        if number == 1:
            inside = mixer(g, inside, width, name="attn")
        else:
            inside = _feed_forward(g, inside, activation, expansion, ffn_depthwise)
        if norm_placement == "Bb":
            inside = normalise(g, inside, norm, name=f"bn{number}")
        if residual == "O":
            inside = g.add(Add(), start, _scaled(g, inside, layer_scale, f"layer_scale_{number}"))
    if residual == "N":
        inside = g.add(Add(), x, _scaled(g, inside, layer_scale, "layer_scale"))
    return activate(g, inside, activation) if final_activation else inside


def _known(option: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise SpaceError(f"amse or metaformer: {option}='{value}'; it is one of {', '.join(values)}")


def _scaled(g: GraphBuilder, x: Node, start: float, name: str) -> Node:
    return g.add(ChannelScale(start), x, name=name) if start else x


def _feed_forward(g: GraphBuilder, x: Node, activation: str, expansion: int, depthwise: bool) -> Node:
    width, wide = x.channels, expansion * x.channels
    with g.scope("ffn"):
        x = g.add(Conv(wide, kernel=1), x, name="conv1")
        if depthwise:
            x = g.add(Conv(wide, kernel=3, groups=wide), x, name="conv2")
        return g.add(Conv(width, kernel=1), activate(g, x, activation), name="conv3")
