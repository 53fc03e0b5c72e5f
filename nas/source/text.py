"""From a syntax tree to lines of at most 100 characters, as a formatter would break them."""

import ast

__all__ = ["WIDTH", "module_text"]

WIDTH = 100


def module_text(tree: ast.Module, comments: dict[int, str]) -> str:
    """Return the text of a module. comments: by id of a statement, what is written behind it if it fits."""
    lines = _block(tree.body, 0, comments)
    text = "\n".join(lines) + "\n"
    assert ast.dump(ast.parse(text)) == ast.dump(tree), "the text of a source file must say what its tree says"
    return text


def _block(body: list[ast.stmt], depth: int, comments: dict[int, str]) -> list[str]:
    lines: list[str] = []
    for before, statement in zip([None, *body], body, strict=False):
        lines += [""] * _blank(before, statement, depth)
        written = _statement(statement, depth, comments)
        comment = comments.get(id(statement))
        if comment and len(written) == 1 and len(written[0]) + 2 + len(comment) + 2 <= WIDTH:
            written[0] += f"  # {comment}"
        lines += written
    return lines


def _blank(before: ast.stmt | None, statement: ast.stmt, depth: int) -> int:
    blocks = (ast.ClassDef, ast.FunctionDef)
    if before is None:
        return 0
    if isinstance(statement, blocks) or isinstance(before, blocks):
        return 2 if depth == 0 else 1
    if depth == 0 and isinstance(statement, ast.Import | ast.ImportFrom) != isinstance(
        before, ast.Import | ast.ImportFrom
    ):
        return 1
    return 0


def _statement(statement: ast.stmt, depth: int, comments: dict[int, str]) -> list[str]:
    pad = "    " * depth
    if isinstance(statement, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in statement.bases)
        return [f"{pad}class {statement.name}({bases}):", *_block(statement.body, depth + 1, comments)]
    if isinstance(statement, ast.FunctionDef):
        return [*_head(statement, pad), *_block(statement.body, depth + 1, comments)]
    if isinstance(statement, ast.For):
        head = f"{pad}for {_flat(statement.target)} in {_flat(statement.iter)}:"
        return [head, *_block(statement.body, depth + 1, comments)]
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return f'{pad}"""{statement.value.value!s}"""'.split("\n")
    if isinstance(statement, ast.Assign):
        prefix = "".join(f"{_bare(target)} = " for target in statement.targets)
        return _broken(statement.value, pad, prefix, "")
    if isinstance(statement, ast.Return) and statement.value is not None:
        if isinstance(statement.value, ast.Tuple) and len(pad + _bare(statement.value)) + 7 <= WIDTH:
            return [f"{pad}return {_bare(statement.value)}"]
        return _broken(statement.value, pad, "return ", "")
    if isinstance(statement, ast.Expr):
        return _broken(statement.value, pad, "", "")
    return [pad + _quoted(ast.unparse(statement))]


def _head(function: ast.FunctionDef, pad: str) -> list[str]:
    returns = f" -> {_flat(function.returns)}" if function.returns else ""
    args = function.args
    defaults = [None] * (len(args.args) - len(args.defaults)) + list(args.defaults)
    each = []
    for arg, default in zip(args.args, defaults, strict=True):
        kind = f": {_flat(arg.annotation)}" if arg.annotation else ""
        value = f" = {_flat(default)}" if default is not None and kind else ""
        each.append(f"{arg.arg}{kind}{value}")
    line = f"{pad}def {function.name}({', '.join(each)}){returns}:"
    if len(line) <= WIDTH:
        return [line]
    return [f"{pad}def {function.name}(", *[f"{pad}    {arg}," for arg in each], f"{pad}){returns}:"]


def _flat(node: ast.expr) -> str:
    return (
        _bare(node) if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store) else _quoted(ast.unparse(node))
    )


def _bare(node: ast.expr) -> str:
    """Return a target or what is returned; a tuple without parentheses."""
    text = _quoted(ast.unparse(node))
    return text[1:-1] if isinstance(node, ast.Tuple) and len(node.elts) > 1 else text


def _quoted(text: str) -> str:
    """Return a text with double quotes; the strings in it hold none of either (`allowed` checks that)."""
    return text.replace("'", '"')


def _broken(node: ast.expr, pad: str, prefix: str, suffix: str) -> list[str]:
    """Return an expression on one line where it fits, else one line per argument, element or clause."""
    line = f"{pad}{prefix}{_flat(node)}{suffix}"
    if len(line) <= WIDTH:
        return [line]
    inner = pad + "    "
    if isinstance(node, ast.Call) and (node.args or node.keywords):
        lines = [f"{pad}{prefix}{_flat(node.func)}("]
        for arg in node.args:
            lines += _broken(arg, inner, "", ",")
        for word in node.keywords:
            lines += _broken(word.value, inner, f"{word.arg}=", ",")
        return [*lines, f"{pad}){suffix}"]
    if isinstance(node, ast.List | ast.Tuple):
        left, right = "[]" if isinstance(node, ast.List) else "()"
        rows = [line for x in node.elts for line in _broken(x, inner, "", ",")]
        return [f"{pad}{prefix}{left}", *rows, f"{pad}{right}{suffix}"]
    if isinstance(node, ast.Dict):
        lines = [f"{pad}{prefix}{{"]
        for key, value in zip(node.keys, node.values, strict=True):
            assert key is not None
            lines += _broken(value, inner, f"{_flat(key)}: ", ",")
        return [*lines, f"{pad}}}{suffix}"]
    if isinstance(node, ast.Starred):
        return _broken(node.value, pad, f"{prefix}*", suffix)
    if isinstance(node, ast.ListComp):
        (loop,) = node.generators
        clause = f"{inner}for {_flat(loop.target)} in {_flat(loop.iter)}"
        return [f"{pad}{prefix}[", *_broken(node.elt, inner, "", ""), clause, f"{pad}]{suffix}"]
    return [line]
