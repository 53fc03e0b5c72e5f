"""Reading a person's rules: from a file that was named, or from an installed package that offers them by name.

Only what somebody names on a command line or in code is ever run; no stored file leads here.
"""

import hashlib
import importlib.metadata
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from nas.errors import NasError, RuleError
from nas.grammar import Rule
from search_spaces.own.guard import guarded, persons_code, reason_of
from search_spaces.own.joining import check_form

__all__ = ["GROUP", "OwnRules", "installed", "load_rules"]

GROUP = "nas.rules"
"""The entry points by which packages offer rules: each a rule, or a module of rules."""


class OwnRules(NamedTuple):
    """The rules of one file or entry point.

    source: as it was named. sha256: of the file, hex; a study stores it to notice a change.
    """

    source: str
    sha256: str
    rules: tuple[Rule, ...]


_modules: dict[tuple[str, str], ModuleType] = {}
"""Files that were read, by path and hash: the same text gives the same rules, a changed one new ones."""


def load_rules(source: str | Path) -> OwnRules:
    """Return the rules of `my_block.py`, or of an installed package's entry point `NAME` or `PACKAGE:NAME`.

    A file's rules are those that it defines under public names, or lists in `__all__`. It stands alone: what lies
    beside it is not importable. Raises RuleError for whatever is wrong with it.
    """
    text = str(source)
    if isinstance(source, Path) or text.endswith(".py") or "/" in text or Path(text).exists():
        return _from_file(text)
    return _from_package(text)


def installed() -> list[importlib.metadata.EntryPoint]:
    """Return the entry points of installed packages, sorted by name. None of their code is run."""
    return sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: (entry.name, _package(entry)))


def _from_file(text: str) -> OwnRules:
    path = Path(text)
    if not path.is_file():
        raise RuleError(f"{text}: {'is a folder' if path.is_dir() else 'no such file'}; needs a Python file with rules")
    if path.suffix != ".py":
        raise RuleError(f"{text}: needs a Python file, which ends in .py")
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise RuleError(f"{text}: cannot be read: {fault.strerror}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    known = (str(path.resolve()), sha256)
    if known not in _modules:
        _modules[known] = _run(content, text, f"own_rules_{path.stem}_{len(_modules)}")
    return OwnRules(text, sha256, _checked(text, _rules_in(_modules[known], text)))


def _run(content: bytes, text: str, name: str) -> ModuleType:
    try:
        code = compile(content, text, "exec")
    except SyntaxError as fault:
        line = f"line {fault.lineno}: " if fault.lineno else ""
        raise RuleError(f"{text}: {line}{fault.msg}") from None
    except ValueError as fault:
        raise RuleError(f"{text}: is no Python: {fault}") from None
    module = ModuleType(name)
    module.__file__ = text
    sys.modules[name] = module  # dataclasses look their module up
    try:
        with persons_code(text, text):
            exec(code, module.__dict__)
    except NasError as fault:
        del sys.modules[name]
        if isinstance(fault, RuleError):
            raise
        raise RuleError(f"{text}: {_innermost_line(fault, text)}{fault}") from None
    return module


def _innermost_line(fault: NasError, text: str) -> str:
    trace, line = fault.__traceback__, 0
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == text else line
        trace = trace.tb_next
    return f"line {line}: " if line else ""


def _rules_in(module: ModuleType, text: str) -> list[Rule]:
    """Return the module's own rules, each once. Raises RuleError where it has none."""
    listed = getattr(module, "__all__", None)
    names = [name for name in vars(module) if not name.startswith("_")] if listed is None else list(listed)
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise RuleError(f"{text}: __all__ lists '{missing[0]}', which is not defined")
    found = [each for each in (getattr(module, name) for name in names) if isinstance(each, Rule)]
    own = [rule for rule in found if rule.emit.__module__ == module.__name__ or listed is not None]
    if not own:
        raise RuleError(
            f"{text}: holds no rule{' under a public name' if listed is None else ' in __all__'}; "
            "write one with the decorator nas.grammar.rule (`nas rules new NAME` writes a template)"
        )
    return list({id(rule): rule for rule in own}.values())


def _from_package(text: str) -> OwnRules:
    package, _, name = text.rpartition(":")
    entries = [entry for entry in installed() if entry.name == name and package in ("", _package(entry))]
    if not entries:
        names = [entry.name for entry in installed()]
        near = get_close_matches(name, names, 1)
        known = f"did you mean '{near[0]}'?" if near else f"installed are: {', '.join(names) or 'none'}"
        raise RuleError(f"{text}: neither a .py file nor a rule of an installed package ({GROUP}); {known}")
    if len(entries) > 1:
        choices = " or ".join(f"{_package(entry)}:{name}" for entry in entries)
        raise RuleError(f"{text}: several packages offer it; give {choices}")
    try:
        found: Any = entries[0].load()
    except (Exception, SystemExit) as fault:  # noqa: BLE001  # importing somebody's package may raise anything
        raise RuleError(f"{text}: {entries[0].value} cannot be imported: {reason_of(fault)}") from None
    if not isinstance(found, Rule | ModuleType):
        raise RuleError(f"{text}: {entries[0].value} is a {type(found).__name__}; needs a rule or a module of rules")
    rules = [found] if isinstance(found, Rule) else _rules_in(found, text)
    return OwnRules(text, _hash_of(rules), _checked(text, rules))


def _package(entry: importlib.metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else ""


def _hash_of(rules: Iterable[Rule]) -> str:
    """Return one hash of the files in which the rules are written."""
    files = sorted({str(sys.modules[rule.emit.__module__].__file__) for rule in rules})
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


def _checked(text: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for rule in rules:
        check_form(rule)
        if rule.name in found:
            raise RuleError(f"{text}: two rules are named '{rule.name}'; list the one to be offered in __all__")
        found[rule.name] = guarded(rule)
    return tuple(found.values())
