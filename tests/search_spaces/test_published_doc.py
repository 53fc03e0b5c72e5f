"""`docs/published.md`: our counts are what `nas.cost` gives, "agrees" is true, and no published network is left out."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

import nas
from search_spaces import published

TEXT = (Path(__file__).parents[2] / "docs" / "published.md").read_text(encoding="utf-8")
UNITS = {"": 1, "M": 10**6, "G": 10**9, "Gi": 2**30}


class Row(NamedTuple):
    network: str
    input: str
    classes: str
    quantity: str
    published: str
    where: str
    ours: str
    reason: str

    def counted(self) -> int:
        shape = tuple(int(n) for n in self.input.split("x"))
        cost = nas.cost(nas.build(published[self.network], shape, int(self.classes)))
        return {"params": cost.params, "macs": cost.macs}[self.quantity]

    def rounds_to_published(self, value: int) -> bool:
        number, _, unit = self.published.replace(",", "").partition(" ")
        decimals = len(number.partition(".")[2])
        return f"{value / UNITS[unit]:.{decimals}f}" == number


def rows() -> list[Row]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")
    ]
    assert all(len(row) == len(Row._fields) for row in cells)
    return [Row(*row) for row in cells[2:]]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.network}-{row.quantity}-{row.published}")
def test_a_row_says_what_is_so(row: Row) -> None:
    value = row.counted()
    assert row.ours == f"{value:,}"
    assert row.rounds_to_published(value) == row.reason.startswith("agrees")
    assert row.where
    assert row.reason


def test_every_published_network_has_a_row_or_is_said_to_have_no_figure() -> None:
    (without,) = re.findall(r"No figure was found for (.*?)\.", TEXT, re.DOTALL)
    assert {row.network for row in rows()} | set(re.findall(r"`(\w+)`", without)) == set(published)
    assert not {row.network for row in rows()} & set(re.findall(r"`(\w+)`", without))
