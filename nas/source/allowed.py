"""What a source file may contain: the last check before its text is written."""

import ast
import re

from nas.errors import GraphError

__all__ = ["IMPORTS", "NODES", "TAKEN", "check_title", "check_tree"]

NODES = (
    *(ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef, ast.arguments, ast.arg),
    *(ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.For, ast.Name, ast.Attribute, ast.Constant),
    *(ast.Call, ast.keyword, ast.Subscript, ast.Slice, ast.Starred, ast.Tuple, ast.List, ast.Dict),
    *(ast.ListComp, ast.comprehension, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Load, ast.Store),
    *(ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.MatMult, ast.BitOr, ast.USub, ast.Not, ast.And, ast.Gt),
)
"""Kinds of syntax nodes."""

IMPORTS = {"torch": "import torch", "nn": "from torch import Tensor, nn", "F": "from torch.nn import functional as F"}
"""What a file may import, by the name for which it does."""

TAKEN = frozenset(["F", "Tensor", "ChannelScale", "ChannelLayerNorm", "LINKS", "None", "True", "False"])
"""What no class can be called."""

_BUILTINS = frozenset(
    ["super", "zip", "sum", "range", "list", "tuple", "int", "float", "bool", "any", "len", "enumerate"]
)
_FREE = frozenset(
    ["forward", "reshape", "movedim", "dim", "append", "chunk", "narrow", "flatten", "softmax"]
)  # methods that a file calls on values
_STRING = re.compile(r"[A-Za-z0-9_]*", re.ASCII)


def check_title(name: str) -> None:
    """Raise GraphError unless `name` can be the class of the whole network."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name, re.ASCII) or name in TAKEN:
        raise GraphError(f"name={name!r} cannot be a class; give letters and digits that begin with a capital letter")


def check_tree(tree: ast.Module) -> None:
    """Raise AssertionError for syntax, an import, a name or a string that no source file has: a fault of this package.

    What is called is torch's, a class or function of the file, one of few builtins, or a child of a module.
    """
    nodes = list(ast.walk(tree))
    defined = {s.name for s in tree.body if isinstance(s, ast.ClassDef | ast.FunctionDef)} | _BUILTINS
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    bound |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    texts = {id(n.value) for n in nodes if isinstance(n, ast.Expr)}
    for node in nodes:
        assert isinstance(node, NODES), f"{type(node).__name__} is no syntax of a source file"
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert ast.unparse(node) in IMPORTS.values(), ast.unparse(node)
        elif isinstance(node, ast.Name):
            assert node.id in defined | bound | {"torch", "nn", "F", "Tensor"} and "__" not in node.id, node.id
        elif isinstance(node, ast.Attribute):
            assert "__" not in node.attr or node.attr == "__init__", f"attribute {node.attr}"
        elif isinstance(node, ast.Call):
            assert _may_be_called(node.func, defined), f"call of {ast.unparse(node.func)}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert id(node) in texts or _STRING.fullmatch(node.value), f"text {node.value!r}"
            assert '"""' not in node.value and "\\" not in node.value, f"text {node.value!r}"


def _may_be_called(called: ast.expr, defined: set[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in defined or called.id == "layer"
    if isinstance(called, ast.Attribute) and called.attr in (*_FREE, "__init__"):
        return True
    while isinstance(called, ast.Attribute | ast.Subscript):
        called = called.value
    return isinstance(called, ast.Name) and called.id in ("self", "torch", "nn", "F")
