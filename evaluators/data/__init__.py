"""Images and masks for training and scoring: loaded from a folder or drawn, checked, and split by content or group.

Importing this package loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

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

_HOMES = {
    "DataError": "evaluators.data.samples",
    "Finding": "evaluators.data.findings",
    "FolderCheck": "evaluators.data.checking",
    "FolderFacts": "evaluators.data.checking",
    "Form": "evaluators.data.form",
    "Layout": "evaluators.data.layouts",
    "Look": "evaluators.data.checking",
    "Pair": "evaluators.data.layouts",
    "Picture": "evaluators.data.pictures",
    "Recognised": "evaluators.data.recognition",
    "Samples": "evaluators.data.samples",
    "Split": "evaluators.data.split",
    "all_foreground_dice": "evaluators.data.baselines",
    "block_of_slices": "evaluators.data.stacks",
    "check": "evaluators.data.checking",
    "column_of": "evaluators.data.grouping",
    "content_hash": "evaluators.data.samples",
    "find": "evaluators.data.layouts",
    "find_pairs": "evaluators.data.layouts",
    "groups_of": "evaluators.data.grouping",
    "load": "evaluators.data.loading",
    "mean_mask_dice": "evaluators.data.baselines",
    "places_of": "evaluators.data.neighbours",
    "read_image": "evaluators.data.pictures",
    "read_labels": "evaluators.data.labels",
    "read_list": "evaluators.data.split",
    "read_mask": "evaluators.data.labels",
    "recognise": "evaluators.data.recognition",
    "resize_image": "evaluators.data.resizing",
    "resize_labels": "evaluators.data.resizing",
    "resize_mask": "evaluators.data.resizing",
    "scenes": "evaluators.data.generated",
    "split_as_given": "evaluators.data.split",
    "split_by_group": "evaluators.data.split",
    "split_by_hash": "evaluators.data.split",
    "to_original": "evaluators.data.resizing",
    "with_neighbours": "evaluators.data.neighbours",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'evaluators.data' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
