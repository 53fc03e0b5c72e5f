"""The staged encoder of every U-Net: a stem, then stages with downsampling between them."""

from nas.errors import SpaceError
from nas.grammar import Block, Repeat, rule
from nas.graph import GraphBuilder, Node
from search_spaces.blocks.double_conv import double_conv
from search_spaces.downsampling.max_pool import max_pool
from search_spaces.downsampling.no_stem import no_stem
from search_spaces.pyramid import Pyramid

__all__ = ["staged"]


@rule(
    "encoder",
    gives={"levels": "depth", "initialisation": "initialisation"},
    base=64,
    depth=5,
    deepest="double",
    widest=0,
    widths=(),
    stem=no_stem,
    down=max_pool,
    stages=Repeat(double_conv, "depth"),
    initialisation="torch",
)
def staged(
    g: GraphBuilder,
    image: Node,
    *,
    base: int,
    depth: int,
    deepest: str,
    widest: int,
    widths: tuple[int, ...],
    stem: Block,
    down: Block,
    stages: tuple[Block, ...],
    initialisation: str,
) -> Pyramid:
    """Append stem and stages. Shapes: image (C, H, W) -> `depth` features, level i of base * 2^i channels at 1 / 2^i.

    initialisation: the scheme of `nas.ops.SCHEMES` that a network with this encoder may inherit.
    deepest: "double" (base * 2^(depth - 1) channels) or "keep" those of the level above (the bilinear U-Net, AMSUnet).
    widest: no level gets more channels (480 in nnU-Net); 0 for no limit.
    widths: of each level, in place of what the former say; empty for none.
    """
    widths = widths or _doubled(base, depth, deepest, widest)
    if len(widths) != depth:
        raise SpaceError(f"staged: widths={widths}; give {depth}, one per level")
    x = stages[0](g, stem(g, image, widths[0]), widths[0])
    features = [x]
    for i in range(1, depth):
        x = stages[i](g, down(g, x, widths[i], name=f"down{i}"), widths[i])
        features.append(x)
    return Pyramid(image, tuple(features))


def _doubled(base: int, depth: int, deepest: str, widest: int) -> tuple[int, ...]:
    widths = [min(base * 2**i, widest or base * 2**i) for i in range(depth)]
    if deepest == "keep" and depth > 1:
        widths[-1] = widths[-2]
    return tuple(widths)
