"""UNet 3+ as its code builds it: full-scale skips of 64 channels, a 3x3 head.

Source: Huang et al., ICASSP 2020, arXiv:2004.08790; code ZJUGiveLab/UNet-Version, `models/UNet_3Plus.py`. It ends in a
sigmoid; ours gives its argument, the logits. Weights are drawn as its `init_weights.py` draws them ("kaiming").
"""

from search_spaces.decoders.full_scale_decoder import full_scale_decoder
from search_spaces.encoders.staged import staged
from search_spaces.heads.conv_head import conv_head
from search_spaces.segmenter import segmenter
from search_spaces.weights import Renames

__all__ = ["DS_NAMES", "NAMES", "unet3plus", "unet3plus_ds"]

unet3plus = segmenter(
    encoder=staged(base=64),
    decoder=full_scale_decoder,
    head=conv_head(kernel=3),
    initialisation="unet3plus",
)
"""Widths 64..1024 down, 320 up; 26,971,777 parameters for RGB and 1 class."""

unet3plus_ds = unet3plus(decoder=full_scale_decoder(supervise="all"), head=conv_head(kernel=3, full_size=True))
"""With deep supervision: a 3x3 head on every level, each enlarged to the image; the finest counts."""


def _sources(level: int) -> Renames:
    """Return the names of what a level reads: from itself "Cat", from finer ones "PT", from deeper ones "UT"."""
    made: list[tuple[str, str]] = []
    for j in range(5):
        way = "PT" if j < level else "UT" if j > level else "Cat"
        theirs = f"h{'d' if j > level else ''}{j + 1}_{way}_hd{level + 1}"
        made.append((rf"^decoder\.level{level}\.from{j}\.conv\.", f"{theirs}_conv."))
        made.append((rf"^decoder\.level{level}\.from{j}\.norm\.", f"{theirs}_bn."))
    return tuple(made)


_BODY: Renames = (
    *((rf"^encoder\.stages{i}\.conv(\d)\.", rf"conv{i + 1}.conv\1.0.") for i in range(5)),
    *((rf"^encoder\.stages{i}\.bn(\d)\.", rf"conv{i + 1}.conv\1.1.") for i in range(5)),
    *(pair for level in range(4) for pair in _sources(level)),
    *((rf"^decoder\.level{i}\.block\.conv\.", f"conv{i + 1}d_1.") for i in range(4)),
    *((rf"^decoder\.level{i}\.block\.norm\.", f"bn{i + 1}d_1.") for i in range(4)),
)

NAMES: Renames = (*_BODY, (r"^head\.conv\.", "outconv1."))

DS_NAMES: Renames = (*_BODY, *((rf"^head\.conv{i}\.", f"outconv{i + 1}.") for i in range(5)))
