"""`example.png` of an export: what the network predicts on validation images, the worst among them."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from evaluators.data.outlining import outlined
from evaluators.dice import IGNORE, dice_of_classes
from evaluators.scoring import predicted_labels
from nas.module import GraphModule
from studies.material import Material
from studies.picturing import middle_pixels

__all__ = ["example_picture"]

_GAP = 4  # pixels


def example_picture(module: GraphModule, material: Material) -> tuple[bytes, list[float]]:
    """Return a PNG, and the Dice of its rows: the worst, the median and the best validation image.

    Columns: the image, the mask's outline, the prediction's. At the training size.
    """
    samples = material.validation
    found = predicted_labels(module, samples.images, batch=1, channels_last=False, classes=samples.classes)
    dices = dice_of_classes(found, samples.masks, samples.classes)
    order = torch.argsort(dices, stable=True).tolist()
    chosen = list(dict.fromkeys(order[place] for place in (0, len(order) // 2, -1)))
    rows = [
        _row(middle_pixels(samples.images[i], material.slices), samples.masks[i].numpy(), found[i].numpy())
        for i in chosen
    ]
    gap = np.full((_GAP, rows[0].shape[1], 3), 255, np.uint8)
    stacked = [part for row in rows for part in (row, gap)][:-1]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(stacked)).save(file, "png")
    return file.getvalue(), [float(dices[i]) for i in chosen]


def _row(pixels: NDArray[np.uint8], truth: NDArray[np.uint8], found: NDArray[np.uint8]) -> NDArray[np.uint8]:
    plain = outlined(pixels, np.zeros_like(truth))
    gap = np.full((truth.shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([plain, gap, outlined(pixels, truth, IGNORE), gap, outlined(pixels, found)], axis=1)
