"""Say what pydantic found wrong in a study in the words of the study's file: one line each, with its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from studies.errors import Address, dotted, one_line, shown
from studies.reading import MAX_NUMBER, Value, plain_value

__all__ = ["Source", "broken_rules", "explain"]

MAX_FAULTS = 20

_NEEDS = {  # pydantic's error type -> what was needed
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_attributes_type": "a mapping",
    "model_type": "a mapping",
    "path_type": "text",
    "string_too_short": "text of at least {min_length} character",
    "string_type": "text",
    "too_long": "a list of at most {max_length}",
    "tuple_type": "a list",
}


@dataclass(frozen=True)
class Source:
    """Where each value of a study was written.

    Attributes:
        file: The file's name, as messages show it.
        lines: The line of each key and list item in it.
        overrides: The path and the text of each override, in the order applied.
    """

    file: str
    lines: Mapping[Address, int]
    overrides: tuple[tuple[Address, str], ...] = ()

    def place(self, address: Address) -> str:
        """Return the override that set `address`, else the file and line of its nearest written ancestor."""
        for path, text in reversed(self.overrides):
            inside = address[: len(path)] == path
            made_on_the_way = path[: len(address)] == address and address not in self.lines
            if inside or made_on_the_way:
                return f"override {one_line(text)}"
        while address and address not in self.lines:
            address = address[:-1]
        return f"{self.file}:{self.lines.get(address, 1)}"


def broken_rules(faults: Mapping[Address, str]) -> PydanticCustomError:
    """Return the error for a validator to raise: a message for each address below the value it checks."""
    return PydanticCustomError("broken_rules", "{text}", {"faults": faults, "text": "; ".join(faults.values())})


def explain(error: ValidationError, model: type[BaseModel], document: Mapping[str, Value], source: Source) -> str:
    """Return one line for each fault: `studies/kvasir.yaml:12: train.epoch: unknown key; did you mean ...`.

    Args:
        error: What validating `document` as `model` raised.
        model: The model of the whole document.
        document: The values, overrides included.
        source: Where they were written.
    """
    grouped: dict[Address, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        address = _address(details["loc"], document, is_missing=details["type"] == "missing")
        grouped.setdefault(address, []).append(details)
    faults = [fault for address, group in grouped.items() for fault in _faults(address, group, model)]
    lines = [f"{source.place(address)}: {dotted(address)}: {text}" for address, text in faults[:MAX_FAULTS]]
    if len(faults) > MAX_FAULTS:
        lines.append(f"{source.file}: and {len(faults) - MAX_FAULTS} faults more")
    return "\n".join(lines)


def _address(location: Address, document: Mapping[str, Value], *, is_missing: bool) -> Address:
    """Drop the names of unions' branches, which pydantic puts between the keys."""
    address: Address = ()
    value: object = document
    for position, part in enumerate(location):
        children = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
        if part in children or (is_missing and position == len(location) - 1):
            address += (part,)
        value = children.get(part, value)
    return address


def _faults(address: Address, group: list[ErrorDetails], model: type[BaseModel]) -> Iterator[tuple[Address, str]]:
    """Explain all that was found at one address; a union reports each of its branches."""
    kind, context = group[0]["type"], group[0].get("ctx", {})
    came = group[0]["input"]
    if kind == "broken_rules":
        yield from (((*address, *below), text) for below, text in context["faults"].items())
    elif kind == "missing":
        yield address, "is missing; add it"
    elif kind == "extra_forbidden":
        yield address, _unknown_key(address, model)
    elif kind == "union_tag_not_found":
        key = context["discriminator"].strip("'")
        branches = get_args(model.model_fields[str(address[0])].annotation)
        kinds = " or ".join(f"'{key}: {branch.model_fields[key].default}'" for branch in branches)
        yield (*address, key), f"is missing; add {kinds}"
    elif kind == "union_tag_invalid":
        key = context["discriminator"].strip("'")
        yield (*address, key), f"needs {context['expected_tags'].replace(', ', ' or ')}; came {shown(came[key])}"
    else:
        yield address, _wrong_value(" or ".join(map(_need, group)), came)


def _need(details: ErrorDetails) -> str:
    if details["type"] not in _NEEDS:
        return details["msg"]
    context = {
        key: f"{value:.15g}" if isinstance(value, float) else value for key, value in details.get("ctx", {}).items()
    }
    return _NEEDS[details["type"]].format(**context)


def _wrong_value(need: str, came: object) -> str:
    advice = ""
    if isinstance(came, str) and len(came) <= MAX_NUMBER:
        unquoted = plain_value(came)
        if isinstance(unquoted, bool) if need == "true or false" else "number" in need and _is_number(unquoted):
            advice = "; remove the quotes"
    elif need == "text" and (isinstance(came, bool) or _is_number(came)):
        advice = "; put it in quotes"
    return f"needs {need}; came {shown(came)}{advice}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _unknown_key(address: Address, model: type[BaseModel]) -> str:
    known = list(_known_paths(model))
    if address in known:
        return "belongs to another kind; remove it, or change the kind"
    *parent, leaf = map(str, address)
    here = {path[-1]: path for path in known if path[:-1] == tuple(parent)}
    anywhere = {path[-1]: path for path in known}
    for names in (here, anywhere):
        close = get_close_matches(leaf[:100], names, n=1)
        if close:
            return f"unknown key; did you mean '{dotted(names[close[0]])}'?"
    return f"unknown key; known here: {', '.join(here)}"


def _known_paths(model: type[BaseModel], parent: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, entry in model.model_fields.items():
        name = entry.alias or name
        yield (*parent, name)
        for part in (entry.annotation, *get_args(entry.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _known_paths(part, (*parent, name))
