"""The `forward` of a class: which calls share a line, and what the values between are called."""

import ast
from collections.abc import Callable
from typing import Any

from nas.node import Node
from nas.ops import Input, Size
from nas.source.identifiers import unique
from nas.source.inputs import KNOWN
from nas.source.items import Chain, Dense, Function, Item, Join, Layer, Part, Unit
from nas.source.syntax import assign, attribute, call, expression, index, literal, name, tail_from

__all__ = ["Body"]

_LIGHT = ("relu", "relu6", "leaky_relu", "gelu", "sigmoid", "tanh", "mul", "add")
_LIGHT_LAYERS = ("Norm", "Dropout", "ChannelScale")
_INLINE = 64  # characters of the longest expression that goes into another


class Body:
    """Statements of a forward. module: expression of the module at a path; fill: the numbers that an item takes."""

    def __init__(
        self, unit: Unit, names: list[str], module: Callable[[tuple[str, ...]], ast.expr], fill: Callable[[Item], Any]
    ):
        self.unit = unit
        self.module = module
        self.fill = fill
        self.statements: list[ast.stmt] = []
        self.made: dict[int, tuple[Node, ...]] = {}  # by id of a statement, what it makes
        self._values: dict[int, ast.expr] = {x.index: name(n) for x, n in zip(unit.inputs, names, strict=True)}
        self._named = dict(zip([x.index for x in unit.inputs], names, strict=True))
        self._heavy: dict[int, int] = {}
        self._uses = self._all_uses()
        self._numbers = {x.index: i for i, item in enumerate(unit.items) for x in item.made}

    def _all_uses(self) -> dict[int, list[int]]:
        """Return for each value the numbers of the items that take it, in order; outputs are taken after the last."""
        uses: dict[int, list[int]] = {}
        for number, item in enumerate(self.unit.items):
            for x in item.inputs:
                uses.setdefault(x.index, []).append(number)
        for x in self.unit.outputs:
            uses.setdefault(x.index, []).append(len(self.unit.items))
        return uses

    def write(self, returned: Callable[[list[ast.expr]], ast.expr]) -> list[ast.stmt]:
        """Return the statements. returned: what is returned, of the outputs' expressions."""
        for number, item in enumerate(self.unit.items):
            if isinstance(item, Dense):
                self._dense(item)
                continue
            value = self._expression(item)
            if self._goes_into_next(number, item, value):
                self._values[item.made[0].index] = value
            else:
                self._assign(number, item, value)
        values = [self._values[x.index] for x in self.unit.outputs]
        return [*self.statements, ast.Return(returned(values))]

    def _goes_into_next(self, number: int, item: Item, value: ast.expr) -> bool:
        if len(item.made) > 1:
            return False
        made = item.made[0]
        heavy = self._weight(item)
        self._heavy[made.index] = heavy
        if self._uses[made.index] != [number + 1]:
            return False
        if number + 1 == len(self.unit.items):
            return len(self.unit.outputs) == 1
        following = self.unit.items[number + 1]
        if isinstance(following, Dense | Join) or made in _sized(following):
            return False
        if len(ast.unparse(value)) > _INLINE:
            return False
        if _light(following):
            return heavy <= 1 and sum(self._heavy.get(x.index, 0) for x in self._pending(following)) <= 1
        if isinstance(following, Layer | Part | Chain):
            return (
                heavy == 0 and len(following.inputs) == 1 and not (isinstance(item, Function) and "." in _resized(item))
            )
        return False

    def _pending(self, item: Item) -> list[Node]:
        return [x for x in item.inputs if not isinstance(self._values.get(x.index), ast.Name | None)]

    def _weight(self, item: Item) -> int:
        own = 0 if _light(item) or isinstance(item, Function | Join) else 1
        return own + sum(self._heavy.get(x.index, 0) for x in self._pending(item))

    def _expression(self, item: Item) -> ast.expr:
        values = [self._values[x.index] for x in item.inputs]
        if isinstance(item, Layer | Part | Chain):
            return call(self.module(item.path), *values)
        if isinstance(item, Join):
            return call("join", name("features"), self.fill(item))
        assert isinstance(item, Function)
        args, named = self.fill(item)
        return _function(
            item.call.target, [_bind(a, values) for a in args], {k: _bind(v, values) for k, v in named.items()}
        )

    def _assign(self, number: int, item: Item, value: ast.expr) -> None:
        targets: list[ast.expr] = []
        self._named = {i: n for i, n in self._named.items() if self._uses[i][-1] > number}
        live = set(self._named.values())
        for x in item.made:
            found = self._named[x.index] = self._name(x, item, live)
            live.add(found)
            self._values[x.index] = name(found)
            targets.append(name(found))
        statement = assign(targets, value)
        self.made[id(statement)] = item.made
        self.statements.append(statement)

    def _name(self, x: Node, item: Item, live: set[str]) -> str:
        """Return a name: x, y or z for what goes on to the next lines, that of its part for what is needed later."""
        source = self.unit.sources[x.index]
        own = isinstance(item, Part | Chain) and source != "x" and source not in live | KNOWN
        if len(item.made) == 1 and not (own and self._lasting(x)):
            for short in ("x", "y", "z"):
                if short not in live:
                    return short
        if source in ("x", *KNOWN) or len(item.made) == 1 and not own:
            source = (
                item.path[-1] if item.path and item.path[-1].isidentifier() and len(item.path[-1]) < 30 else "value"
            )
        if [self.unit.sources[y.index] for y in item.made].count(source) > 1:
            source += str(item.made.index(x) + 1)
        return unique(source, live | KNOWN)

    def _lasting(self, x: Node) -> bool:
        """Return whether a value is needed by more than the next item, or beside others that parts have made."""
        (first, *more) = uses = self._uses[x.index]
        if more or first > self._numbers[x.index] + 1 or first == len(self.unit.items):
            return len(uses) > 0
        user = self.unit.items[first]
        makers = [self._numbers.get(y.index, -1) for y in user.inputs]
        return len(user.inputs) > 2 and all(i >= 0 and isinstance(self.unit.items[i], Part | Chain) for i in makers)

    def _dense(self, item: Dense) -> None:
        start = ast.List([self._values[item.inputs[0].index]], ast.Load())
        self.statements.append(assign([name("features")], start))
        loop = ast.For(
            ast.Tuple([ast.Name("layer", ast.Store()), ast.Name("link", ast.Store())], ast.Store()),
            call("zip", self.module(item.path), self.fill(item), strict=literal(True)),
            [ast.Expr(expression("features.append(layer(join(features, link)))"))],
            [],
        )
        self.statements.append(loop)
        for i, x in enumerate(item.made):
            at = -1 if i == len(item.made) - 1 else i + 1
            self._values[x.index] = index(name("features"), literal(at))


def _light(item: Item) -> bool:
    if isinstance(item, Layer):
        return any(kind in item.call.target for kind in _LIGHT_LAYERS)
    return isinstance(item, Function) and item.call.target.split(".")[-1] in _LIGHT


def _resized(item: Function) -> str:
    return item.call.target if item.call.target.endswith(("interpolate", "pad_to")) else ""


def _sized(item: Item) -> list[Node]:
    """Return the values of which an item takes the size."""
    if not isinstance(item, Function):
        return []
    return [item.inputs[v] for v in (*item.call.args, *dict(item.call.kwargs).values()) if isinstance(v, Size)]


def _bind(value: Any, values: list[ast.expr]) -> ast.expr:
    if isinstance(value, ast.expr):
        return value
    if isinstance(value, Size):
        return index(attribute(values[value], "shape"), tail_from(2))
    if isinstance(value, Input):
        return values[value]
    if isinstance(value, tuple | list):
        return ast.List([_bind(v, values) for v in value], ast.Load())
    return literal(value)


def _function(target: str, args: list[ast.expr], named: dict[str, ast.expr]) -> ast.expr:
    if target in ("add", "mul"):
        return ast.BinOp(args[0], ast.Add() if target == "add" else ast.Mult(), args[1])
    if target.startswith("layers."):
        return call(target.removeprefix("layers."), *args, **named)
    if target.startswith("nn.functional."):
        return call(target.replace("nn.functional.", "F."), *args, **named)
    return call(f"torch.{target}", *args, **named)
