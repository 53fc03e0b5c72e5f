"""A rule alone on a bench: applied in a small graph to inputs of its kind, as a slot would apply it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from nas.architecture import Architecture
from nas.build import Outputs, as_block
from nas.derivation import check_facts, derive
from nas.errors import RuleError, SpaceError
from nas.grammar import Option, Rule
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import Conv, MaxPool
from search_spaces.own.guard import place_of
from search_spaces.own.joining import INPUTS
from search_spaces.pyramid import Pyramid

__all__ = ["BEFORE", "Variant", "applied", "mended_size", "variants"]

LEVELS = 4
FACTS = {"levels": LEVELS, "initialisation": "torch"}
"""What every space tells the parts behind its encoder."""

CLASSES = 2  # of one class, where to look is no question to some heads
MOST_VARIANTS = 48
BEFORE = "before"


class Variant(NamedTuple):
    """A rule with its options decided; `said`: the decisions in words, empty where there are none."""

    architecture: Architecture
    said: str


def variants(rule: Rule, most: int = MOST_VARIANTS) -> list[Variant]:
    """Return all derivations of a rule if they are at most so many, else some in which every option occurs.

    Raises RuleError where an option reads a fact that no space tells.
    """
    try:
        check_facts(rule, frozenset(FACTS))
    except SpaceError as fault:
        raise RuleError(f"{place_of(rule)}: {fault}") from None
    every = list(islice(_every(rule), most + 1))
    return every if len(every) <= most else list(islice(_covering(rule), most))


def _every(rule: Rule) -> Iterator[Variant]:
    """Yield the derivations in order: the last decision turns fastest."""
    turned: dict[str, Option] | None = {}
    while turned is not None:
        made, offered = _decided(rule, turned)
        yield made
        taken = [(path, options, options.index(turned.get(path, options[0]))) for path, options in offered.items()]
        while taken and taken[-1][2] == len(taken[-1][1]) - 1:
            taken.pop()
        turned = {path: options[at] for path, options, at in taken[:-1]} if taken else None
        if turned is not None:
            path, options, at = taken[-1]
            turned[path] = options[at + 1]


def _covering(rule: Rule) -> Iterator[Variant]:
    """Yield derivations that differ from an earlier one in one decision, until every option has occurred."""
    waiting: list[dict[str, Option]] = [{}]
    seen: set[tuple[str, Option]] = set()
    while waiting:
        forced = waiting.pop(0)
        made, offered = _decided(rule, forced)
        yield made
        for path, options in offered.items():
            others = [option for option in options[1:] if (path, option) not in seen and path not in forced]
            seen.update((path, option) for option in others)
            waiting += [forced | {path: option} for option in others]


def _decided(rule: Rule, forced: Mapping[str, Option]) -> tuple[Variant, dict[str, tuple[Option, ...]]]:
    offered: dict[str, tuple[Option, ...]] = {}
    taken: dict[str, Option] = {}

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        offered[path] = options
        taken[path] = forced.get(path, options[0])
        return taken[path]

    made = derive(rule, choose, FACTS)
    assert isinstance(made, Architecture)
    return Variant(made, ", ".join(f"{path}={option}" for path, option in taken.items())), offered


def applied(
    architecture: Architecture, channels: int, width: int, size: tuple[int, int], *, recorded: bool = True
) -> Graph:
    """Return a graph in which the rule, in the scope `rule`, follows a convolution to `channels` of an RGB image.

    width: what rules are asked for that take one. size: (H, W) of the image; the deepest input of a neck or decoder
    is at 1/8 of it, what an upsampling enlarges at 1/2.
    """
    g = GraphBuilder((3, *size), CLASSES)
    block = as_block(architecture, "rule", recorded=recorded)
    made = block(g, *_inputs(g, architecture.rule.kind, channels, width))
    nodes, prediction, _ = made if isinstance(made, Outputs) else Outputs(_nodes(made))
    return g.freeze(nodes, prediction)


def _nodes(made: Any) -> Sequence[Node]:
    if isinstance(made, Pyramid):
        return made.features
    return [made] if isinstance(made, Node) else list(made)


def _inputs(g: GraphBuilder, kind: str, channels: int, width: int) -> list[Any]:
    if kind == "encoder":
        return [g.image]
    with g.scope(BEFORE):
        x = g.add(Conv(channels, kernel=1), g.image, name="first")
        if kind in ("neck", "decoder"):
            return [_pyramid(g, x)]
        if kind in ("skip", "fuse"):
            other = g.add(Conv(width, kernel=1), g.image, name="second")
            return [x, other] if kind == "skip" else [(x, other)]
        if kind == "upsample":
            return [g.add(MaxPool(), g.add(Conv(width, kernel=1), g.image, name="second")), x, channels]
    return [[x]] if kind == "head" else [x, width][: len(INPUTS[kind])]


def _pyramid(g: GraphBuilder, x: Node) -> Pyramid:
    features = [x]
    for i in range(1, LEVELS):
        deeper = Conv(2 * features[-1].channels, kernel=1)
        features.append(g.add(deeper, g.add(MaxPool(), features[-1]), name=f"level{i}"))
    return Pyramid(g.image, tuple(features))


def mended_size(kind: str, size: tuple[int, int], min_side: int) -> tuple[int, int]:
    """Return `size`, or the least at which a rule of the kind must work: of whole images, or maps of 2 pixels."""
    least = {"encoder": min_side, "neck": min_side, "decoder": min_side}.get(kind, 2)
    return max(size[0], least + size[0] % 2), max(size[1], least + size[1] % 2)
