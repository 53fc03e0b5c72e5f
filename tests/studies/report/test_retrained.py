"""Networks that were retrained with several seeds: which trials they are, error bars along Dice, no word of others."""

import json
from pathlib import Path

import pytest

from studies.folder import StudyFolder
from studies.report import Study, page_of, read_study
from studies.report.retrained import Retrained
from studies.report.tradeoff import shown_value, tradeoff_figure, tradeoff_of
from tests.studies.report import made
from tests.studies.report.test_page import Parsed

NAME = "retrained, mean ± SD over seeds"


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = StudyFolder(tmp_path_factory.mktemp("retrained"))
    made.write(folder, made.config_of(), list(made.trials(4, folder=folder)))
    known = {"trial-2": [0.8, 0.82, None, 0.84], "published:amsunet": [0.7], "published:nobody": [0.9]}
    made.retrain(folder, "best", known)
    made.retrain(folder, "later", {"trial-99": [0.9], "trial-2": [0.9, 0.9], "trial-1": [None]}, epochs=60)
    damaged = folder.root / "retrained" / "damaged" / "selection.json"
    for path, text in ((damaged, "{"), (damaged.parent.parent / "odd" / "selection.json", '{"networks": 3}')):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return read_study(folder.root)


def test_trials_that_were_retrained_are_found_with_the_seeds_that_ended_well(retrained: Study) -> None:
    assert retrained.retrained == (
        Retrained(2, "best", 30, (0.8, 0.82, 0.84)),
        Retrained(0, "best", 30, (0.7,)),
        Retrained(2, "later", 60, (0.9, 0.9)),
    )
    first, single, same = retrained.retrained
    assert (first.mean, first.deviation) == (pytest.approx(0.82), pytest.approx(0.02))
    assert (single.deviation, same.deviation) == (0.0, 0.0)
    assert first.text == "Dice 0.8200 ± 0.0200 over 3 seeds, 30 epochs each (retrained/best)"
    assert single.text == "Dice 0.7000 over one seed, 30 epochs each (retrained/best)"


@pytest.mark.parametrize(("x", "y", "along"), [("macs", "dice", "y"), ("dice", "params", "x"), ("macs", "params", "")])
def test_error_bars_are_along_dice(retrained: Study, x: str, y: str, along: str) -> None:
    tradeoff = tradeoff_of(retrained)
    trace = tradeoff_figure(tradeoff, x, y).data[-1]
    assert trace.name == NAME
    shown = {letter for letter in "xy" if getattr(trace, f"error_{letter}").visible and len(trace.x)}
    assert shown == set(along)
    if not along:
        assert not trace.x
        return
    assert list(getattr(trace, along)) == pytest.approx([0.82, 0.7, 0.9])
    assert list(getattr(trace, f"error_{along}").array) == pytest.approx([0.02, 0, 0], abs=1e-9)
    cost = x if along == "y" else y
    other = getattr(trace, "y" if along == "x" else "x")
    assert list(other) == [shown_value(tradeoff, cost, tradeoff.numbers.index(n)) for n in (2, 0, 2)]
    assert list(trace.customdata) == [2, 0, 2]


def test_without_retrainings_there_is_no_such_trace(study: Study) -> None:
    assert NAME not in {trace.name for trace in tradeoff_figure(tradeoff_of(study), "macs", "dice").data}


def test_a_report_says_it_of_each_network_and_hands_the_figure_on(retrained: Study) -> None:
    parsed = Parsed(page_of(retrained))
    words = " ".join("".join(parsed.words).split())
    for each in retrained.retrained:
        assert words.count(each.text) == 1
    front = parsed.data()["front"]
    assert isinstance(front, dict)
    places = front["retrained"]["places"]
    assert [front["numbers"][place] for place in places] == [2, 0, 2]
    assert json.loads(json.dumps(front["retrained"]["means"])) == pytest.approx([0.82, 0.7, 0.9])


def test_names_of_folders_are_text(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path)
    made.write(folder, made.config_of(), list(made.trials(3, folder=folder)))
    made.retrain(folder, "<b>pwned<", {"trial-2": [0.5]})
    study = read_study(tmp_path)
    assert "<b>" not in str(tradeoff_figure(tradeoff_of(study), "macs", "dice").data[-1].text)
    assert "b" not in {name for name, _ in Parsed(page_of(study)).elements}
