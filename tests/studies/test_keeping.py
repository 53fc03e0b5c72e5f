"""What stays on disk: weights and pictures of the front, pictures of published networks, the best checkpoints."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from studies.folder import StudyFolder
from studies.keeping import Keeper
from studies.rungs import Run

KEPT = ("weights.safetensors", "predictions.json", "checkpoint.pt", "graph.json")


def gone(tmp_path: Path, pictures: bool) -> set[tuple[int, str]]:
    """Return which files of five trials are gone: a published one, and one like it, are dominated; two wait."""
    folder = StudyFolder(tmp_path)
    for number in range(5):
        folder.trial(number).mkdir(parents=True)
        for name in KEPT:
            (folder.trial(number) / name).touch()
    origins = ("published:amsunet", "tpe", "tpe", "tpe", "tpe")
    waiting = [Run(number, (0.1 * number,), {}, paused=True) for number in (3, 4)]
    ledger: Any = SimpleNamespace(
        trials=[SimpleNamespace(number=n, user_attrs={"origin": origin}) for n, origin in enumerate(origins)],
        tally=lambda: SimpleNamespace(dominated=[0, 1], runs=lambda: waiting),
    )
    Keeper(folder, ledger, 1, pictures).tidy()
    return {(n, name) for n in range(5) for name in KEPT if not (folder.trial(n) / name).exists()}


DOMINATED = {(0, "weights.safetensors"), (1, "weights.safetensors"), (1, "predictions.json"), (3, "checkpoint.pt")}


def test_only_published_networks_keep_pictures_when_they_are_dominated(tmp_path: Path) -> None:
    assert gone(tmp_path, pictures=True) == DOMINATED


def test_no_pictures_are_left_where_none_may_be(tmp_path: Path) -> None:
    assert gone(tmp_path, pictures=False) == DOMINATED | {(number, "predictions.json") for number in range(5)}
