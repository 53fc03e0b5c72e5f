"""A study's images: loaded at the training size, split once and for all, with the baselines a network has to beat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.data import (
    DataError,
    Finding,
    Form,
    Pair,
    Samples,
    Split,
    all_foreground_dice,
    check,
    find_pairs,
    groups_of,
    load,
    mean_mask_dice,
    places_of,
    resize_image,
    resize_mask,
    scenes,
    split_by_hash,
    with_neighbours,
)
from evaluators.data.loading import Decoded, decode_pair
from studies.config import FolderData, StudyConfig
from studies.folder import StudyFolder, write_atomic
from studies.splitting import form_of, layout_of, split_pairs

__all__ = ["HeldOut", "Material", "load_held_out", "load_material", "with_deploy_size"]

LARGEST_DEPLOY_SIZE = 352  # the size that most papers on polyps report
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Material:
    """What trials train and are scored on. The test part is counted and never loaded into a trial.

    `slices`: how many slices the channels of an image are, itself in the middle.
    """

    training: Samples
    validation: Samples
    test_count: int
    baselines: dict[str, float]
    slices: int = 1


@dataclass(frozen=True)
class HeldOut:
    """The images that only a final report sees.

    Attributes:
        samples: At the training size, as the network takes them.
        truths: Their masks at their own sizes, (H, W).
        units: Of each image what it belongs together with (patient, volume); its own id if with nothing.
        pixels: Of an index the image at its own size, (H, W, C).
    """

    samples: Samples
    truths: list[NDArray[np.uint8]]
    units: tuple[str, ...]
    pixels: Callable[[int], NDArray[np.uint8] | NDArray[np.float32]]


def with_deploy_size(config: StudyConfig) -> StudyConfig:
    """Return the configuration with the deploy size decided: the median of the images' sides, at most 352 pixels."""
    if config.deploy.size is not None:
        return config
    side = config.data.size if config.data.kind == "generated" else _median_side(config.data)
    deploy = config.deploy.model_copy(update={"size": max(32, min(LARGEST_DEPLOY_SIZE, side))})
    return config.model_copy(update={"deploy": deploy})


def load_material(config: StudyConfig, folder: StudyFolder | None, on_progress: Progress | None = None) -> Material:
    """Load all images and split them; with a folder the split is stored there, or checked against the stored one.

    Raises DataError for files that cannot be used, a part without images, or images that changed since the start.
    """
    pairs, samples, split = _divided(config, folder, on_progress)
    training, validation = (_part(config, pairs, samples, indexes) for indexes in (split.train, split.validation))
    baselines = {
        "all_foreground": all_foreground_dice(validation.masks, samples.classes),
        "mean_mask": mean_mask_dice(training.masks, validation.masks, samples.classes),
    }
    slices = 2 * config.data.neighbours + 1 if isinstance(config.data, FolderData) else 1
    return Material(training, validation, len(split.test), baselines, slices)


def load_held_out(config: StudyConfig, folder: StudyFolder, on_progress: Progress | None = None) -> HeldOut:
    """Load the test images of a study that has begun: for the final report only, which logs that it does so.

    Raises DataError as `load_material`.
    """
    pairs, samples, split = _divided(config, folder, on_progress)
    part = _part(config, pairs, samples, split.test)
    if not isinstance(config.data, FolderData):
        drawn = scenes(config.data.images, config.data.size, config.data.seed).select(split.test)
        pictures = [image.permute(1, 2, 0).numpy() for image in drawn.images]
        return HeldOut(part, [mask.numpy() for mask in drawn.masks], part.ids, pictures.__getitem__)
    chosen, form = [pairs[index] for index in split.test], form_of(config.data)
    groups = groups_of(pairs, config.data.group, config.data.block)
    units = part.ids if groups is None else tuple(groups[index] for index in split.test)
    decoded = [_decoded(pair, form) for pair in chosen]
    return HeldOut(part, [each.labels for each in decoded], units, lambda i: _decoded(chosen[i], form).picture.pixels)


def _decoded(pair: Pair, form: Form) -> Decoded:
    findings: list[Finding] = []
    decoded = decode_pair(pair, form, findings)
    if decoded is None:
        raise DataError("; ".join(finding.text for finding in findings))
    return decoded


def _divided(
    config: StudyConfig, folder: StudyFolder | None, on_progress: Progress | None
) -> tuple[tuple[Pair, ...], Samples, Split]:
    """Return where the images lie (nowhere, if they are drawn), all of them at the training size, and their split."""
    pairs: tuple[Pair, ...] = ()
    if isinstance(config.data, FolderData):
        pairs = find_pairs(layout_of(config.data))
        samples = load(pairs, config.train.size, on_progress, form=form_of(config.data))
    else:
        samples = _resized(scenes(config.data.images, config.data.size, config.data.seed), config.train.size)
    return pairs, samples, _split(config, pairs, samples, folder)


def _part(config: StudyConfig, pairs: tuple[Pair, ...], samples: Samples, indexes: Sequence[int]) -> Samples:
    part = samples.select(indexes)
    if isinstance(config.data, FolderData) and config.data.neighbours:
        return with_neighbours(part, places_of(pairs), config.data.neighbours)
    return part


def _split(config: StudyConfig, pairs: tuple[Pair, ...], samples: Samples, folder: StudyFolder | None) -> Split:
    if folder is not None and folder.split_file.exists():
        return Split.from_json(folder.split_file.read_text(encoding="utf-8"), samples.ids, samples.hashes)
    if isinstance(config.data, FolderData):
        split = split_pairs(config.data, pairs, samples.hashes)
    else:
        shares = config.data.split
        split = split_by_hash(samples.hashes, validation=shares.validation, test=shares.test, seed=shares.seed)
    if folder is not None:
        write_atomic(folder.split_file, split.to_json(samples.ids, samples.hashes))
    return split


def _resized(samples: Samples, size: int) -> Samples:
    if samples.images.shape[-1] == size:
        return samples
    images = [resize_image(image.permute(1, 2, 0).numpy(), size) for image in samples.images]
    masks = [resize_mask(mask.bool().numpy(), size) for mask in samples.masks]
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return Samples(stacked, torch.from_numpy(np.stack(masks)), samples.ids, samples.hashes)


def _median_side(data: FolderData) -> int:
    facts = check(find_pairs(layout_of(data)), form=form_of(data)).facts
    return LARGEST_DEPLOY_SIZE if facts is None else min(facts.median_height, facts.median_width)
