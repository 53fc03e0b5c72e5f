"""One trial of the page as HTML: closed until it is asked for."""

from studies.report.details import Detail
from studies.report.gallery import Gallery
from studies.report.looks import decision_words, option_text, unit_of
from studies.report.markup import Markup, tag
from studies.report.rows import Row, Study
from studies.report.sections import place, section, table

__all__ = ["all_decisions", "commands_part", "costs_table", "decisions_part", "retrained_part", "trials_section"]


def trials_section(study: Study, details: list[Detail], gallery: Gallery | None = None) -> Markup:
    """Return the trials of the front and the published networks, the best one open; a gallery adds predictions."""
    if not details:
        return section("trials", "Networks", tag("p", "No network has been trained through yet."))
    left_out = [n for n in study.front if n not in {detail.row.number for detail in details}]
    words = "The front, best Dice first, then published networks."
    if left_out:
        words += f" {len(left_out)} more of the front are in the table and the CSV file only."
    return section(
        "trials",
        "Networks",
        tag("p", words),
        *(_trial(d, i == 0, gallery.part(study, d.row.number) if gallery else "") for i, d in enumerate(details)),
    )


def _trial(detail: Detail, is_open: bool, predictions: str) -> Markup:
    row = detail.row
    facts = " · ".join(f"{unit_of(m).title} {unit_of(m).text(row.values.get(m))}" for m in _SHOWN if m in row.values)
    head = tag("summary", tag("strong", row.name), " ", tag("span", facts, class_="quiet"))
    inside: list[str] = [retrained_part(detail), _drawing(detail), decisions_part(detail), commands_part(detail)]
    inside += [*_figures(detail), predictions, all_decisions(row)]
    return tag("details", head, *inside, id=f"trial-{row.number}", class_="trial", open=is_open)


def retrained_part(detail: Detail) -> Markup:
    """Return how the network did when it was trained again, nothing where it was not."""
    words = "Retrained, on the validation images: "
    return tag("div", *(tag("p", words, tag("strong", each.text)) for each in detail.retrained))


_SHOWN = ("dice", "latency_ms", "traffic_bytes", "macs", "params")


def _drawing(detail: Detail) -> Markup:
    if detail.drawing is None:
        return tag("p", f"There is no drawing: {detail.graph_fault}.")
    style = f"--natural: {detail.drawing.sheet.layout.width:.0f}px"
    return tag("div", Markup(detail.drawing.to_svg()), class_="drawing", tabindex="0", style=style)


def decisions_part(detail: Detail) -> Markup:
    """Return the decisions beside those of the trial that shares most of them."""
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


def all_decisions(row: Row) -> Markup:
    """Return every decision, closed until it is asked for."""
    rows = [[decision_words(path), option_text(option)] for path, option in row.decisions.items()]
    return tag("details", tag("summary", f"all {len(rows)} decisions"), table(["decision", "option"], rows, words=2))


def commands_part(detail: Detail) -> Markup:
    """Return the commands, each with a button that copies it."""
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
    return [tag("div", curve, blocks, class_="columns"), costs_table(detail)]


def costs_table(detail: Detail) -> Markup:
    """Return the costs by block as numbers, closed until they are asked for."""
    columns = [(unit_of(m), m) for m in ("macs", "traffic_bytes", "params", "kernels")]
    rows = [
        [b.name, *(unit.text(getattr(b, name)) for unit, name in columns), f"{b.macs_per_byte:.1f}"]
        for b in detail.blocks
    ]
    numbers = table(["block", *(unit.title for unit, _ in columns), "MAC per byte"], rows)
    return tag("details", tag("summary", "costs by block as numbers"), numbers)
