"""How numbers, decisions and figures look."""

from typing import NamedTuple

from plotly.graph_objects import Figure

from nas.grammar import Option
from studies.report.markup import plain
from studies.tables import FORMATS

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PURPLE",
    "SKY",
    "VERMILLION",
    "Unit",
    "decision_words",
    "figure_of",
    "option_text",
    "shade_of",
    "unit_of",
]

BLUE, VERMILLION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
PURPLE, SKY, GREY = "#cc79a7", "#56b4e9", "#8a94a0"
"""Okabe and Ito's palette, which colour-blind readers tell apart ("Color Universal Design", 2008); no yellow, which
does not show on white."""


class Unit(NamedTuple):
    """How a metric is shown: values times `scale`, in `digits`, under `title`, which names the unit."""

    title: str
    digits: str
    scale: float

    def text(self, value: float | None) -> str:
        """Return the value as it is shown; a dash for none."""
        return "–" if value is None else self.digits.format(value * self.scale)


def unit_of(metric: str) -> Unit:
    """Return how a metric is shown."""
    return Unit(*FORMATS[metric]) if metric in FORMATS else Unit(metric, "{:.4g}", 1.0)


def decision_words(path: str) -> str:
    """Return a decision's path as words: `encoder.stages.3.dilation` is "encoder › stages › 3 › dilation"."""
    return path.replace("_", " ").replace(".", " › ")


def option_text(option: Option | None) -> str:
    """Return an option as a table shows it; a dash where there is no such decision."""
    if option is None:
        return "–"
    return {True: "yes", False: "no"}[option] if isinstance(option, bool) else str(option).replace("_", " ")


def figure_of(*traces: object, x: str = "", y: str = "", height: int = 340, **layout: object) -> Figure:
    """Return a figure without a template, whose background and ink the page sets: it is light or dark."""
    figure = Figure(list(traces))
    axes = {"xaxis": {"title": {"text": plain(x)}}, "yaxis": {"title": {"text": plain(y)}}}
    figure.update_layout(template="none", height=height, margin={"l": 64, "r": 16, "t": 24, "b": 52}, **axes)
    figure.update_layout(hovermode="closest", legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, **layout)
    return figure


_ENDS = ((0, 114, 178), (0, 158, 115), (230, 159, 0))
"""From blue over green to orange: lightness rises throughout, which all readers see, on light and on dark."""


def shade_of(share: float) -> str:
    """Return the colour at a place from the best (0) to the last (1)."""
    first, last = _ENDS[:2] if share < 0.5 else _ENDS[1:]
    part = 2 * share - (share >= 0.5)
    return "rgb({},{},{})".format(*(round(a + (b - a) * part) for a, b in zip(first, last, strict=True)))
