"""What single operators compute, value by value."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import nas
from nas.graph import GraphBuilder
from nas.ops import (
    AvgPool,
    ChannelMax,
    ChannelMean,
    ChannelScale,
    Concat,
    Conv,
    Dropout,
    GlobalMaxPool,
    PadTo,
    Scale,
    Shift,
    Slice,
    Softmax,
)


def test_softmax_is_over_the_channels_or_over_the_map() -> None:
    image = torch.randn(2, 5, 6, 7)
    for op, axes in ((Softmax(), 1), (Softmax(pixels=True), (2, 3))):
        g = GraphBuilder((5, 6, 7), 1)
        made = nas.to_module(g.freeze([g.add(op, g.image)]))(image)
        assert torch.allclose(made, image.exp() / image.exp().sum(axes, keepdim=True), atol=1e-6)


def test_whole_channels_are_dropped() -> None:
    g = GraphBuilder((64, 6, 7), 1)
    made = nas.to_module(g.freeze([g.add(Dropout(0.5, channels=True), g.image)]))(torch.ones(1, 64, 6, 7))
    assert set(made.flatten(2).sum(2).flatten().tolist()) == {0.0, 84.0}


@given(st.integers(5, 9), st.integers(5, 9), st.integers(0, 3), st.integers(0, 3))
def test_padding_to_a_larger_map_puts_the_smaller_half_first(h: int, w: int, more_h: int, more_w: int) -> None:
    from nas.layers import pad_to

    x, reference = torch.ones(1, 2, h, w), torch.zeros(1, 1, h + more_h, w + more_w)
    padded = pad_to(x, reference)
    assert tuple(padded.shape[1:]) == PadTo().out_shape((2, h, w), (1, h + more_h, w + more_w))
    assert padded.sum() == x.sum()
    assert padded[0, 0, more_h // 2, more_w // 2] == 1
    assert padded[0, 0, :, : more_w // 2].sum() == 0


def test_a_map_too_large_is_cropped_from_its_front() -> None:
    from nas.layers import pad_to

    x = torch.randn(1, 2, 6, 8)
    assert PadTo().out_shape((2, 6, 8), (1, 5, 8)) == (2, 5, 8)
    assert torch.equal(pad_to(x, torch.zeros(1, 1, 5, 8)), x[:, :, 1:])
    assert torch.equal(pad_to(x, torch.zeros(1, 1, 6, 5)), x[..., 2:7])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_slices_are_the_channels_in_order(order: tuple[int, ...]) -> None:
    g = GraphBuilder((6, 5, 7), 1)
    joined = g.add(Concat(), *(g.add(Slice(2 * i, 2), g.image) for i in order))
    image = torch.randn(2, 6, 5, 7)
    expected = torch.cat([image[:, 2 * i : 2 * i + 2] for i in order], dim=1)
    assert torch.equal(nas.to_module(g.freeze([joined]))(image), expected)


def test_statistics_are_over_the_map_or_over_the_channels() -> None:
    image = torch.randn(2, 5, 6, 7)
    expected = {
        GlobalMaxPool(): image.flatten(2).max(2).values[:, :, None, None],
        ChannelMean(): image.sum(1, keepdim=True) / 5,
        ChannelMax(): image.max(1).values[:, None],
    }
    for op, wanted in expected.items():
        g = GraphBuilder((5, 6, 7), 1)
        assert torch.allclose(nas.to_module(g.freeze([g.add(op, g.image)]))(image), wanted)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize(
    ("channels", "groups"), [(5, [1] * 5), (7, [2, 2, 2, 1]), (12, [3] * 4), (128, [26] * 4 + [24])]
)
def test_groups_of_channels_move_by_minus_reach_to_reach(axis: int, channels: int, groups: list[int]) -> None:
    """As UNeXt: pad by two, roll each group, crop. Seven channels make four groups of at most two."""
    image = torch.randn(2, channels, 6, 7)
    g = GraphBuilder((channels, 6, 7), 1)
    ours = nas.to_module(g.freeze([g.add(Shift(axis=axis), g.image)]))(image)
    parts = torch.nn.functional.pad(image, (2, 2, 2, 2)).split(groups, dim=1)
    rolled = torch.cat([torch.roll(part, i - 2, axis + 1) for i, part in enumerate(parts)], 1)
    assert torch.equal(ours, rolled[..., 2:8, 2:9])


def test_maps_are_joined_along_a_side() -> None:
    image = torch.randn(2, 3, 5, 6)
    for axis, shape in ((1, (3, 10, 6)), (2, (3, 5, 12))):
        g = GraphBuilder((3, 5, 6), 1)
        joined = g.add(Concat(axis=axis), g.image, g.add(Scale(2.0), g.image))
        assert joined.shape == shape
        assert torch.equal(nas.to_module(g.freeze([joined]))(image), torch.cat([image, 2 * image], axis + 1))


def test_a_mean_that_leaves_padding_out_keeps_a_constant_map() -> None:
    ones = torch.ones(1, 2, 5, 7)
    counted, left_out = (AvgPool(3, stride=1, padding=1, count_padding=c) for c in (True, False))
    for op, corner in ((counted, 4 / 9), (left_out, 1.0)):
        g = GraphBuilder((2, 5, 7), 1)
        pooled = nas.to_module(g.freeze([g.add(op, g.image)]))(ones)
        assert pooled.shape == ones.shape
        assert pooled[0, 0, 0, 0] == pytest.approx(corner)
    assert str(counted) == "AvgPool(kernel=3, stride=1, padding=1)"  # as stored before there was a choice


def test_a_mean_over_windows_that_only_begin_inside_is_of_what_they_hold() -> None:
    image = torch.arange(15.0).reshape(1, 1, 3, 5)
    g = GraphBuilder((1, 3, 5), 1)
    pooled = nas.to_module(g.freeze([g.add(AvgPool(ceil=True), g.image)]))(image)
    assert pooled.tolist() == [[[[3, 5, 6.5], [10.5, 12.5, 14]]]]


def test_a_channel_scale_starts_at_its_number_and_scales_channels() -> None:
    g = GraphBuilder((3, 5, 7), 1)
    module = nas.to_module(g.freeze([g.add(ChannelScale(1e-2), g.image, name="scale")]))
    image = torch.randn(2, 3, 5, 7)
    assert torch.allclose(module(image), image / 100)
    with torch.no_grad():
        module.get_parameter("scale.weight").copy_(torch.tensor([1.0, 2.0, -3.0]))
    assert torch.equal(module(image)[:, 2], -3 * image[:, 2])
    g = GraphBuilder((3, 5, 7), 1)
    assert nas.cost(g.freeze([g.add(ChannelScale(), g.add(Conv(4), g.image))])).kernels == 1
