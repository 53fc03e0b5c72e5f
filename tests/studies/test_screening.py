"""Screening by latency: predicted first, measured where the prediction does not settle it."""

import random
from pathlib import Path

import pytest

import nas
import studies
from evaluators.faults import Interrupted, OutOfMemory
from evaluators.latency import Latency
from evaluators.prediction import Prediction
from nas.graph import Graph
from search_spaces import spaces
from studies.config import load_config
from studies.facts import _reference
from studies.latency_meter import LatencyMeter
from studies.material import load_material
from studies.running import run
from studies.screening import Screen


def too_large(_: object, graph: Graph | None = None) -> Latency:
    raise OutOfMemory("cuda:0 has too little memory", 10**9)


class Fake:
    """Predicts and measures what it is told to, and counts."""

    def __init__(self, predicted: Prediction | None, measured_ms: float = 5.0) -> None:
        self.predicted = predicted
        self.measured_ms = measured_ms
        self.measurements = 0

    def predict(self, graph: Graph) -> Prediction | None:
        return self.predicted

    def measure(self, graph: Graph) -> Latency:
        self.measurements += 1
        return Latency(self.measured_ms, 0.5, 9, 7.0, 2.5)


def screen_of(tiny: Path, fake: Fake, *overrides: str) -> Screen:
    config = load_config(tiny, ("constraints={latency_ms: '<= 10'}", *overrides))
    return Screen(spaces["unet"], config, fake.measure, fake.predict)


def judged(screen: Screen):  # type: ignore[no-untyped-def]  # a Verdict
    return screen.judge(screen.candidate(screen.space.sample(random.Random(0)), "test"), set())


def test_what_is_clearly_too_slow_is_refused_without_a_measurement(tiny: Path) -> None:
    fake = Fake(Prediction(30.0, 9, 0, 1.5))
    screen = screen_of(tiny, fake)
    verdict = judged(screen)
    assert verdict.reason == "latency_ms predicted as 30, clearly above 10"
    assert (fake.measurements, verdict.measured, verdict.admitted) == (0, True, False)
    assert verdict.costs["latency_predicted_ms"] == 30.0
    assert "latency_ms" not in verdict.costs
    assert screen.counts == {"proposed": 1, "infeasible": 1, "too slow by prediction": 1}
    assert screen.refused == {verdict.candidate.key}


@pytest.mark.parametrize("predicted", [None, Prediction(30.0, 9, 0, None), Prediction(12.0, 9, 0, 1.5)])
@pytest.mark.parametrize(("ms", "admitted"), [(9.0, True), (11.0, False)])
def test_else_the_measurement_decides(tiny: Path, predicted: Prediction | None, ms: float, admitted: bool) -> None:
    fake = Fake(predicted, ms)
    verdict = judged(screen_of(tiny, fake))
    assert (fake.measurements, verdict.admitted) == (1, admitted)
    assert verdict.costs["latency_ms"] == ms
    assert (verdict.costs["latency_p90_ms"], verdict.costs["latency_ratio"]) == (7.0, 2.5)
    assert verdict.costs.get("latency_predicted_ms") == (predicted.ms if predicted else None)


@pytest.mark.parametrize("step", ["predict", "measure"])
def test_what_the_device_cannot_hold_is_refused_and_the_search_goes_on(
    tiny: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fake, step, too_large)
    screen = screen_of(tiny, Fake(None))
    verdict = judged(screen)
    assert (verdict.admitted, verdict.reason) == (False, "latency_ms: cuda:0 has too little memory")
    assert screen.counts == {"proposed": 1, "infeasible": 1, "too large to measure": 1}


def test_the_reference_point_is_of_members_that_the_device_can_hold(tiny: Path) -> None:
    def measure(graph: Graph) -> Latency:
        if nas.cost(graph).params > 10e6:
            raise OutOfMemory("too large")
        return Latency(nas.cost(graph).params / 1e6, 0.1, 9)

    config = load_config(tiny, ("constraints={}", "objectives=[dice, latency_ms]"))
    material = load_material(config, None)
    reference = _reference(config, Screen(spaces["unet"], config, measure), material)
    assert 1 < reference.values["latency_ms"] <= 20
    with pytest.raises(OutOfMemory):
        _reference(config, Screen(spaces["unet"], config, too_large), material)


def test_looking_for_members_can_be_left(tiny: Path) -> None:
    def leave() -> None:
        raise Interrupted("asked to")

    config = load_config(tiny)
    screen = Screen(spaces["unet"], config, Fake(None).measure, None, leave)
    with pytest.raises(Interrupted):
        judged(screen)
    with pytest.raises(Interrupted):
        screen.sampler.draw(random.Random(0))
    with pytest.raises(Interrupted):
        run(tiny, [], None, lambda: True)


def test_without_a_limit_nothing_is_refused_by_prediction(tiny: Path) -> None:
    fake = Fake(Prediction(1e9, 9, 0, 1.0))
    config = load_config(tiny, ("constraints={}", "objectives=[dice, latency_ms]"))
    assert judged(Screen(spaces["unet"], config, fake.measure, fake.predict)).admitted
    assert fake.measurements == 1


def test_a_study_that_does_not_ask_for_latency_neither_predicts_nor_measures(tiny: Path) -> None:
    fake = Fake(Prediction(1e9, 9, 0, 1.0))
    screen = screen_of(tiny, fake, "constraints={}")
    assert judged(screen).admitted
    assert (fake.measurements, screen.counts["too slow by prediction"]) == (0, 0)


def test_what_is_measured_is_learnt_for_the_next_prediction(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE", str(tiny.parent / "cache"))
    graph = nas.deploy(nas.build(spaces["unet"].sample(random.Random(0)), (3, 64, 64)))
    meter = LatencyMeter(load_config(tiny, ()))
    before = meter.predict(graph)
    measured = meter.measure(graph)
    after = meter.predict(graph)
    assert before is not None
    assert after is not None
    assert after.ms == pytest.approx(measured.median_ms)
    assert LatencyMeter(load_config(tiny, ())).predict(graph) == after
    other = LatencyMeter(load_config(tiny, ("deploy.precision=bf16",))).predict(graph)
    assert other is not None
    assert other.ms != after.ms


def test_onnxruntime_is_measured_and_not_predicted(tiny: Path) -> None:
    graph = nas.deploy(nas.build(spaces["skips"].sample(random.Random(0)), (3, 64, 64)))
    meter = LatencyMeter(load_config(tiny, ("deploy.runtime=onnxruntime",)))
    assert meter.predict(graph) is None
    assert meter.measure(graph).median_ms > 0


def test_networks_are_measured_as_the_study_deploys_them(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def measured(module: object, shape: object, device: str, **settings: object) -> Latency:
        asked.update(settings, device=device)
        return Latency(1.0, 0.1, 9)

    monkeypatch.setattr("studies.latency_meter.latency_ms", measured)
    graph = nas.deploy(nas.build(spaces["skips"].sample(random.Random(0)), (3, 64, 64)))
    LatencyMeter(load_config(tiny, ("deploy.runtime=onnxruntime", "deploy.channels_last=false"))).measure(graph)
    assert asked == {"device": "cpu", "precision": "fp32", "channels_last": False, "runtime": "onnxruntime"}


def test_a_trial_stores_predicted_and_measured_latency(tiny: Path) -> None:
    run(tiny, ("objectives=[dice, latency_ms]", "budget.trials=1", "train.epochs=1"), None, lambda: False)
    trial = studies.load("runs/tiny").trials().loc[0]
    assert 0 < trial["latency_ms"] <= trial["latency_p90_ms"]
    assert trial["latency_ratio"] > 0
    assert trial["latency_predicted_ms"] > 0
