"""Images and masks for training and scoring: loaded from a folder or drawn, checked, and split by content or group.

Importing this package loads no torch.
"""

from typing import TYPE_CHECKING

from nas.lazy import lazily

if TYPE_CHECKING:
    from evaluators.data.baselines import all_foreground_dice, mean_mask_dice
    from evaluators.data.checking import FolderCheck, FolderFacts, Look, check
    from evaluators.data.findings import Finding
    from evaluators.data.form import Form
    from evaluators.data.generated import scenes
    from evaluators.data.grouping import column_of, groups_of
    from evaluators.data.labels import read_labels, read_mask
    from evaluators.data.layouts import Layout, Pair, find, find_pairs
    from evaluators.data.loading import load
    from evaluators.data.neighbours import places_of, with_neighbours
    from evaluators.data.pictures import Picture, read_image
    from evaluators.data.recognition import Recognised, recognise
    from evaluators.data.resizing import resize_image, resize_labels, resize_mask, to_original
    from evaluators.data.samples import DataError, Samples, content_hash
    from evaluators.data.split import Split, read_list, split_as_given, split_by_group, split_by_hash
    from evaluators.data.stacks import block_of_slices

__all__ = [
    "DataError",
    "Finding",
    "FolderCheck",
    "FolderFacts",
    "Form",
    "Layout",
    "Look",
    "Pair",
    "Picture",
    "Recognised",
    "Samples",
    "Split",
    "all_foreground_dice",
    "block_of_slices",
    "check",
    "column_of",
    "content_hash",
    "find",
    "find_pairs",
    "groups_of",
    "load",
    "mean_mask_dice",
    "places_of",
    "read_image",
    "read_labels",
    "read_list",
    "read_mask",
    "recognise",
    "resize_image",
    "resize_labels",
    "resize_mask",
    "scenes",
    "split_as_given",
    "split_by_group",
    "split_by_hash",
    "to_original",
    "with_neighbours",
]

__getattr__ = lazily(
    __name__,
    {
        "baselines": ["all_foreground_dice", "mean_mask_dice"],
        "checking": ["FolderCheck", "FolderFacts", "Look", "check"],
        "findings": ["Finding"],
        "form": ["Form"],
        "generated": ["scenes"],
        "grouping": ["column_of", "groups_of"],
        "labels": ["read_labels", "read_mask"],
        "layouts": ["Layout", "Pair", "find", "find_pairs"],
        "loading": ["load"],
        "neighbours": ["places_of", "with_neighbours"],
        "pictures": ["Picture", "read_image"],
        "recognition": ["Recognised", "recognise"],
        "resizing": ["resize_image", "resize_labels", "resize_mask", "to_original"],
        "samples": ["DataError", "Samples", "content_hash"],
        "split": ["Split", "read_list", "split_as_given", "split_by_group", "split_by_hash"],
        "stacks": ["block_of_slices"],
    },
)
