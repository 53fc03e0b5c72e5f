"""Random changes of a batch that leave its label true, on the batch's device, and the scaling of images to floats.

Every decision is made per image by the generator that is passed, on the batch's device, so that a step waits for
nothing on the host and a seeded epoch can be repeated. What an image is moved away from is black in it and 255
(`IGNORE`) in its mask.
"""

import torch
from torch.nn import functional

from evaluators.dice import IGNORE
from evaluators.recipe import Recipe

__all__ = ["MEAN", "STD", "augmented", "move", "normalise", "recolour", "rescale", "warp"]

MEAN = 0.5  # of every channel, on the scale 0..1: fixed, so that a deployed network needs no statistics of its data
STD = 0.25


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Return float32 (x - 0.5) / 0.25 of images (N, C, H, W), any C: uint8 0..255 or float 0..1 give -2..2."""
    unit = images if images.is_floating_point() else images.float() / 255
    return (unit - MEAN) / STD


def augmented(
    images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator, recipe: Recipe, scale: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return normalised images and their masks, changed as the recipe says; sizes differ where `scale` is not 1.

    Args:
        images: uint8 or float32 0..1 (N, C, H, W).
        masks: uint8 (N, H, W).
        generator: On the device of both.
        recipe: Which changes, and how strong.
        scale: Multiple of the size that this step is trained at.
    """
    images, masks = move(images, masks, generator, flips=recipe.flips, quarter_turns=recipe.quarter_turns)
    unit = images if images.is_floating_point() else images.float() / 255
    unit, masks = warp(unit, masks, generator, rotation=recipe.rotation, zoom=recipe.zoom)
    unit, masks = rescale(unit, masks, scale)
    return normalise(recolour(unit, generator, recipe.colour)), masks


def move(
    images: torch.Tensor, masks: torch.Tensor, generator: torch.Generator, *, flips: bool, quarter_turns: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each image and its mask flipped and turned alike; pixels are moved, never interpolated.

    Args:
        images: uint8 or float32 (N, C, H, W).
        masks: uint8 (N, H, W).
        generator: On the device of both.
        flips: Turn over the rows and, independently, the columns, each with probability 1/2.
        quarter_turns: Turn counter-clockwise by 0, 90, 180 or 270 degrees; by 0 or 180 where H differs from W.
    """
    if not (flips or quarter_turns):
        return images, masks
    both = torch.cat((images, masks.unsqueeze(1)), 1)  # one tensor: the mask cannot stay behind
    turns = _draw(4 if quarter_turns else 1, images, generator)
    rows = _draw(2 if flips else 1, images, generator) == 1
    columns = _draw(2 if flips else 1, images, generator) == 1
    if images.shape[-2] == images.shape[-1]:
        both = torch.where(turns % 2 == 1, both.transpose(-2, -1), both)
    else:
        turns = turns - turns % 2
    # A quarter turn is a transposition, then a flip; so the turns' flips and the plain ones are done at once.
    both = torch.where(rows ^ ((turns == 1) | (turns == 2)), both.flip(-2), both)
    both = torch.where(columns ^ ((turns == 2) | (turns == 3)), both.flip(-1), both)
    return both[:, :-1], both[:, -1].to(masks.dtype)


def warp(
    images: torch.Tensor,
    masks: torch.Tensor,
    generator: torch.Generator,
    *,
    rotation: float,
    zoom: tuple[float, float],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each image and its mask turned and enlarged alike, at their size: images bilinear, masks nearest.

    An enlarged image is cropped, a shrunken one surrounded by pixels to ignore, both at a place drawn at random.

    Args:
        images: float (N, C, H, W).
        masks: uint8 (N, H, W).
        generator: On the device of both.
        rotation: Greatest angle in degrees, either way; the angle is uniform.
        zoom: Least and greatest factor; uniform between them. (1, 1) is off.
    """
    if rotation == 0 and tuple(zoom) == (1.0, 1.0):
        return images, masks
    draws = torch.rand((4, len(images)), generator=generator, device=images.device)
    angle = torch.deg2rad(rotation * (2 * draws[0] - 1))
    side = 1 / (zoom[0] + (zoom[1] - zoom[0]) * draws[1])  # of what is seen, as a multiple of the image's
    across, down = (1 - side).abs() * (2 * draws[2:] - 1)
    shape = images.shape[-2] / images.shape[-1]  # grids are in halves of each side, angles in pixels
    rows = (
        torch.stack((side * angle.cos(), -side * angle.sin() * shape, across), 1),
        torch.stack((side * angle.sin() / shape, side * angle.cos(), down), 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), [*images.shape], align_corners=False)  # one for both
    labels = masks.unsqueeze(1).float() - IGNORE  # beyond the image is 0, which is then 255
    warped = functional.grid_sample(labels, grid, mode="nearest", padding_mode="zeros", align_corners=False) + IGNORE
    moved = functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return moved, warped.squeeze(1).round().to(masks.dtype)


def rescale(images: torch.Tensor, masks: torch.Tensor, scale: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and masks at `scale` times their size, rounded to a multiple of 32 pixels, 32 at least.

    Images are bilinear with aligned corners, as PraNet and HarDNet-MSEG train at several scales; masks take the nearest
    pixel's class in the same frame, where those programs interpolate them to shares.
    """
    if scale == 1:
        return images, masks
    height, width = (max(32, round(side * scale / 32) * 32) for side in images.shape[-2:])
    resized = functional.interpolate(images, size=(height, width), mode="bilinear", align_corners=True)
    rows, columns = _nearest(masks.shape[-2], height, masks), _nearest(masks.shape[-1], width, masks)
    return resized, masks.index_select(1, rows).index_select(2, columns)


def recolour(images: torch.Tensor, generator: torch.Generator, strength: float) -> torch.Tensor:
    """Return the images with saturation, contrast and brightness changed, in this order.

    Each is multiplied by a factor drawn per image, uniform in [1 - strength, 1 + strength]: the distance from the
    mean of the channels, the distance from the image's mean, the values. One channel has no saturation to change.

    Args:
        images: float (N, C, H, W), 0..1.
        generator: On the images' device.
        strength: 0 (off: the images come back as they are) to 1.
    """
    if strength == 0:
        return images
    draws = torch.rand((3, len(images), 1, 1, 1), generator=generator, device=images.device)
    saturation, contrast, brightness = 1 + strength * (2 * draws - 1)
    grey = images.mean(1, keepdim=True)
    images = grey + saturation * (images - grey)
    level = grey.mean((2, 3), keepdim=True)
    return torch.clamp(brightness * (level + contrast * (images - level)), 0, 1)


def _draw(options: int, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return one of 0..options-1 for each image, shape (N, 1, 1, 1)."""
    return torch.randint(options, (len(images), 1, 1, 1), generator=generator, device=images.device)


def _nearest(old: int, new: int, like: torch.Tensor) -> torch.Tensor:
    """Return the index, 0..old-1, of the pixel nearest to each of `new` ones, the corners' centres aligned."""
    return torch.linspace(0, old - 1, new, device=like.device, dtype=torch.float64).round().long()
