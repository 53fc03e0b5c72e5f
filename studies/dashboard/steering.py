"""From what a person does to the page's address, and from the address to the controls: one callback, so that the two
cannot disagree."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash, Input, Output, State, ctx, no_update

from studies.dashboard.explorer import is_log, seen_of
from studies.dashboard.layout import COLUMNS, PICKERS
from studies.dashboard.linked import brush_of
from studies.dashboard.watching import Snapshot, Watched
from studies.dashboard.wish import Wish
from studies.report.details import shown_numbers
from studies.report.tradeoff import title_of

__all__ = ["after", "compared_numbers", "snapshot_of", "steer"]

GRAPHS = ("front", "space", "linked")
CONTROLS = (*COLUMNS, "switches", "limit", "study", *PICKERS)


def steer(app: Dash, watched: Sequence[Watched]) -> None:
    """Make controls and clicks change the address, and the address the controls."""

    @app.callback(
        Output("url", "search"),
        *(Output(name, "value") for name in CONTROLS),
        *(Output(name, "options") for name in (*COLUMNS, "study", *PICKERS)),
        *(Output(name, "clickData") for name in GRAPHS),
        Output("parallel", "restyleData"),
        Input("url", "search"),
        Input("versions", "data"),
        *(Input(name, "value") for name in CONTROLS),
        *(Input(name, "clickData") for name in GRAPHS),
        Input("parallel", "restyleData"),
        State("axes", "data"),
    )
    def answer(search: str | None, _: object, *given: Any) -> tuple[Any, ...]:
        wish, values = Wish.of(search or ""), dict(zip((*CONTROLS, *GRAPHS, "parallel", "axes"), given, strict=True))
        wanted = after(wish, str(ctx.triggered_id), values, snapshot_of(watched, wish))
        snapshot = snapshot_of(watched, wanted)
        changed = no_update if wanted == wish else wanted.query()
        cleared = [None] * (len(GRAPHS) + 1)
        if ctx.triggered_id == "versions":  # what is being chosen at this moment must not be set back
            kept = [no_update] * len(CONTROLS)
            return no_update, *kept, *_options(snapshot, wanted, watched), *([no_update] * len(cleared))
        return changed, *_values(snapshot, wanted), *_options(snapshot, wanted, watched), *cleared


def snapshot_of(watched: Sequence[Watched], wish: Wish) -> Snapshot:
    """Return the study that is wished for, the first one where there are not so many."""
    return watched[wish.study if wish.study < len(watched) else 0].now


def after(wish: Wish, what: str, values: Mapping[str, Any], snapshot: Snapshot) -> Wish:
    """Return the wish after a control or a figure was used; values: of all of them, by name."""
    value = values.get(what)
    if what in COLUMNS:
        changes: dict[str, Any] = {what: value or ""} | ({"log": None} if what in ("x", "y") else {})
        return wish._replace(**changes)
    if what == "switches":
        letters = "".join(letter for letter in "xy" if letter in (value or ())) or "-"
        return wish._replace(log=letters, stopped="stopped" in (value or ()))
    if what == "limit":
        return wish._replace(limit=float(value) if value else None)
    if what == "study":
        return Wish(view=wish.view, study=int(value or 0))
    if what in PICKERS:
        chosen = [*compared_numbers(snapshot, wish), None, None, None][: len(PICKERS)]
        chosen[PICKERS.index(what)] = value
        return wish._replace(beside=tuple(dict.fromkeys(n for n in chosen if n is not None)))
    if what in GRAPHS and value:
        number = value["points"][0].get("customdata")
        return wish if number is None else wish._replace(trial=int(number), view="front")
    if what == "parallel" and value:
        return wish._replace(brush=brush_of(values["axes"] or (), wish.brush, value[0]), page=0)
    return wish


def compared_numbers(snapshot: Snapshot, wish: Wish) -> tuple[int, ...]:
    """Return the trials to compare: those wished for, else the open one and the first of the front."""
    there = snapshot.study.row
    wished = [number for number in wish.beside if number in there]
    begun = [n for n in (wish.trial, *shown_numbers(snapshot.study)) if n is not None and n in there]
    return tuple(dict.fromkeys(wished or begun))[: 2 if not wished else 3]


def _values(snapshot: Snapshot, wish: Wish) -> list[Any]:
    """Return the values of `CONTROLS`."""
    seen = seen_of(snapshot.tradeoff, wish)
    switches = [letter for letter, name in (("x", seen.x), ("y", seen.y)) if is_log(name, letter, wish)]
    if snapshot.tradeoff.shows_stopped if wish.stopped is None else wish.stopped:
        switches.append("stopped")
    compared = [*compared_numbers(snapshot, wish), None, None, None][: len(PICKERS)]
    columns = [seen.x, seen.y, seen.z, seen.colour, seen.size, seen.budget]
    return [*columns, switches, wish.limit, wish.study, *compared]


def _options(snapshot: Snapshot, wish: Wish, watched: Sequence[Watched]) -> list[Any]:
    """Return the options of `COLUMNS`, of the study and of the trials to compare."""
    tradeoff, study = snapshot.tradeoff, snapshot.study
    costs = [{"label": title_of(name), "value": name} for name in tradeoff.metrics]
    both = costs + [{"label": title_of(path), "value": path} for path in tradeoff.decisions]
    none = {"label": "none", "value": ""}
    columns = [both, both, [none, *costs], [none, *both], [none, *costs], [c for c in costs if c["value"] != "dice"]]
    studies = [{"label": one.now.study.config.name, "value": place} for place, one in enumerate(watched)]
    numbers = dict.fromkeys([*compared_numbers(snapshot, wish), *shown_numbers(study)])
    trials = [{"label": study.row[number].name, "value": number} for number in numbers]
    return [*columns, studies, trials, trials, trials]
