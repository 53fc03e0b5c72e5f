"""A drawing as placed and coloured parts: what the SVG, the plotly figure and the page all show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.drawing.layout import Box, Layout
from nas.drawing.paths import arrowhead, path_of, rounded

__all__ = ["BOTTOM", "INK", "TOP", "Face", "LineStyle", "Sheet", "Stroke", "Swatch", "Text", "tidy", "wanted_width"]

TOP, BOTTOM = 38, 36  # pixels above and below the layout, for the heading and the legend
LEFT = 12
HEADING_SIZE, LABEL_SIZE, TEXT_SIZE = 15.0, 12.0, 10.5
LINE_HEIGHT = 15
PADDING = 6  # of a cell at its texts' sides
INK, FAINT, BAND = "#1f2933", "#6b7785", "#f4f6f8"


@dataclass(frozen=True)
class Face:
    """How a cell looks. texts: its label and the lines below. title: shown when the pointer rests on it.

    inside: rows of a table of what it holds, shown when it is opened on the page.
    """

    texts: tuple[str, ...]
    fill: str
    ink: str
    border: str
    title: tuple[str, ...]
    inside: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class LineStyle:
    """How an arrow looks."""

    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Swatch:
    """One entry of the legend: a filled box, or a line where `fill` is empty."""

    fill: str
    border: str
    text: str
    dashed: bool = False


@dataclass(frozen=True)
class Stroke:
    """A path with its colours, in pixels of the layout; fill "" is none. title: shown at the pointer."""

    path: str
    fill: str
    border: str
    dashed: bool = False
    title: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A line of text around the height y; x is its middle where `centred`, else its left end."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    centred: bool = False


@dataclass(frozen=True)
class Sheet:
    """Everything that is drawn. faces and styles: by cell and by (source, target).

    rows: two lines that name each level. columns: heads of the tables of what cells hold.
    """

    heading: str
    layout: Layout
    faces: Mapping[str, Face]
    styles: Mapping[tuple[str, str], LineStyle]
    rows: Mapping[int, tuple[str, str]]
    legend: tuple[Swatch, ...]
    columns: tuple[str, ...]

    def strokes(self) -> list[Stroke]:
        """Return what is drawn without letters, from the back to the front."""
        layout = self.layout
        bands = [Box(0, top, layout.width, bottom - top) for top, bottom in layout.rows.values()]
        strokes = [Stroke(rounded(band, 0), BAND, BAND) for band in bands]
        for line in layout.lines:
            style = self.styles[line.source, line.target]
            strokes.append(Stroke(path_of(line.points), "", style.colour, style.dashed))
            heads = [line.points[-2:]] + ([line.points[1::-1]] if line.both else [])
            strokes += [Stroke(arrowhead(before, tip), style.colour, style.colour) for before, tip in heads]
        for cell, box in layout.boxes.items():
            face = self.faces[cell]
            strokes.append(Stroke(rounded(box, 5), face.fill, face.border, title=face.title))
        y = layout.height + BOTTOM / 2
        for x, swatch in self._entries():
            path = rounded(Box(x, y - 7, 14, 14), 3) if swatch.fill else f"M{x:.1f},{y:.1f}L{x + 16:.1f},{y:.1f}"
            strokes.append(Stroke(path, swatch.fill, swatch.border, swatch.dashed))
        return strokes

    def texts(self) -> list[Text]:
        """Return all texts: heading, rows, cells and legend."""
        texts = [Text(LEFT, 18 - TOP, self.heading, HEADING_SIZE, INK, bold=True)]
        for level, (top, bottom) in self.layout.rows.items():
            for text, down, size in zip(self.rows[level], (-7, 8), (LABEL_SIZE, TEXT_SIZE), strict=True):
                texts.append(Text(LEFT, (top + bottom) / 2 + down, text, size, FAINT, bold=size == LABEL_SIZE))
        for cell, box in self.layout.boxes.items():
            texts += _in_box(self.faces[cell], box)
        y = self.layout.height + BOTTOM / 2
        return texts + [Text(x + 20, y, swatch.text, TEXT_SIZE, INK) for x, swatch in self._entries()]

    def _entries(self) -> list[tuple[float, Swatch]]:
        """Return the legend's entries, and where each begins."""
        x, entries = float(LEFT), []
        for swatch in self.legend:
            entries.append((x, swatch))
            x += 30 + _width(swatch.text, TEXT_SIZE)
        return entries


def _in_box(face: Face, box: Box) -> list[Text]:
    texts = []
    for number, text in enumerate(face.texts):
        size = TEXT_SIZE if number else LABEL_SIZE
        y = box.middle + LINE_HEIGHT * (number - (len(face.texts) - 1) / 2)
        short = _fitted(text, box.width - PADDING, size)
        texts.append(Text(box.x + box.width / 2, y, short, size, face.ink, bold=not number, centred=True))
    return texts


def tidy(text: str) -> str:
    """Return text without characters that XML forbids or that a reader cannot see: names come from files, too."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def wanted_width(texts: Sequence[str]) -> float:
    """Return the width of a cell that holds these texts, the first its label, in pixels."""
    sizes = (LABEL_SIZE, *[TEXT_SIZE] * (len(texts) - 1))
    return 2 * PADDING + max(_width(text, size) for text, size in zip(texts, sizes, strict=True))


def _width(text: str, size: float) -> float:
    """Return about how wide a text is in the usual sans-serif fonts, in pixels, rather too much than too little."""
    return size * sum(1.0 if c > "\u2000" else 0.72 if c.isupper() else 0.56 for c in text)


def _fitted(text: str, width: float, size: float) -> str:
    """Return `text`, cut in the middle until it is no wider than `width` pixels at this font size."""
    short, kept = text, len(text)
    while kept > 2 and _width(short, size) > width:
        kept -= 1
        short = f"{text[: kept // 2]}…{text[len(text) - (kept - 1) // 2 :]}"
    return short
