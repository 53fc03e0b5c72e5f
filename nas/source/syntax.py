"""Short ways to write syntax nodes."""

import ast
from typing import Any

__all__ = [
    *("assign", "attribute", "call", "class_of", "dotted", "expression", "function", "index", "literal", "name"),
    "tail_from",
]


def name(identifier: str) -> ast.Name:
    """Return a variable."""
    return ast.Name(identifier, ast.Load())


def attribute(value: ast.expr, *names: str) -> ast.expr:
    """Return value.a.b."""
    for part in names:
        value = ast.Attribute(value, part, ast.Load())
    return value


def dotted(text: str) -> ast.expr:
    """Return a.b.c."""
    first, *rest = text.split(".")
    return attribute(name(first), *rest)


def call(function: ast.expr | str, *args: ast.expr, **named: ast.expr) -> ast.Call:
    """Return function(*args, **named)."""
    called = dotted(function) if isinstance(function, str) else function
    return ast.Call(called, list(args), [ast.keyword(key, value) for key, value in named.items()])


def literal(value: Any) -> ast.expr:
    """Return a number, string, truth value or tuple of them."""
    if isinstance(value, tuple):
        return ast.Tuple([literal(v) for v in value], ast.Load())
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(ast.USub(), literal(-value))
    return ast.Constant(int(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def index(value: ast.expr, at: ast.expr) -> ast.Subscript:
    """Return value[at]."""
    return ast.Subscript(value, at, ast.Load())


def assign(targets: list[ast.expr], value: ast.expr) -> ast.Assign:
    """Return a, b = value, or a = value."""
    for target in targets:
        if isinstance(target, ast.Name | ast.Attribute):
            target.ctx = ast.Store()
    whole = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
    return ast.Assign([whole], value)


def expression(text: str) -> ast.expr:
    """Return the syntax of an expression that this package itself writes; nothing from outside comes here."""
    return ast.parse(text, mode="eval").body


def tail_from(start: int | None = None, stop: int | None = None) -> ast.Slice:
    """Return start:stop."""
    ends = [None if end is None else literal(end) for end in (start, stop)]
    return ast.Slice(*ends)


def function(
    called: str, arguments: ast.arguments, body: list[ast.stmt], returns: ast.expr | None = None
) -> ast.FunctionDef:
    """Return a function; the fields that this version of Python has besides are empty."""
    (made,) = ast.parse(f"def {called}(): pass").body
    assert isinstance(made, ast.FunctionDef)
    made.args, made.body, made.returns = arguments, body, returns
    return made


def class_of(called: str, base: ast.expr, body: list[ast.stmt]) -> ast.ClassDef:
    """Return a class; the fields that this version of Python has besides are empty."""
    (made,) = ast.parse(f"class {called}: pass").body
    assert isinstance(made, ast.ClassDef)
    made.bases, made.body = [base], body
    return made
