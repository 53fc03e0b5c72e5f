"""HTML whose texts are escaped unless they were made here: a string of a study cannot become markup by oversight."""

import json
from html import escape

__all__ = ["Markup", "as_json", "plain", "tag"]

_EMPTY = ("br", "input", "meta")


class Markup(str):
    """HTML that `tag` made."""


def tag(name: str, *inside: str, **attributes: str | bool | None) -> Markup:
    """Return an element. Strings inside are text; attributes of True stand alone, of False or None not at all.

    An underscore at an attribute's end is dropped (`class_`), others become hyphens (`aria_label`).
    """
    head = name
    for key, value in attributes.items():
        if value not in (False, None):
            head += " " + key.rstrip("_").replace("_", "-") + ("" if value is True else f'="{escape(str(value))}"')
    if name in _EMPTY:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{''.join(x if isinstance(x, Markup) else escape(x, quote=False) for x in inside)}</{name}>")


def plain(text: str) -> str:
    """Return a text as plotly shows it letter by letter: it reads tags and entities in labels, legends and hovers."""
    return escape(text, quote=False).replace("\n", " ")


def as_json(value: object) -> Markup:
    """Return JSON that can stand inside a script element. Raises ValueError for a number that is not finite."""
    return Markup(json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
