"""What a source file may consist of, written down a second time: its syntax, what it imports and what it calls."""

import ast

STATEMENTS = {
    *("Import", "ImportFrom", "ClassDef", "FunctionDef"),
    *("Expr", "Assign", "AugAssign", "AnnAssign", "Return", "For"),
}
EXPRESSIONS = {
    *("Name", "Attribute", "Constant", "Call", "Subscript", "Slice", "Starred", "Tuple", "List", "Dict", "ListComp"),
    *("BinOp", "UnaryOp", "BoolOp", "Compare", "IfExp"),
}
CALLED = {
    *("super", "zip", "sum", "range", "len", "any", "enumerate", "layer", "join"),
    *("pad_to", "shift", "matmul", "pixel_softmax"),
}


def check_text(source: str) -> None:
    """Only allow-listed syntax, only torch imported, only what is known called; narrow lines; no class for nothing."""
    tree = ast.parse(source)
    assert max(map(len, source.splitlines())) <= 100
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            assert type(node).__name__ in STATEMENTS
        elif isinstance(node, ast.expr):
            assert type(node).__name__ in EXPRESSIONS
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert ast.unparse(node) in (
                *("import torch", "from torch import Tensor, nn", "from torch.nn import functional as F"),
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id in CALLED | set(classes)
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_") or node.attr == "__init__"
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert set(list(classes)[:-1]) <= used, "each class is used"
    for node in classes.values():
        node.name = ""
    assert len({ast.dump(node) for node in classes.values()}) == len(classes), "equal classes are one"
