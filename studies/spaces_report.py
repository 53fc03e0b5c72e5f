"""What `nas spaces` prints: how large a space is, what it offers, its published members, and what its draws cost."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from random import Random
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

import nas
from nas.cost import Cost
from nas.errors import NasError
from nas.sampling import name_of
from nas.space import SearchSpace
from search_spaces import published, spaces
from search_spaces.segmenter import FAMILY
from studies.corners import Corners, corners_of
from studies.cost_tables import short
from studies.errors import ConfigError, shown
from studies.own_rules import rules_of, widened
from studies.rules_report import installed_line

__all__ = ["Draw", "costs_of_draws", "members_of", "show_space", "show_spaces"]


class Draw(NamedTuple):
    """One random member: its family, and the costs of its deployed network."""

    family: str
    cost: Cost


def show_spaces() -> None:
    """Print every space: how many derivations it has, from which image side on it is legal, and who is a member."""
    table = Table()
    for title in ("space", "derivations", "from px", "published members"):
        table.add_column(title, justify="right" if title in ("derivations", "from px") else "left")
    for space in spaces.values():
        table.add_row(space.label, _counted(space.size()), str(space.min_side), ", ".join(members_of(space)) or "-")
    Console().print(table)
    if installed_line():
        Console().print(Text(installed_line()), soft_wrap=True)


def show_space(
    name: str,
    size: tuple[int, int],
    draws: int,
    seed: int,
    plot: Path | None,
    corners: bool = False,
    rules: Sequence[str] = (),
) -> None:
    """Print one space: options, members, and the costs of random draws by family; write their histogram to `plot`.

    corners: also look for the cheapest and the dearest member of each family, which takes a while in a large space.
    rules: what --rules named. Raises ConfigError for an unknown space, or a size below what the space is legal for.
    """
    space = widened(_named(name), rules_of(rules))
    if min(size) < space.min_side:
        raise ConfigError(f"size: {space.label} needs sides of at least {space.min_side} pixels; came {size}")
    console = Console()
    console.print(f"{space.label}: {_counted(space.size())} derivations, legal from {space.min_side} pixels on")
    console.print(_options_table(space))
    if members_of(space):
        console.print(_members_table(space, size))
    found = costs_of_draws(space, size, draws, seed)
    console.print(_draws_table(found))
    if corners:
        console.print(_corners_table(corners_of(space, size, seed)))
    at = f"{size[0]} x {size[1]}, RGB, 1 class, deployed, schedule fused, fp32"
    console.print(Text(f"Costs at {at}. Draws go top-down, alternatives equally likely (seed {seed})."), soft_wrap=True)
    if plot:
        _write_histogram(found, f"{space.label}: {draws} draws at {at}", plot)


def members_of(space: SearchSpace) -> list[str]:
    """Return the names of the published networks that are points of the space."""
    found = []
    for name, architecture in published.items():
        try:
            space.decisions(architecture)
        except NasError:
            continue
        found.append(name)
    return found


def costs_of_draws(space: SearchSpace, size: tuple[int, int], draws: int, seed: int) -> list[Draw]:
    """Return the family and the costs at `size` (H, W) of random members."""
    rng, found = Random(seed), []
    for _ in range(draws):
        architecture = space.sample(rng)
        decisions = space.decisions(architecture)
        family = name_of(tuple((path, decisions[path]) for path in FAMILY if path in decisions))
        found.append(Draw(family, nas.cost(nas.deploy(nas.build(architecture, (3, *size))))))
    return found


def _named(name: str) -> SearchSpace:
    if name not in spaces:
        near = get_close_matches(name[:100], spaces, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(spaces)}"
        raise ConfigError(f"unknown space {shown(name)}; {hint}")
    return spaces[name]


def _counted(size: int) -> str:
    return f"{size:,}" if size < 10**9 else f"{size:.3g}"


def _options_table(space: SearchSpace) -> Table:
    table = Table(title="decisions (* stands for each place of a repeated slot)")
    table.add_column("path", overflow="fold")
    table.add_column("options", overflow="fold")
    for path, options in space.options().items():
        if len(options) > 1:
            table.add_row(path, ", ".join(map(str, options)))
    return table


def _members_table(space: SearchSpace, size: tuple[int, int]) -> Table:
    table = Table(title="published members")
    for title in ("network", "params M", "GMACs", "traffic MB", "peak MB"):
        table.add_column(title, justify="left" if title == "network" else "right")
    for name in members_of(space):
        cost = nas.cost(nas.deploy(nas.build(published[name], (3, *size))))
        numbers = (cost.params / 1e6, cost.macs / 1e9, cost.traffic_bytes / 1e6, cost.peak_memory_bytes / 1e6)
        table.add_row(name, *(f"{number:.3f}" if i < 2 else f"{number:.1f}" for i, number in enumerate(numbers)))
    return table


def _draws_table(draws: list[Draw]) -> Table:
    """Per family: its share, and MACs and traffic of the cheapest, the median and the dearest draw."""
    families: dict[str, list[Cost]] = defaultdict(list)
    for draw in draws:
        families[draw.family].append(draw.cost)
    table = Table(title=f"{len(draws)} random draws: cheapest, median, dearest")
    table.add_column("family")
    for title in ("share %", "MACs", "traffic B", "params"):
        table.add_column(title, justify="right")
    for family, costs in sorted(families.items()):
        columns = ([getattr(cost, name) for cost in costs] for name in ("macs", "traffic_bytes", "params"))
        table.add_row(family, f"{100 * len(costs) / len(draws):.1f}", *map(_spread, columns))
    return table


def _corners_table(corners: Iterable[Corners]) -> Table:
    """Per family: costs of the member with the fewest and of that with the most MACs."""
    table = Table(title="fewest … most MACs found, single decisions changed as long as that helps")
    table.add_column("family")
    for title in ("MACs", "traffic B", "params"):
        table.add_column(title, justify="right")
    for family, low, high in corners:
        cells = [f"{short(getattr(low, n))} … {short(getattr(high, n))}" for n in ("macs", "traffic_bytes", "params")]
        table.add_row(family, *cells)
    return table


def _spread(values: list[int]) -> str:
    ordered = sorted(values)
    return " … ".join(short(value) for value in (ordered[0], ordered[len(ordered) // 2], ordered[-1]))


def _write_histogram(draws: list[Draw], title: str, path: Path) -> None:
    """Write a page with the draws' MACs on a log axis, stacked by family."""
    if path.suffix != ".html":
        raise ConfigError(f"plot: needs a file that ends in .html; came {path}")
    import plotly.express as px

    rows = {"family": [draw.family for draw in draws], "log10 MACs": [math.log10(draw.cost.macs) for draw in draws]}
    figure = px.histogram(rows, x="log10 MACs", color="family", nbins=60, title=title)
    try:
        figure.write_html(path, include_plotlyjs=True)
    except OSError as fault:
        raise ConfigError(f"plot: {path} cannot be written: {fault.strerror}") from None
