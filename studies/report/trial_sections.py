"""One trial of the page as HTML: closed until it is asked for."""

import re

from studies.report.details import Detail
from studies.report.looks import decision_words, option_text, unit_of
from studies.report.markup import Markup, tag
from studies.report.rows import Row, Study
from studies.report.sections import place, section, table

__all__ = ["trials_section"]


def trials_section(study: Study, details: list[Detail]) -> Markup:
    """Return the trials of the front and the published networks, the best one open."""
    if not details:
        return section("trials", "Networks", tag("p", "No network has been trained through yet."))
    left_out = [n for n in study.front if n not in {detail.row.number for detail in details}]
    words = "The front, best Dice first, then published networks."
    if left_out:
        words += f" {len(left_out)} more of the front are in the table and the CSV file only."
    return section("trials", "Networks", tag("p", words), *(_trial(d, i == 0) for i, d in enumerate(details)))


def _trial(detail: Detail, is_open: bool) -> Markup:
    row = detail.row
    facts = " · ".join(f"{unit_of(m).title} {unit_of(m).text(row.values.get(m))}" for m in _SHOWN if m in row.values)
    head = tag("summary", tag("strong", row.name), " ", tag("span", facts, class_="quiet"))
    inside = [_drawing(detail), _decisions(detail), _commands(detail), *_figures(detail), _all_decisions(row)]
    return tag("details", head, *inside, id=f"trial-{row.number}", class_="trial", open=is_open)


_SHOWN = ("dice", "latency_ms", "traffic_bytes", "macs", "params")


def _drawing(detail: Detail) -> Markup:
    if not detail.svg:
        return tag("p", f"There is no drawing: {detail.graph_fault}.")
    width = re.search(r'width="([0-9]+)"', detail.svg)
    style = f"--natural: {width.group(1)}px" if width else None
    return tag("div", Markup(detail.svg), class_="drawing", tabindex="0", style=style)


def _decisions(detail: Detail) -> Markup:
    made, beside = len(detail.row.decisions), detail.beside
    if beside is None:
        return tag("p", f"It made {made} decisions. There is no other trial to set it beside.")
    if not detail.changed:
        return tag("p", f"It made the same {made} decisions as {beside.name}.")
    shared = made - sum(change.here is not None for change in detail.changed)
    words = f"It shares {shared} of its {made} decisions with {beside.name}. What differs (–: no such decision):"
    rows = [[decision_words(c.path), option_text(c.here), option_text(c.there)] for c in detail.changed]
    found = table(["decision", "here", beside.name], rows, words=3)
    return tag("div", tag("h3", "Decisions"), tag("p", words), tag("div", found, class_="tall"))


def _all_decisions(row: Row) -> Markup:
    rows = [[decision_words(path), option_text(option)] for path, option in row.decisions.items()]
    return tag("details", tag("summary", f"all {len(rows)} decisions"), table(["decision", "option"], rows, words=2))


def _commands(detail: Detail) -> Markup:
    lines = [
        tag("li", command.what, tag("br"), tag("code", command.line), " ", tag("button", "copy", type="button"))
        for command in detail.commands
    ]
    return tag("div", tag("h3", "Commands"), tag("ul", *lines, class_="commands"))


def _figures(detail: Detail) -> list[Markup]:
    number = detail.row.number
    curve = tag("div", tag("h3", "Learning curve"), place(f"curve-{number}", "Dice after each epoch"))
    if not detail.blocks:
        return [curve]
    blocks = tag("div", tag("h3", "Costs by block"), place(f"blocks-{number}", "shares of costs by block"))
    columns = [(unit_of(m), m) for m in ("macs", "traffic_bytes", "params", "kernels")]
    rows = [
        [b.name, *(unit.text(getattr(b, name)) for unit, name in columns), f"{b.macs_per_byte:.1f}"]
        for b in detail.blocks
    ]
    numbers = table(["block", *(unit.title for unit, _ in columns), "MAC per byte"], rows)
    exact = tag("details", tag("summary", "costs by block as numbers"), numbers)
    return [tag("div", curve, blocks, class_="columns"), exact]
