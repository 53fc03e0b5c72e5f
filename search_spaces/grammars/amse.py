"""The space `amse`: AMSUnet with the same block everywhere. 576 members, few enough to train them all.

For the questions of its ablation: where norm and residual belong, which strips and dilations are worth their cost. The
published network is a point by its key, not by its tree: here one decision is for the blocks of all stages.
"""

from typing import Any

from nas.grammar import Block, Choice, Inherit, OneOf, Repeat, Rule, rule
from nas.graph import GraphBuilder
from nas.space import SearchSpace
from search_spaces.blocks.amse import amse as block
from search_spaces.networks.amsunet import amsunet

__all__ = ["amse", "amse_everywhere"]

_SHARED = ("strip5", "strip7", "strip11", "strip21", "norm_placement", "residual")
_BLOCK = block(**{name: Inherit(name) for name in _SHARED})


def _dilated(*dilations: int) -> tuple[Rule, ...]:
    return tuple(_BLOCK(dilation=dilation) for dilation in dilations)


_NETWORK = amsunet(
    encoder=amsunet.options["encoder"](  # type: ignore[operator]  # a rule, as the file beside says
        stages=OneOf(
            none=_dilated(1, 1, 1, 1, 1),
            published=_dilated(1, 1, 1, 3, 5),
            early=_dilated(1, 2, 3, 3, 5),
            wide=_dilated(1, 1, 2, 5, 5),
        )
    ),
    decoder=amsunet.options["decoder"](blocks=Repeat(_BLOCK, ("levels", -1))),  # type: ignore[operator]  # likewise
)

_FLAGS = Choice((True, False))


@rule(
    "network",
    strip5=_FLAGS,
    strip7=_FLAGS,
    strip11=_FLAGS,
    strip21=_FLAGS,
    norm_placement=Choice(("Bf", "Bb", "none")),
    residual=Choice(("N", "O", "none")),
    network=_NETWORK,
)
def amse_everywhere(g: GraphBuilder, *, network: Block, **shared: Any) -> Any:
    """Append the network, whose blocks inherit the options. Shapes: the image (C, H, W) -> logits (classes, H, W)."""
    return network(g)


amse = SearchSpace(name="amse", version=1, min_side=64, root=amse_everywhere)
