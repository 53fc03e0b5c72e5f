"""Graphs made by hand, each for something that is hard to write as source."""

from nas.graph import GraphBuilder, Node
from nas.ops import (
    GELU,
    Add,
    AvgPool,
    BatchNorm,
    ChannelMax,
    ChannelMean,
    ChannelScale,
    Concat,
    Conv,
    ConvTranspose,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    MatMul,
    Maximum,
    MaxPool,
    Multiply,
    PadTo,
    ReLU,
    ReLU6,
    ResizeTo,
    Scale,
    Shift,
    Sigmoid,
    Slice,
    Softmax,
    Tanh,
    Upsample,
)


def every_operator(g: GraphBuilder) -> list[Node]:
    """A network with every operator."""
    x = g.add(Conv(8, stride=2, padding_mode="reflect"), g.image, name="stem")
    for op in (BatchNorm(eps=1e-3, momentum=0.2), GroupNorm(4, eps=1e-4), InstanceNorm(), LayerNorm(1e-6)):
        with g.scope(type(op).__name__.lower()):
            x = g.add(op, x, name="norm")
            x = g.add(Conv(8, kernel=1, groups=2), x, name="conv")
    for act in (ReLU(), ReLU6(), LeakyReLU(0.2), GELU(), Sigmoid(), Tanh(), Scale(-0.5)):
        x = g.add(Add(), g.add(act, x), x)
    x = g.add(Dropout(0.3), g.add(ChannelScale(0.1), x, name="gamma"), name="drop")
    with g.scope("up"):
        y = g.add(ConvTranspose(6, bias=False), g.add(MaxPool(3, 2, 1), x), name="up")
        y = g.add(Concat(), g.add(ResizeTo(mode="nearest"), y, x), g.add(Slice(2, 3), x))
    pooled = g.add(PadTo(), g.add(AvgPool(3, 2, 1, count_padding=False), y), y)
    z = g.add(Multiply(), y, g.add(Sigmoid(), g.add(GlobalAvgPool(), pooled)))
    vector = g.add(Linear(5, bias=False), g.add(Flatten(), g.add(GlobalAvgPool(), z)), name="linear")
    with g.scope("attention"):
        z = g.add(Concat(axis=1), g.add(Shift(axis=2), z), g.add(Maximum(), z, g.add(GlobalMaxPool(), z)))
        regions = g.add(MatMul(transpose_second=True), z, g.add(Softmax(pixels=True), z))
        likeness = g.add(Softmax(), g.add(MatMul(transpose_first=True), regions, z))
        z = g.add(Add(), g.add(MatMul(), regions, likeness), g.add(Multiply(), g.add(ChannelMean(), z), z))
    return [g.add(Upsample(2), z), vector, g.add(Upsample(3, mode="nearest"), pooled), g.add(ChannelMax(), z)]


def left_and_entered_again(g: GraphBuilder) -> list[Node]:
    """Scope a needs b, which needs a: no call of a module can do that. In c, a dropout is drawn between two of a."""
    with g.scope("a"):
        x = g.add(Conv(4), g.image, name="first")
        with g.scope("inner"):
            x = g.add(BatchNorm(), g.add(Conv(4), x, name="conv"), name="norm")
    with g.scope("b"):
        y = g.add(ReLU(), g.add(Conv(4), x, name="conv"))
    a = x.scope
    assert a is not None and a.parent is not None
    with a.parent:
        with g.scope("late"):
            z = g.add(Conv(4), y, name="conv")
        z = g.add(Add(), g.add(Conv(4), z, name="last"), x)
    return [g.add(Conv(1, kernel=1), z, name="head")]


def drawn_in_turns(g: GraphBuilder) -> list[Node]:
    """Two chains with dropouts: training draws them in the graph's order, whatever scopes they are in."""
    with g.scope("a"):
        x = g.add(Dropout(), g.add(Conv(4), g.image, name="conv"), name="drop")
    with g.scope("b"):
        y = g.add(Dropout(), g.add(Conv(4), x, name="conv"), name="drop")
    assert x.scope is not None
    with x.scope:
        z = g.add(Dropout(), g.add(Conv(4), x, name="conv2"), name="drop2")
    w = g.add(Dropout(0.2), x, name="drop")
    return [g.add(Concat(), w, g.add(Multiply(), y, z)), y]


def odd_containers(g: GraphBuilder) -> list[Node]:
    """Numbers with gaps, numbers beside names, containers in containers, a list run in another order."""
    x = g.image
    for path in (
        ("a", "3"),
        ("a", "1"),
        ("b", "0"),
        ("b", "left"),
        ("c", "1"),
        ("c", "0"),
        ("d", "0", "0"),
        ("d", "0", "1"),
    ):
        x = _conv(g, x, path)
    with g.scope("many"):
        for i in range(12):
            x = g.add(Conv(2 + i), x, name=str(i))
    x = g.add(Conv(3), x, name="after")
    y = _conv(g, x, ("d", "1"))
    return [g.add(Concat(), y, _conv(g, x, ("e", "0")), _conv(g, y, ("e", "1")), _conv(g, y, ("e", "2")))]


def _conv(g: GraphBuilder, x: Node, path: tuple[str, ...]) -> Node:
    """A layer of that address, as stored graphs have it."""
    node = g.add(Conv(3), x)
    node.scope, node.given_name = None, ".".join(path)
    return node


def linked(g: GraphBuilder) -> list[Node]:
    """Densely linked layers that one loop can run, and some that one cannot: other numbers, a map joined twice."""
    x, ends = g.image, []
    for name, last, odd in (("a", (3, 1), 1), ("b", (3, 2), 1), ("c", (3, 1), 2), ("d", (3, 1), 1)):
        with g.scope(name), g.scope("layers"):
            maps = [x]
            for i, reads in enumerate(((0,), (1, 0), (2, 1, 0), last)):
                joined = g.add(Concat(), *[maps[j] for j in reads]) if len(reads) > 1 else maps[reads[0]]
                with g.scope(str(i)):
                    dilation = odd if i == 2 else 1
                    maps.append(g.add(ReLU(), g.add(Conv(3, dilation=dilation), joined, name="conv")))
                if name == "d" and i == 1:
                    ends.append(joined)
        x = g.add(Add(), maps[2], maps[4])
    return [x, *ends]


def outputs_on_the_way(g: GraphBuilder) -> list[Node]:
    """Numbered layers of which one in the middle gives an output."""
    ends, x = [], g.image
    with g.scope("layers"):
        for i in range(4):
            with g.scope(str(i)):
                x = g.add(Conv(3), x, name="conv")
            ends.append(x)
    for name in ("first", "second", "third"):
        with g.scope(name):
            y = g.add(ReLU(), g.add(Conv(3), x, name="conv"))
            x = g.add(Conv(3), y, name="conv2")
        if name == "second":
            ends.append(y)
    return [x, ends[4], ends[3], ends[1]]


def outputs_again(g: GraphBuilder) -> list[Node]:
    """The image and one value twice as outputs."""
    x = g.add(Conv(2), g.image, name="conv")
    return [g.image, x, g.add(ReLU(), x), x]


def bare(g: GraphBuilder) -> list[Node]:
    """No scope and hardly a layer."""
    return [g.add(ReLU(), g.image)]


def words_of_the_file(g: GraphBuilder) -> list[Node]:
    """Scopes and layers called as what the file itself uses."""
    x = g.image
    names = "torch nn F x features links join Tensor sum super layer Network none true f channel_scale If Lambda match"
    values = []
    for name in names.split():
        with g.scope(name):
            x = g.add(ReLU(), g.add(Conv(4), x, name="torch"))
            x = g.add(BatchNorm(), x, name="weight")
        values.append(x)
    with g.scope("mix"):
        x = g.add(Conv(4), g.add(Concat(), *values), name="conv")
    with g.scope("beside"):
        x = g.add(Concat(), x, *[g.add(Conv(1), x, name=name) for name in ("range", "len", "list", "torch", "F")])
    with g.scope("channels"):
        x = g.add(Conv(4), x, name="kept")
        kept = [x]
        with g.scope("links"):
            for i in range(4):
                y = g.add(Concat(), *kept[::-1]) if len(kept) > 1 else x
                with g.scope(str(i)):
                    kept.append(g.add(Conv(2 + i), y, name="conv"))
        return [g.add(Concat(), *kept[::2])]


HAND_MADE = (
    *(linked, outputs_on_the_way, every_operator, left_and_entered_again, drawn_in_turns),
    *(odd_containers, outputs_again, bare, words_of_the_file),
)
