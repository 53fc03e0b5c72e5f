"""What a source file may contain: the last check before its text is written."""

import ast
import keyword
import re

from nas.errors import GraphError

__all__ = ["NODES", "check_title", "check_tree"]

NODES = (
    *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg),
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.For, ast.Name, ast.Attribute, ast.Constant),
    *(ast.Call, ast.keyword, ast.Subscript, ast.Slice, ast.Starred, ast.Tuple, ast.List, ast.Dict),
    *(ast.ListComp, ast.comprehension, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Load, ast.Store),
    *(ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.BitOr, ast.USub, ast.Not, ast.And, ast.Gt, ast.Pow),
)
"""Kinds of syntax nodes."""

_IMPORTS = ("import torch", "from torch import Tensor, nn", "from torch.nn import functional as F")
_BUILTINS = frozenset("super zip sum range list tuple int float any len".split())
_STRING = re.compile(r"[A-Za-z0-9_]*", re.ASCII)
_DUNDERS = frozenset(["__init__"])


def check_title(name: str) -> None:
    """Raise GraphError unless `name` can be the class of the whole network."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name, re.ASCII) or keyword.iskeyword(name) or name in ("F", "Tensor"):
        raise GraphError(f"name={name!r} cannot be a class; give letters and digits that begin with a capital letter")


def check_tree(tree: ast.Module) -> None:
    """Raise AssertionError for a node, import, name or string that no source file has. A fault here is one of ours."""
    known = {s.name for s in tree.body if isinstance(s, ast.ClassDef | ast.FunctionDef)} | _BUILTINS | {"torch", "nn", "F", "Tensor"}
    texts = {id(node.body[0].value) for node in ast.walk(tree) if _has_text(node)}
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for node in ast.walk(tree):
        assert isinstance(node, NODES), f"{type(node).__name__} is no syntax of a source file"
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert ast.unparse(node) in _IMPORTS, ast.unparse(node)
        elif isinstance(node, ast.Name):
            assert node.id in known | bound and "__" not in node.id, f"unknown name {node.id}"
        elif isinstance(node, ast.Attribute):
            assert "__" not in node.attr or node.attr in _DUNDERS, f"attribute {node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert id(node) in texts or _STRING.fullmatch(node.value), f"text {node.value!r}"
            assert '"""' not in node.value and "\\" not in node.value, f"text {node.value!r}"


def _has_text(node: ast.AST) -> bool:
    body = getattr(node, "body", None)
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and bool(body) and isinstance(body[0], ast.Expr)
