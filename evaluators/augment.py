"""Random changes of a batch that leave its label true, on the batch's device, and the scaling of images to floats.

Every decision is made per image by the generator that is passed, on the batch's device, so that a step waits for
nothing on the host and a seeded epoch can be repeated.
"""

import torch

__all__ = ["MEAN", "STD", "move", "normalise", "recolour"]

MEAN = 0.5  # of every channel, on the scale 0..1: fixed, so that a deployed network needs no statistics of its data
STD = 0.25


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Return float32 (x - 0.5) / 0.25 of images (N, C, H, W), any C: uint8 0..255 or float 0..1 give -2..2."""
    unit = images if images.is_floating_point() else images.float() / 255
    return (unit - MEAN) / STD


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
