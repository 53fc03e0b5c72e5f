"""Intervals over images and seeds: they hold the truth as often as they say, and are paired, grouped and adjusted."""

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluators import comparison
from evaluators.comparison import difference, holm, mean_score

Scores = NDArray[np.float64]


def names(count: int) -> list[str]:
    return [str(i) for i in range(count)]


def drawn(rng: np.random.Generator, easy: Scores, seeds: int, of_image: float, of_seed: float, rest: float) -> Scores:
    """Scores of a network whose mean over all images and seeds that there could be is that of the images' ease."""
    n = len(easy)
    return np.asarray(
        easy[:, None]
        + rng.normal(0, of_image, (n, 1))
        + rng.normal(0, of_seed, (1, seeds))
        + rng.normal(0, rest, (n, seeds))
    )


@pytest.mark.parametrize(
    ("images", "seeds", "of_image", "of_seed"), [(60, 5, 0.02, 0.02), (30, 5, 0.1, 0.0), (40, 10, 0.02, 0.03)]
)
def test_equal_networks_are_told_apart_in_at_most_5_of_100_comparisons(
    images: int, seeds: int, of_image: float, of_seed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "DRAWS", 500)
    rng = np.random.default_rng(3)
    held = claimed = 0
    for _ in range(300):
        easy = rng.normal(0.8, 0.1, images)
        pair = [drawn(rng, easy, seeds, of_image, of_seed, 0.03) for _ in range(2)]
        found = difference(*pair, names(images))
        held += found.interval.low <= 0 <= found.interval.high
        claimed += found.p < 0.05
    assert held / 300 > 0.925 and claimed / 300 < 0.07


def test_a_difference_larger_than_what_images_and_seeds_make_is_found() -> None:
    rng = np.random.default_rng(0)
    easy = rng.normal(0.8, 0.1, 50)
    better, worse = (drawn(rng, easy + shift, 5, 0.01, 0.005, 0.02) for shift in (0.05, 0.0))
    found = difference(better, worse, names(50))
    assert found.interval.low > 0.03 and found.p < 0.01
    back = difference(worse, better, names(50))
    assert back.interval.mean == pytest.approx(-found.interval.mean)
    assert back.p == pytest.approx(found.p, rel=0.2)


def test_images_are_paired_so_that_hard_ones_do_not_widen_a_difference() -> None:
    rng = np.random.default_rng(1)
    easy = rng.normal(0.5, 0.3, 40)
    pair = [drawn(rng, easy, 5, 0.005, 0.001, 0.01) for _ in range(2)]
    paired = difference(*pair, names(40)).interval
    alone = mean_score(pair[0], names(40))
    assert paired.high - paired.low < 0.1 * (alone.high - alone.low)


def test_seeds_that_differ_widen_an_interval_that_images_alone_would_not() -> None:
    rng = np.random.default_rng(2)
    steady = drawn(rng, np.full(200, 0.8), 5, 0.01, 0.0, 0.0)
    shaky = steady + np.array([-0.1, -0.05, 0.0, 0.05, 0.1])
    narrow, wide = (mean_score(scores, names(200)) for scores in (steady, shaky))
    assert wide.high - wide.low > 10 * (narrow.high - narrow.low)
    error = float(np.std([-0.1, -0.05, 0.0, 0.05, 0.1], ddof=1)) / 5**0.5
    assert (wide.high - wide.low) / 2 == pytest.approx(2.776 * error, rel=0.25)  # t of 4 degrees of freedom


def test_images_of_one_patient_count_as_one() -> None:
    rng = np.random.default_rng(4)
    patients = np.repeat(rng.normal(0.8, 0.1, 30), 10)
    scores = drawn(rng, patients, 5, 0.0, 0.0, 0.001)
    apart = mean_score(scores, names(300))
    together = mean_score(scores, [str(i // 10) for i in range(300)])
    assert together.mean == apart.mean == pytest.approx(float(scores.mean()))
    assert together.high - together.low > 2.5 * (apart.high - apart.low)


def test_the_same_scores_differ_by_nothing_and_the_same_call_gives_the_same() -> None:
    constant = np.full((30, 5), 0.7)
    assert difference(constant, constant, names(30)) == ((0.0, 0.0, 0.0), 1.0)
    scores = np.random.default_rng(0).uniform(size=(30, 5))
    assert mean_score(scores, names(30)) == mean_score(scores.copy(), names(30))


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.02, 0.021, 0.5, 0.9]) == pytest.approx([0.08, 0.08, 1.0, 1.0])
    assert holm([0.2]) == [0.2] and holm([]) == []
