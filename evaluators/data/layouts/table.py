"""A CSV file that names images and masks, and says more of them: a group, a part of the split."""

import csv
from collections.abc import Iterator
from pathlib import Path

from evaluators.data.findings import Finding
from evaluators.data.layouts.layout import Found, Layout, Pair
from evaluators.data.layouts.patterns import bare_name
from evaluators.data.samples import DataError, listed

__all__ = ["IMAGE_COLUMN", "MASK_COLUMN", "find_in_table"]

IMAGE_COLUMN, MASK_COLUMN = "image", "mask"


def find_in_table(layout: Layout) -> Found:
    """List the rows of the table as pairs; file names are relative to the data's folder; see `find`.

    An id is the column `id` where there is one, else the image's name without its suffix.
    """
    table = layout.root / (layout.csv or "")
    image_column, mask_column = layout.images or IMAGE_COLUMN, layout.masks or MASK_COLUMN
    pairs: dict[str, Pair] = {}
    faults: list[Finding] = []
    for line, row in _rows(table, (image_column, mask_column)):
        image, mask = (layout.root / row[column] for column in (image_column, mask_column))
        name = row.get("id") or bare_name(image)
        problem = _problem(row, image_column, mask_column, image, mask)
        if problem:
            faults.append(Finding("missing pairs", name, f"{table}:{line}: {problem}; mend or remove the row"))
        elif name in pairs:
            faults.append(Finding("ids twice", name, f"{table}:{line}: id {name} came before; give each row its own"))
        else:
            pairs[name] = Pair(name, image, (mask,), columns=row)
    if not pairs and not faults:
        raise DataError(f"{table}: no rows; needed one for each image")
    return Found(tuple(pairs[name] for name in sorted(pairs)), tuple(faults))


def _problem(row: dict[str, str], image_column: str, mask_column: str, image: Path, mask: Path) -> str:
    for column, path in ((image_column, image), (mask_column, mask)):
        if not row[column]:
            return f"no {column}"
        if not path.is_file():
            return f"{column} {path}: no such file"
    return ""


def _rows(table: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row, by column; empty for a cell that the row lacks."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True, restkey="", restval="")
            missing = [column for column in needed if column not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{table}: needs the columns {', '.join(needed)}, has {listed(list(reader.fieldnames or []))}; "
                    "rename them, or state them as data.images and data.masks"
                )
            for row in reader:
                yield reader.line_num, {str(key): str(cell).strip() for key, cell in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table}: cannot be read as a CSV table ({error}); state the file as data.csv") from error
