"""What a value is called, seen from a scope: after the scope that makes it."""

import keyword
import re

from nas.graph import Graph
from nas.node import Node

__all__ = ["Places"]

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,30}", re.ASCII)


class Places:
    """Names of values. A scope that gives one value names it; of one that gives several, the scopes inside do."""

    def __init__(self, graph: Graph):
        self._scopes = [tuple(name.split(".")[:-1]) for name in graph.names]
        given: dict[tuple[str, ...], set[int]] = {}
        users, outputs = graph.users(), {node.index for node in graph.outputs}
        for node in graph.nodes():
            path = self._scopes[node.index]
            readers = [self._scopes[user.index] for user in users[node.index]]
            for n in range(1, len(path) + 1):
                if node.index in outputs or any(reader[:n] != path[:n] for reader in readers):
                    given.setdefault(path[:n], set()).add(node.index)
        self._several = {path for path, values in given.items() if len(values) > 1}

    def name(self, node: Node, seen_from: tuple[str, ...]) -> str:
        """Return the name of a value as seen from a scope; x where nothing fits."""
        path = self._scopes[node.index]
        n = 0
        while n < min(len(path), len(seen_from)) and path[n] == seen_from[n]:
            n += 1
        n += 1
        while path[:n] in self._several and n < len(path):
            n += 1
        if n > len(path):
            return "x"
        first = n
        while first > 1 and path[first - 1].isdigit():
            first -= 1
        name = "_".join(path[first - 1 : n])
        return name if _PLAIN.fullmatch(name) and not keyword.iskeyword(name) and "__" not in name else "x"
