"""From families to the syntax tree of the whole file."""

import ast
from pathlib import Path
from typing import Any

from nas.graph import Graph
from nas.node import Node
from nas.source.about import class_text, map_text
from nas.source.families import Families, Family, Fill, Param, Slot, arguments
from nas.source.forward import Body
from nas.source.identifiers import RESERVED, unique
from nas.source.inputs import input_names
from nas.source.items import Chain, Dense, Function, Item, Join, Layer, Part, leaves
from nas.source.scopes import Scope
from nas.source.syntax import assign, attribute, call, dotted, expression, index, literal, name

__all__ = ["Tables", "write_class"]


class Tables:
    """Long tables of links, as constants of the file. One that another begins with is a slice of it."""

    def __init__(self, families: Families):
        found = {slot.value for f in families.all for row in f.slots for slot in row if slot.name == "links"}
        self.constants: dict[str, Any] = {}
        for links in sorted(found, key=lambda links: (-len(links), links)):
            if not any(table[: len(links)] == links for table in self.constants.values()):
                self.constants[unique("LINKS", set(self.constants))] = links

    def expression(self, value: Any) -> ast.expr:
        """Return a literal, or the constant that holds it."""
        for constant, table in self.constants.items():
            if isinstance(value, tuple) and value and isinstance(value[0], tuple) and table[: len(value)] == value:
                whole = len(table) == len(value)
                return name(constant) if whole else index(name(constant), expression(f"x[:{len(value)}]").slice)
        return literal(value)


class Writer:
    """The class of one family. families: all; tables: constants for long numbers."""

    def __init__(self, family: Family, families: Families, tables: Tables, graph: Graph):
        self.family = family
        self.families = families
        self.tables = tables
        self.graph = graph
        self.unit = family.units[0]
        self.comments: dict[int, str] = {}
        self.children = _children(self.unit.scope)
        taken = {*self.children, *RESERVED}
        self.kept = {id(p): unique(p.name, taken) for p in family.params}  # attributes that forward reads
        self.read: set[int] = set()  # parameters that forward reads

    def write(self) -> ast.ClassDef:
        """Return the class."""
        forward = self._forward()  # first: it finds what the constructor has to keep
        body = [ast.Expr(ast.Constant(class_text(self.family, self.families, self.graph))), self._init(), forward]
        return ast.ClassDef(self.family.name, [dotted("nn.Module")], [], body, [])

    def _fill(self, number: int, inside: bool = True) -> ast.expr:
        """Return what stands in a slot; inside: of the constructor."""
        fill: Fill = self.family.fills[number]
        if fill.total is not None:
            return _total(name(self.family.params[fill.total].name))
        if fill.param is None:
            return self.tables.expression(fill.value)
        param = self.family.params[fill.param]
        if not inside:
            self.read.add(fill.param)
        at = name(param.name) if inside else dotted(f"self.{self.kept[id(param)]}")
        return at if fill.times == 1 else ast.BinOp(literal(fill.times), ast.Mult(), at)

    def _is_default(self, number: int, slot: Slot) -> bool:
        fill = self.family.fills[number]
        return fill.param is None and fill.total is None and slot.default is not None and repr(fill.value) == repr(slot.default)

    # The constructor.

    def _init(self) -> ast.FunctionDef:
        body: list[ast.stmt] = [ast.Expr(expression("super().__init__()"))]
        if not self.unit.scope.path:
            body.append(assign([dotted("self.prediction")], literal(self.graph.prediction)))
        for number in sorted(self.read):
            param = self.family.params[number]
            body.append(assign([dotted(f"self.{self.kept[id(param)]}")], name(param.name)))
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
        return ast.FunctionDef("__init__", self._parameters(), body, [], None, type_params=[])

    def _all_channels(self) -> ast.stmt:
        """Return the line that lists the channels of all values of a dense run."""
        start, widths = self._fill(self.family.dense), self._fill(self.family.dense + 1)
        return assign([name("channels_of")], ast.Tuple([start, ast.Starred(widths, ast.Load())], ast.Load()))

    def _parameters(self) -> ast.arguments:
        args, defaults = [ast.arg("self")], []
        for param in ordered(self.family.params):
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
        if not _numbered(self.unit.scope, path):
            pairs = {key: self._module(value, (*path, key), runs) for key, value in inner.items()}
            return call("nn.ModuleDict", ast.Dict([literal(key) for key in pairs], list(pairs.values())))
        keys = sorted(inner, key=int)
        made = _repeated([self._module(inner[key], (*path, key), runs) for key in keys])
        if isinstance(run, Chain):
            return call("nn.Sequential", *made)
        alone = made[0].value if len(made) == 1 and isinstance(made[0], ast.Starred) else ast.List(made, ast.Load())
        return call("nn.ModuleList", alone)

    def _made(self, item: Layer | Part) -> ast.expr:
        start = self.families.first_slot[id(item)]
        if isinstance(item, Layer):
            args, named = arguments(item.call)
            filled, words = self._arguments(args, named, start, inside=True)
            return call(item.call.target.removeprefix("layers."), *filled, **words)
        family = self.families.of[id(item.unit)]
        return self._construct(family, {p.name: start + i for i, p in enumerate(family.params)})

    def _construct(self, family: Family, at: dict[str, int], special: dict[str, ast.expr] | None = None) -> ast.expr:
        args, words = [], {}
        for param in ordered(family.params):
            if special and param.name in special:
                args.append(special[param.name])
            elif param.default is None:
                args.append(self._fill(at[param.name]))
            elif not self._is_default(at[param.name], Slot(param.name, None, param.default)):
                words[param.name] = self._fill(at[param.name])
        return call(family.name, *args, **words)

    def _arguments(
        self, args: list[Any], named: dict[str, Any], start: int, inside: bool
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return arguments with what fills their numbers; those that are torch's defaults are left out."""
        number = start
        filled: list[Any] = []
        for arg in args:
            filled.append(self._fill(number, inside) if isinstance(arg, Slot) else literal(arg) if inside else arg)
            number += isinstance(arg, Slot)
        words: dict[str, Any] = {}
        for word, value in named.items():
            if not isinstance(value, Slot):
                words[word] = literal(value) if inside else value
            else:
                if not self._is_default(number, value):
                    words[word] = self._fill(number, inside)
                number += 1
        return filled, words

    def _dense(self, item: Dense) -> ast.expr:
        """Return the modules of a dense run, as a loop over what each reads and gives."""
        start = self.families.first_slot[id(item)] + 3
        family = self.families.of[id(item.items[0].unit)]
        others = [p.name for p in family.params if p.role not in ("in", "out")]
        special = {p.name: _total(name("link")) for p in family.params if p.role == "in"}
        special |= {p.name: name("width") for p in family.params if p.role == "out"}
        made = self._construct(family, {p: start + i for i, p in enumerate(others)}, special)
        target = ast.Tuple([ast.Name("link", ast.Store()), ast.Name("width", ast.Store())], ast.Store())
        widths, links = self._fill(start - 2), self._fill(start - 1)
        loop = ast.comprehension(target, call("zip", links, widths, strict=literal(True)), [], 0)
        return call("nn.ModuleList", ast.ListComp(made, [loop]))

    # The forward.

    def _forward(self) -> ast.FunctionDef:
        names = input_names(self.family.units)
        body = Body(self.unit, names, self._address, self._filled)
        written = body.write(self._returned)
        for statement in written:
            made = body.made.get(id(statement), ())
            if len(made) == 1 and len(self.family.units) == 1:
                self.comments[id(statement)] = map_text(made[0], self.graph)
        args = [ast.arg("self"), *(ast.arg(n, name("Tensor")) for n in names)]
        signature = ast.arguments([], args, None, [], [], None, [])
        return ast.FunctionDef("forward", signature, written, [], self._returns(), type_params=[])

    def _filled(self, item: Item) -> Any:
        start = self.families.first_slot[id(item)]
        if isinstance(item, Function):
            args, named = arguments(item.call)
            return self._arguments(args, named, start, inside=False)
        return self._fill(start + 2 if isinstance(item, Dense) else start, inside=False)

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
            number = _numbered(self.unit.scope, path[:i])
            found = index(found, literal(int(part) if number else part))
        return found


def write_class(family: Family, families: Families, tables: Tables, graph: Graph) -> tuple[ast.ClassDef, dict[int, str]]:
    """Return the class of a family, and comments by id of a statement."""
    writer = Writer(family, families, tables, graph)
    return writer.write(), writer.comments


def ordered(params: list[Param]) -> list[Param]:
    """Return parameters in the order of the constructor: what comes in, what goes out, others, those with a default."""
    rank = {"in": 0, "both": 0, "out": 1, "": 2}

    def place(param: Param) -> tuple[bool, int]:
        return param.default is not None, 1 if param.kind in ("widths", "links", "kept") else rank[param.role] * 2

    return sorted(params, key=place)


def _total(numbers: ast.expr) -> ast.expr:
    """Return the channels of a dense run's values of these numbers together."""
    loop = ast.comprehension(ast.Name("i", ast.Store()), numbers, [], 0)
    return call("sum", ast.ListComp(index(name("channels_of"), name("i")), [loop]))


def _output(node: Node, place: dict[int, int], values: list[ast.expr]) -> ast.expr:
    return values[place[node.index]] if node.index in place else name("image")


def _kind(param: Param) -> ast.expr:
    """Return the type of a parameter."""
    found = {_type(value) for value in param.values}
    return expression(" | ".join(sorted(found, key=lambda kind: (len(kind), kind))))


def _type(value: Any) -> str:
    if not isinstance(value, tuple):
        return type(value).__name__
    return "tuple[tuple[int, ...], ...]" if value and isinstance(value[0], tuple) else "tuple[int, ...]"


def _children(scope: Scope) -> set[str]:
    return set(scope.modules())


def _numbered(scope: Scope, path: tuple[str, ...]) -> bool:
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


def copied(names: set[str]) -> list[ast.stmt]:
    """Return the definitions of `nas.layers` of these names; this file and the module run the same code."""
    tree = ast.parse(Path(__file__).parents[1].joinpath("layers.py").read_text())
    found = [s for s in tree.body if isinstance(s, ast.ClassDef | ast.FunctionDef) and s.name in names]
    for node in (node for s in found for node in ast.walk(s)):
        if isinstance(node, ast.Name) and node.id == "functional":
            node.id = "F"
    return found
