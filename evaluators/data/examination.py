"""What is wrong, or doubtful, in a data set as a whole: over files, masks and both sides of the split."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evaluators.data.checking import Look
from evaluators.data.findings import Finding
from evaluators.data.likeness import near_pairs
from evaluators.data.pictures import is_turned
from evaluators.data.stacks import block_of_slices

__all__ = ["ClassBalance", "balance", "doubts", "faults_of"]

HALF = 0.5


class ClassBalance(NamedTuple):
    """Of one class: its share of all labelled pixels, the images it is in, its regions and their median area."""

    name: str
    pixel_share: float
    images: int
    objects: int
    median_area: float | None  # in pixels; None where there are no regions, or for the background


def faults_of(looks: Sequence[Look], part_of: Mapping[str, str]) -> list[Finding]:
    """Return what can be decoded and yet should not be used; `part_of` says on which side of the split an id lies."""
    return [*_rotated(looks), *_printers_colours(looks), *_on_both_sides(looks, part_of)]


def doubts(looks: Sequence[Look], part_of: Mapping[str, str], classes: Sequence[str], grouped: bool) -> list[Finding]:
    """Return what a person should look at: it may be right."""
    found = [*_empty(looks), *_twice(looks, part_of), *_near(looks, part_of)]
    for name, row in zip(classes, balance(looks, classes), strict=True):
        if not row.images:
            found.append(Finding("absent classes", name, f"class {name}: no mask has a pixel of it"))
    block = None if grouped else block_of_slices(looks)
    if block is not None:
        text = f"images with neighbouring numbers look alike, as slices of a stack do; data.block: {block} keeps them"
        found.append(Finding("neighbouring slices", "all images", f"{text} on one side of the split"))
    shares = sorted(look.foreground_share for look in looks)
    if len(classes) == 2 and shares and shares[len(shares) // 2] > HALF:
        text = f"half of the masks are more than {shares[len(shares) // 2]:.0%} foreground"
        found.append(Finding("inverted masks", "all masks", f"{text}; if that is the background: data.invert: true"))
    return found


def balance(looks: Sequence[Look], classes: Sequence[str]) -> list[ClassBalance]:
    """Return how much there is of each class, the background first."""
    total = sum(sum(look.pixels_of) for look in looks) or 1
    rows = []
    for label, name in enumerate(classes):
        areas = sorted(int(area) for look in looks if label for area in look.objects[label - 1])
        rows.append(
            ClassBalance(
                name=name,
                pixel_share=sum(look.pixels_of[label] for look in looks) / total,
                images=sum(look.pixels_of[label] > 0 for look in looks),
                objects=len(areas),
                median_area=areas[len(areas) // 2] if areas else None,
            )
        )
    return rows


def _rotated(looks: Sequence[Look]) -> Iterator[Finding]:
    for look in looks:
        if look.turned and not all(is_turned(mask) for mask in look.pair.masks):
            text = f"{look.pair.image}: stored rotated (EXIF), its mask is not; save the image upright, then see that"
            yield Finding("EXIF-rotated images", str(look.pair.image), f"{text} the mask fits")


def _printers_colours(looks: Sequence[Look]) -> Iterator[Finding]:
    for look in looks:
        if look.mode == "CMYK":
            text = f"{look.pair.image}: printer's colours (CMYK), whose look depends on a profile; save it as RGB"
            yield Finding("CMYK images", str(look.pair.image), text)


def _on_both_sides(looks: Sequence[Look], part_of: Mapping[str, str]) -> Iterator[Finding]:
    for look, other in _copies(looks):
        one, two = part_of.get(look.pair.id), part_of.get(other.pair.id)
        if one != two:
            text = f"{look.pair.id} ({one}) and {other.pair.id} ({two}) are the same image; move both to one side"
            yield Finding("same image on both sides of the split", look.pair.id, text)


def _twice(looks: Sequence[Look], part_of: Mapping[str, str]) -> Iterator[Finding]:
    for look, other in _copies(looks):
        if part_of.get(look.pair.id) == part_of.get(other.pair.id):
            text = f"{look.pair.id} and {other.pair.id} are the same image, and count twice; remove one"
            yield Finding("same image twice", look.pair.id, text)


def _copies(looks: Sequence[Look]) -> Iterator[tuple[Look, Look]]:
    """Each image with the first that has the same content."""
    first: dict[str, Look] = {}
    for look in looks:
        if look.hash in first:
            yield first[look.hash], look
        else:
            first[look.hash] = look


def _near(looks: Sequence[Look], part_of: Mapping[str, str]) -> Iterator[Finding]:
    """Nearly the same image on both sides, unless it is exactly the same."""
    for i, j, alike in near_pairs([look.thumbnail for look in looks]) if looks else ():
        one, two = looks[i], looks[j]
        parts = part_of.get(one.pair.id), part_of.get(two.pair.id)
        if parts[0] != parts[1] and one.hash != two.hash:
            text = f"{one.pair.id} ({parts[0]}) and {two.pair.id} ({parts[1]}) look alike (correlation {alike:.3f})"
            yield Finding("near-same image on both sides of the split", one.pair.id, f"{text}; group them: data.group")


def _empty(looks: Sequence[Look]) -> Iterator[Finding]:
    for look in looks:
        if not sum(look.pixels_of[1:]):
            text = f"{look.pair.masks[0]}: no foreground; right if there is nothing to find in {look.pair.id}"
            yield Finding("empty masks", look.pair.id, text)
