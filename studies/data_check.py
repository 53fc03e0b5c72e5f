"""`nas data check`: every offender in a folder of images, and what training on it will meet."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluators.data import DataError, Finding, FolderCheck, Look, block_of_slices, check, find, recognise
from evaluators.data.examination import balance, doubts, faults_of
from evaluators.data.findings import SHOWN
from evaluators.data.layouts.layout import Pair
from evaluators.data.objects import LEAST_AREA, lost_at, specks
from evaluators.data.sheet import contact_sheet
from evaluators.data.split import PARTS
from studies.config import FolderData, load_config
from studies.errors import ConfigError
from studies.folder import write_atomic
from studies.progress import Progress
from studies.splitting import data_section, form_of, layout_of, split_pairs, with_full_parts

__all__ = ["check_data"]

INPUT_SIZES = (64, 96, 128, 192, 256, 352, 512)  # pixels
ON_SHEET = 64  # tiles
OFTEN = 0.01  # share of lost objects from which a size is said to lose small objects


@dataclass(frozen=True)
class _Checked:
    """What was found, and on which side of the split each id lies."""

    data: FolderData
    looked: FolderCheck
    part_of: dict[str, str]
    faults: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def check_data(place: Path, *, sheet: Path | None = None, report: Path | None = None, strict: bool = False) -> bool:
    """Check a folder, or the data of a study's file, and print what was found. Return whether it can be used as it is.

    Args:
        place: The folder; or the YAML file.
        sheet: Where to draw a contact sheet, as a picture.
        report: Where to write all findings, as `.csv` or JSON.
        strict: Warnings count as faults.

    Raises:
        DataError: There are no images.
        ConfigError: The study has no folder, or a file to write exists.
    """
    for path in (sheet, report):
        if path is not None and path.exists():
            raise ConfigError(f"{path}: exists already; give another file, or remove it")
    console = Console()
    data, said = _section(place)
    for line in said:
        console.print(Text(f"taken to be: {line}"), soft_wrap=True)
    checked = _checked(data, bool(said), console)
    _print(console, checked)
    if report is not None:
        write_atomic(report, _report(checked, report.suffix))
        console.print(Text(f"all findings: {report}"))
    if sheet is not None:
        _draw(checked, sheet)
        console.print(Text(f"contact sheet: {sheet}"))
    return not checked.faults and not (strict and checked.warnings)


def _section(place: Path) -> tuple[FolderData, tuple[str, ...]]:
    """The data section of a study, or one that was recognised, with what to say of it."""
    if place.is_dir() or place.suffix not in (".yaml", ".yml"):
        found = recognise(place)
        return data_section(place, found), found.said
    data = load_config(place).data
    if not isinstance(data, FolderData):
        raise ConfigError(f"{place}: data.kind is {data.kind}; only images on disk can be checked")
    return data, ()


def _checked(data: FolderData, guessed: bool, console: Console) -> _Checked:
    found = find(layout_of(data))
    with Progress(console) as progress:
        looked = check(
            found.pairs, lambda done, total: progress.doing(f"checking {done}/{total} pairs"), form=form_of(data)
        )
    looks = looked.looks
    grouped = data.group is not None or data.block is not None
    if guessed:  # as `nas init` would write it
        data = data.model_copy(update={"block": block_of_slices(looks)})
    faults = [*found.faults, *looked.findings]
    part_of = _parts(data, guessed, looks, faults)
    return _Checked(
        data,
        looked,
        part_of,
        faults=(*faults, *faults_of(looks, part_of)),
        warnings=tuple(doubts(looks, part_of, data.classes, grouped)),
    )


def _parts(data: FolderData, guessed: bool, looks: Sequence[Look], faults: list[Finding]) -> dict[str, str]:
    """On which side of the split each id lies; empty, with a fault, if the data cannot be split."""
    pairs, hashes = [look.pair for look in looks], [look.hash for look in looks]
    part_of: dict[str, str] = {}
    try:
        split = split_pairs(with_full_parts(data, pairs, hashes) if guessed else data, pairs, hashes)
    except DataError as fault:
        faults.append(Finding("split", str(data.root), str(fault)))
        return part_of
    for part in PARTS:
        part_of |= {pairs[index].id: part for index in getattr(split, part)}
    return part_of


def _print(console: Console, checked: _Checked) -> None:
    facts = checked.looked.facts
    if facts is not None:
        sizes = Counter((look.width, look.height) for look in checked.looked.looks).most_common()
        shown = ", ".join(f"{width} x {height}: {count}" for (width, height), count in sizes[:5])
        more = f" and {len(sizes) - 5} other sizes" if len(sizes) > 5 else ""
        modes = ", ".join(f"{mode}: {count}" for mode, count in facts.modes.items())
        parts = ", ".join(f"{count} {part}" for part, count in Counter(checked.part_of.values()).items())
        console.print(Text(f"{facts.count} usable pairs; width x height {shown}{more}; modes {modes}"))
        console.print(Text(f"split: {parts or 'none'}"))
        console.print(_balance_table(checked))
        console.print(_objects_table(checked))
        console.print(Text(_small_objects(checked)))
    for heading, findings in (("fault", checked.faults), ("warning", checked.warnings)):
        for line in _listed(heading, findings):
            console.print(Text(line), soft_wrap=True)
    console.print(Text(f"{len(checked.faults)} faults, {len(checked.warnings)} warnings"))


def _listed(heading: str, findings: Sequence[Finding]) -> list[str]:
    """The findings by kind, the first 20 of each."""
    lines = []
    for kind, count in Counter(finding.kind for finding in findings).items():
        some = [finding.text for finding in findings if finding.kind == kind]
        lines.append(f"{heading}: {kind}: {count}")
        lines += [f"  {text}" for text in some[:SHOWN]]
        if count > SHOWN:
            lines.append(f"  and {count - SHOWN} more; --report FILE writes all")
    return lines


def _balance_table(checked: _Checked) -> Table:
    table = Table("class", "share of pixels", "images", "objects", "median area px", title="class balance")
    for row in balance(checked.looked.looks, checked.data.classes):
        area = "" if row.median_area is None else f"{row.median_area:.0f}"
        table.add_row(row.name, f"{row.pixel_share:.2%}", str(row.images), str(row.objects or ""), area)
    return table


def _objects_table(checked: _Checked) -> Table:
    columns = ("train.size", "smallest px", "lost objects", "images that lose all")
    table = Table(*columns, title=f"objects, resize: {checked.data.resize}")
    for size in INPUT_SIZES:
        lost = lost_at(checked.looked.looks, size, checked.data.resize)
        if lost.least_area is not None:
            share = f"{lost.lost} ({lost.lost / lost.objects:.1%})"
            table.add_row(str(size), f"{lost.least_area:.1f}", share, str(lost.images_emptied))
    return table


def _small_objects(checked: _Checked) -> str:
    """The sentence that says which input sizes lose small objects."""
    looks = checked.looked.looks
    found = {size: lost_at(looks, size, checked.data.resize) for size in INPUT_SIZES}
    losing = [str(size) for size, lost in found.items() if lost.lost > OFTEN * lost.objects]
    rule = f"an object of less than {LEAST_AREA:g} px is lost"
    count = specks(looks)
    left_out = f"; {count} specks below {LEAST_AREA:g} px at their own size are left out" if count else ""
    if not losing:
        return f"{rule}: at most {OFTEN:.0%} of them at any train.size from {INPUT_SIZES[0]}{left_out}"
    return f"{rule}: more than {OFTEN:.0%} of them at train.size {', '.join(losing)}{left_out}"


def _report(checked: _Checked, suffix: str) -> str:
    rows = [
        (heading, *finding)
        for heading, findings in (("fault", checked.faults), ("warning", checked.warnings))
        for finding in findings
    ]
    columns = ("severity", "kind", "where", "text")
    if suffix == ".csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *rows])
        return text.getvalue()
    return json.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1, ensure_ascii=False)


def _draw(checked: _Checked, path: Path) -> None:
    """Draw pairs with findings first, then others evenly spread."""
    pairs = [look.pair for look in checked.looked.looks]
    odd = {finding.where for finding in (*checked.faults, *checked.warnings)}
    marked = [pair for pair in pairs if pair.id in odd or str(pair.image) in odd][: ON_SHEET // 2]
    rest = [pair for pair in pairs if pair not in marked]
    step = max(1, -(-len(rest) // (ON_SHEET - len(marked))))
    chosen: list[Pair] = [*marked, *rest[::step]]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        contact_sheet(chosen, form_of(checked.data), checked.part_of).save(path)
    except (OSError, ValueError) as fault:
        raise ConfigError(f"{path}: cannot be written as a picture ({fault}); name it FILE.png") from fault
