"""How the files of a data set become arrays: classes and their codes, channels, range and fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Code", "Fit", "Form", "to_rgb"]

Code = int | str  # of a class in a mask: a grey value or palette index, or a colour '#rrggbb'
Fit = Literal["squeeze", "pad"]


@dataclass(frozen=True)
class Form:
    """What all files of one data set have in common. The defaults are 8-bit images and binary masks.

    Attributes:
        classes: Names, the background first; a mask holds their indexes.
        codes: How masks on disk state a class, where that is not its index; either none, or one for each class. Without
            codes two classes may be {0, 255} or {0, 1}.
        ignore: Code of pixels that nobody labelled; they become 255 and count nowhere. None: there are none.
        invert: Masks on disk show the background; only for two classes.
        channels: Of the loaded images, 1 (grey) or 3.
        limits: Values that become 0 and 1, for images of more than 8 bits; those outside are cut off. None: 8 bits.
        fit: `squeeze` to the network's size, or scale the longer side to it and `pad` the right or the bottom: images
            with 0, masks with 255, so that the padding counts neither in the loss nor in Dice.
    """

    classes: tuple[str, ...] = ("background", "foreground")
    codes: Mapping[str, Code] = field(default_factory=dict)
    ignore: Code | None = None
    invert: bool = False
    channels: int = 3
    limits: tuple[float, float] | None = None
    fit: Fit = "squeeze"

    @property
    def is_plain(self) -> bool:
        """Whether masks are just foreground and background, without codes or pixels to ignore."""
        return len(self.classes) == 2 and not self.codes and self.ignore is None

    @property
    def in_colour(self) -> bool:
        """Whether masks are coded by colours."""
        return any(isinstance(code, str) for code in (*self.codes.values(), self.ignore))


def to_rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0..255, of '#rrggbb'."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
