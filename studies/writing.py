"""Write YAML that `studies.reading` reads back to the same values."""

from collections.abc import Mapping

import yaml

from studies.reading import Value, plain_value

__all__ = ["to_scalar", "to_yaml"]


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML quotes what YAML 1.1 would misread, but `1e-3` and `0o7` are numbers in 1.2 only. Line breaks are escaped
    # so that a value stays on one line.
    style = None if text.isprintable() and _is_plain(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


def _is_plain(text: str) -> bool:
    try:
        return isinstance(plain_value(text), str)
    except ValueError:
        return False


_Dumper.add_representer(str, _text)


def to_yaml(document: Mapping[str, Value]) -> str:
    """Return the document as YAML, keys in the order given."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9)


def to_scalar(value: Value) -> str:
    """Return one value as it stands after `key: `."""
    return to_yaml({"key": value}).removeprefix("key: ").removesuffix("\n")
