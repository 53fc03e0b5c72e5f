"""The `data:` section of a study on images of one's own: where they lie, what masks mean, how they are split."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from studies.errors import Address, shown
from studies.sections import PossiblePath, Section, Split
from studies.validation import broken_rules

__all__ = ["FolderData", "FolderSplit"]

LARGEST_CODE = 65535


def _code(code: int | str) -> int | str:
    known = 0 <= code <= LARGEST_CODE if isinstance(code, int) else re.fullmatch("#[0-9a-fA-F]{6}", code)
    if not known:
        raise broken_rules({(): f"needs a grey value 0..{LARGEST_CODE} or a colour '#rrggbb'; came {shown(code)}"})
    return code.lower() if isinstance(code, str) else code


Code = Annotated[int | str, AfterValidator(_code)]
ClassName = Annotated[str, Field(min_length=1)]
Part = Literal["train", "validation", "test"]


class FolderSplit(Split):
    """Which images training never sees: by shares, by lists, or by a column of the table."""

    lists: dict[Part, PossiblePath] = Field(
        default={},
        description="text files of ids, below the root, instead of the shares: {train: FILE, validation: FILE, ...}",
    )
    column: str | None = Field(
        default=None, description="column of the csv that says train, validation or test, instead of the shares"
    )

    @model_validator(mode="after")
    def _is_given_once(self) -> Self:
        if self.lists and self.column is not None:
            raise broken_rules({("column",): "needs null where data.split.lists is given; remove one of them"})
        missing = [part for part in ("train", "validation") if self.lists and part not in self.lists]
        if missing:
            raise broken_rules({("lists",): f"needs train and validation; {missing[0]} is missing; add it"})
        return self


class FolderData(Section):
    """Images and masks on disk."""

    kind: Literal["folder"] = Field(default="folder", description="images and masks on disk")
    root: PossiblePath = Field(description="their folder; relative to where `nas` is run")
    layout: Literal["pairs", "instances", "csv"] = Field(
        default="pairs", description="pairs (one mask each), instances (a mask for each object, united) or csv"
    )
    images: str | None = Field(
        default=None,
        min_length=1,
        description="folder, or pattern such as '{id}/scan.png'; csv: column; null: images, {id}/images/* or image",
    )
    masks: str | None = Field(default=None, min_length=1, description="likewise; null: masks, {id}/masks/* or mask")
    csv: str | None = Field(default=None, min_length=1, description="the table, below root; for layout csv")
    axis: Literal[0, 1, 2] = Field(default=2, description="of NIfTI volumes: slices are taken along it")
    classes: tuple[ClassName, ...] = Field(
        default=("background", "foreground"), strict=False, description="what mask pixels may be, the background first"
    )
    codes: dict[str, Code] = Field(
        default={},
        description="each class's grey value, palette index or '#rrggbb' in masks; {}: its place in classes, or 0/255",
    )
    ignore: Code | None = Field(default=None, description="code of pixels that nobody labelled; they count nowhere")
    invert: bool = Field(default=False, description="masks show the background (two classes only)")
    channels: Literal[1, 3] = Field(default=3, description="of the images given to the network: 1 (grey) or 3")
    neighbours: int = Field(
        default=0, ge=0, le=8, description="slices before and behind each that become channels beside it (channels: 1)"
    )
    range: tuple[float, float] | None = Field(
        default=None,
        strict=False,
        description="values that become 0 and 1, for images of more than 8 bits; null: 8 bits",
    )
    resize: Literal["squeeze", "pad"] = Field(
        default="squeeze", description="squeeze to a square, or pad (keeps the aspect; the padding is not scored)"
    )
    group: str | None = Field(
        default=None,
        min_length=1,
        description="what stays on one side of the split: csv column, or pattern for ids such as '^(p[0-9]+)_'",
    )
    block: int | None = Field(
        default=None, ge=2, description="so many consecutive slices (by the ids' numbers) stay on one side of the split"
    )
    split: FolderSplit = Field(
        default=FolderSplit(), description="which images training never sees; the rest is trained on"
    )

    @property
    def input_channels(self) -> int:
        """How many channels a network's input has."""
        return self.channels + 2 * self.neighbours

    @field_validator("range")
    @classmethod
    def _rises(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and limits[0] >= limits[1]:
            raise broken_rules({(): f"needs [LOW, HIGH] with LOW below HIGH; came {list(limits)}"})
        return limits

    @field_validator("group")
    @classmethod
    def _names_one_group(cls, group: str | None) -> str | None:
        if group is None or "(" not in group:
            return group
        try:
            count = re.compile(group).groups
        except re.error as error:
            raise broken_rules({(): f"{shown(group)} is no regular expression: {error}; mend it"}) from None
        if count != 1:
            raise broken_rules({(): f"needs one group in parentheses; {shown(group)} has {count}; use (?:...)"})
        return group

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        faults = {**self._layout_faults(), **self._class_faults()}
        if faults:
            raise broken_rules(faults)
        return self

    def _layout_faults(self) -> dict[Address, str]:
        faults: dict[Address, str] = {}
        if (self.layout == "csv") != (self.csv is not None):
            faults["csv",] = "needs the table's name for layout csv, and null for every other; mend one of them"
        if self.layout != "csv" and self.split.column is not None:
            faults["split", "column"] = "needs layout csv; use data.split.lists"
        if self.layout != "csv" and self.group is not None and "(" not in self.group:
            faults["group",] = f"needs a pattern with one group in parentheses, or layout csv; came {shown(self.group)}"
        if self.layout == "instances":
            for key in ("images", "masks"):
                if "{id}" not in (getattr(self, key) or "{id}"):
                    faults[key,] = "needs a pattern with {id} for layout instances, such as '{id}/masks/*'"
        if self.layout == "instances" and (len(self.classes) > 2 or self.invert):
            faults["layout",] = "needs two classes and invert: false for instances: their masks are united"
        if self.neighbours and (self.channels != 1 or self.layout == "instances"):
            faults["neighbours",] = "needs channels: 1 and slices, so layout pairs or csv; set it to 0"
        return faults

    def _class_faults(self) -> dict[Address, str]:
        faults: dict[Address, str] = {}
        if not 2 <= len(self.classes) <= 255 or len(set(self.classes)) < len(self.classes):
            faults["classes",] = f"needs 2 to 255 different names, the background first; came {list(self.classes)}"
        if self.codes and self.codes.keys() != set(self.classes):
            faults["codes",] = f"needs a code for each of {', '.join(self.classes)}; came {', '.join(self.codes)}"
        codes = [*self.codes.values(), *([] if self.ignore is None else [self.ignore])]
        if self.codes and len(set(codes)) < len(codes):
            faults["codes",] = "needs different codes, also from data.ignore; change one"
        if len({type(code) for code in codes}) > 1 or (isinstance(self.ignore, str) and not self.codes):
            faults["ignore",] = "needs grey values for all of data.codes and data.ignore, or colours for all"
        if (
            not self.codes
            and len(self.classes) > 2
            and isinstance(self.ignore, int)
            and self.ignore < len(self.classes)
        ):
            faults["ignore",] = f"needs another value than the classes' 0..{len(self.classes) - 1}; came {self.ignore}"
        if self.invert and len(self.classes) > 2:
            faults["invert",] = "needs two classes; reorder data.codes instead"
        return faults
