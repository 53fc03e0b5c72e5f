"""Which networks a selection names, and from how many images and seeds on a difference is claimed."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest

from evaluators.scores import Score, score_image
from studies.front import knee_of
from studies.records import StudyRecord
from studies.retraining.results import Scored, comparisons_of, summary_of, why_no_claim
from studies.retraining.selecting import _names

FRONT = pd.DataFrame(
    {"dice": [0.9, 0.88, 0.6], "latency_ms": [50.0, 5.0, 4.0], "traffic_bytes": [9e8, 1e8, 0.9e8]},
    index=pd.Index([7, 3, 11], name="number"),
)


def named(text: str) -> list[str]:
    config = SimpleNamespace(objectives=("dice", "latency_ms", "traffic_bytes"))
    record = SimpleNamespace(front=lambda: FRONT, config=config, folder=SimpleNamespace(root="run"))
    return list(_names(cast(StudyRecord, record), text))


@pytest.mark.parametrize(
    ("text", "trials"),
    [
        ("best", ["trial-7"]),
        ("knee", ["trial-3"]),
        ("front", ["trial-7", "trial-3", "trial-11"]),
        ("best:latency_ms<5", ["trial-11"]),
        ("best:latency_ms<=5", ["trial-3"]),
        ("latency_ms < 51, traffic_bytes <= 100 MB", ["trial-3"]),
        ("best:traffic_bytes<1e8", ["trial-11"]),
        ("trial=4", ["trial-4"]),
        ("4,12", ["trial-4", "trial-12"]),
        ("published:unet_bn32", ["published:unet_bn32"]),
    ],
)
def test_a_selection_names_these(text: str, trials: list[str]) -> None:
    assert named(text) == trials


def test_the_knee_is_nearest_to_the_best_of_everything() -> None:
    rows = [{"dice": 0.9, "macs": 1e10}, {"dice": 0.89, "macs": 1e8}, {"dice": 0.5, "macs": 1e7}]
    assert knee_of(rows, ("dice", "macs")) == 1
    assert knee_of(rows[:1], ("dice", "macs")) == 0


def scored(name: str, dices: np.ndarray) -> Scored:  # type: ignore[type-arg]
    """A network whose images (rows) have about these Dice with each seed (columns)."""

    def score(image: int, dice: float) -> Score:
        truth, found = np.zeros((2, 100), np.uint8), np.zeros((2, 100), np.uint8)
        truth[0] = 1
        found[0, : round(dice * 100)], found[1, : 100 - round(dice * 100)] = 1, 1
        return score_image(f"image {image}", found, truth)[0]

    return Scored(name, {s: tuple(score(i, d) for i, d in enumerate(column)) for s, column in enumerate(dices.T)})


def of(mean: float, images: int, seeds: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.clip(np.random.default_rng(seed).normal(mean, 0.05, (images, seeds)), 0, 1)


def units(count: int) -> list[str]:
    return [f"image {i}" for i in range(count)]


def test_a_better_network_is_called_better_and_an_equal_one_is_not_told_apart() -> None:
    networks = [
        scored("trial-1", of(0.9, 40, 5, 0)),
        scored("trial-2", of(0.8, 40, 5, 1)),
        scored("published:a", of(0.8, 40, 5, 2)),
        scored("published:b", of(0.97, 40, 5, 3)),
    ]
    assert why_no_claim(networks, units(40)) is None
    rows = {(row["network"], row["against"]): row for row in comparisons_of(networks, units(40))}
    claims = {pair: row["claim"] for pair, row in rows.items()}
    assert claims == {
        ("trial-1", "published:a"): "better",
        ("trial-1", "published:b"): "worse",
        ("trial-2", "published:a"): "not told apart",
        ("trial-2", "published:b"): "worse",
    }
    assert all(cast(float, row["p_holm"]) >= cast(float, row["p"]) for row in rows.values())
    low, high = cast(list[float], rows["trial-1", "published:a"]["interval"])
    assert low < 0.1 < high and low > 0.05
    summary = summary_of(networks[0], units(40), ("background", "x"))
    assert summary["dice_interval"] is not None


@pytest.mark.parametrize(("images", "seeds", "said"), [(29, 5, "29 test images"), (30, 4, "4 trainings of trial-1")])
def test_with_too_few_images_or_seeds_there_is_no_claim(images: int, seeds: int, said: str) -> None:
    networks = [scored("trial-1", of(0.9, images, seeds, 0)), scored("published:a", of(0.2, images, seeds, 1))]
    reason = why_no_claim(networks, units(images))
    assert reason is not None and said in reason
    assert comparisons_of(networks, units(images)) == []
    assert summary_of(networks[0], units(images), ("background", "x"))["dice_interval"] is None


def test_many_images_of_few_patients_are_few() -> None:
    networks = [scored("trial-1", of(0.9, 60, 5, 0))]
    assert why_no_claim(networks, [str(i % 20) for i in range(60)]) == (
        "20 groups among 60 test images, a claim needs 30"
    )


def test_a_network_that_lost_seeds_is_left_out_and_the_others_are_compared() -> None:
    networks = [
        scored("trial-1", of(0.9, 30, 5, 0)),
        scored("trial-2", of(0.9, 30, 4, 0)),
        scored("published:a", of(0.2, 30, 5, 1)),
    ]
    assert [row["network"] for row in comparisons_of(networks, units(30))] == ["trial-1"]
