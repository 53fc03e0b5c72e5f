"""The validation images of a report that is asked to show them: each once, under a number, not its file's name."""

from studies.predictions import Case
from studies.report.cases import cases_part, predictions_at
from studies.report.markup import Markup
from studies.report.rows import Study

__all__ = ["Gallery"]


class Gallery:
    """Images are numbered in the order in which they are first shown. Nothing else of their names is kept."""

    def __init__(self) -> None:
        self._number: dict[tuple[str, str], int] = {}

    def part(self, study: Study, number: int) -> Markup:
        """Return what is shown of a trial."""
        return cases_part(study, predictions_at(study, number), self._source, lambda case: f"image {self._of(case)}")

    def images(self) -> dict[str, str]:
        """Return the images that were shown, PNGs in base64, by number; the page's script puts them in their places."""
        return {str(number): image for (_, image), number in self._number.items()}

    def _of(self, case: Case) -> int:
        return self._number.setdefault((case.name, case.pictures["image"]), len(self._number) + 1)

    def _source(self, case: Case, _: int, kind: str) -> dict[str, str]:
        if kind == "image":
            return {"data_image": str(self._of(case))}
        return {"src": f"data:image/png;base64,{case.pictures[kind]}"}
