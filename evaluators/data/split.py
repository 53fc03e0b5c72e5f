"""Which images are trained on, which the search sees as validation, and which only the final report sees.

Each image is placed by a number drawn from its own content hash, or from its group's name. So added images move no
other, the order does not matter, and copies of one image, and images of one group, never come to lie on two sides.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx

from evaluators.data.samples import DataError, listed

__all__ = ["PARTS", "Split", "read_list", "split_as_given", "split_by_group", "split_by_hash"]

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Indexes of the images in each part, ascending; together they are 0..N-1, each once."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]

    def to_json(self, ids: Sequence[str], hashes: Sequence[str]) -> str:
        """Write `{id: [part, hash]}` for the N images that the indexes mean.

        Raises:
            DataError: `ids` or `hashes` are not N, an id comes twice, or an index is missing or comes twice.
        """
        parts = {index: part for part in PARTS for index in getattr(self, part)}
        n_placed = len(self.train) + len(self.validation) + len(self.test)
        if sorted(parts) != list(range(len(ids))) or n_placed != len(ids):
            raise DataError(
                f"split: places {n_placed} indexes, but there are {len(ids)} images; use the split's own images"
            )
        current = _by_id(ids, hashes)
        stored = {name: [parts[index], current[name]] for index, name in enumerate(ids)}
        return json.dumps(stored, indent=0, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, ids: Sequence[str], hashes: Sequence[str]) -> "Split":
        """Read what `to_json` wrote, as indexes into `ids`, which may have another order.

        Raises:
            DataError: The text is no stored split, or images were added, removed or changed since it was stored.
        """
        stored = _parsed(text)
        current = _by_id(ids, hashes)
        changed = [name for name in sorted(stored.keys() & current) if stored[name][1] != current[name]]
        differences = {
            "added": sorted(current.keys() - stored),
            "removed": sorted(stored.keys() - current),
            "changed": changed,
        }
        if any(differences.values()):
            told = "; ".join(f"{len(names)} {what}: {listed(names)}" for what, names in differences.items() if names)
            raise DataError(
                f"split: the images are not those it was made for: {told}; restore them or start a new study"
            )
        train, validation, test = (
            tuple(index for index, name in enumerate(ids) if stored[name][0] == part) for part in PARTS
        )
        return cls(train, validation, test)


def split_by_hash(hashes: Sequence[str], *, validation: float, test: float, seed: int) -> Split:
    """Place each image by its own hash: an image's part depends on (hash, seed, validation, test) only.

    `validation` and `test` are shares of all possible images, so the parts of few images differ from them by chance.
    Changing one of the two shares moves images only between that part and training.

    Raises:
        DataError: A share is outside [0, 1), both leave nothing to train on, or training or validation got no image.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise DataError(f"split: needed validation and test in [0, 1) with a sum below 1; got {validation=}, {test=}")
    parts: dict[str, list[int]] = {part: [] for part in PARTS}
    for index, content in enumerate(hashes):
        place = _uniform(content, seed)
        parts["test" if place < test else "validation" if place >= 1 - validation else "train"].append(index)
    for part in ("train", "validation"):
        if not parts[part]:
            raise DataError(
                f"split: none of {len(hashes)} images ({len(set(hashes))} different) fell to {part} "
                f"with {validation=}, {test=}, {seed=}; add images, change the shares or take another seed"
            )
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def split_by_group(groups: Sequence[str], hashes: Sequence[str], *, validation: float, test: float, seed: int) -> Split:
    """Place each image by its group's name: all of a group lie on one side; groups that share an image are one.

    Raises:
        DataError: As for `split_by_hash`.
    """
    shared: nx.Graph[tuple[int, str]] = nx.Graph()
    shared.add_edges_from(((0, group), (1, content)) for group, content in zip(groups, hashes, strict=True))
    first: dict[str, str] = {}
    for component in nx.connected_components(shared):
        names = sorted(name for side, name in component if side == 0)
        first |= dict.fromkeys(names, names[0])
    return split_by_hash([first[group] for group in groups], validation=validation, test=test, seed=seed)


def split_as_given(ids: Sequence[str], part_of: Mapping[str, str]) -> Split:
    """Place each image where `part_of` (id to `train`, `validation` or `test`) says.

    Raises:
        DataError: An id is in no part or a part has another name, or training or validation has none.
    """
    unknown = sorted({part for part in part_of.values() if part not in PARTS})
    if unknown:
        raise DataError(f"split: parts must be {', '.join(PARTS)}; got {listed(unknown)}; rename them")
    lost = [name for name in ids if name not in part_of]
    if lost:
        raise DataError(f"split: {len(lost)} images are in no part: {listed(lost)}; add them to a list, or remove them")
    train, validation, test = (
        tuple(index for index, name in enumerate(ids) if part_of[name] == part) for part in PARTS
    )
    if not train or not validation:
        raise DataError(
            f"split: needed images in training and in validation; got {len(train)} and {len(validation)}; "
            "move some to the empty one"
        )
    return Split(train, validation, test)


def read_list(path: Path, ids: Sequence[str]) -> list[str]:
    """Return the ids that a text file lists, one on each line; file names with a suffix are taken for their ids.

    Raises:
        DataError: The file cannot be read, or names an image that is not there.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as a list of images ({error}); give a text file of ids") from error
    known = set(ids)
    names = [line if line in known else Path(line).stem for line in lines if line]
    lost = [name for name in names if name not in known]
    if lost:
        raise DataError(f"{path}: {len(lost)} names have no image: {listed(lost)}; remove them from the list")
    return names


def _uniform(content: str, seed: int) -> float:
    """A number in [0, 1) that is fixed by its arguments and looks random."""
    # 53 bits are what a float holds: more could round up to 1.
    return (int.from_bytes(hashlib.sha256(f"{seed}:{content}".encode()).digest()[:8]) >> 11) / 2**53


def _by_id(ids: Sequence[str], hashes: Sequence[str]) -> dict[str, str]:
    if len(ids) != len(hashes):
        raise DataError(f"split: needed a hash for each id; got {len(ids)} ids and {len(hashes)} hashes")
    twice = [name for name, times in Counter(ids).items() if times > 1]
    if twice:
        raise DataError(f"split: ids must differ; more than once: {listed(twice)}")
    return dict(zip(ids, hashes, strict=True))


def _parsed(text: str) -> dict[str, tuple[str, str]]:
    fault = "split: needed what Split.to_json writes, {id: [part, hash]}"
    try:
        stored: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{fault}; got no JSON ({error}); restore the file or start a new study") from error
    if not isinstance(stored, dict):
        raise DataError(f"{fault}; got a {type(stored).__name__}; restore the file or start a new study")
    entries: dict[str, tuple[str, str]] = {}
    for name, entry in stored.items():
        match entry:
            case [str(part), str(content)] if part in PARTS:
                entries[name] = (part, content)
            case _:
                raise DataError(f"{fault}; got {entry!r} for {name!r}; restore the file or start a new study")
    return entries
