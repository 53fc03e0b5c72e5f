"""Drawn scenes that resemble endoscopy: data for tests, examples and trials without any patient's picture.

A scene is a small relief (mucosa, folds around a lumen, lesions) lit from the camera, so that a lesion and a fold look
alike to a small window and differ by what surrounds them. Lesions share their colours with harmless patches; some have
no colour of their own and show by their rim or by hiding the vessels only.

Coordinates: u to the right and v downwards, both -1..1 over the frame; heights have the same unit.
Everything is computed in float64, so that a rounding difference between processors does not reach the 8-bit pixels.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from evaluators.data.samples import DataError, Samples, content_hash

__all__ = ["scenes"]

Map = NDArray[np.float64]  # (size, size), one number for each pixel, where nothing else is said

SHARE_WITHOUT_LESION = 0.03
SMALLEST_RADIUS, LARGEST_RADIUS = 0.08, 0.8  # an ellipse of mean radius r covers pi * r**2 / 4 of the frame
# Changes of (red, green, blue) reflectance that lesions and harmless patches draw from.
TINTS = np.array(
    [[0.06, -0.14, -0.10], [0.10, 0.15, 0.14], [-0.14, -0.14, -0.08], [0.04, 0.08, -0.06], [-0.04, -0.10, -0.03]]
)


def scenes(count: int, size: int, seed: int) -> Samples:
    """Draw `count` scenes with lesion masks: images (count, 3, size, size), masks of 0 and 1.

    Scene i depends on (i, size, seed) only, to the pixel; its id is `scene-SEED-I`. A lesion covers about 0.5 % to
    50 % of the frame, small ones being as frequent as large ones (log-uniform radius); about 3 % of the scenes have
    none.

    Raises:
        DataError: `count` is below 1, `size` below 16 pixels or `seed` negative.
    """
    if count < 1 or size < 16 or seed < 0:
        raise DataError(f"scenes: needed count >= 1, size >= 16, seed >= 0; got {count=}, {size=}, {seed=}")
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    masks = np.empty((count, size, size), dtype=np.uint8)
    for index in range(count):
        images[index], masks[index] = _scene(np.random.default_rng([seed, index]), size)
    return Samples(
        images=torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(),
        masks=torch.from_numpy(masks),
        ids=tuple(f"scene-{seed}-{index}" for index in range(count)),
        hashes=tuple(content_hash(image) for image in images),
    )


class _Relief(NamedTuple):
    """Part of a scene: what it adds to the height and by what it multiplies the brightness."""

    height: Map
    shade: Map


class _Lesions(NamedTuple):
    mask: NDArray[np.bool_]
    relief: _Relief
    cover: Map  # 0 outside, 1 well inside
    veil: Map  # how much of the vessels is hidden, 0..1
    tint: Map  # (size, size, 3), added to the reflectance
    grain: Map  # roughness that a lesion adds, in multiples of the mucosa's


def _scene(rng: Generator, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    depth, tunnel = _tunnel(rng, size)
    folds = _folds(rng, depth)
    lesions = _lesions(rng, size)
    fine = _noise(rng, size, (24, 48)) * (1 + lesions.grain)
    height = tunnel.height + (1 - lesions.cover) * folds.height + lesions.relief.height
    height += 0.1 * _noise(rng, size, (2, 4, 8)) + rng.uniform(0.001, 0.005) * fine
    diffuse, gloss = _light(rng, height)
    # A lesion stands before the folds and before the depth of the lumen: it hides most of their darkness.
    behind = 1 - (1 - folds.shade * tunnel.shade) * (1 - 0.85 * lesions.cover)
    colour = _mucosa(rng, size, lesions.veil) + lesions.tint + (rng.uniform(0.01, 0.03) * fine)[:, :, None]
    window = _window(rng, size)
    image = _camera(rng, colour, diffuse * behind * lesions.relief.shade, gloss, window)
    return image, (lesions.mask & (window > 0.5)).astype(np.uint8)


@lru_cache(maxsize=8)
def _plane(size: int) -> tuple[Map, Map]:
    """Coordinates (u, v) of the pixel centres."""
    line = (np.arange(size) + 0.5) * 2 / size - 1
    u, v = np.meshgrid(line, line)
    return u, v


@lru_cache(maxsize=64)
def _spline(size: int, cells: int) -> Map:
    """Weights (size, cells + 3) of the uniform cubic B-spline: smooth noise without a visible grid."""
    place = (np.arange(size) + 0.5) * cells / size
    cell = place.astype(np.int64)
    t = place - cell
    pieces = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    weights = np.zeros((size, cells + 3))
    for offset, piece in enumerate(pieces):
        weights[np.arange(size), cell + offset] = piece / 6
    return weights


def _noise(rng: Generator, size: int, cells: tuple[int, ...]) -> Map:
    """Smooth noise of mean 0 and deviation near 1; octave k has cells[k] bumps a side and half the weight of k - 1."""
    total = np.zeros((size, size))
    for octave, count in enumerate(cells):
        weights = _spline(size, count)
        total += 0.5**octave * (weights @ rng.standard_normal((count + 3, count + 3)) @ weights.T)
    return 2.0 * total  # a spline averages its knots: each octave has about half their deviation


def _step(x: Map) -> Map:
    """The logistic function, written so that it cannot overflow."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _tunnel(rng: Generator, size: int) -> tuple[Map, _Relief]:
    """Distance from the lumen's centre (wobbling, so that rings around it are not circles), and its darkness."""
    u, v = _plane(size)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1.6)
    stretch = rng.uniform(0.7, 1.4)
    distance = np.hypot((u - offset * np.cos(angle)) * stretch, (v - offset * np.sin(angle)) / stretch)
    distance += 0.12 * _noise(rng, size, (2, 4))
    opening = rng.uniform(0.05, 0.45)
    darkness = rng.uniform(0.55, 0.95) * _step(7 * (opening - distance))
    return distance, _Relief(height=0.35 * distance, shade=1 - darkness)


def _folds(rng: Generator, distance: Map) -> _Relief:
    """Ridges around the lumen: rising towards it, in shadow behind; each fades out along its way."""
    size = distance.shape[0]
    height, shade = np.zeros_like(distance), np.ones_like(distance)
    for _ in range(rng.integers(1, 6)):
        crest = distance - rng.uniform(0.25, 1.9) + 0.1 * _noise(rng, size, (2,))
        present = _step(6 * (_noise(rng, size, (1, 2)) + rng.uniform(-0.4, 0.6)))
        width = np.where(crest > 0, rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.2))
        height += rng.uniform(0.03, 0.14) * np.exp(-((crest / width) ** 2)) * present
        shadow = _step(-60 * crest) * np.exp(-np.abs(crest) / rng.uniform(0.1, 0.4))
        shade *= 1 - rng.uniform(0.1, 0.65) * shadow * present
    return _Relief(height, shade)


def _lesions(rng: Generator, size: int) -> _Lesions:
    """None, one (mostly), two or three lesions."""
    number = 0 if rng.random() < SHARE_WITHOUT_LESION else int(rng.choice((1, 2, 3), p=(0.8, 0.15, 0.05)))
    mask = np.zeros((size, size), dtype=np.bool_)
    height, shade = np.zeros((size, size)), np.ones((size, size))
    cover, veil, grain = np.zeros((size, size)), np.zeros((size, size)), np.zeros((size, size))
    tint = np.zeros((size, size, 3))
    for order in range(number):
        radius = SMALLEST_RADIUS * (LARGEST_RADIUS / SMALLEST_RADIUS) ** rng.random()
        if order:
            radius = min(radius, 0.25)  # companions stay small: three large ones would fill the frame
        ratio, away = _outline(rng, size, radius)
        inside = _step((1 - ratio) * rng.uniform(10, 40))
        mask |= ratio < 1
        cover = np.maximum(cover, inside)
        height += _dome(rng, ratio, radius)
        rim = np.exp(-(((ratio - 1.08) / rng.uniform(0.06, 0.16)) ** 2)) * np.clip(0.4 + 0.6 * away, 0, None)
        shade *= 1 - rng.uniform(0.1, 0.5) * rim
        veil = np.maximum(veil, rng.uniform(0.5, 1) * inside)
        tint += inside[:, :, None] * _tint(rng)
        grain += rng.uniform(-0.6, 2.0) * inside
    return _Lesions(mask, _Relief(height, shade), cover, veil, tint, grain)


def _outline(rng: Generator, size: int, radius: float) -> tuple[Map, Map]:
    """Distance from a lesion's centre in multiples of its radius there (below 1 inside), and 1 on its unlit side."""
    u, v = _plane(size)
    reach = 1 - min(radius, 0.8) * 0.8  # the outer part of a lesion may leave the frame
    centre_u, centre_v = rng.uniform(-reach, reach, 2)
    u, v = u - centre_u, v - centre_v
    turn, flat = rng.uniform(0, np.pi), rng.uniform(0.65, 1) ** 0.5
    along, across = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
    angle = np.arctan2(across, along)
    edge = np.ones_like(angle)
    for lobes in (2, 3, 4, 5):
        edge += rng.normal(0, 0.16 / lobes) * np.cos(lobes * angle + rng.uniform(0, 2 * np.pi))
    away = np.cos(np.arctan2(v, u) - np.arctan2(centre_v, centre_u) + rng.normal(0, 0.5))
    return np.hypot(along * flat, across / flat) / (radius * edge), away


def _dome(rng: Generator, ratio: Map, radius: float) -> Map:
    """Height of a lesion: between a plateau and a cap; many are nearly flat."""
    plateau = _step(8 * (0.95 - ratio))
    cap = np.clip(1 - ratio**2, 0, None)
    roundness = rng.random()
    prominence = rng.uniform(0.06, 0.15) + 0.6 * rng.random() ** 2
    return prominence * radius * (roundness * cap + (1 - roundness) * plateau)


def _tint(rng: Generator) -> Map:
    """A change of reflectance (3,); often close to none."""
    tint: Map = TINTS[rng.integers(len(TINTS))] * rng.random() ** 1.5 + rng.normal(0, 0.01, 3)
    return tint


def _mucosa(rng: Generator, size: int, veil: Map) -> Map:
    """Reflectance (size, size, 3) of the wall: pink, mottled, with harmless patches, and vessels under the veil."""
    paleness, warmth = rng.normal(0, 0.05), rng.normal(0, 0.025)
    base = np.array((0.82, 0.46 + paleness + warmth / 2, 0.38 + paleness - warmth))
    mottling = _noise(rng, size, (3, 6, 12))
    colour: Map = base + mottling[:, :, None] * rng.uniform(0.2, 0.6) * np.array((0.03, 0.07, 0.06))
    for _ in range(rng.integers(1, 4)):
        edge = 6 * (_noise(rng, size, (2, 4, 8)) - rng.uniform(0.6, 1.3))
        colour += _step(edge)[:, :, None] * _tint(rng)
    courses = _noise(rng, size, (5, 10, 20))
    vessels = np.exp(-((courses / 0.09) ** 2)) * _step(4 * _noise(rng, size, (2, 4)))
    strength = rng.uniform(0.1, 1) * vessels * (1 - veil)
    colour -= strength[:, :, None] * np.array((0.10, 0.16, 0.12))
    return colour


def _light(rng: Generator, height: Map) -> tuple[Map, Map]:
    """Diffuse light and mirror-like highlights of a wet relief, lit from beside the lens."""
    size = height.shape[0]
    u, v = _plane(size)
    rise_v, rise_u = np.gradient(height, 2 / size)
    side_u, side_v = rng.uniform(-0.35, 0.35, 2)
    towards_u, towards_v = side_u - 0.4 * u, side_v - 0.4 * v
    facing = 1 - rise_u * towards_u - rise_v * towards_v
    diffuse = facing / np.sqrt((1 + rise_u**2 + rise_v**2) * (1 + towards_u**2 + towards_v**2))
    spread = rng.uniform(0.1, 0.3)  # ripples of the film
    miss_u = rise_u + towards_u / 2 + spread * _noise(rng, size, (14, 28))
    miss_v = rise_v + towards_v / 2 + spread * _noise(rng, size, (14, 28))
    film = _step(8 * (_noise(rng, size, (3, 6)) - rng.uniform(0.2, 1.6)))
    return 0.2 + 0.8 * np.clip(diffuse, 0, None), film * np.exp(-(miss_u**2 + miss_v**2) / rng.uniform(0.004, 0.02))


def _window(rng: Generator, size: int) -> Map:
    """1 where the scope sees, 0 in its black corners; half of the scopes see the whole frame."""
    u, v = _plane(size)
    cut, radius, corners = rng.uniform(1.45, 1.7), rng.uniform(1.2, 1.5), rng.random() < 0.5
    edge = np.maximum(np.abs(u) + np.abs(v) - cut, np.hypot(u, v) - radius)
    return _step(-60 * edge) if corners else np.ones((size, size))


def _camera(rng: Generator, colour: Map, brightness: Map, gloss: Map, window: Map) -> NDArray[np.uint8]:
    """Light fall-off, exposure, white balance, highlights and noise; (size, size, 3)."""
    u, v = _plane(colour.shape[0])
    falloff = 1 / (1 + rng.uniform(0.15, 0.6) * (u**2 + v**2))
    lit = (brightness * falloff * rng.uniform(0.95, 1.5))[:, :, None]
    # Tissue scatters red furthest, so shadows turn red before they turn black.
    image = np.clip(colour, 0.02, None) * lit ** np.array((0.85, 1.15, 1.25)) * rng.normal(1, 0.03, 3)
    image += np.clip(1.6 * gloss - 0.2, 0, 1)[:, :, None]
    image = image * window[:, :, None] + rng.normal(0, rng.uniform(0.004, 0.012), image.shape)
    pixels: NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) ** rng.uniform(0.85, 1.1) * 255).astype(np.uint8)
    return pixels
