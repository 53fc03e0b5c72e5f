"""What can be measured on a graph, a module, data or a device. Importing this package loads no torch."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evaluators.device import pick_device
    from evaluators.dice import dice_per_image
    from evaluators.latency import latency_ms
    from evaluators.recipe import Recipe
    from evaluators.training import train

__all__ = ["Recipe", "dice_per_image", "latency_ms", "pick_device", "train"]

_HOMES = {
    "Recipe": "evaluators.recipe",
    "dice_per_image": "evaluators.dice",
    "latency_ms": "evaluators.latency",
    "pick_device": "evaluators.device",
    "train": "evaluators.training",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'evaluators' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
