"""From a family to the syntax tree of its class."""

import ast
from pathlib import Path
from typing import Any

from nas.graph import Graph
from nas.node import Node
from nas.source.about import class_text, map_text
from nas.source.constructor import Constructor, numbered
from nas.source.families import Families, Family
from nas.source.filling import Filling, Tables
from nas.source.forward import Body
from nas.source.inputs import input_names
from nas.source.items import Dense, Function, Item
from nas.source.slots import arguments
from nas.source.syntax import attribute, class_of, dotted, expression, function, index, literal, name

__all__ = ["copied", "write_class"]


class _Writer:
    def __init__(self, family: Family, families: Families, tables: Tables, graph: Graph):
        self.family = family
        self.families = families
        self.filling = Filling(family, families, tables)
        self.graph = graph
        self.unit = family.units[0]
        self.comments: dict[int, str] = {}

    def write(self) -> ast.ClassDef:
        forward = self._forward()  # first: it finds what the constructor has to keep
        constructor = Constructor(self.family, self.families, self.filling, self.graph, self.comments)
        text = ast.Expr(ast.Constant(class_text(self.family, self.families, self.graph)))
        return class_of(self.family.name, dotted("nn.Module"), [text, constructor.write(), forward])

    def _forward(self) -> ast.FunctionDef:
        names = input_names(self.family.units)
        body = Body(self.unit, names, self._address, self._filled)
        written = body.write(self._returned)
        told = map_text(self.unit.inputs[0], self.graph)
        for statement in written:
            made = body.made.get(id(statement), ())
            if len(made) == 1 and len(self.family.units) == 1 and map_text(made[0], self.graph) != told:
                told = self.comments[id(statement)] = map_text(made[0], self.graph)
        args = [ast.arg("self"), *(ast.arg(n, name("Tensor")) for n in names)]
        signature = ast.arguments([], args, None, [], [], None, [])
        return function("forward", signature, written, self._returns())

    def _filled(self, item: Item) -> Any:
        start = self.filling.first(item)
        if isinstance(item, Function):
            args, named = arguments(item.call)
            return self.filling.arguments(args, named, start, inside=False)
        return self.filling.fill(start + 2 if isinstance(item, Dense) else start, inside=False)

    def _returned(self, values: list[ast.expr]) -> ast.expr:
        if self.unit.scope.path:
            return values[0] if len(values) == 1 else ast.Tuple(values, ast.Load())
        place = {node.index: i for i, node in enumerate(self.unit.outputs)}
        listed = [_output(node, place, values) for node in self.graph.outputs]
        return listed[0] if len(listed) == 1 else ast.List(listed, ast.Load())

    def _returns(self) -> ast.expr:
        if not self.unit.scope.path:
            return dotted("Tensor") if len(self.graph.outputs) == 1 else expression("list[Tensor]")
        count = len(self.unit.outputs)
        return dotted("Tensor") if count == 1 else expression(f"tuple[{', '.join(['Tensor'] * count)}]")

    def _address(self, path: tuple[str, ...]) -> ast.expr:
        """Return self.a[0] for a.0."""
        found = attribute(name("self"), path[0])
        for i, part in enumerate(path[1:], start=1):
            number = numbered(self.unit.scope, path[:i])
            found = index(found, literal(int(part) if number else part))
        return found


def write_class(family: Family, families: Families, tables: Tables, graph: Graph) -> tuple[ast.stmt, dict[int, str]]:
    """Return the class of a family, and comments by id of a statement."""
    writer = _Writer(family, families, tables, graph)
    return writer.write(), writer.comments


def _output(node: Node, place: dict[int, int], values: list[ast.expr]) -> ast.expr:
    return values[place[node.index]] if node.index in place else name("image")


def copied(names: set[str]) -> list[ast.stmt]:
    """Return the definitions of `nas.layers` of these names; this file and the module run the same code."""
    tree = ast.parse(Path(__file__).parents[1].joinpath("layers.py").read_text())
    found: list[ast.stmt] = [s for s in tree.body if isinstance(s, ast.ClassDef | ast.FunctionDef) and s.name in names]
    for node in (node for s in found for node in ast.walk(s)):
        if isinstance(node, ast.Name) and node.id == "functional":
            node.id = "F"
    return found
