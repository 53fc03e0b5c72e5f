"""Read a study's YAML strictly: what it looks like is what it means, or one line says why not.

The values are those of YAML 1.2's core schema (yaml.org/spec/1.2.2, section 10.3.2), not PyYAML's 1.1: `1e-3` is a
number, `no` and `12:30:45` are text. Refused: repeated keys, anchors and aliases (a few bytes of them can stand for
gigabytes), tags, keys that are not text, and anything larger than a study can sensibly be.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from studies.errors import Address, ConfigError, dotted, one_line, shown

__all__ = ["Marked", "Value", "apply_overrides", "parse_override", "plain_value", "read_marked", "read_yaml"]

Value: TypeAlias = "None | bool | int | float | str | list[Value] | dict[str, Value]"
Place: TypeAlias = Callable[[int], str]  # line number, from 1 -> how a message names the place

MAX_BYTES = 1_000_000
MAX_VALUES = 5_000  # keys count too; the loader takes about 0.1 ms for each
MAX_DEPTH = 20
MAX_NUMBER = 40  # characters; int() is quadratic in its digits, and no setting needs more

_PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], Value]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda text: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)


@dataclass(frozen=True)
class Marked:
    """A document and the line, from 1, on which each of its keys and list items stands."""

    values: dict[str, Value]
    lines: dict[Address, int]


def read_yaml(path: Path) -> dict[str, Value]:
    """Return the mapping that the YAML file at `path` holds.

    Raises:
        ConfigError: One line with the file and line number, for whatever the module's docstring refuses.
    """
    return read_marked(path).values


def read_marked(path: Path) -> Marked:
    """Return what `read_yaml` does, with line numbers.

    Raises:
        ConfigError: As `read_yaml`.
    """
    name = one_line(str(path))

    def place(line: int) -> str:
        return f"{name}:{line}"

    builder = _Builder(place)
    node = _compose(_read_text(path, name), place)
    if not isinstance(node, yaml.MappingNode):
        line = node.start_mark.line + 1 if node else 1
        came = shown(None if node is None else builder.value(node, ()))
        raise ConfigError(f"{place(line)}: needs 'key: value' lines at the top level; came {came}")
    return Marked(builder.mapping(node, ()), builder.lines)


def parse_override(text: str) -> tuple[tuple[str, ...], Value]:
    """Split `train.epochs=20` into its path and its value: a YAML scalar, or a list or mapping in brackets.

    Raises:
        ConfigError: There is no `=`, a name is empty or the value is not such YAML.
    """
    key, equals, value = text.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    place = f"override {one_line(text)}"
    if not equals or not all(path):
        raise ConfigError(f"{place}: needs key=value, such as train.epochs=20")
    node = _compose(value, lambda line: place)
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        raise ConfigError(f"{place}: needs one value; put text that holds ': ' or starts with '- ' in quotes")
    return path, None if node is None else _Builder(lambda line: place).value(node, path)


def apply_overrides(document: dict[str, Value], overrides: Sequence[str]) -> dict[str, Value]:
    """Return `document` with each `key=value` set, later ones over earlier ones; `document` is left as it was.

    Mappings on the way that are missing or empty are made.

    Raises:
        ConfigError: As `parse_override`, or a path goes through something that is not a mapping.
    """
    for text in overrides:
        path, value = parse_override(text)
        document = _with(document, path, value, f"override {one_line(text)}")
    return document


def plain_value(text: str) -> Value:
    """Return the value of an unquoted scalar.

    Raises:
        ValueError: It is a number of absurd length.
    """
    for pattern, convert in _PLAIN:
        if pattern.fullmatch(text):
            if len(text) > MAX_NUMBER:
                raise ValueError(f"{len(text)}")
            return convert(text)
    return text


def _with(
    document: dict[str, Value], path: tuple[str, ...], value: Value, place: str, depth: int = 0
) -> dict[str, Value]:
    key = path[depth]
    if depth == len(path) - 1:
        return {**document, key: value}
    below = document.get(key)
    if below is None:
        below = {}
    if not isinstance(below, dict):
        here, rest = dotted(path[: depth + 1]), dotted(path[depth + 1 :])
        raise ConfigError(f"{place}: '{here}' is {shown(below)}, which cannot hold '{rest}'; set {here}=VALUE instead")
    return {**document, key: _with(below, path, value, place, depth + 1)}


def _read_text(path: Path, name: str) -> str:
    try:
        if not path.is_file():
            raise ConfigError(f"{name}: is not a file; needs a study's YAML (`nas init DATA_DIR` writes one)")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}:1: needs a file of at most {MAX_BYTES} bytes; came more: is this a study?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: needs UTF-8 text; came byte 0x{content[error.start]:02x}") from error


def _compose(text: str, place: Place) -> yaml.Node | None:
    try:
        return _StrictLoader(text, place).get_single_node()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{place(line)}: needs printable text; came {shown(text[error.position])}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        hint = "; indent with spaces" if "'\\t'" in str(error.problem) else ""
        raise ConfigError(f"{place(line)}: is not YAML: {one_line(str(error.problem))}{hint}") from error
    except (ValueError, OverflowError) as error:  # PyYAML converts \U escapes and %YAML versions unchecked
        raise ConfigError(f"{place(1)}: is not YAML: {one_line(str(error))}") from error


class _StrictLoader(yaml.BaseLoader):
    """Composes nodes, resolves no tags and constructs nothing; what is refused is refused before it is built."""

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text)
        self._place = place
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave the parser untyped
        self._depth += 1
        self._values += 1
        fault = self._fault(event)
        if fault:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigError(f"{self._place(line)}: {fault}")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _fault(self, event: yaml.Event) -> str:
        if isinstance(event, yaml.AliasEvent):
            return f"aliases are refused; came {shown(f'*{event.anchor}')}: write the value out, or put text in quotes"
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            return f"anchors are refused; came {shown(f'&{anchor}')}: write values out, or put text in quotes"
        if tag is not None:
            return f"tags are refused; came {shown(tag)}: write a plain value, or put text in quotes"
        if self._values > MAX_VALUES:
            return f"needs at most {MAX_VALUES} keys and values; came more: is this a study?"
        return f"needs at most {MAX_DEPTH} levels of nesting; came more" if self._depth > MAX_DEPTH else ""


@dataclass
class _Builder:
    """Turns nodes into values and notes their lines."""

    place: Place
    lines: dict[Address, int] = field(default_factory=dict)

    def value(self, node: yaml.Node, address: Address) -> Value:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, address)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(child, (*address, index)) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node)

    def mapping(self, node: yaml.MappingNode, address: Address) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            here = (*address, key)
            if key in values:
                first = self.lines[here]
                raise self._refusal(key_node, f"{dotted(here)}: is written twice (first on line {first}); keep one")
            self.lines[here] = key_node.start_mark.line + 1
            values[key] = self.value(value_node, here)
        return values

    def _item(self, node: yaml.Node, address: Address) -> Value:
        self.lines[address] = node.start_mark.line + 1
        return self.value(node, address)

    def _key(self, node: yaml.Node) -> str:
        key = self.value(node, ())
        if not isinstance(key, str):
            raise self._refusal(node, f"keys need to be text; came {shown(key)}")
        return key

    def _scalar(self, node: yaml.ScalarNode) -> Value:
        if any("\ud800" <= character <= "\udfff" for character in node.value):
            raise self._refusal(node, "needs text that UTF-8 can hold; came half a surrogate pair (\\ud800 to \\udfff)")
        if node.style is not None:  # quoted, or a block after | or >: always text
            return str(node.value)
        try:
            return plain_value(node.value)
        except ValueError as error:
            raise self._refusal(node, f"needs a number of at most {MAX_NUMBER} characters; came {error}") from error

    def _refusal(self, node: yaml.Node, text: str) -> ConfigError:
        return ConfigError(f"{self.place(node.start_mark.line + 1)}: {text}")
