"""The `__init__` of a class: the modules in it, and the numbers that it keeps for its `forward`."""

import ast
from typing import Any

from nas.graph import Graph
from nas.source.families import Families, Family, Param
from nas.source.filling import Filling, total
from nas.source.items import Chain, Dense, Item, Layer, Part, leaves
from nas.source.scopes import Scope
from nas.source.slots import Slot, arguments
from nas.source.syntax import assign, call, dotted, expression, function, literal, name

__all__ = ["Constructor", "numbered"]


class Constructor:
    """Writes the constructor of `family`. comments: by id of a statement."""

    def __init__(self, family: Family, families: Families, filling: Filling, graph: Graph, comments: dict[int, str]):
        self.family = family
        self.families = families
        self.filling = filling
        self.graph = graph
        self.unit = family.units[0]
        self.comments = comments

    def write(self) -> ast.FunctionDef:
        """Return the constructor."""
        body: list[ast.stmt] = [ast.Expr(expression("super().__init__()"))]
        if not self.unit.scope.path:
            counts = assign([dotted("self.prediction")], literal(self.graph.prediction))
            self.comments[id(counts)] = "of the outputs, the one that counts"
            body.append(counts)
        for number in sorted(self.filling.read):
            param = self.family.params[number]
            body.append(assign([dotted(f"self.{self.filling.kept[number]}")], name(param.name)))
        if self.family.dense >= 0:
            body.append(self._all_channels())
        tree: dict[str, Any] = {}
        runs = {item.path: item for item in _runs(self.unit.items)}
        for leaf in _modules(self.unit.items):
            level = tree
            for part in leaf.path[:-1]:
                level = level.setdefault(part, {})
            level[leaf.path[-1]] = leaf
        for child, inner in tree.items():
            body.append(assign([dotted(f"self.{child}")], self._module(inner, (child,), runs)))
        return function("__init__", self._parameters(), body)

    def _all_channels(self) -> ast.stmt:
        """Return the line that lists the channels of all values of a dense run."""
        start, widths = self.filling.fill(self.family.dense), self.filling.fill(self.family.dense + 1)
        return assign([name("channels_of")], ast.Tuple([start, ast.Starred(widths, ast.Load())], ast.Load()))

    def _parameters(self) -> ast.arguments:
        args, defaults = [ast.arg("self")], []
        for param in _ordered(self.family.params):
            args.append(ast.arg(param.name, _kind(param)))
            if param.default is not None:
                defaults.append(literal(param.default))
        return ast.arguments([], args, None, [], [], None, defaults)

    def _module(self, inner: Any, path: tuple[str, ...], runs: dict[tuple[str, ...], Item]) -> ast.expr:
        run = runs.get(path)
        if isinstance(run, Dense):
            return self._dense(run)
        if isinstance(inner, Layer | Part):
            return self._made(inner)
        if not numbered(self.unit.scope, path):
            pairs = {key: self._module(value, (*path, key), runs) for key, value in inner.items()}
            return call("nn.ModuleDict", ast.Dict([literal(key) for key in pairs], list(pairs.values())))
        keys = sorted(inner, key=int)
        made = _repeated([self._module(inner[key], (*path, key), runs) for key in keys])
        if isinstance(run, Chain):
            return call("nn.Sequential", *made)
        alone = made[0].value if len(made) == 1 and isinstance(made[0], ast.Starred) else ast.List(made, ast.Load())
        return call("nn.ModuleList", alone)

    def _made(self, item: Layer | Part) -> ast.expr:
        start = self.filling.first(item)
        if isinstance(item, Layer):
            args, named = arguments(item.call)
            filled, words = self.filling.arguments(args, named, start, inside=True)
            return call(item.call.target.removeprefix("layers."), *filled, **words)
        family = self.families.of[id(item.unit)]
        return self._construct(family, {p.name: start + i for i, p in enumerate(family.params)})

    def _construct(self, family: Family, at: dict[str, int], special: dict[str, ast.expr] | None = None) -> ast.expr:
        args, words = [], {}
        for param in _ordered(family.params):
            if special and param.name in special:
                args.append(special[param.name])
            elif _plain(param):
                args.append(self.filling.fill(at[param.name]))
            elif not self.filling.is_default(at[param.name], Slot(param.name, None, param.default)):
                words[param.name] = self.filling.fill(at[param.name])
        return call(family.name, *args, **words)

    def _dense(self, item: Dense) -> ast.expr:
        """Return the modules of a dense run, as a loop over what each reads and gives."""
        start = self.filling.first(item) + 3
        family = self.families.of[id(item.items[0].unit)]
        others = [p.name for p in family.params if p.role not in ("in", "out")]
        special = {p.name: total(name("link")) for p in family.params if p.role == "in"}
        special |= {p.name: name("width") for p in family.params if p.role == "out"}
        made = self._construct(family, {p: start + i for i, p in enumerate(others)}, special)
        target = ast.Tuple([ast.Name("link", ast.Store()), ast.Name("width", ast.Store())], ast.Store())
        widths, links = self.filling.fill(start - 2), self.filling.fill(start - 1)
        loop = ast.comprehension(target, call("zip", links, widths, strict=literal(True)), [], 0)
        return call("nn.ModuleList", ast.ListComp(made, [loop]))


def _ordered(params: list[Param]) -> list[Param]:
    """Return parameters in the order of the constructor: what comes in, what goes out, others, those with a default."""
    rank = {"in": 0, "both": 0, "out": 1, "": 2}
    return sorted(params, key=lambda param: (param.default is not None, not _plain(param), rank[param.role]))


def _plain(param: Param) -> bool:
    """Return whether a parameter is given by its place: channels and the kernel's size, as torch's are."""
    return param.default is None and param.kind in ("channels", "kernel_size")


def _kind(param: Param) -> ast.expr:
    """Return the type of a parameter."""
    found = {_type(value) for value in param.values}
    return expression(" | ".join(sorted(found, key=lambda kind: (len(kind), kind))))


def _type(value: Any) -> str:
    if not isinstance(value, tuple):
        return type(value).__name__
    return "tuple[tuple[int, ...], ...]" if value and isinstance(value[0], tuple) else "tuple[int, ...]"


def numbered(scope: Scope, path: tuple[str, ...]) -> bool:
    """Return whether what is at a path of a unit is called 0, 1, 2, ... and so is a list, not a dictionary."""
    for part in path:
        scope = scope.scopes[part]
    return scope.numbered


def _runs(items: Any) -> list[Item]:
    found: list[Item] = []
    for item in items:
        if isinstance(item, Chain | Dense):
            found += [item, *_runs(item.items)]
    return found


def _modules(items: list[Item]) -> list[Item]:
    return [item for item in leaves(items) if isinstance(item, Layer | Part)]


def _repeated(made: list[ast.expr]) -> list[ast.expr]:
    """Return module expressions with three or more equal ones in a row as a loop."""
    found: list[ast.expr] = []
    i = 0
    while i < len(made):
        same = 1
        while i + same < len(made) and ast.dump(made[i]) == ast.dump(made[i + same]):
            same += 1
        if same >= 3:
            loop = ast.comprehension(ast.Name("_", ast.Store()), call("range", literal(same)), [], 0)
            found.append(ast.Starred(ast.ListComp(made[i], [loop]), ast.Load()))
        else:
            found += made[i : i + same]
        i += same
    return found
