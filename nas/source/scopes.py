"""The tree of scopes behind the dotted names of a graph."""

from collections.abc import Iterator

from nas.errors import GraphError
from nas.graph import Graph
from nas.node import Node
from nas.ops import Image
from nas.source.identifiers import check_name

__all__ = ["Scope", "scopes_of"]


_DEEPEST = 40  # scopes inside of one another


class Scope:
    """One level of names. `layers` become modules, `functions` are called; the names of those are not used."""

    def __init__(self, path: tuple[str, ...]):
        self.path = path
        self.scopes: dict[str, Scope] = {}
        self.layers: dict[str, Node] = {}
        self.functions: list[Node] = []

    def nodes(self) -> Iterator[Node]:
        """Yield all nodes of this scope and of those inside of it."""
        yield from self.layers.values()
        yield from self.functions
        for scope in self.scopes.values():
            yield from scope.nodes()

    def modules(self) -> list[str]:
        """Return the names of what becomes a module or a container of some; empty if it is all functions."""
        return [*self.layers, *(name for name, scope in self.scopes.items() if scope.modules())]

    @property
    def container(self) -> bool:
        """Whether it becomes a list of modules that whoever holds it runs: something in it is called by a number."""
        return any(name.isdigit() for name in self.modules())

    @property
    def numbered(self) -> bool:
        """Whether its modules are called 0, 1, 2, ... without a gap."""
        names = self.modules()
        return sorted(names) == sorted(str(i) for i in range(len(names)))


def scopes_of(graph: Graph) -> Scope:
    """Return the top scope. Raises GraphError for a name that cannot be written as code or is given twice."""
    top = Scope(())
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        if isinstance(node.op, Image):
            continue
        *scopes, leaf = name.split(".")
        if len(scopes) > _DEEPEST:
            raise GraphError(f"'{name[:60]}...' is {len(scopes)} scopes deep; source code takes {_DEEPEST}")
        scope = top
        for part in scopes:
            scope = scope.scopes.setdefault(part, Scope((*scope.path, part)))
        if node.op.layer(*node.facts.in_shapes) is None:
            scope.functions.append(node)
        else:
            _add_layer(scope, leaf, node, name)
    if any(name.isdigit() for name in top.modules()):
        raise GraphError("a number cannot name a layer or scope at the top of a network in source code; give it a name")
    _check(top)
    return top


def _add_layer(scope: Scope, leaf: str, node: Node, name: str) -> None:
    for part in name.split("."):
        check_name(part, name)
    if leaf in scope.layers:
        raise GraphError(f"{name!r} names two layers; give each its own name")
    scope.layers[leaf] = node


def _check(scope: Scope) -> None:
    for name, inner in scope.scopes.items():
        if name in scope.layers and inner.modules():
            raise GraphError(
                f"{'.'.join(inner.path)!r} is a layer and has layers inside; give one of them another name"
            )
        _check(inner)
