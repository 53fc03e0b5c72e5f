"""The grammar, the operator graph and its compilers. Importing this package loads no torch."""

from typing import TYPE_CHECKING

from nas.architecture import Architecture
from nas.build import build
from nas.cost import Cost, cost
from nas.deploy import deploy, deploy_weights
from nas.graph import Graph, GraphBuilder, Node
from nas.lazy import lazily
from nas.profile import BlockCost, profile
from nas.space import SearchSpace

if TYPE_CHECKING:
    from nas.drawing import draw, draw_diff
    from nas.export.loading import load
    from nas.module import to_module
    from nas.source import to_source

__all__ = [
    "Architecture",
    "BlockCost",
    "Cost",
    "Graph",
    "GraphBuilder",
    "Node",
    "SearchSpace",
    "build",
    "cost",
    "deploy",
    "deploy_weights",
    "draw",
    "draw_diff",
    "load",
    "profile",
    "to_module",
    "to_source",
]


__getattr__ = lazily(
    __name__,
    {
        "module": ["to_module"],  # the only parts that need torch
        "export.loading": ["load"],
        "source": ["to_source"],  # few need these
        "drawing": ["draw", "draw_diff"],
    },
)
