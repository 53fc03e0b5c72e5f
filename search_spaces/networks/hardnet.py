"""HarDNets as their code builds them, with the ImageNet classifier: 39DS, 68, 68DS and 85.

Source: Chao et al., ICCV 2019, arXiv:1909.00948, code PingoLH/Pytorch-HarDNet. Counts for 1,000 classes:
tests/golden/counts.json.
Weights are drawn as its training script draws them (`imagenet/main.py`, `weights_init`): convolutions Glorot normal,
the classifier's weight as torch does, biases 0. (The class itself, which other projects import, leaves torch's.)
"""

from nas.architecture import Architecture
from nas.derivation import fixed
from nas.grammar import Rule
from search_spaces.classifier import classifier
from search_spaces.encoders.hardnet import hardblocks, hardnet
from search_spaces.heads.linear_head import linear_head
from search_spaces.weights import Renames

__all__ = ["encoder_names", "hardnet39ds", "hardnet68", "hardnet68ds", "hardnet85", "names"]

hardnet68 = classifier(encoder=hardnet, head=linear_head, initialisation="hardnet")
"""17,565,348 parameters."""

hardnet68ds = hardnet68(encoder=hardnet(depthwise=True), head=linear_head(dropout=0.05))
"""4,180,602 parameters."""

hardnet39ds = hardnet68(
    encoder=hardnet(
        depthwise=True,
        multiplier=1.6,
        stem=(24, 48),
        blocks=hardblocks((16, 4), (20, 16), (64, 8), (160, 4)),
        widths=(96, 320, 640, 1024),
        down=(True, True, True, False),
    ),
    head=linear_head(dropout=0.05),
)
"""3,488,228 parameters."""

_BLOCKS85 = hardblocks((24, 8), (24, 16), (28, 16), (36, 16), (48, 16), (256, 4))

hardnet85 = hardnet68(
    encoder=hardnet(
        stem=(48, 96),
        blocks=(*_BLOCKS85[:-1], _BLOCKS85[-1](dropout=0.1)),
        widths=(192, 256, 320, 480, 720, 1280),
        down=(True, False, True, False, True, False),
    ),
    head=linear_head(dropout=0.2),
)
"""36,670,212 parameters."""


def encoder_names(encoder: Architecture, published: str) -> tuple[Renames, int]:
    """Return the map of an encoder's names, and the published number of the classifier behind it.

    published: what stands before `base`, "" or "hardnet.". The code keeps everything in one list, so a block's number
    counts the pools and the dropout before it.
    """
    made = [(r"^encoder\.stem(\d)\.", rf"{published}base.\1.")]
    number = 3
    for i, (block, halve) in enumerate(zip(encoder.options["blocks"], encoder.options["down"], strict=True)):
        transition = number + (2 if block.options["dropout"] else 1)
        made.append((rf"^encoder\.blocks{i}\.transition\.", f"{published}base.{transition}."))
        made.append((rf"^encoder\.blocks{i}\.", f"{published}base.{number}."))
        made.append((rf"^encoder\.down{i}\.", f"{published}base.{transition + 1}."))
        number = transition + (2 if halve else 1)
    return tuple(made), number


def names(network: Rule) -> Renames:
    """Return the map of a HarDNet's names."""
    encoder, number = encoder_names(fixed(network).options["encoder"], "")
    return (*encoder, (r"^head\.linear\.", f"base.{number}.3."))
