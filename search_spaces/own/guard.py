"""A person's `emit`, watched: whatever it raises or returns wrongly is one line that names the rule and the place."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any

from nas.build import Outputs
from nas.errors import NasError, RuleError, ShapeError
from nas.grammar import OneOf, Repeat, Rule, Spec
from nas.graph import Node
from search_spaces.pyramid import Pyramid

__all__ = ["guarded", "persons_code", "place_of", "reason_of"]

Emit = Callable[..., Any]

_guards: dict[Emit, Emit] = {}
"""One guard for each emit, and each for itself: a rule has the same in a space and in what is read from a file."""

_OURS = ("nas", "search_spaces")


@contextmanager
def persons_code(where: str, file: str) -> Iterator[None]:
    """Turn what a person's code raises into a RuleError with its line in `file`; NasErrors pass as they are."""
    try:
        yield
    except NasError:
        raise
    except (Exception, SystemExit) as fault:  # noqa: BLE001  # a person's code may raise anything
        raise RuleError(f"{where}: {_line(fault, file)}{reason_of(fault)}") from None


def reason_of(fault: BaseException) -> str:
    """Return class and text of a fault on one line."""
    text = " ".join(str(fault).split())
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _line(fault: BaseException, file: str) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == file]
    return f"line {lines[-1]}: " if lines else ""


def place_of(rule: Rule) -> str:
    """Return the rule's name and where it is written: `ghost_block (my_block.py:12)`."""
    code = getattr(getattr(rule.emit, "__wrapped__", rule.emit), "__code__", None)
    return f"{rule.name} ({code.co_filename}:{code.co_firstlineno})" if code else rule.name


def guarded(rule: Rule) -> Rule:
    """Return the rule with every `emit` that is not of this package under guard, those in its slots too."""
    options = {name: _inside(option) for name, option in rule.options.items()}
    return replace(rule, emit=_guard(rule), options=options)


def _inside(spec: Spec) -> Spec:
    if isinstance(spec, Rule):
        return guarded(spec)
    if isinstance(spec, OneOf):
        return OneOf(**{label: _inside(alternative) for label, alternative in spec.alternatives.items()})
    if isinstance(spec, Repeat):
        return replace(spec, spec=_inside(spec.spec))
    return tuple([_inside(part) for part in spec]) if isinstance(spec, tuple) else spec


def _guard(rule: Rule) -> Emit:
    emit = rule.emit
    if emit.__module__.split(".")[0] in _OURS:
        return emit
    if emit not in _guards:
        watched = _watched(rule)
        _guards[emit] = _guards[watched] = watched
    return _guards[emit]


def _watched(rule: Rule) -> Emit:
    emit, kind, where = rule.emit, rule.kind, place_of(rule)
    file = emit.__code__.co_filename if hasattr(emit, "__code__") else ""

    @wraps(emit)
    def watched(g: Any, *inputs: Any, **options: Any) -> Any:
        with persons_code(where, file):
            try:
                made = emit(g, *inputs, **options)
            except ShapeError as fault:
                fault.of_rule(where)
                raise
        wrong = _wrong(kind, made, inputs, g)
        if wrong:
            raise RuleError(f"{where}: {wrong}")
        return made

    return watched


def _wrong(kind: str, made: Any, inputs: tuple[Any, ...], g: Any) -> str:
    """Return what is wrong with what an `emit` of the kind returned, empty if nothing is."""
    if kind in ("encoder", "neck"):
        return "" if _is_pyramid(made) else f"a {kind} returns a Pyramid of nodes; {_came(made)} came"
    if kind in ("decoder", "head"):
        return _wrong_outputs(kind, made, g)
    if not isinstance(made, Node):
        return f"a {kind} returns a node; {_came(made)} came"
    if kind in ("stem", "downsample"):
        return ""
    first = inputs[0][0] if kind == "fuse" else inputs[1] if kind == "upsample" else inputs[0]
    size = first.facts.shape[1:]  # facts: a node that is being recorded would note that its shape was asked for
    sized = kind in ("upsample", "skip", "fuse")
    wanted = (made.channels if sized else inputs[1], *size)
    if made.facts.shape == wanted:
        return ""
    told = f"(any, {', '.join(map(str, size))})" if sized else str(wanted)
    return f"a {kind} returns {told} here, (C, H, W); {made.facts.shape} came"


def _is_pyramid(made: Any) -> bool:
    return isinstance(made, Pyramid) and bool(made.features) and all(isinstance(x, Node) for x in made.features)


def _wrong_outputs(kind: str, made: Any, g: Any) -> str:
    nodes = made.nodes if isinstance(made, Outputs) else made
    if not isinstance(nodes, list | tuple) or not nodes or not all(isinstance(x, Node) for x in nodes):
        return f"a {kind} returns a list of nodes; {_came(made)} came"
    wrong = [x.facts.shape for x in nodes if x.channels != g.classes] if kind == "head" else []
    return f"a head returns {g.classes} channels here, one for each class; {wrong[0]} came" if wrong else ""


def _came(made: Any) -> str:
    if isinstance(made, list | tuple) and made:
        return f"a {type(made).__name__} of {type(made[0]).__name__}"
    return "nothing" if made is None else f"a {type(made).__name__}"
