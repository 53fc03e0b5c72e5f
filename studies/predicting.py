"""What `nas predict` does: images to masks of their own size. Without `--backend torch` nothing here loads torch."""

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.text import Text

from evaluators.data.outlining import OUTLINES, outlined
from evaluators.data.pictures import SUFFIXES, read_image
from evaluators.data.resizing import fit_image, inner_size, resize_image
from nas.errors import ExportError, NasError
from nas.export.inference import Backend, Network
from nas.export.preprocess import Preprocess
from nas.export.tiling import in_tiles
from studies.errors import SourceError, one_line

__all__ = ["Extras", "Running", "fitted", "predict"]

Pixels = NDArray[np.uint8] | NDArray[np.float32]
_EIGHT_BIT = (0.0, 255.0)


class Extras(NamedTuple):
    """What is written beside the masks: `overlays/` (outlines on the images), `probabilities/` (float32, as .npy)."""

    overlay: bool = False
    probabilities: bool = False


class Running(NamedTuple):
    """How the network is run.

    backend: onnxruntime or torch. form: which ONNX file. tile: images of a larger side, that are not shrunk to the size
    of a training, are run in tiles of it; 0: never.
    """

    backend: Backend = "onnxruntime"
    form: Literal["float32", "fp16", "int8-dynamic", "int8-static"] = "float32"
    tile: int = 1024


def predict(directory: Path, sources: Sequence[Path], out: Path, running: Running, extras: Extras) -> bool:
    """Write the mask of each image as `out/NAME.png`. Return False if some images could not be used; they are named.

    sources: image files, and folders, of which all pictures are taken. A mask has its image's height and width: 0 and
    255, or a palette of the classes' numbers. Raises ExportError for what is no export or cannot be written,
    SourceError for images that are not there or would share a mask's name.
    """
    console, faults = Console(stderr=True), 0
    network = _network(directory, running)
    _check_images_are_single(network)
    targets = _targets(sources, out)
    _make_folders(out, extras)
    for image, target in track(targets.items(), "predicting", console=console, disable=not console.is_terminal):
        try:
            files = _predicted(network, image, target, extras, running.tile)
        except (NasError, MemoryError) as fault:
            faults += 1
            said = str(fault) or "too large for this machine's memory"
            said = said if str(image) in said else f"{image}: {said}"
            console.print(Text(f"nas: {said}; left out"), soft_wrap=True)
            continue
        for path, content in files.items():
            _write(path, content)
    left = f"; {faults} of {len(targets)} images could not be used" if faults else ""
    Console().print(Text(f"wrote {len(targets) - faults} masks to {out}{left}"), soft_wrap=True)
    return not faults


def _network(directory: Path, running: Running) -> Network:
    name = "model.onnx" if running.form == "float32" else f"model.{running.form}.onnx"
    if running.form != "float32" and running.backend == "torch":
        raise ExportError(f"--form {running.form}: is run by onnxruntime; leave out --backend torch")
    if running.form != "float32" and not (directory / name).is_file():
        raise ExportError(f"{directory}: has no {name}; export again with that form (nas export --help)")
    return Network(directory, running.backend, name)


def logits_of(network: Network, pixels: Pixels, tile: int = 0) -> NDArray[np.float32]:
    """Return logits (K, H, W) at the size of the image (H, W, C), brought to the size of the training in between.

    tile: side of the tiles that larger images without such a size are run in; 0: whole.
    """
    preprocess, (height, width) = network.preprocess, pixels.shape[:2]
    if preprocess.size is None:
        multiple = preprocess.multiple
        tile = max(preprocess.least_side, -(-tile // multiple) * multiple) if tile else max(height, width)
        return in_tiles(network.logits, pixels, tile)
    rows, columns = inner_size(height, width, preprocess.size, preprocess.fit)
    small = network.logits(fitted(pixels, preprocess))[:, :rows, :columns]
    resized = resize_image(np.ascontiguousarray(small.transpose(1, 2, 0)), (height, width))
    return np.ascontiguousarray(resized.transpose(2, 0, 1), dtype=np.float32)


def fitted(pixels: Pixels, preprocess: Preprocess) -> Pixels:
    """Return an image (H, W, C) at the size of the training, or as it is where the network has none."""
    return pixels if preprocess.size is None else fit_image(pixels, preprocess.size, preprocess.fit)


def probabilities_of(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities (K, H, W): of one map its sigmoid, of several their softmax."""
    if len(logits) > 1:
        exponents = np.exp(logits - logits.max(0))
        return np.asarray(exponents / exponents.sum(0), np.float32)
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1, small) / (1 + small), np.float32)


def _predicted(network: Network, image: Path, target: Path, extras: Extras, tile: int) -> dict[Path, bytes]:
    """Return what is to be written for an image, by its path."""
    preprocess = network.preprocess
    limits = None if preprocess.range == _EIGHT_BIT else preprocess.range
    pixels = read_image(image, preprocess.channels, limits).pixels
    probabilities = probabilities_of(logits_of(network, pixels, tile))
    if preprocess.logits == 1:
        labels = (probabilities[0] >= preprocess.threshold).astype(np.uint8)
    else:
        labels = probabilities.argmax(0).astype(np.uint8)
    files = {target: _png(_mask(labels, preprocess.logits))}
    if extras.overlay:
        files[target.parent / "overlays" / target.name] = _png(Image.fromarray(outlined(pixels, labels)))
    if extras.probabilities:
        numbers = io.BytesIO()
        np.save(numbers, probabilities, allow_pickle=False)
        files[target.parent / "probabilities" / f"{target.stem}.npy"] = numbers.getvalue()
    return files


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def _mask(labels: NDArray[np.uint8], logits: int) -> Image.Image:
    if logits == 1:
        return Image.fromarray(labels * np.uint8(255))
    mask = Image.fromarray(labels).convert("P")
    mask.putpalette([0, 0, 0, *(part for i in range(255) for part in OUTLINES[i % len(OUTLINES)])])
    return mask


def _check_images_are_single(network: Network) -> None:
    preprocess = network.preprocess
    if preprocess.neighbours or preprocess.channels not in (1, 3):
        raise ExportError(
            f"the network takes {preprocess.channels} channels, {preprocess.neighbours} slices before and behind an "
            "image among them; nas predict reads single grey or RGB images: use nas.load in Python"
        )


def _targets(sources: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Return where the mask of each image goes."""
    images = list(dict.fromkeys(image for source in sources for image in _images(source)))
    if not images:
        raise SourceError(f"{', '.join(map(str, sources))}: no pictures there; needs {', '.join(SUFFIXES)}")
    taken: dict[str, Path] = {}
    for image in images:
        other = taken.setdefault(image.stem.casefold(), image)
        if other is not image:
            raise SourceError(
                f"{other} and {image}: both masks would be {image.stem}.png; predict them into two folders"
            )
    targets = {image: out / f"{image.stem}.png" for image in images}
    given = {image.resolve() for image in images}
    over = next((target for target in targets.values() if target.resolve() in given), None)
    if over is not None:
        raise SourceError(f"{over}: the mask would replace an image; give another folder with --out")
    return targets


def _images(source: Path) -> Iterator[Path]:
    if not source.exists():
        raise SourceError(f"{one_line(str(source))}: no such file or folder")
    if source.is_dir():
        yield from sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    else:
        yield source


def _make_folders(out: Path, extras: Extras) -> None:
    folders = [out, *([out / "overlays"] * extras.overlay), *([out / "probabilities"] * extras.probabilities)]
    for folder in folders:
        if folder.is_symlink():
            raise ExportError(f"{folder}: is a link; nothing is written through links, give the folder itself")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise ExportError(f"{folder}: cannot be made: {fault}; give another folder with --out") from None


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a link of that name is replaced, and what it names stays as it is."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        new.chmod(0o644)
        new.replace(path)
    except OSError as fault:
        raise ExportError(f"{path}: cannot be written: {fault}") from None
    finally:
        new.unlink(missing_ok=True)
