"""Who trains on: laws of the rungs, and what a person would expect of the rules."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.config import StudyConfig
from studies.front import Reference, hypervolume
from studies.rungs import (
    RULES,
    Extrapolation,
    Rule,
    Run,
    by_gain,
    by_rank,
    cost_bands,
    rung_epochs,
    rungs_of,
    to_finish,
    to_promote,
)

REFERENCE = Reference({"dice": 0.2, "macs": 1e10})
RUNGS = (3, 9, 27)
PLAIN = {"name": "rungs", "data": {"kind": "generated"}}


def curve(end: float, epochs: int) -> tuple[float, ...]:
    return tuple(end * (1 - 0.5 ** (epoch / 3)) for epoch in range(1, epochs + 1))


def run(number: int, end: float, macs: float, epochs: int, *, paused: bool = True, exempt: bool = False) -> Run:
    return Run(number, curve(end, epochs), {"macs": macs}, paused and epochs < RUNGS[-1], exempt)


def promoted(runs: Sequence[Run], rule: Rule = by_gain, bands: int = 1) -> int | None:
    return to_promote(runs, RUNGS, rule, REFERENCE, reduction=3, bands=bands)


def finishing(runs: Sequence[Run]) -> int | None:
    return to_finish(runs, RUNGS, by_gain, REFERENCE)


@pytest.mark.parametrize(
    ("epochs", "reduction", "first", "expected"),
    [
        (27, 3, None, (3, 9, 27)),
        (12, 3, None, (2, 6, 12)),
        (9, 3, 2, (2, 6, 9)),
        (2, 3, None, (1, 2)),
        (1, 3, None, (1,)),
        (16, 2, None, (4, 8, 16)),
        (5, 3, 5, (5,)),
    ],
)
def test_rungs_divide_the_epochs(epochs: int, reduction: int, first: int | None, expected: tuple[int, ...]) -> None:
    assert rung_epochs(epochs, reduction, first) == expected


@given(st.integers(1, 300), st.integers(2, 5), st.none() | st.integers(1, 300))
def test_rungs_rise_to_the_last_epoch(epochs: int, reduction: int, first: int | None) -> None:
    found = rung_epochs(epochs, reduction, first)
    assert found[-1] == epochs
    assert list(found) == sorted(set(found))
    assert found[0] >= 1


@pytest.mark.parametrize(
    ("images", "train", "expected"),
    [
        (880, {"epochs": 27}, (3, 9, 27)),  # 110 steps an epoch
        (160, {"epochs": 27}, (5, 15, 27)),  # 20 steps an epoch: 100 steps before the first comparison
        (160, {"epochs": 27, "ema_decay": 0.0}, (3, 9, 27)),
        (160, {"epochs": 27, "scales": [1, 1.25]}, (3, 9, 27)),
        (40, {"epochs": 9}, (3, 9)),  # never later than a third
        (3, {"epochs": 9, "ema_decay": 1.0}, (3, 9)),
    ],
)
def test_the_first_rung_waits_until_the_averaged_weights_have_settled(
    images: int, train: dict[str, object], expected: tuple[int, ...]
) -> None:
    assert rungs_of(StudyConfig.model_validate(PLAIN | {"train": train}), images) == expected


def test_rungs_of_a_study_are_as_it_says() -> None:
    asked = {"train": {"epochs": 27}, "rungs": {"first": 1}}
    assert rungs_of(StudyConfig.model_validate(PLAIN | asked), 10) == (1, 3, 9, 27)
    assert rungs_of(StudyConfig.model_validate(PLAIN | {"train": {"epochs": 27}, "rungs": {"promote": "off"}}), 9) == (
        27,
    )


def test_somebody_finishes_though_there_are_no_places() -> None:
    few = [run(0, 0.6, 1e9, 3), run(1, 0.8, 1e9, 3), run(2, 0.9, 1e9, 9, paused=False, exempt=True)]
    assert promoted(few) is None
    assert finishing(few) == 1
    assert finishing([*few, run(3, 0.3, 1e9, 9)]) == 3  # has come furthest
    assert finishing([*few, run(3, 0.3, 1e9, 27)]) is None
    assert finishing([run(0, 0.9, 1e9, 27, exempt=True), run(1, 0.5, 1e9, 3)]) == 1  # a published one is no find
    assert finishing([run(0, 0.6, 1e9, 3, paused=False)]) is None


def test_nobody_is_promoted_before_three_have_come() -> None:
    runs = [run(0, 0.9, 1e9, 3), run(1, 0.8, 1e9, 3)]
    assert promoted(runs) is None
    assert promoted([*runs, run(2, 0.7, 1e9, 3)]) == 0


def test_failed_or_finished_trials_are_never_promoted() -> None:
    finished = [run(i, 0.9, 1e9, 27) for i in range(6)]
    assert promoted(finished) is None


def test_the_upper_rung_goes_first() -> None:
    upper = [run(i, 0.5, 1e9, 9) for i in range(3)]
    lower = [run(i, 0.9, 1e9, 3) for i in range(3, 15)]
    assert promoted([*upper, *lower]) in {0, 1, 2}


def test_published_networks_take_no_places() -> None:
    exempt = [run(i, 0.9, 1e9, 27, exempt=True) for i in range(5)]
    assert promoted([*exempt, run(5, 0.8, 1e9, 3), run(6, 0.7, 1e9, 3)]) is None
    assert promoted([*exempt, run(5, 0.8, 1e9, 3), run(6, 0.7, 1e9, 3), run(7, 0.6, 1e9, 3)]) == 5


def test_gain_passes_over_the_cheap_and_useless_which_rank_promotes() -> None:
    better = run(0, 0.9, 1e9, 9, paused=False)
    useless, close = run(1, 0.1, 1e7, 3), run(2, 0.899, 1e9, 3)
    runs = [better, useless, close, *(run(i, 0.05, 5e9, 3) for i in range(3, 8))]
    assert promoted(runs, by_rank) == 1  # not dominated, because it is cheap
    assert promoted(runs, by_gain) == 2


def test_what_the_front_has_already_gains_little() -> None:
    front = [run(0, 0.9, 1e9, 27), run(1, 0.88, 1e9, 27, paused=False)]
    same, other = run(2, 0.9, 1.01e9, 3), run(3, 0.75, 1e8, 3)
    gains = by_gain([same, other], [*front, same, other], 3, 27, REFERENCE)
    assert gains[1] > gains[0]


def test_a_promotion_under_way_counts_as_if_it_had_ended() -> None:
    waiting = run(2, 0.8, 1.0e9, 3)
    alone = by_gain([waiting], [waiting], 3, 27, REFERENCE)
    twin = run(1, 0.8, 1.0e9, 8, paused=False)
    assert by_gain([waiting], [waiting, twin], 3, 27, REFERENCE)[0] < alone[0]


@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from(sorted(RULES)), st.integers(1, 4))
def test_however_it_runs_each_rung_passes_its_share(seed: int, trials: int, rule: str, bands: int) -> None:
    """Played through: every trial comes to the first rung, and promotions follow until there are none."""
    rng = random.Random(seed)
    runs = [run(i, rng.random(), 10 ** rng.uniform(7, 10), 3) for i in range(trials)]
    steps = 0
    while (number := promoted(runs, RULES[rule], bands)) is not None:
        old = runs[number]
        assert old.paused
        epochs = RUNGS[RUNGS.index(len(old.dice)) + 1]
        runs[number] = run(number, old.dice[-1] / (1 - 0.5 ** (len(old.dice) / 3)), old.costs["macs"], epochs)
        steps += 1
    for lower, upper in zip(RUNGS, RUNGS[1:], strict=False):
        reached = [r for r in runs if len(r.dice) >= lower]
        passed = [r for r in reached if len(r.dice) >= upper]
        for band in cost_bands(reached, min(bands, len(reached) // 9)):
            of_band = [r for r in passed if r in band]
            assert len(of_band) >= len(band) // 3
        assert len(passed) <= len(reached) // 3 + bands
    assert steps == sum(RUNGS.index(len(r.dice)) for r in runs)


def test_every_band_of_cost_gets_its_places() -> None:
    """Dear networks are far better here; the cheap third is promoted all the same, up to its share."""
    runs = [run(i, 0.3 + 0.02 * i, 10 ** (7 + i / 9), 3) for i in range(27)]
    taken = []
    while (number := promoted(runs, by_gain, bands=3)) is not None:
        epochs = RUNGS[RUNGS.index(len(runs[number].dice)) + 1]
        taken += [number] if epochs == 9 else []
        runs[number] = run(number, 0.3 + 0.02 * number, 10 ** (7 + number / 9), epochs)
    assert [sum(first <= number < first + 9 for number in taken) for first in (0, 9, 18)] == [3, 3, 3]


def test_bands_hold_every_run_once_and_rise_in_cost() -> None:
    runs = [run(i, 0.5, 10 ** (7 + (i * 7 % 10) / 5), 3) for i in range(10)]
    bands = cost_bands(runs, 3)
    assert sorted(r.number for band in bands for r in band) == list(range(10))
    assert {len(band) for band in bands} == {3, 4}
    for lower, upper in zip(bands, bands[1:], strict=False):
        assert max(r.costs["macs"] for r in lower) <= min(r.costs["macs"] for r in upper)


def test_extrapolation_is_the_line_of_the_finished_trials() -> None:
    runs = [Run(i, (0.1 * i, 0.0, 0.2 + 0.05 * i), {"macs": 1e9}) for i in range(8)]
    line = Extrapolation.of(runs, 1, 3)
    assert line.dice(0.35) == pytest.approx(0.375)
    assert line.errors == pytest.approx((0.0,) * 8, abs=1e-9)


def test_one_bad_training_does_not_bend_it() -> None:
    runs = [Run(i, (0.1 * i, 0.2 + 0.05 * i), {"macs": 1e9}) for i in range(8)]
    runs[7] = Run(7, (0.7, 0.0), {"macs": 1e9})
    assert Extrapolation.of(runs, 1, 2).dice(0.3) == pytest.approx(0.35, abs=0.02)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_finished_trials_give_what_they_gained_and_stated_errors(count: int) -> None:
    runs = [Run(i, (0.1 * i, 0.1 * i + 0.2), {"macs": 1e9}) for i in range(count)]
    line = Extrapolation.of(runs, 1, 2)
    assert line.dice(0.3) == pytest.approx(0.5 if count else 0.3)
    assert line.possible(0.3) == pytest.approx([line.dice(0.3) + e for e in (-0.05, 0, 0.05)])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=12), st.floats(0, 1))
def test_an_extrapolated_dice_is_a_dice(ends: list[tuple[float, float]], early: float) -> None:
    line = Extrapolation.of([Run(i, pair, {"macs": 1e9}) for i, pair in enumerate(ends)], 1, 2)
    assert all(0 <= dice <= 1 for dice in [line.dice(early), *line.possible(early)])


def test_gain_is_the_hypervolume_added_when_the_errors_are_nought() -> None:
    finished = [Run(i, (0.1 * i, 0.2 + 0.05 * i), {"macs": 10 ** (8 + i / 8)}) for i in range(8)]
    waiting = Run(9, (0.9,), {"macs": 2e8}, paused=True)
    rows = [{"dice": r.dice[-1]} | r.costs for r in finished]
    expected = hypervolume([*rows, {"dice": 0.65, "macs": 2e8}], REFERENCE) - hypervolume(rows, REFERENCE)
    assert by_gain([waiting], [*finished, waiting], 1, 2, REFERENCE) == pytest.approx([expected])
