"""What a model of Dice is told of a member: its decisions, what its graph costs, and the neighbourhoods of operators.

Neighbourhoods are Weisfeiler-Lehman labels (Shervashidze et al., JMLR 12, 2011; for architectures: NAS-BOWL, Ru et al.,
ICLR 2021, arXiv:2006.07556): an operator's kind, then its kind with those of what it reads, and so on. Channels are
left out: widths are decisions and costs already.
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Mapping

from nas.grammar import Option
from nas.graph import Graph
from nas.node import Node

__all__ = ["GROUPS", "Features", "features_of"]

GROUPS = ("decisions", "graph", "neighbourhoods")
ROUNDS = 2  # of relabelling

Features = Mapping[str, Mapping[str, float]]
"""Values by group and name; what is not named is 0."""

_PLACE = re.compile(r"\.\d+(?=\.|$)")


def features_of(decisions: Mapping[str, Option], costs: Mapping[str, float], graph: Graph) -> Features:
    """Return a member's features. costs: positive, by name. graph: as deployed."""
    return {
        "decisions": _decisions(decisions),
        "graph": _graph(costs, graph),
        "neighbourhoods": _neighbourhoods(graph),
    }


def _decisions(decisions: Mapping[str, Option]) -> dict[str, float]:
    """Return the share of places that decide so, by path without places; and by its last two names, wherever it is."""
    found: dict[str, float] = {}
    for shorten in (_placeless, _tail):
        counts: Counter[tuple[str, Option]] = Counter()
        totals: Counter[str] = Counter()
        for path, option in decisions.items():
            at = shorten(path)
            counts[at, option] += 1
            totals[at] += 1
        for (at, option), count in counts.items():
            found[f"{at}={option}"] = count / totals[at]
    return found


def _placeless(path: str) -> str:
    return _PLACE.sub(".*", path)


def _tail(path: str) -> str:
    return "... " + ".".join(_PLACE.sub("", path).split(".")[-2:])


def _graph(costs: Mapping[str, float], graph: Graph) -> dict[str, float]:
    """Return log10 of the costs, and of the operators on the longest way from the image to the output."""
    longest = max(node.depth for node in graph.nodes())
    return {name: math.log10(max(1.0, value)) for name, value in costs.items()} | {"depth": math.log10(1 + longest)}


def _neighbourhoods(graph: Graph) -> dict[str, float]:
    """Return log(1 + count) of every label; members share the labels' memory."""
    nodes = graph.nodes()
    labels = {node.index: _kind(node) for node in nodes}
    counts = Counter(labels.values())
    for _ in range(ROUNDS):
        labels = {n.index: f"{labels[n.index]}({','.join(sorted(labels[x.index] for x in n.inputs))})" for n in nodes}
        counts.update(labels.values())
    return {sys.intern(label): math.log1p(count) for label, count in counts.items()}


def _kind(node: Node) -> str:
    """Return an operator's name and its window, without channels."""
    op = node.facts.op
    window = [str(getattr(op, name)) for name in ("kernel", "stride", "dilation") if hasattr(op, name)]
    alone = ["grouped"] if getattr(op, "groups", 1) > 1 else []
    return " ".join([type(op).__name__, *window, *alone])
