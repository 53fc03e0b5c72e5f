"""What `nas rules` does: the check of a person's rules with their costs, and the file to start one from."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nas.grammar import Rule
from search_spaces import spaces
from search_spaces.own import check_in_space, check_rule
from search_spaces.own.checking import cost_rows
from search_spaces.own.guard import place_of
from search_spaces.own.loading import installed
from search_spaces.own.template import template
from studies.cost_tables import short
from studies.errors import ConfigError
from studies.own_rules import all_rules, rules_of, widened

__all__ = ["installed_line", "show_check", "write_template"]


def installed_line() -> str:
    """Return a line on the rules that installed packages offer, empty where there are none. Runs none of them."""
    offered = [f"{entry.name} ({entry.dist.name if entry.dist else '?'})" for entry in installed()]
    return f"rules of installed packages, for --rules NAME: {', '.join(offered)}" if offered else ""


def show_check(sources: Sequence[str], space: str, channels: int, size: tuple[int, int]) -> None:
    """Check rules alone and in a space; print what was tried, and costs. Raises RuleError at the first fault."""
    if space not in spaces:
        raise ConfigError(f"space: '{space}' is unknown; known: {', '.join(spaces)}")
    console = Console()
    own = rules_of(sources)
    wide = widened(spaces[space], own)
    for rule in all_rules(own):
        table = Table(title=place_of(rule), title_justify="left")
        table.add_column("checked")
        table.add_column("tried")
        for row in (*check_rule(rule, wide.min_side), check_in_space(wide, rule)):
            table.add_row(*row)
        console.print(table)
        console.print(_cost_table(rule, channels, size))
    console.print(Text(f"{wide.label}: {wide.size():.3g} derivations, {spaces[space].size():.3g} without"))
    named = " ".join(f"--rules {source}" for source in sources)
    console.print(Text(f"Next: nas search STUDY.yaml {named} --dry-run"), soft_wrap=True)


def _cost_table(rule: Rule, channels: int, size: tuple[int, int]) -> Table:
    of = f"costs on {channels} x {size[0]} x {size[1]}, as built, schedule fused, fp32"
    table = Table(title=of, title_justify="left")
    table.add_column("options")
    for title in ("params", "MACs", "traffic B", "kernels"):
        table.add_column(title, justify="right")
    for said, cost in cost_rows(rule, channels, size):
        numbers = (short(cost.params), short(cost.macs), short(cost.traffic_bytes), str(cost.kernels))
        table.add_row(said or "none are open", *numbers)
    return table


def write_template(name: str, kind: str, out: Path | None) -> None:
    """Write a commented file with one rule. Raises RuleError for a bad name or kind, ConfigError if it exists."""
    text = template(name, kind)
    path = out or Path(f"{name}.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path}: exists already; give another file with --out, or remove it") from None
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be written: {fault.strerror}") from None
    Console().print(Text(f"wrote {path}. Next: nas rules check {path}"))
