"""The front's figure: staircases, groups and the best below a limit against brute force."""

from itertools import permutations
from random import Random

import pytest

from studies.records import load
from studies.report import Study, page_of
from studies.report.tradeoff import (
    GROUPS,
    MANY,
    Tradeoff,
    best_below,
    decisions_of,
    staircase,
    tradeoff_figure,
    tradeoff_of,
)
from tests.studies.report import made


def better(metric: str, a: float, b: float) -> bool:
    return a > b if metric == "dice" else a < b


def dominated(values: dict[str, list[float | None]], i: int, among: list[int], x: str, y: str) -> bool:
    def no_worse(j: int) -> bool:
        return not better(x, values[x][i], values[x][j]) and not better(y, values[y][i], values[y][j])

    return any(no_worse(j) and (values[x][j], values[y][j]) != (values[x][i], values[y][i]) for j in among)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("x", "y"), list(permutations(("dice", "macs", "params"), 2)))
def test_a_staircase_is_what_no_other_dominates_along_x(x: str, y: str, seed: int) -> None:
    rng = Random(seed)
    values = {name: [float(rng.randrange(8)) for _ in range(30)] for name in ("dice", "macs", "params")}
    among = rng.sample(range(30), 24)
    found = staircase(values, among, x, y)
    points = [(values[x][i], values[y][i]) for i in found]
    assert points == sorted({(values[x][i], values[y][i]) for i in among if not dominated(values, i, among, x, y)})


def test_a_staircase_leaves_out_what_is_not_known() -> None:
    assert staircase({"dice": [0.5, 0.9], "latency_ms": [3.0, None]}, [0, 1], "latency_ms", "dice") == [0]


def test_groups_hold_each_trial_once_and_published_ones_twice(study: Study) -> None:
    tradeoff = tradeoff_of(study)
    numbers = {group: [tradeoff.numbers[i] for i in tradeoff.groups[group]] for group in GROUPS}
    trials = load(study.folder.root).trials()
    assert sorted(numbers["front"] + numbers["dominated"]) == list(trials[trials.outcome == "ok"].index)
    assert sorted(numbers["front"]) == sorted(load(study.folder.root).front().index)
    assert numbers["stopped"] == list(trials[trials.outcome == "stopped"].index)
    assert numbers["published"] == [0, 1]


def test_a_stopped_trial_has_the_dice_so_far(study: Study) -> None:
    tradeoff = tradeoff_of(study)
    for i in tradeoff.groups["stopped"]:
        row = study.row[tradeoff.numbers[i]]
        assert len(row.curve) < made.EPOCHS
        assert tradeoff.metrics["dice"][i] == row.curve[-1]


@pytest.mark.parametrize("metric", ["latency_ms", "params"])
def test_the_best_below_a_limit(study: Study, metric: str) -> None:
    tradeoff = tradeoff_of(study)
    for limit in sorted(row.values[metric] for row in study.complete):
        fitting = [row for row in study.complete if row.values[metric] <= limit]
        found = best_below(tradeoff, metric, limit)
        assert found is not None
        assert tradeoff.numbers[found] == max(fitting, key=lambda row: row.values["dice"]).number
    assert best_below(tradeoff, metric, 0) is None


def test_of_equal_dice_the_cheapest_is_picked() -> None:
    columns = {"dice": [0.5, 0.5, 0.4], "macs": [3.0, 2.0, 1.0]}
    tradeoff = Tradeoff(
        [0, 1, 2], ["", "", ""], columns, dict.fromkeys(GROUPS, []) | {"front": [0, 1, 2]}, {}, {}, ("macs", "dice")
    )
    assert best_below(tradeoff, "macs", 9) == 1


def test_the_figure_holds_the_shown_units_and_names_the_published(study: Study) -> None:
    tradeoff = tradeoff_of(study)
    figure = tradeoff_figure(tradeoff, "traffic_bytes", "dice")
    traces = {trace.name: trace for trace in figure.data}
    front = traces["Pareto front"]
    assert list(front.customdata) == [tradeoff.numbers[i] for i in tradeoff.groups["front"]]
    for number, x, y in zip(front.customdata, front.x, front.y, strict=True):
        assert x == pytest.approx(study.row[number].values["traffic_bytes"] / 1e6, rel=1e-5)
        assert y == pytest.approx(study.row[number].values["dice"], rel=1e-5)
    assert list(traces["published"].text) == ["amsunet", "unet_bn32"]
    assert "text" in traces["published"].mode
    assert traces["stopped, Dice so far"].visible == "legendonly"
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "linear")
    assert traces["best of the two"].line.shape == "hv"
    assert tradeoff_figure(tradeoff, "dice", "macs").data[0].line.shape == "vh"


def test_where_little_was_trained_through_stopped_trials_are_shown(study: Study) -> None:
    few = tuple(row for row in study.rows if row.outcome == "stopped" or row.number in study.front[:4])
    tradeoff = tradeoff_of(study._replace(rows=few, front=study.front[:4]))
    stopped = next(t for t in tradeoff_figure(tradeoff, "macs", "dice").data if t.name.startswith("stopped"))
    assert stopped.visible is True
    page = page_of(study._replace(rows=few, front=study.front[:4]))
    assert 'id="stopped" checked' in page
    assert 'id="stopped">' in page_of(study)


def test_the_pair_to_begin_with_is_the_first_cost_objective(study: Study) -> None:
    assert tradeoff_of(study).first == ("latency_ms", "dice")


def test_a_decision_can_be_an_axis(study: Study) -> None:
    tradeoff = tradeoff_of(study)
    path, chosen = next(iter(tradeoff.decisions.items()))
    assert len({option for option in chosen if option is not None}) > 1
    figure = tradeoff_figure(tradeoff, path, "dice")
    front = next(trace for trace in figure.data if trace.name == "Pareto front")
    assert list(front.x) == [chosen[i] for i in tradeoff.groups["front"]]
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("category", "linear")
    assert figure.layout.xaxis.title.text == path.replace("_", " ").replace(".", " › ")


def test_yes_is_not_the_number_one() -> None:
    costs = {"latency_ms": 1.0, "traffic_bytes": 1e6, "macs": 1e6}
    made_so = [{"a": True, "b": 1}, {"a": False, "b": 0}]
    trials = [made.trial(decisions, costs, [0.5] * made.EPOCHS, made.BEGAN) for decisions in made_so]
    assert decisions_of(made.study(trials).rows) == {"a": ["yes", "no"], "b": ["1", "0"]}


def test_points_that_webgl_draws_are_the_same_points() -> None:
    trials = []
    for i in range(MANY + 2):
        costs = {"latency_ms": 1.0 + i, "traffic_bytes": 1e6 + i, "macs": 1e6}
        trials.append(made.trial({"a": i % 3}, costs, [0.5 - i / 1e4] * made.EPOCHS, made.BEGAN))
    tradeoff = tradeoff_of(made.study(trials))
    for x, latencies in (("latency_ms", True), ("a", False)):
        trace = next(t for t in tradeoff_figure(tradeoff, x, "dice").data if t.name == "dominated")
        assert trace.type == "scattergl"
        numbers = list(trace.customdata)
        assert numbers == [tradeoff.numbers[i] for i in tradeoff.groups["dominated"]]
        expected = [1.0 + n for n in numbers] if latencies else [str(n % 3) for n in numbers]
        assert list(trace.x) == (pytest.approx(expected, rel=1e-5) if latencies else expected)
        assert list(trace.y) == pytest.approx([0.5 - n / 1e4 for n in numbers], rel=1e-5)
        assert list(trace.text) == [f"trial {n}, tpe" for n in numbers]
