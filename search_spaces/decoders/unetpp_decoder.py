"""UNet++'s decoder: nested nodes X(i, j) at level i, each joining all of its level before it with one from below.

Source: Zhou et al., UNet++, DLMIA 2018, arXiv:1807.10165; code MrGiovanni/UNetPlusPlus, whose 2-D Keras form is the
default here. The popular ports differ in upsampling, order and normalisation: see networks/unetpp.py.
"""

from nas.build import Outputs
from nas.errors import SpaceError
from nas.grammar import Block, Repeat, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Concat
from search_spaces.blocks.double_conv import double_conv
from search_spaces.pyramid import Pyramid
from search_spaces.skips.identity import identity
from search_spaces.upsampling.transposed import transposed

__all__ = ["unetpp_decoder"]


@rule(
    "decoder",
    upsample=transposed,
    skip=identity,
    order="up_first",
    supervise="last",
    pruned_to=0,
    blocks=Repeat(double_conv, ("levels", -1)),
)
def unetpp_decoder(
    g: GraphBuilder,
    pyramid: Pyramid,
    *,
    upsample: Block,
    skip: Block,
    order: str,
    supervise: str,
    pruned_to: int,
    blocks: tuple[Block, ...],
) -> Outputs:
    """Append the nodes. Shapes: pyramid of n + 1 features -> features (width of level 0, H, W) of the finest.

    order: of the concatenation, "up_first" [U, X(i,0), X(i,1), ...] or "skip_first" [X(i,0), X(i,1), ..., U].
    supervise: "last" gives X(0,n) alone, "all" X(0,1) to X(0,n), "all_reversed" the same from X(0,n) on; X(0,n) counts.
    pruned_to: the paper's L: keep what X(0,L) needs and let it count; 0 prunes nothing (L = n).
    skip: gates X(i,0) only. blocks[i] belongs to level i: one decision for all its nodes.
    """
    features = pyramid.features
    depth = pruned_to or len(features) - 1
    if not 0 < depth < len(features):
        raise SpaceError(f"unetpp_decoder: pruned_to={pruned_to}; the encoder gives 1 to {len(features) - 1}")
    made = [[x] for x in features]  # made[i][j] is X(i, j)
    for j in range(1, depth + 1):
        for i in range(depth + 1 - j):
            with g.scope(f"x{i}_{j}"):
                up = upsample(g, made[i + 1][j - 1], features[i], features[i].channels)
                kept = [skip(g, features[i], up), *made[i][1:]]
                joined = g.add(Concat(), *((*kept, up) if order == "skip_first" else (up, *kept)))
                made[i].append(blocks[i](g, joined, features[i].channels, name="block"))
    return _supervised(made[0][1:], supervise)


def _supervised(nodes: list[Node], supervise: str) -> Outputs:
    known = {
        "last": Outputs(nodes[-1:]),
        "all": Outputs(nodes, prediction=len(nodes) - 1),
        "all_reversed": Outputs(nodes[::-1]),
    }
    if supervise not in known:
        raise SpaceError(f"unetpp_decoder: supervise='{supervise}'; it is one of {', '.join(known)}")
    return known[supervise]
