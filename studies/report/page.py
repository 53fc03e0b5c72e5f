"""The whole page: one file that asks no server for anything.

Its Content-Security-Policy names the scripts in it by their hashes and allows no request. WebGL figures of plotly
compile functions, hence 'unsafe-eval': what may call it are those scripts alone.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib.resources import files

from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from evaluators.metrics import METRICS
from studies.report.agreement import agreement_figure, agreements_of
from studies.report.details import Detail, blocks_figure, curves_figure, detail_of, shown_numbers
from studies.report.effects import Effects, effects_figure, effects_of
from studies.report.failures import failures_of
from studies.report.front_section import front_section
from studies.report.gallery import Gallery
from studies.report.learned_section import learned_section
from studies.report.listing import download_of
from studies.report.looks import decision_words, option_text, unit_of
from studies.report.markup import Markup, as_json, tag
from studies.report.parallel import axes_of, parallel_figure
from studies.report.progress import Growth, growth_figure, growth_of
from studies.report.rows import Row, Study
from studies.report.sections import (
    compare_section,
    download_link,
    failures_section,
    standing_section,
)
from studies.report.tradeoff import Tradeoff, shown_value, tradeoff_figure, tradeoff_of
from studies.report.trial_sections import trials_section

__all__ = ["page_of"]

_TITLES = {
    "standing": "Standing",
    "front": "Front",
    "trials": "Networks",
    "compare": "Compare",
    "learned": "Learned",
    "failures": "Failures",
}


def page_of(study: Study, images: bool = False) -> str:
    """Return the report of a study as HTML; validation images are in it only if asked for."""
    gallery = Gallery() if images else None
    growth, tradeoff, effects = growth_of(study), tradeoff_of(study), effects_of(study)
    details = {number: detail_of(study, number) for number in shown_numbers(study)}
    figures = _study_figures(study, growth, tradeoff, effects) | _trial_figures(study, list(details.values()))
    body = [
        _header(study),
        standing_section(study, growth),
        front_section(study, tradeoff, details),
        trials_section(study, list(details.values()), gallery),
        compare_section({number: detail.row.name for number, detail in details.items()}),
        learned_section(study, effects, "parallel" in figures, "agreement" in figures),
        failures_section(*failures_of(study)),
    ]
    compared = {str(number): _compared(detail.row) for number, detail in details.items()}
    data = {"figures": _plain(figures), "front": _front_data(tradeoff), "compared": compared}
    data["images"] = gallery.images() if gallery else {}
    return _document(study.config.name, body, as_json(data))


def _study_figures(study: Study, growth: Growth, tradeoff: Tradeoff, effects: Effects) -> dict[str, Figure]:
    """Return the figures of the whole study for which there is something to show."""
    figures = {}
    if growth.trials:
        figures = {f"growth-{x}": growth_figure(growth, x) for x in ("trials", "device_hours")}
    if tradeoff.numbers:
        figures["front"] = tradeoff_figure(tradeoff, *tradeoff.first)
    if axes := axes_of(study):
        figures["parallel"] = parallel_figure(axes)
    if effects.shown:
        figures["effects"] = effects_figure(effects.shown)
    if agreements := agreements_of(study.rows, study.rungs):
        figures["agreement"] = agreement_figure(agreements)
    return figures


def _header(study: Study) -> Markup:
    links = [tag("a", title, href=f"#{anchor}") for anchor, title in _TITLES.items()]
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    objectives = ", ".join(unit_of(name).title for name in study.config.objectives)
    about = f"space {study.config.space} · objectives {objectives} · written {written}"
    save = download_link(download_of(study), len(study.rows))
    return tag("header", tag("h1", study.config.name), tag("p", about, class_="quiet"), tag("nav", *links, save))


def _trial_figures(study: Study, details: list[Detail]) -> dict[str, Figure]:
    figures = {"curves": curves_figure(study, [detail.row for detail in details])} if len(details) > 1 else {}
    for detail in details:
        figures[f"curve-{detail.row.number}"] = curves_figure(study, [detail.row])
        if detail.blocks:
            figures[f"blocks-{detail.row.number}"] = blocks_figure(detail.blocks)
    return figures


def _plain(figures: dict[str, Figure]) -> dict[str, object]:
    """Return figures as JSON can hold them, without plotly's template."""
    plain = {name: json.loads(figure.to_json()) for name, figure in figures.items()}
    for figure in plain.values():
        figure["layout"].pop("template", None)
    return plain


def _front_data(tradeoff: Tradeoff) -> dict[str, object]:
    """Return what the script needs to show another pair, in the units that are shown."""
    columns = range(len(tradeoff.numbers))
    return {
        "numbers": tradeoff.numbers,
        "labels": tradeoff.labels,
        "titles": {name: unit_of(name).title for name in tradeoff.metrics},
        "values": {name: [shown_value(tradeoff, name, i) for i in columns] for name in tradeoff.metrics},
        "groups": tradeoff.groups,
        "retrained": {
            "places": [tradeoff.numbers.index(each.number) for each in tradeoff.retrained],
            "means": [each.mean for each in tradeoff.retrained],
        },
        "steps": {f"{x}|{y}": steps for (x, y), steps in tradeoff.steps.items()},
    }


def _compared(row: Row) -> dict[str, object]:
    """Return costs and decisions of a trial as they are shown."""
    costs = [[unit_of(name).title, unit_of(name).text(row.values[name])] for name in METRICS if name in row.values]
    decisions = [[decision_words(path), option_text(option)] for path, option in row.decisions.items()]
    return {"name": row.name, "costs": costs, "decisions": decisions}


def _document(title: str, body: list[Markup], data: Markup) -> str:
    own = files("studies.report")
    names = ("page.css", "page.js", "copying.js")
    style, *own_scripts = (own.joinpath(name).read_text(encoding="utf-8") for name in names)
    scripts = [get_plotlyjs(), *own_scripts]
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    policy = (
        f"default-src 'none'; script-src {allowed} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
        f"base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    hidden = tag("script", data, type="application/json", id="data")
    runs = [tag("script", Markup(text)) for text in scripts]
    needs = tag("noscript", tag("p", "The figures need JavaScript; the tables do not."))
    page = tag("html", head, tag("body", tag("main", needs, *body), hidden, *runs), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
