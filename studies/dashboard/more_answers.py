"""From the address to the views that are looked at less: standing, comparison, what it shows, failures, studies."""

from collections.abc import Sequence
from typing import Any

from dash import Dash, Output, html

from studies.dashboard.answers import NOW, wanted
from studies.dashboard.beside import costs_beside, decisions_beside, difference_of
from studies.dashboard.colouring import shown
from studies.dashboard.components import Part, component_of, figure_place, parts_of
from studies.dashboard.overlaid import overlaid_figure, studies_table
from studies.dashboard.steering import compared_numbers, snapshot_of
from studies.dashboard.trial_view import drawing_place
from studies.dashboard.watching import Snapshot, Watched
from studies.dashboard.wish import Wish
from studies.report.agreement import agreement_figure
from studies.report.details import blocks_figure, curves_figure
from studies.report.effects import effects_figure
from studies.report.failures import failures_of
from studies.report.learned_section import agreement_part, effects_part
from studies.report.progress import growth_figure
from studies.report.sections import failures_section, standing_section

__all__ = ["answer_more"]


def answer_more(app: Dash, watched: Sequence[Watched]) -> None:
    """Fill the other views."""
    makers = {"standing-inside": _standing, "compared": _compared, "learned-inside": _learned}
    makers |= {"failures-inside": _failures}
    views = {"compared": "compare"} | {name: name.removesuffix("-inside") for name in makers if name != "compared"}
    for place, maker in makers.items():
        _fill(app, watched, place, views[place], maker)

    @app.callback(Output("studies-inside", "children"), *NOW)
    def show(search: str | None, _: object, scheme: str | None) -> list[Part]:
        wish = wanted(search, scheme, "studies")
        return _studies([one.now for one in watched], wish, scheme)


def _fill(app: Dash, watched: Sequence[Watched], place: str, view: str, maker: Any) -> None:
    @app.callback(Output(place, "children"), *NOW)
    def show(search: str | None, _: object, scheme: str | None) -> list[Part]:
        wish = wanted(search, scheme, view)
        made: list[Part] = maker(snapshot_of(watched, wish), wish, scheme)
        return made


def _standing(snapshot: Snapshot, wish: Wish, scheme: str | None) -> list[Part]:
    growth = snapshot.growth
    figures = {
        f"growth-{x}": shown(growth_figure(growth, x), scheme, f"growth {wish.study}")
        for x in ("trials", "device_hours")
        if growth.trials
    }
    return [component_of(part, figures) for part in standing_section(snapshot.study, growth).inside]


def _compared(snapshot: Snapshot, wish: Wish, scheme: str | None) -> list[Part]:
    study = snapshot.study
    numbers = compared_numbers(snapshot, wish)
    if len(numbers) < 2:
        return [html.P("Too few: two networks must have been trained through, or opened.")]
    rows = [study.row[number] for number in numbers]
    parts: list[Part] = [html.H3("Dice and costs"), component_of(costs_beside(rows)), html.H3("Decisions")]
    parts.append(component_of(decisions_beside(rows)))
    for place, number in enumerate(numbers[1:], 1):
        parts.append(html.H3(f"What {study.row[number].name} changes in {rows[0].name}"))
        found = difference_of(study, numbers[0], number)
        parts.append(html.P(found) if isinstance(found, str) else drawing_place(found, f"difference-{place}"))
    curves = shown(curves_figure(study, rows), scheme, f"curves {numbers}")
    parts += [html.H3("Learning curves"), figure_place("curves", "Dice after each epoch", curves)]
    return [*parts, html.H3("Costs by block"), html.Div(_blocks(snapshot, numbers, scheme), className="columns")]


def _blocks(snapshot: Snapshot, numbers: Sequence[int], scheme: str | None) -> list[Part]:
    parts: list[Part] = []
    for number in numbers:
        detail = snapshot.detail(number)
        figure = shown(blocks_figure(detail.blocks), scheme, f"blocks {number}") if detail.blocks else None
        inside = figure_place(f"blocks-{number}", f"costs by block of trial {number}", figure) if figure else "–"
        parts.append(html.Div([html.H4(detail.row.name), inside]))
    return parts


def _learned(snapshot: Snapshot, wish: Wish, scheme: str | None) -> list[Part]:
    effects, agreements = snapshot.effects, snapshot.agreements
    figures = {}
    if effects.shown:
        figures["effects"] = shown(effects_figure(effects.shown), scheme, f"effects {wish.study}")
    if agreements:
        figures["agreement"] = shown(agreement_figure(agreements), scheme, f"agreement {wish.study}")
    return [
        html.H2("What it shows"),
        html.H3("Effect of each choice at equal cost"),
        *parts_of(*effects_part(effects), figures=figures),
        html.H3("Do rungs foretell the end?"),
        *parts_of(*agreement_part(snapshot.study, bool(agreements)), figures=figures),
    ]


def _failures(snapshot: Snapshot, wish: Wish, scheme: str | None) -> list[Part]:
    section = failures_section(*failures_of(snapshot.study))
    return [component_of(part) for part in section.inside]


def _studies(snapshots: Sequence[Snapshot], wish: Wish, scheme: str | None) -> list[Part]:
    studies = [snapshot.study for snapshot in snapshots]
    costs = [name for name in studies[0].config.objectives if name != "dice"]
    parts: list[Part] = [html.H2("Studies"), component_of(studies_table(studies))]
    for cost in costs or ["macs"]:
        figure = shown(overlaid_figure(studies, cost, "dice"), scheme, f"overlaid {cost}")
        parts.append(figure_place(f"overlaid-{cost}", f"the fronts of all studies over {cost}", figure))
    return parts
