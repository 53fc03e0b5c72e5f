"""What trials say of Dice, whatever became of them."""

import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.samplers.evidence import Described, evidence

OBJECTIVES = ("traffic_bytes", "dice")


def trial(number: int, state: TrialState, dice: float | None = None, key: str = "", **attrs: object) -> FrozenTrial:
    made = create_trial(
        state=state,
        values=None if dice is None else [100.0 * (number + 1), dice],
        params={"a": number},
        distributions={"a": CategoricalDistribution(tuple(range(30)))},
        user_attrs={"key": key or str(number), **attrs},
    )
    made.number = number
    return made


def described(trial: FrozenTrial) -> Described:
    return Described(str(trial.user_attrs["key"]), {}, {})


def rising(number: int) -> FrozenTrial:
    """A finished trial that gains 0.2 from epoch 1 to 3, some a little more and some a little less."""
    early, late = 0.3 + number / 20, 0.5 + number / 20 + 0.01 * (number % 3 - 1)
    return trial(number, TrialState.COMPLETE, late, curve=[early, 0.45, late])


def test_every_kind_of_trial_says_what_it_can() -> None:
    trials = [rising(i) for i in range(6)]
    trials += [
        trial(6, TrialState.PRUNED, curve=[0.4]),
        trial(7, TrialState.RUNNING, curve=[0.5], paused=1),
        trial(8, TrialState.RUNNING),
        trial(9, TrialState.FAIL, curve=[0.5]),
        trial(10, TrialState.PRUNED),
    ]
    seen = evidence(trials, OBJECTIVES, described)
    assert [one.member.key for one in seen] == [str(i) for i in range(9)]
    finished, stopped, waiting, running = seen[0], seen[6], seen[7], seen[8]
    assert (finished.dice, finished.doubt, finished.counts) == (0.49, 0.0, True)
    assert finished.values == {"traffic_bytes": 100.0} and not stopped.values
    assert stopped.dice == pytest.approx(0.6, abs=0.03) and 0 < stopped.doubt < 0.03 and not stopped.counts
    assert waiting.dice == pytest.approx(0.7, abs=0.03) and waiting.counts
    assert (running.dice, running.counts) == (None, True)


def test_a_member_that_went_on_as_another_trial_is_there_once() -> None:
    stopped = trial(6, TrialState.PRUNED, curve=[0.4], key="same")
    went_on = trial(7, TrialState.COMPLETE, 0.61, key="same", curve=[0.4, 0.5, 0.61], continues=6)
    seen = evidence([*(rising(i) for i in range(6)), stopped, went_on], OBJECTIVES, described)
    assert [one.dice for one in seen if one.member.key == "same"] == [0.61]


def test_before_anything_has_finished_nothing_is_foretold() -> None:
    seen = evidence([trial(0, TrialState.RUNNING, curve=[0.4], paused=1)], OBJECTIVES, described)
    assert [one.dice for one in seen] == [None]
