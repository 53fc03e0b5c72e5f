"""The grammar, the operator graph and its compilers. Importing this package loads no torch."""

from typing import Any

from nas.architecture import Architecture
from nas.build import build
from nas.cost import Cost, cost
from nas.deploy import deploy, deploy_weights
from nas.graph import Graph, GraphBuilder, Node
from nas.profile import BlockCost, profile
from nas.space import SearchSpace

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


def __getattr__(name: str) -> Any:
    if name == "to_module":  # the only part that needs torch
        from nas.module import to_module

        return to_module
    if name == "load":  # likewise
        from nas.export.loading import load

        return load
    if name == "to_source":  # few need it
        from nas.source import to_source

        return to_source
    if name in ("draw", "draw_diff"):  # few need them
        from nas import drawing

        return getattr(drawing, name)
    raise AttributeError(f"module 'nas' has no attribute '{name}'")
