"""What a person's rule must do before a search begins, tried out: alone on a bench, and in members of the space."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

import nas
from nas.architecture import Architecture
from nas.errors import NasError, RuleError
from nas.grammar import Option, Rule
from nas.graph import Graph
from nas.profile import BlockCost
from nas.space import SearchSpace
from search_spaces.own.bench import Variant, applied, mended_size, variants
from search_spaces.own.guard import guarded, place_of
from search_spaces.own.joining import check_form

__all__ = ["Checked", "CostRow", "check_in_space", "check_rule", "cost_rows"]

MAPS = ((2, 2), (3, 5), (16, 16), (17, 23), (33, 47))
"""Height and width of inputs, from 1/32 of the smallest image on."""

WIDTHS = ((3, 8), (16, 16), (24, 18), (18, 40), (7, 16))
"""Channels of the input and the width asked for: of images, of published networks, odd ones."""

EQUAL = ((8, 8), (16, 16), (18, 18), (40, 40))
"""As WIDTHS for token mixers: the block around one has the width already."""

MEMBERS, DRAWS = 12, 600
MOST_COST_ROWS = 12


class Checked(NamedTuple):
    """One thing that was found to be in order: what, and how far it was tried."""

    what: str
    tried: str


class CostRow(NamedTuple):
    """What a rule costs with these decisions; `said`: the decisions in words."""

    said: str
    cost: BlockCost


def check_rule(rule: Rule, min_side: int = 64) -> list[Checked]:
    """Return what was checked of a rule alone. Raises RuleError naming rule, decisions and size at the first fault.

    min_side: from which image side on it must build, in pixels.
    """
    check_form(rule)
    rule = guarded(rule)
    found = variants(rule)
    sizes = sorted({mended_size(rule.kind, size, min_side) for size in MAPS})
    widths = EQUAL if rule.kind == "mixer" else WIDTHS
    for variant in found:
        for channels, width in widths:
            for size in sizes:
                with _told(rule, f"{variant.said} on {channels} channels of {size[0]} x {size[1]}, width {width}"):
                    _check_graphs(variant.architecture, channels, width, size)
        _check_stored(rule, variant, sizes[-2])
        _check_learns(rule, variant, sizes[-2:])
    said = f"{len(found)} choices of options" if len(found) > 1 else "no open options"
    shapes = f"{len(sizes)} sizes from {sizes[0][0]} x {sizes[0][1]} on, {len(widths)} pairs of channels"
    return [
        Checked("form", f"a {rule.kind} by name, signature and defaults; {said}"),
        Checked("builds", shapes),
        Checked("repeats", "the same operators each time, also where the toolkit records it"),
        Checked("costs", "built and deployed, schedules fused and eager"),
        Checked("stored", "architecture, graph, source file and drawing"),
        Checked("module", "shapes as stated, values finite, gradients in every weight"),
    ]


def check_in_space(space: SearchSpace, rule: Rule) -> Checked:
    """Check members of the space that have the rule, at its smallest side and odd ones. Raises RuleError."""
    side, rng, count = space.min_side, Random(0), 0
    for _ in range(DRAWS):
        if count == MEMBERS:
            break
        member = space.derive(lambda path, options: _leaning(rule.name, options, rng))
        if rule.name not in _rules_of(member):
            continue
        size = ((side, side), (side + 1, side + 13), (2 * side - 1, side + 37))[count % 3]
        with _told(rule, f"in a member of {space.label} at {size[0]} x {size[1]}"):
            graph = nas.build(member, (3, *size))
            nas.cost(nas.deploy(graph))
            assert space.replay(space.decisions(member)) == member
        count += 1
    if not count:
        raise RuleError(f"{place_of(rule)}: none of {DRAWS} draws from {space.label} has it")
    return Checked("in the space", f"{count} members of {space.label} at 3 sizes from {side} pixels on")


def cost_rows(rule: Rule, channels: int, size: tuple[int, int]) -> list[CostRow]:
    """Return what the rule costs with each of its options, on `channels` of `size` (H, W) to the same width.

    As built, schedule fused, fp32; what only prepares its inputs does not count.
    """
    rows = []
    for variant in variants(guarded(rule), MOST_COST_ROWS):
        blocks = nas.profile(applied(variant.architecture, channels, channels, size)).inside
        none = BlockCost("rule", (channels, *size), 0, 0, 0, 0, 0, 0)
        rows.append(CostRow(variant.said, next((block for block in blocks if block.name == "rule"), none)))
    return rows


def _check_graphs(tree: Architecture, channels: int, width: int, size: tuple[int, int]) -> None:
    graph = applied(tree, channels, width, size)
    again = applied(tree, channels, width, size, recorded=False)
    if graph.key() != again.key() or graph.names != again.names:
        raise RuleError("appends other operators the second time; emit may read nothing but shapes, width and options")
    levels = tree.facts().get("levels")
    if tree.rule.kind == "encoder" and levels != len(graph.outputs):
        raise RuleError(f"gives levels={levels}, but returns {len(graph.outputs)} features")
    for form in (graph, nas.deploy(graph)):
        for schedule in ("fused", "eager"):
            nas.cost(form, schedule)


def _check_stored(rule: Rule, variant: Variant, size: tuple[int, int]) -> None:
    from search_spaces import load  # which imports this package

    with _told(rule, variant.said):
        tree = variant.architecture
        if load(tree.to_json(), [rule]) != tree:
            raise RuleError("reads back from architecture.json as something else; options hold plain values or rules")
        graph = applied(tree, 16, 16, size)
        if Graph.from_json(graph.to_json()).key() != graph.key():
            raise RuleError("reads back from graph.json as another graph")
        nas.to_source(graph)
        nas.draw(graph)


def _check_learns(rule: Rule, variant: Variant, sizes: list[tuple[int, int]]) -> None:
    from search_spaces.own.learning import check_learns  # needs torch

    with _told(rule, variant.said):
        graphs = [applied(variant.architecture, 16, 16, size) for size in sizes]
        check_learns(graphs, of_image=rule.kind == "encoder")


@contextmanager
def _told(rule: Rule, at: str) -> Iterator[None]:
    """Put rule and circumstances before a fault, the rule only where the fault does not name it."""
    try:
        yield
    except NasError as fault:
        where = place_of(rule)
        text = str(fault).removeprefix(f"{where}: ").removesuffix(f" (in {where})")
        raise RuleError(f"{where}: {f'{at.strip()}: ' if at.strip() else ''}{text}") from None


def _leaning(name: str, options: tuple[Option, ...], rng: Random) -> Option:
    """Return an option, the rule in every other choice that offers it."""
    own = [option for option in options if option in (name, f"all_{name}")]
    return own[0] if own and rng.random() < 0.5 else rng.choice(options)


def _rules_of(value: object) -> set[str]:
    if isinstance(value, tuple):
        return set().union(*map(_rules_of, value))
    if not isinstance(value, Architecture):
        return set()
    return {value.rule.name}.union(*map(_rules_of, value.options.values()))
