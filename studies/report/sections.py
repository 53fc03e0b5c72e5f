"""The page's sections about the whole study as HTML, and what all sections are made of.

Figures are places that the page's script fills.
"""

from studies.cost_tables import short
from studies.progress import duration
from studies.report.failures import Failure
from studies.report.listing import Download
from studies.report.looks import unit_of
from studies.report.markup import Markup, tag
from studies.report.progress import Growth, Use, outcomes_of, used_of
from studies.report.rows import Study

__all__ = [
    "compare_section",
    "download_link",
    "failures_section",
    "place",
    "section",
    "standing_section",
    "table",
]


def section(anchor: str, title: str, *inside: Markup) -> Markup:
    """Return a section with its heading."""
    return tag("section", tag("h2", title), *inside, id=anchor)


def place(figure: str, what: str) -> Markup:
    """Return where the script draws the figure of that name; `what` is read aloud."""
    return tag("div", id=f"figure-{figure}", class_="figure", role="img", aria_label=what)


def table(heads: list[str], rows: list[list[str]], words: int = 1) -> Markup:
    """Return a table; all columns but the first `words` hold numbers, which are set to the right."""
    kinds = [None if i < words else "number" for i in range(len(heads))]
    head = tag("tr", *(tag("th", text, class_=kind, scope="col") for text, kind in zip(heads, kinds, strict=True)))
    body = [tag("tr", *(tag("td", x, class_=k) for x, k in zip(row, kinds, strict=True))) for row in rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="wide")


def standing_section(study: Study, growth: Growth) -> Markup:
    """Return how the study stands."""
    inside = [_running(study), _tiles(study, growth)]
    if not study.rows:
        inside.append(tag("p", "No trials yet: figures appear when networks have been trained."))
    else:
        counts = [[outcome, str(count)] for outcome, count in outcomes_of(study.rows)]
        ended = tag("div", tag("h3", "Trials"), table(["outcome", "trials"], counts))
        inside.append(tag("div", ended, _budget(study), class_="columns"))
    if growth.trials:
        figures = [place(f"growth-{x}", f"hypervolume against {x}") for x in ("trials", "device_hours")]
        inside += [tag("div", *figures, class_="columns"), _reference(study)]
    return section("standing", "How it stands", *inside)


def _running(study: Study) -> Markup:
    if study.said is None:
        return tag("p", tag("strong", "Not running."), " No search is at work on this study on this machine.")
    return tag("p", tag("strong", "Running"), f" when this page was written: {study.said.text}")


def _tiles(study: Study, growth: Growth) -> Markup:
    best = study.row[study.front[0]].values["dice"] if study.front else None
    hours = growth.device_hours[-1] if growth.trials else 0.0
    shown = {
        "trained through": str(len(study.complete)),
        "on the front": str(len(study.front)),
        "best Dice": unit_of("dice").text(best),
        "hypervolume": f"{growth.hypervolume[-1]:.4f}" if growth.trials else "–",
        "of training": duration(3600 * hours),
    }
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", text)) for name, text in shown.items()), class_="tiles")


def _budget(study: Study) -> Markup:
    lines = [tag("h3", "Budget")]
    for use in used_of(study.config, study.rows):
        lines.append(_use(use))
    budget = study.config.budget
    limits = {"hours of one run": budget.hours, "finished trials without progress": budget.patience}
    lines += [tag("p", f"At most {value:g} {what}.", class_="quiet") for what, value in limits.items() if value]
    return tag("div", *lines)


def _use(use: Use) -> Markup:
    used = f"{use.used:.0f}" if use.what == "trials" else f"{use.used:.2f}"
    if use.limit is None:
        return tag("p", f"{used} {use.what}, no limit", class_="quiet")
    words = f"{used} of {use.limit:g} {use.what}"
    bar = tag("progress", max=f"{use.limit:g}", value=f"{min(use.used, use.limit):g}", aria_label=words)
    return tag("p", words, tag("br"), bar)


def _reference(study: Study) -> Markup:
    assert study.reference is not None
    point = ", ".join(f"{unit_of(name).title} {unit_of(name).text(v)}" for name, v in study.reference.values.items())
    words = "Hypervolume is over (1 − Dice, log10 of each cost) below the reference point, fixed at the start: "
    return tag("p", words + point + ".", class_="quiet")


def compare_section(names: dict[int, str]) -> Markup:
    """Return the curves of all trials that are shown in full, and the table of two or three that are chosen."""
    if len(names) < 2:
        return section("compare", "Compare", tag("p", "Too few: two networks must have been trained through."))
    return section(
        "compare",
        "Compare",
        tag("p", "Dice after each epoch. Dotted lines are rungs, dashed curves published networks."),
        place("curves", "learning curves of the front"),
        tag("h3", "Decisions side by side"),
        _chosen(names),
        tag("div", id="compared", class_="wide tall", tabindex="0"),
    )


def _chosen(names: dict[int, str]) -> Markup:
    """Return what the trials to compare are chosen with: the first two, and none, to begin with."""
    pickers = []
    for letter, first in zip("ABC", [*list(names)[:2], None], strict=True):
        options = [tag("option", "–", value="")] if first is None else []
        options += [tag("option", name, value=str(number), selected=number == first) for number, name in names.items()]
        pickers.append(tag("label", letter + " ", tag("select", *options, class_="compared")))
    only = tag("label", tag("input", type="checkbox", id="only-different", checked=True), " only what differs")
    return tag("form", *pickers, only, class_="controls")


def failures_section(count: int, failures: list[Failure]) -> Markup:
    """Return the trials that failed, with the end of what was written when they did."""
    if not count:
        return section("failures", "Failures", tag("p", "No trial has failed."))
    shown = f", the latest {len(failures)} are shown" if count > len(failures) else ""
    inside = [tag("p", f"{count} failed{shown}.")]
    for failure in failures:
        row = failure.row
        head = tag("summary", tag("strong", f"{row.name}: {row.outcome}"), " ", tag("span", row.reason[:300]))
        facts = tag("p", f"from {row.origin}, {short(row.values.get('macs', 0))} MACs, after {duration(row.seconds)}")
        end = tag("pre", failure.end) if failure.end else tag("p", "There is no fault.txt in its folder.")
        inside.append(tag("details", head, tag("p", row.reason), facts, end))
    return section("failures", "Failures", *inside)


def download_link(download: Download, count: int) -> Markup:
    """Return the link that saves all trials."""
    words = f"All {count} trials as {download.name}"
    return tag("a", words, href=download.uri, download=download.name, class_="download")
