"""The expected gain of hypervolume: by hand, against sampling, and where the front has very many members."""

import moocore
import numpy as np
import pytest

from studies.samplers import acquisition
from studies.samplers.acquisition import _levels, expected_gains

REFERENCE = np.array([0.8, 2.0, 3.0])


def sampled(mean: float, deviation: float, costs: np.ndarray, front: np.ndarray, reference: np.ndarray) -> float:
    """Return the gain averaged over drawn values of 1 - Dice."""
    before = moocore.hypervolume(front, ref=reference) if len(front) else 0.0
    drawn = np.random.default_rng(0).normal(mean, deviation, 4000)
    after = [moocore.hypervolume(np.vstack([front, [value, *costs]]), ref=reference) for value in drawn]
    return float(np.mean(after) - before)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("members", [0, 1, 6])
def test_it_is_the_mean_gain_over_what_dice_may_come_to(axes: int, members: int) -> None:
    rng = np.random.default_rng(10 * axes + members)
    reference = np.array([0.8, 2.0, 3.0, 1.5])[: 1 + axes]
    front = rng.uniform(0, 1, (members, 1 + axes)) * reference * 1.1
    costs = rng.uniform(0, 1, (4, axes)) * reference[1:]
    mean, deviation = rng.uniform(0.1, 0.9, 4), rng.uniform(0.02, 0.2, 4)
    found = expected_gains(mean, deviation, costs, front, reference)
    for i in range(4):
        assert found[i] == pytest.approx(sampled(mean[i], deviation[i], costs[i], front, reference), rel=0.06, abs=2e-3)


def test_without_doubt_it_is_the_gain() -> None:
    front = np.array([[0.5, 1.0, 1.0]])
    sure = np.array([1e-9, 1e-9, 1e-9])
    costs = np.array([[0.0, 2.0], [1.5, 1.5], [1.0, 1.0]])
    found = expected_gains(np.array([0.6, 0.7, 0.4]), sure, costs, front, REFERENCE)
    # cheaper on one axis alone, over the decade that the front leaves; dominated; better for the same costs
    assert found == pytest.approx([0.2 * 1.0 * 1.0, 0.0, 0.1 * 1.0 * 2.0], abs=1e-6)


def test_beyond_the_reference_nothing_is_gained() -> None:
    found = expected_gains(np.array([0.1]), np.array([0.1]), np.array([[2.1, 0.5]]), np.empty((0, 3)), REFERENCE)
    assert found.tolist() == [0.0]


def test_a_long_front_is_cut_at_fewer_places_and_gains_are_taken_a_little_too_high(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    front = rng.uniform(0, 1, (60, 3)) * REFERENCE
    front = front[moocore.is_nondominated(front)]
    asked = rng.uniform(0.1, 0.8, 20), np.full(20, 0.1), rng.uniform(0, 1, (20, 2)) * REFERENCE[1:]
    exact = expected_gains(*asked, front, REFERENCE)
    monkeypatch.setattr(acquisition, "MOST_CELLS", 80)
    thinned = expected_gains(*asked, front, REFERENCE)
    assert (thinned >= exact - 1e-12).all() and (thinned > exact).any()
    assert np.corrcoef(thinned, exact)[0, 1] > 0.95


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_cell_is_gained_from_the_best_that_is_no_dearer(axes: int) -> None:
    rng = np.random.default_rng(axes)
    front = rng.integers(0, 6, (25, 1 + axes)) / 6
    cuts = [np.unique(front[:, 1 + axis])[::2] for axis in range(axes)]  # several members begin in one cell
    cuts = [np.union1d(cut, front[:, 1 + axis].max()) for axis, cut in enumerate(cuts)]
    for at, level in np.ndenumerate(_levels(front, cuts, 0.7)):
        corner = [cut[i - 1] if i else -np.inf for cut, i in zip(cuts, at, strict=True)]
        assert level == min([0.7, *front[(front[:, 1:] <= corner).all(axis=1), 0]])
