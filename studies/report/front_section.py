"""The front as HTML: the figure's place, its controls, and the table."""

from collections.abc import Container

from evaluators.metrics import METRICS
from studies.report.looks import unit_of
from studies.report.markup import Markup, tag
from studies.report.rows import Row, Study
from studies.report.sections import place, section, table
from studies.report.tradeoff import Tradeoff

__all__ = ["front_section", "front_table"]

_ALWAYS = ("dice", "latency_ms", "traffic_bytes", "macs", "params")


def front_section(study: Study, tradeoff: Tradeoff, in_full: Container[int]) -> Markup:
    """Return the figure of the front with its controls, and the front as a table.

    in_full: The trials that the page shows in full, which the table links to.
    """
    if not tradeoff.numbers:
        return section("front", "Front", tag("p", "No trial has a Dice yet."))
    hint = "Type a limit to mark the best network below it. Click a point to open its trial."
    said = tag("p", hint, id="picked", aria_live="polite")
    figure = place("front", "the trials in two objectives or costs")
    return section("front", "Front", _controls(tradeoff), said, figure, front_table(study, in_full))


def _controls(tradeoff: Tradeoff) -> Markup:
    names = list(tradeoff.metrics)
    limit = tag("input", id="limit", type="number", min="0", step="any", aria_label="limit")
    budget = _choice("budget", "budget:", [name for name in names if name != "dice"], tradeoff.first[0])
    return tag(
        "form",
        _choice("x", "x", names, tradeoff.first[0]),
        _tick("log-x", "log"),
        _choice("y", "y", names, tradeoff.first[1]),
        _tick("log-y", "log"),
        _tick("stopped", f"stopped trials ({len(tradeoff.groups['stopped'])})", tradeoff.shows_stopped),
        tag("span", budget, " ≤ ", limit, class_="budget"),
        id="controls",
        class_="controls",
    )


def _choice(name: str, label: str, options: list[str], chosen: str) -> Markup:
    shown = [tag("option", unit_of(o).title, value=o, selected=o == chosen) for o in options]
    return tag("label", label + " ", tag("select", *shown, id=name))


def _tick(name: str, label: str, ticked: bool = False) -> Markup:
    return tag("label", tag("input", type="checkbox", id=name, checked=ticked), " " + label)


def front_table(study: Study, in_full: Container[int]) -> Markup:
    """Return the front and the published networks as a table; those of `in_full` are links."""
    shown = [study.row[number] for number in study.front]
    shown += [row for row in study.complete if row.published and row.number not in study.front]
    if not shown:
        return tag("p", "No trial has been trained through yet.")
    names = [name for name in METRICS if name in study.config.objectives or name in _ALWAYS]
    metrics = [name for name in names if any(name in row.values for row in shown)]
    heads = ["trial", "from", *(unit_of(n).title + " *" * (n in study.config.objectives) for n in metrics)]
    words = tag("p", f"The front of {len(study.front)}, best Dice first, and published networks; * objective.")
    rows = []
    for row in shown:
        number = tag("a", str(row.number), href=f"#trial-{row.number}") if row.number in in_full else str(row.number)
        rows.append([number, _origin(row, study), *(unit_of(name).text(row.values.get(name)) for name in metrics)])
    return tag("div", words, table(heads, rows, words=2))


def _origin(row: Row, study: Study) -> str:
    origin = f"published {row.published}" if row.published else row.origin
    return origin if row.number in study.front else f"{origin} (dominated)"
