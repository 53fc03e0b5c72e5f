"""A finished drawing and the forms that it can be written in."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas.drawing.sheet import Sheet
from nas.drawing.svg import to_svg
from nas.errors import DrawingError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Drawing"]


@dataclass(frozen=True)
class Drawing:
    """A placed and coloured picture of one architecture or of the difference between two."""

    sheet: Sheet

    def to_svg(self) -> str:
        """Return an SVG document; needs no browser."""
        return to_svg(self.sheet)

    def to_figure(self) -> "Figure":
        """Return a plotly figure: the same picture, with what a cell holds at the pointer."""
        from nas.drawing.figure import to_figure

        return to_figure(self.sheet)

    def to_html(self) -> str:
        """Return a page that works offline; a click on a cell lists its operators."""
        from nas.drawing.page import to_html

        return to_html(self.sheet)

    def write(self, path: Path | str) -> None:
        """Write the drawing in the form of the path's ending: .svg or .html. Raises DrawingError for another."""
        path = Path(path)
        forms = {".svg": self.to_svg, ".html": self.to_html}
        if path.suffix not in forms:
            raise DrawingError(f"{path}: a drawing is written as .svg or .html, not '{path.suffix}'; change the ending")
        text = forms[path.suffix]()
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as fault:
            raise DrawingError(f"{path}: the drawing cannot be written: {fault.strerror}; give another path") from None

    def _repr_svg_(self) -> str:
        """Notebooks show the drawing."""
        return self.to_svg()
