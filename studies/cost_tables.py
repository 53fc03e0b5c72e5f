"""Tables of costs for the terminal: published networks, a network by blocks, and the check of our counts."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.bar import Bar
from rich.table import Table

from nas.cost import Cost
from nas.profile import BlockCost
from search_spaces.about import About

if TYPE_CHECKING:
    from evaluators.counting import Check
    from studies.block_times import BlockTimes

__all__ = ["PublishedRow", "block_table", "check_table", "published_table", "short", "total_line"]

_WITH_WHAT, _WITH_SOURCE = 110, 140  # columns of the terminal
_UNITS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))


class PublishedRow(NamedTuple):
    """A published network: the costs of what papers count and of what is deployed, or why it has none at this size."""

    name: str
    about: About
    built: Cost | None
    deployed: Cost | None
    names_known: bool


def short(value: float) -> str:
    """Return a number with three digits and its unit: 17.4M, 640, 1.89G."""
    for unit, scale in _UNITS:
        if value >= 0.9995 * scale:
            value /= scale
            return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f}{unit}"
    return f"{value:.0f}"


def published_table(rows: Sequence[PublishedRow], width: int) -> Table:
    """Return the published networks, one per row; a dash where a network cannot be built at the size."""
    words = [title for title, least_width in (("what", _WITH_WHAT), ("source", _WITH_SOURCE)) if width >= least_width]
    table = Table()
    table.add_column("published", no_wrap=True)
    for title in ("params M", "GMACs", "CIO M", "traffic MB"):
        table.add_column(title, justify="right", no_wrap=True)
    for title in ("weights", *words):
        table.add_column(title, overflow="fold")
    for row in rows:
        costs = ["-"] * 4
        if row.built and row.deployed:
            costs = [f"{row.built.params / 1e6:.3f}", f"{row.built.macs / 1e9:.3f}"]
            costs += [f"{row.built.cio_elements / 1e6:.2f}", f"{row.deployed.traffic_bytes / 1e6:.1f}"]
        table.add_row(row.name, *costs, "yes" if row.names_known else "no", *row.about[: len(words)])
    return table


def block_table(top: BlockCost, depth: int, width: int, times: "BlockTimes | None" = None) -> Table:
    """Return the blocks down to `depth` levels, indented, and the whole network below, in the columns that fit.

    times: with them, two more columns: the milliseconds expected of a block, and the roof that it is under.
    """
    columns = [column for column in _COLUMNS if width >= column.least_width] + (_timed(times) if times else [])
    table = Table()
    table.add_column("block", overflow="fold")
    for column in columns:
        table.add_column(column.title, justify="right", no_wrap=True)
    for level, block in top.rows(depth):
        name = block.name if level == 1 else block.name.rpartition(".")[2]
        table.add_row("  " * (level - 1) + name, *(column.cell(block, top) for column in columns))
    table.add_section()
    table.add_row("total", *(column.cell(top, top) for column in columns))
    return table


def check_table(checks: "Sequence[Check]") -> Table:
    """Return our counts beside those of the others."""
    counters = list(dict.fromkeys(name for check in checks for name in check.counted))
    table = Table(title="counted independently")
    table.add_column("")
    for title in ("ours", *counters):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("")
    for check in checks:
        others = [f"{check.counted[name]:,}" if name in check.counted else "-" for name in counters]
        table.add_row(check.quantity, f"{check.ours:,}", *others, "agrees" if check.agrees else "DIFFERS")
    return table


def total_line(cost: Cost) -> str:
    """Return all costs to the unit."""
    counts = f"{cost.params:,} parameters, {cost.macs:,} MACs, {cost.cio_elements:,} CIO elements"
    memory = f"{cost.traffic_bytes:,} bytes of traffic, {cost.peak_memory_bytes:,} of peak memory"
    return f"{counts}, {memory}, {cost.kernels} kernels"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}" if whole else "0"


def _ratio(value: float) -> str:
    return f"{value:.1f}" if value else "-"


def _bar(part: int, whole: int) -> Bar:
    return Bar(max(whole, 1), 0, part, width=8)


class _Column(NamedTuple):
    """A column of the table of blocks, shown from `least_width` columns of the terminal on."""

    title: str
    least_width: int
    cell: Callable[[BlockCost, BlockCost], str | Bar]  # of a block and the whole network


_SOME, _MOST, _ALL = 0, 112, 136

_COLUMNS = (
    _Column("output", _MOST, lambda block, top: "x".join(map(str, block.shape))),
    _Column("params", _SOME, lambda block, top: short(block.params)),
    _Column("MACs", _SOME, lambda block, top: short(block.macs)),
    _Column("%", _SOME, lambda block, top: _percent(block.macs, top.macs)),
    _Column("", _ALL, lambda block, top: _bar(block.macs, top.macs)),
    _Column("CIO", _MOST, lambda block, top: short(block.cio_elements)),
    _Column("traffic B", _SOME, lambda block, top: short(block.traffic_bytes)),
    _Column("%", _SOME, lambda block, top: _percent(block.traffic_bytes, top.traffic_bytes)),
    _Column("", _ALL, lambda block, top: _bar(block.traffic_bytes, top.traffic_bytes)),
    _Column("kernels", _SOME, lambda block, top: str(block.kernels)),
    _Column("MAC/CIO", _MOST, lambda block, top: _ratio(block.macs_per_cio)),
    _Column("MAC/B", _SOME, lambda block, top: _ratio(block.macs_per_byte)),
)


def _timed(times: "BlockTimes") -> list[_Column]:
    return [
        _Column("ms", _SOME, lambda block, top: f"{times.ms(block):.2f}"),
        _Column("bound", _SOME, lambda block, top: times.bound(block)),
    ]
