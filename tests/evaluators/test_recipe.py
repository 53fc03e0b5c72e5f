from dataclasses import Field, fields, replace

import pytest

from evaluators.faults import RecipeError
from evaluators.recipe import SCHEDULES, Recipe, learning_rate_at


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


@pytest.mark.parametrize(
    ("schedule", "falls"),
    [
        ("poly", [1, 0.75**0.9, 0.5**0.9, 0.25**0.9]),
        ("cosine", [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
        ("step", [0.1, 0.1, 0.1, 0.1]),
    ],
)
def test_other_schedules_fall_as_they_say(schedule: str, falls: list[float]) -> None:
    values = rates(8, warmup=0.25, decay=0.5, schedule=schedule)
    assert values == pytest.approx([0.5, 1, 1, 1, *falls], abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("epochs", [1, 2, 3, 300])
def test_one_epoch_of_rise_and_all_others_of_decay_meet(schedule: str, epochs: int) -> None:
    values = rates(10 * epochs, warmup=1 / epochs, decay=1 - 1 / epochs, schedule=schedule)
    assert values[9] == 1 and all(0 <= value <= 1 for value in values)
    assert all(later <= earlier for earlier, later in zip(values[9:], values[10:], strict=False))


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
        {"clip_norm": 0.0},
        {"clip_value": 0.0},
        {"momentum": 1.0},
        {"optimizer": "lion"},
        {"schedule": "exponential"},
        {"supervision": "some"},
        {"supervision": (0.0, 0.0)},
        {"supervision": (1.0, -1.0)},
        {"rotation": 181.0},
        {"zoom": (2.0, 1.0)},
        {"zoom": (0.0, 1.0)},
        {"scales": ()},
        {"scales": (1.0, 0.0)},
    ],
)
def test_impossible_values_are_an_error_with_the_name(wrong: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(wrong))):
        Recipe(**wrong)  # type: ignore[arg-type]  # that is what is tested


def test_the_fingerprint_is_of_the_values() -> None:
    assert Recipe().fingerprint() == Recipe(epochs=12).fingerprint()
    assert Recipe().fingerprint() != Recipe(seed=1).fingerprint()
    assert "\n" not in Recipe().fingerprint()


@pytest.mark.parametrize("entry", fields(Recipe), ids=lambda entry: entry.name)
def test_every_value_is_in_the_fingerprint(entry: Field[object]) -> None:
    other: dict[str, object] = {
        "loss": {"dice": {"smooth": 2.0}, "ce": 1.0},
        "supervision": (1.0, 0.5),
        "optimizer": "sgd",
        "schedule": "poly",
        "precision": "fp32",
        "zoom": (1.0, 1.5),
        "scales": (1.0, 0.5),
        "clip_value": 0.5,
    }
    was = getattr(Recipe(), entry.name)
    value = other[entry.name] if entry.name in other else not was if isinstance(was, bool) else 3 if was > 1 else 0.5
    value = 3 if entry.name == "seed" else value
    assert replace(Recipe(), **{entry.name: value}).fingerprint() != Recipe().fingerprint()  # type: ignore[arg-type]
