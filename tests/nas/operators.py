"""Every operator with drawn arguments, by its class, and graphs of a single operator."""

from hypothesis import strategies as st

from nas.graph import Graph, GraphBuilder
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
    Maximum,
    MaxPool,
    Multiply,
    Op,
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

sides = st.integers(5, 17)
shapes = st.tuples(st.sampled_from([4, 8, 12]), sides, sides)
flags = st.booleans()


@st.composite
def convs(draw: st.DrawFn) -> Conv:
    kernel = draw(st.sampled_from([1, 2, 3, 5, (1, 5), (5, 1), (3, 1)]))
    return Conv(
        draw(st.sampled_from([4, 8, 12])),
        kernel=kernel,
        stride=draw(st.integers(1, 3)),
        padding=draw(st.sampled_from([None, 0, 1])) if kernel != 1 else None,
        dilation=draw(st.integers(1, 2)) if kernel in (1, 3) else 1,
        groups=draw(st.sampled_from([1, 2, 4])),
        bias=draw(flags),
        padding_mode=draw(st.sampled_from(["zeros", "reflect"])),
    )


windows = (st.integers(2, 3), st.integers(1, 3), st.integers(0, 1))
eps = st.sampled_from([1e-5, 1e-6, 1e-3])

ONE_INPUT: dict[type[Op], st.SearchStrategy[Op]] = {
    Conv: convs(),
    ConvTranspose: st.builds(
        ConvTranspose,
        st.sampled_from([4, 8]),
        kernel=st.integers(2, 4),
        stride=st.integers(1, 3),
        padding=st.integers(0, 1),
        groups=st.sampled_from([1, 2]),
        bias=flags,
    ),
    BatchNorm: st.builds(BatchNorm, eps),
    InstanceNorm: st.builds(InstanceNorm, eps),
    GroupNorm: st.builds(GroupNorm, st.sampled_from([2, 4]), eps),
    LayerNorm: st.builds(LayerNorm, eps),
    **{op: st.builds(op) for op in (ReLU, ReLU6, GELU, Sigmoid, Tanh)},
    LeakyReLU: st.builds(LeakyReLU, st.sampled_from([0.01, 0.2])),
    Scale: st.builds(Scale, st.sampled_from([0.5, -2.0])),
    Dropout: st.builds(Dropout, st.just(0.3), flags),
    ChannelScale: st.builds(ChannelScale, st.sampled_from([1.0, 1e-5])),
    MaxPool: st.builds(MaxPool, *windows, ceil=flags),
    AvgPool: st.builds(AvgPool, *windows, flags, ceil=flags),
    **{op: st.builds(op) for op in (GlobalAvgPool, GlobalMaxPool, ChannelMean, ChannelMax, Flatten)},
    Upsample: st.builds(Upsample, st.integers(2, 3), st.sampled_from(["linear", "nearest"]), flags),
    Shift: st.builds(Shift, st.sampled_from([1, 2]), st.integers(0, 3)),
    Slice: st.builds(Slice, st.integers(0, 2), st.integers(1, 2)),
    Softmax: st.builds(Softmax, flags),
}
"""Those that take any map of `shapes`, by class."""

TWO_INPUTS: dict[type[Op], st.SearchStrategy[Op]] = {
    **{op: st.builds(op) for op in (Add, Multiply, Maximum, PadTo)},
    Concat: st.builds(Concat, st.sampled_from([0, 1, 2])),
    ResizeTo: st.builds(ResizeTo, st.sampled_from(["linear", "nearest"]), flags),
}
"""Those that take any two maps of one shape."""

linears = st.builds(Linear, st.integers(1, 9), flags)


def graph_of(op: Op, *inputs: tuple[int, int, int]) -> Graph:
    """The operator on inputs of these shapes, of one size, each made from the image by a convolution."""
    g = GraphBuilder((3, *inputs[0][1:]), 1)
    return g.freeze([g.add(op, *(g.add(Conv(shape[0], kernel=1), g.image) for shape in inputs))])
