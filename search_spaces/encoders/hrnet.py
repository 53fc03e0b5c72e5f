"""HRNet: branches of every resolution side by side, each fused with all others again and again.

Source: Wang et al., HRNet, TPAMI 2020, arXiv:1908.07919; code HRNet/HRNet-Semantic-Segmentation,
`lib/models/seg_hrnet.py`, which is followed: fusion upwards is 1x1 and BatchNorm, then bilinear (the paper's text has
the two the other way round: same values, other MACs).
"""

from nas.errors import SpaceError
from nas.grammar import Block, Repeat, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Conv, ReLU, ResizeTo
from search_spaces.blocks.basic_residual import basic_residual
from search_spaces.blocks.bottleneck import bottleneck
from search_spaces.blocks.run import run
from search_spaces.pyramid import Pyramid

__all__ = ["hrnet"]


@rule(
    "encoder",
    gives={"levels": 4, "initialisation": "initialisation"},
    width=18,
    stem_width=64,
    first_width=256,
    first=run(count=4, block=bottleneck),
    modules=(1, 4, 3),
    branches=Repeat(run(count=4, block=basic_residual), 3),
    fusion="linear",
    align_corners=False,
    initialisation="hrnet",
)
def hrnet(
    g: GraphBuilder,
    image: Node,
    *,
    width: int,
    stem_width: int,
    first_width: int,
    first: Block,
    modules: tuple[int, ...],
    branches: tuple[Block, ...],
    fusion: str,
    align_corners: bool,
    initialisation: str,
) -> Pyramid:
    """Append stem and four stages. Shapes: image (C, H, W) -> 4 features, level i of width * 2^i at 1 / 2^(i + 2).

    Sides are ceil(side / 2) at each step. modules: how many modules stages 2, 3 and 4 have; stage n has n branches.
    branches[i]: what a branch does between two fusions, in all modules and branches of stage i + 2.
    first: stage 1, at x/4 with `first_width` channels. fusion: how coarser branches are enlarged, "linear" (bilinear,
    with align_corners or, as in seg_hrnet, without) or "nearest" (classification and pose).
    """
    if len(modules) != len(branches):
        raise SpaceError(f"hrnet: modules={modules}; give {len(branches)} numbers, one per stage after the first")
    x = image
    for i in (1, 2):
        x = g.add(Conv(stem_width, kernel=3, stride=2, bias=False), x, name=f"conv{i}")
        x = g.add(ReLU(), g.add(BatchNorm(), x, name=f"bn{i}"))
    enlarge = ResizeTo(mode=fusion, align_corners=align_corners)
    maps = [first(g, x, first_width, name="layer1")]
    for stage, (count, branch) in enumerate(zip(modules, branches, strict=True), start=2):
        with g.scope(f"transition{stage - 1}"):
            maps = _transition(g, maps, width)
        with g.scope(f"stage{stage}"):
            for number in range(count):
                with g.scope(str(number)):
                    maps = _module(g, maps, branch, enlarge)
    return Pyramid(image, tuple(maps))


def _transition(g: GraphBuilder, maps: list[Node], width: int) -> list[Node]:
    """Bring each branch to its width and add one, of half the size, from the one of lowest resolution."""
    made = []
    for i, x in enumerate(maps):
        with g.scope(str(i)):
            made.append(x if x.channels == width * 2**i else _conv_bn_relu(g, x, width * 2**i, stride=1))
    with g.scope(str(len(maps))), g.scope("0"):
        return [*made, _conv_bn_relu(g, maps[-1], width * 2 ** len(maps), stride=2)]


def _module(g: GraphBuilder, maps: list[Node], branch: Block, enlarge: ResizeTo) -> list[Node]:
    with g.scope("branches"):
        maps = [branch(g, x, x.channels, name=str(i)) for i, x in enumerate(maps)]
    with g.scope("fuse_layers"):
        fused = []
        for i in range(len(maps)):
            with g.scope(str(i)):
                fused.append(_fuse(g, maps, i, enlarge))
        return fused


def _fuse(g: GraphBuilder, maps: list[Node], i: int, enlarge: ResizeTo) -> Node:
    """Return branch i: the sum, in order, of all branches brought to its width and size."""
    total: Node | None = None
    for j, x in enumerate(maps):
        with g.scope(str(j)):
            if j > i:
                x = g.add(enlarge, _conv_bn(g, x, maps[i].channels, kernel=1), maps[i])
            for step in range(i - j):
                last = step == i - j - 1
                with g.scope(str(step)):
                    x = _conv_bn(g, x, maps[i].channels if last else x.channels, stride=2)
                x = x if last else g.add(ReLU(), x)
        total = x if total is None else g.add(Add(), total, x)
    assert total is not None
    return g.add(ReLU(), total)


def _conv_bn(g: GraphBuilder, x: Node, channels: int, kernel: int = 3, stride: int = 1) -> Node:
    return g.add(BatchNorm(), g.add(Conv(channels, kernel=kernel, stride=stride, bias=False), x, name="0"), name="1")


def _conv_bn_relu(g: GraphBuilder, x: Node, channels: int, stride: int) -> Node:
    return g.add(ReLU(), _conv_bn(g, x, channels, stride=stride))
