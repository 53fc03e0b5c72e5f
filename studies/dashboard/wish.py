"""What a person wants to see, as the page's address holds it: a colleague who opens it sees the same."""

import math
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode

__all__ = ["VIEWS", "Brushed", "Wish"]

VIEWS = {
    "standing": "Standing",
    "front": "Front",
    "trials": "Trials",
    "compare": "Compare",
    "learned": "Learned",
    "failures": "Failures",
    "studies": "Studies",
}
MOST_BESIDE, LONGEST = 3, 4000


class Brushed(NamedTuple):
    """A range on an axis of the parallel coordinates, by the axis's key."""

    axis: str
    low: float
    high: float


class Wish(NamedTuple):
    """What to show. Names that a study does not have are for whoever shows it to replace.

    x, y, z, colour, size: Columns; empty for what the study begins with, z, colour and size for none.
    log: Letters of the axes that are logarithmic, None for all costs.
    limit: Of `budget`, in the unit that is shown. trial: The one in full. beside: Those that are compared.
    sort: A column of the table, with "-" before it from the largest down.
    """

    view: str = "front"
    study: int = 0
    x: str = ""
    y: str = ""
    z: str = ""
    colour: str = ""
    size: str = ""
    log: str | None = None
    stopped: bool | None = None
    budget: str = ""
    limit: float | None = None
    trial: int | None = None
    beside: tuple[int, ...] = ()
    brush: tuple[Brushed, ...] = ()
    sort: str = ""
    page: int = 0

    @classmethod
    def of(cls, query: str) -> "Wish":
        """Read an address's query. What is not understood is as if it were not there: an address is typed by hand."""
        given = {key: values[-1] for key, values in parse_qs(query.removeprefix("?")[:LONGEST]).items()}
        found: dict[str, Any] = {name: given[name] for name in _TEXTS if name in given}
        found |= {name: number for name in _NUMBERS if (number := _whole(given.get(name))) is not None}
        if given.get("view") in VIEWS:
            found["view"] = given["view"]
        if given.get("stopped") in ("0", "1"):
            found["stopped"] = given["stopped"] == "1"
        found["limit"] = _finite(given.get("limit"))
        numbers = [_whole(text) for text in given.get("beside", "").split(".")]
        found["beside"] = tuple(dict.fromkeys(n for n in numbers if n is not None))[:MOST_BESIDE]
        found["brush"] = tuple(b for text in given.get("brush", "").split("~") if (b := _brushed(text)) is not None)
        return cls(**found)

    def query(self) -> str:
        """Return the address's query, without what is as it begins."""
        begun, plain = Wish()._asdict(), self._asdict()
        plain["stopped"] = None if self.stopped is None else int(self.stopped)
        plain["limit"] = None if self.limit is None else f"{self.limit:g}"
        kept = {name: value for name, value in plain.items() if value != begun[name] and value is not None}
        if self.beside:
            kept["beside"] = ".".join(map(str, self.beside))
        if self.brush:
            kept["brush"] = "~".join(f"{b.axis}*{b.low:.6g}*{b.high:.6g}" for b in self.brush)
        return "?" + urlencode(kept) if kept else ""

    def link(self, **changes: Any) -> str:
        """Return the query with something else in it, for a link."""
        return self._replace(**changes).query() or "?"


_TEXTS = ("x", "y", "z", "colour", "size", "log", "budget", "sort")
_NUMBERS = ("study", "trial", "page")


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _finite(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _brushed(text: str) -> Brushed | None:
    axis, _, ends = text.partition("*")
    low, _, high = ends.partition("*")
    found = _finite(low), _finite(high)
    return Brushed(axis, found[0], found[1]) if axis and found[0] is not None and found[1] is not None else None
