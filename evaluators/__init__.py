"""What can be measured on a graph, a module, data or a device. Importing this package loads no torch."""

from typing import TYPE_CHECKING

from nas.lazy import lazily

if TYPE_CHECKING:
    from evaluators.device import pick_device
    from evaluators.dice import dice_per_image
    from evaluators.latency import latency_ms
    from evaluators.recipe import Recipe
    from evaluators.training import train

__all__ = ["Recipe", "dice_per_image", "latency_ms", "pick_device", "train"]

__getattr__ = lazily(
    __name__,
    {
        "device": ["pick_device"],
        "dice": ["dice_per_image"],
        "latency": ["latency_ms"],
        "recipe": ["Recipe"],
        "training": ["train"],
    },
)
