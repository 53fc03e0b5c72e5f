"""What a network predicts on validation images, as HTML: image, truth, prediction, error; the worst cases first."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from studies.config import FolderData, GeneratedData
from studies.errors import ConfigError
from studies.predictions import PREDICTIONS, Case, Predictions, read_predictions
from studies.report.markup import Markup, tag
from studies.report.rows import Study

__all__ = ["Source", "cases_part", "predictions_at"]

SHOWN, REMEMBERED = 3, 8
NONE = (
    "No predictions are stored for this network. A search stores those of networks that were trained through, and "
    "keeps them while a network is on the front, of published ones for good; with pictures: false it stores none."
)
Source = Callable[[Case, int, str], Mapping[str, str]]
"""(case, its place, kind of picture) → attributes of the element that shows it."""


def predictions_at(study: Study, number: int) -> Predictions | str:
    """Return what is stored of a trial, or in words why there is nothing to show."""
    path = study.folder.trial(number) / PREDICTIONS
    try:
        return _read(path, path.stat().st_mtime_ns) or NONE
    except FileNotFoundError:
        return NONE
    except ConfigError as fault:
        return f"There are no predictions to show: {fault}."


@lru_cache(REMEMBERED)  # a page asks for one picture after the other
def _read(path: Path, _: int) -> Predictions | None:
    return read_predictions(path)


def cases_part(
    study: Study, found: Predictions | str, source: Source, name_of: Callable[[Case], str] = lambda case: case.name
) -> Markup:
    """Return the cases, some of them closed until they are asked for; `name_of` says what an image is called."""
    head = tag("h3", "Predictions on validation images")
    if isinstance(found, str):
        return tag("div", head, tag("p", found))
    rows = [_case(case, place, source, name_of(case)) for place, case in enumerate(found.cases)]
    words = (
        f"Worst first, then the median and the best of {found.images}, at the size of training; "
        f"the mean Dice of all is {found.mean:.4f}."
    )
    parts = [head, tag("p", words), _legend(study.config.data), *rows[:SHOWN]]
    if rows[SHOWN:]:
        parts.append(tag("details", tag("summary", f"{len(rows) - SHOWN} more images"), *rows[SHOWN:]))
    return tag("div", *parts, class_="cases")


def _legend(data: FolderData | GeneratedData) -> Markup:
    kinds = {"right": "right", "missed": "missed", "extra": "too much"}
    if len(data.classes) > 2:
        kinds["other"] = "another class"
    if isinstance(data, FolderData) and (data.ignore is not None or data.resize == "pad"):
        kinds["ignored"] = "without a label"
    keys = [tag("span", tag("span", "", class_=f"key {kind}"), words) for kind, words in kinds.items()]
    return tag("p", "Error: ", *keys, class_="quiet keys")


def _case(case: Case, place: int, source: Source, name: str) -> Markup:
    def picture(kind: str, words: str, class_: str | None = None) -> Markup:
        return tag("img", **source(case, place, kind), alt=words, class_=class_)

    def figure(caption: str, *pictures: Markup) -> Markup:
        return tag("figure", tag("div", *pictures, class_="picture"), tag("figcaption", caption))

    about = tag("p", tag("strong", f"Dice {case.dice:.4f}"), tag("br"), tag("span", name, class_="quiet"))
    error = picture("image", "", "under"), picture("error", f"errors in {name}")
    return tag(
        "div",
        about,
        figure("image", picture("image", f"image {name}")),
        figure("truth", picture("truth", f"mask of {name}")),
        figure("prediction", picture("prediction", f"prediction for {name}, Dice {case.dice:.2f}")),
        figure("error", *error),
        class_="case",
    )
