"""HTML whose texts are escaped unless they were made here: a string of a study cannot become markup by oversight."""

import json
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

__all__ = ["Markup", "as_json", "plain", "tag"]

_EMPTY = ("br", "img", "input", "meta")


class Markup(str):
    """HTML that `tag` made, and of what: another form than HTML is made of that. Without a name it is only its text."""

    name: str = ""
    inside: tuple[str, ...] = ()
    attributes: Mapping[str, str | bool] = MappingProxyType({})


def tag(name: str, *inside: str, **attributes: str | bool | None) -> Markup:
    """Return an element. Strings inside are text; attributes of True stand alone, of False or None not at all.

    An underscore at an attribute's end is dropped (`class_`), others become hyphens (`aria_label`).
    """
    kept = {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items() if v is not None and v is not False}
    head = name + "".join(f" {key}" if v is True else f' {key}="{escape(str(v))}"' for key, v in kept.items())
    words = "".join(part if isinstance(part, Markup) else escape(part, quote=False) for part in inside)
    made = Markup(f"<{head}>" if name in _EMPTY else f"<{head}>{words}</{name}>")
    made.name, made.inside, made.attributes = name, inside, kept
    return made


def plain(text: str) -> str:
    """Return a text as plotly shows it letter by letter: it reads tags and entities in labels, legends and hovers."""
    return escape(text, quote=False).replace("\n", " ")


def as_json(value: object) -> Markup:
    """Return JSON that can stand inside a script element. Raises ValueError for a number that is not finite."""
    return Markup(json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
