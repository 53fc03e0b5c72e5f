"""A graph as one Python file that imports only torch."""

import ast

from nas.graph import Graph
from nas.source.about import LINKS_TEXT, file_text
from nas.source.allowed import IMPORTS, check_title, check_tree
from nas.source.families import Families
from nas.source.filling import Tables
from nas.source.items import units_of
from nas.source.naming import give_names
from nas.source.scopes import scopes_of
from nas.source.syntax import assign, literal
from nas.source.text import module_text
from nas.source.writing import copied, write_class

__all__ = ["to_source"]

_JOIN = '''
def join(features: list[Tensor], numbers: tuple[int, ...]) -> Tensor:
    """Concatenate the features of these numbers on channels; one is itself."""
    chosen = [features[i] for i in numbers]
    return torch.cat(chosen, dim=1) if len(chosen) > 1 else chosen[0]
'''


def to_source(graph: Graph, name: str = "Network") -> str:
    """Return a Python file whose class `name` is `graph` as a torch module, as a person would write it.

    With the same weights it computes what `to_module(graph)` does bit for bit; their state dicts have the same keys.
    It imports only torch. Weights begin as torch draws them: load a state dict. Raises GraphError for names that cannot
    be written as code.
    """
    check_title(name)
    top = units_of(scopes_of(graph), graph)
    families = Families(top, graph.users())
    give_names(families, name)
    tables = Tables(families)
    comments: dict[int, str] = {}
    classes: list[ast.stmt] = []
    for family in families.all:
        written, told = write_class(family, families, tables, graph)
        classes.append(written)
        comments |= told
    body = [*_shared(classes, tables), *classes]
    tree = ast.Module([ast.Expr(ast.Constant(file_text(graph, top, families))), *_imports(body), *body], [])
    ast.fix_missing_locations(tree)
    check_tree(tree)
    return module_text(tree, comments)


def _shared(classes: list[ast.stmt], tables: Tables) -> list[ast.stmt]:
    """Return constants and what torch lacks, in front of the classes."""
    used = _names(classes)
    found: list[ast.stmt] = []
    for key, value in tables.constants.items():
        found.append(assign([ast.Name(key)], literal(value)))
    if found:
        found.append(ast.Expr(ast.Constant(LINKS_TEXT)))
    found += copied(used)
    return found + ast.parse(_JOIN).body if "join" in used else found


def _imports(body: list[ast.stmt]) -> list[ast.stmt]:
    used = _names(body)
    return [line for key, text in IMPORTS.items() if key in used for line in ast.parse(text).body]


def _names(body: list[ast.stmt]) -> set[str]:
    return {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
