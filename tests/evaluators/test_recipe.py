from dataclasses import replace

import pytest

from evaluators.faults import RecipeError
from evaluators.recipe import Recipe, learning_rate_at


def rates(steps: int, **changes: float) -> list[float]:
    recipe = replace(Recipe(learning_rate=1.0), **changes)  # type: ignore[arg-type]  # mypy cannot see the names
    return [round(learning_rate_at(step, steps, recipe), 6) for step in range(steps)]


def test_rises_stays_and_falls_to_about_nothing() -> None:
    assert rates(10, warmup=0.2, decay=0.4) == [0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]


def test_either_part_can_be_off() -> None:
    assert rates(4, warmup=0.0, decay=0.0) == [1, 1, 1, 1]
    assert rates(4, warmup=0.0, decay=0.5) == [1, 1, pytest.approx(2 / 3, abs=1e-6), pytest.approx(1 / 3, abs=1e-6)]
    assert rates(4, warmup=0.5, decay=0.0) == [0.5, 1, 1, 1]


@pytest.mark.parametrize("steps", [1, 2, 7, 720])
def test_every_step_moves_and_none_too_far(steps: int) -> None:
    values = rates(steps, warmup=0.5, decay=0.5)
    assert all(0 < value <= 1 for value in values)


def test_the_default_ends_low() -> None:
    assert rates(720, **{})[-1] < 0.01
    assert max(rates(720, **{})) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"learning_rate": float("nan")},
        {"weight_decay": -1.0},
        {"ema_decay": 1.5},
        {"colour": -0.1},
        {"warmup": 0.6, "decay": 0.6},
        {"seed": -1},
    ],
)
def test_impossible_values_are_an_error_with_the_name(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        Recipe(**wrong)  # type: ignore[arg-type]  # that is what is tested


def test_the_fingerprint_is_of_the_values() -> None:
    assert Recipe().fingerprint() == Recipe(epochs=12).fingerprint()
    assert Recipe().fingerprint() != Recipe(seed=1).fingerprint()
    assert "\n" not in Recipe().fingerprint()
