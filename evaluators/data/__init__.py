"""Images and masks for training and scoring: loaded from a folder or drawn, and split by content."""

from evaluators.data.baselines import all_foreground_dice, mean_mask_dice
from evaluators.data.folder import FolderCheck, FolderFacts, Pair, check, find_pairs, load
from evaluators.data.generated import scenes
from evaluators.data.pictures import Picture, read_image, read_mask, resize_image, resize_mask
from evaluators.data.samples import DataError, Samples, content_hash
from evaluators.data.split import Split, split_by_hash

__all__ = [
    "DataError",
    "FolderCheck",
    "FolderFacts",
    "Pair",
    "Picture",
    "Samples",
    "Split",
    "all_foreground_dice",
    "check",
    "content_hash",
    "find_pairs",
    "load",
    "mean_mask_dice",
    "read_image",
    "read_mask",
    "resize_image",
    "resize_mask",
    "scenes",
    "split_by_hash",
]
