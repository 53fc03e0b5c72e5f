"""The training recipes of papers: what `train.recipe` of a study stands for. Loads no torch.

A recipe gives values to the settings of the `train` section that its source states; the rest keep their defaults, and
what is written in a study wins over both. Three things are ours under every recipe: images are scaled to -2..2
((x - 0.5) / 0.25) and not by ImageNet's statistics, they are squares of one size in memory, and the result is that of
the last epoch, where the papers' programs keep the best one. Where a program's last, smaller batch is trained on, ours
is left out.
"""

from collections.abc import Callable
from types import MappingProxyType

__all__ = ["PRESETS", "preset_values"]

Values = dict[str, object]

_NO_MOVES: Values = {"flips": False, "quarter_turns": False, "colour": 0.0}
_LAST_WEIGHTS: Values = {"ema_decay": 0.0, "clip_norm": None}


def hardnet_mseg(epochs: int | None) -> Values:
    """HarDNet-MSEG: arXiv:2101.07172 and `Train.py` of james128333/HarDNet-MSEG; every value is the program's.

    Size 352, batch 16, 100 epochs; Adam at 1e-4, constant (its decay begins at epoch 200); no weight decay; gradients
    cut to +-0.5 each; three steps for each batch, at 0.75, 1 and 1.25 times the size; no augmentation (`--augmentation`
    is off); structure loss as the program computes it, its cross-entropy unweighted (`weighted_entropy: false`).
    Differs: masks at other scales are classes, not shares. The published weights begin with HarDNet-68 of ImageNet:
    set `encoder_weights` for that.
    """
    return {
        "size": 352,
        "batch": 16,
        "epochs": epochs or 100,
        "loss": {"structure": {"weight": 1.0, "weighted_entropy": False}},
        "optimizer": "adam",
        "learning_rate": 1e-4,
        "weight_decay": 0.0,
        "warmup": 0.0,
        "decay": 0.0,
        "clip_value": 0.5,
        "scales": (0.75, 1.0, 1.25),
        **_NO_MOVES,
        **_LAST_WEIGHTS,
    }


def amsunet(epochs: int | None) -> Values:
    """AMSUnet: the paper and the program in llluochen/AMSUnet.

    Crops of 480, batch 2, 300 epochs; AdamW with weight decay 5e-5 on all weights; learning rate 2e-4 (the paper's; the
    program's default is 2e-3), over one epoch rising, then falling as (1 - t)^0.9; cross-entropy plus the Dice of all
    classes, background included, smoothed by 1e-6.
    Differs: its rise begins at 0.001 of the rate, ours at 1 / steps. Its network has two outputs for two classes, ours
    one, which is their difference. How it resizes and flips before it crops is not stated by our sources: images are
    brought to `size` whole, and flips, turns and colour are the defaults.
    """
    return {"learning_rate": 2e-4, "batch": 2, **_after_one_epoch(epochs or 300)}


def convunext(epochs: int | None) -> Values:
    """ConvUNeXt: Knowledge-Based Systems 253 (2022), 109512, and `src/` of 1914669687/ConvUNeXt.

    Crops of 480 from images whose side is 0.8 to 1.5 times 512 (`zoom` 0.853 to 1.6 of 480), batch 4, 300 epochs; AdamW
    at 1.5e-3 with weight decay 5e-5 on all weights; the loss and the schedule of `amsunet`, which took them from here.
    Differs: what `amsunet` says of its rise and its outputs; images are brought to a square before they are enlarged,
    and one that is smaller than the crop lies anywhere in it, surrounded by ignored pixels. Flips, turns and colour are
    the defaults: our sources do not state its own.
    """
    side = 480
    return {
        "learning_rate": 1.5e-3,
        "batch": 4,
        "zoom": (0.8 * 512 / side, 1.5 * 512 / side),
        **_after_one_epoch(epochs or 300),
    }


def unetpp(epochs: int | None) -> Values:
    """UNet++: Zhou et al., DLMIA 2018, arXiv:1807.10165, and `keras/helper_functions.py` of MrGiovanni/UNetPlusPlus.

    Adam at 3e-4 (the paper's), constant; 0.5 binary cross-entropy - Dice (here + 1 - Dice) with the Dice of the batch
    flattened, smoothed by 1; the sum over its four outputs; no augmentation. L2 of 1e-4 on the kernels is Adam's weight
    decay of 2e-4 (the slope of 1e-4 w^2), here on transposed convolutions as well. The program's loss, with its (1 - y)
    term, is followed; the paper's equation has none.
    Differs: it stops early (no fixed number of epochs) and takes the largest batch that fits; `epochs`, `batch` and
    `size` are the defaults.
    """
    return {
        "loss": {"bce": 0.5, "dice": {"weight": 1.0, "pooled": True}},
        "supervision": "sum",
        "optimizer": "adam",
        "learning_rate": 3e-4,
        "weight_decay": 2e-4,
        "warmup": 0.0,
        "decay": 0.0,
        **_NO_MOVES,
        **_LAST_WEIGHTS,
    }


def _after_one_epoch(epochs: int) -> Values:
    """What AMSUnet and ConvUNeXt share: one epoch of rise and all others of decay, loss, weight decay and size."""
    return {
        "size": 480,
        "epochs": epochs,
        "loss": {"ce": 1.0, "dice": {"weight": 1.0, "smooth": 1e-6, "background": True}},
        "weight_decay": 5e-5,
        "decay_biases": True,
        "warmup": 1 / epochs,
        "decay": 1 - 1 / epochs,
        "schedule": "poly",
        **_LAST_WEIGHTS,
    }


PRESETS: MappingProxyType[str, Callable[[int | None], Values]] = MappingProxyType(
    {
        "default": lambda epochs: {},
        "hardnet_mseg": hardnet_mseg,
        "amsunet": amsunet,
        "convunext": convunext,
        "unetpp": unetpp,
    }
)
"""A function for each name: what the recipe sets, for a training of so many epochs; None takes the paper's."""


def preset_values(name: str, epochs: object = None) -> Values:
    """Return what the recipe of that name sets, by the names of the `train` section's settings.

    Args:
        name: One of `PRESETS`.
        epochs: Where given, shares of the training that the paper states in epochs follow from it.
    """
    given = epochs if isinstance(epochs, int) and not isinstance(epochs, bool) and epochs >= 1 else None
    return PRESETS[name](given)
