"""Faults of studies that a user can mend, and how their one-line messages name keys and values."""

import re
from typing import TypeAlias

from nas.errors import NasError

__all__ = ["Address", "ConfigError", "NoRecordYet", "SourceError", "dotted", "one_line", "shown"]

Address: TypeAlias = tuple[str | int, ...]  # ("train", "epochs"), ("objectives", 1)


class ConfigError(NasError):
    """A study's configuration cannot be used as it is written; one line for each fault."""


class NoRecordYet(ConfigError):
    """A study has begun and has no record of trials yet."""


class SourceError(NasError):
    """A network named on the command line is not there, or cannot be had at the size that was asked for."""


def dotted(address: Address) -> str:
    """Return `train.epochs` or `objectives[1]`, on one line whatever the keys hold."""
    text = ""
    for part in address:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += "." * bool(text) + (part if re.fullmatch(r"[\w-]{1,60}", part) else shown(part))
    return text


def shown(value: object) -> str:
    """Return what came, as a message names it: short, on one line, text in quotes."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    return one_line(str(value).lower() if isinstance(value, bool) else repr(value))


def one_line(text: str, limit: int = 120) -> str:
    """Return `text` with line breaks and control characters escaped and its middle cut out if it is long."""
    if len(text) > limit:
        text = f"{text[: limit // 2]}...{text[-limit // 4 :]}"
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
