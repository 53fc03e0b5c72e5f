"""How a study stands: trials by outcome, what is used of the budget, and how the hypervolume grew."""

from collections import Counter
from typing import NamedTuple

from plotly.graph_objects import Figure, Scatter

from studies.config import StudyConfig
from studies.front import hypervolumes
from studies.report.looks import BLUE, figure_of
from studies.report.rows import Row, Study

__all__ = ["Growth", "Use", "growth_figure", "growth_of", "outcomes_of", "used_of"]


class Growth(NamedTuple):
    """The hypervolume after each trial that has ended, in the order in which they ended."""

    trials: list[int]
    device_hours: list[float]
    hypervolume: list[float]


class Use(NamedTuple):
    """What is used of one limit of the budget; `limit` is None where there is none."""

    what: str
    used: float
    limit: float | None


def outcomes_of(rows: tuple[Row, ...]) -> list[tuple[str, int]]:
    """Return how many trials ended in which way, the most frequent first."""
    return Counter(row.outcome for row in rows).most_common()


def growth_of(study: Study) -> Growth:
    """Return how the hypervolume grew, against ended trials and the hours that their trainings took.

    A trial that another one continues is part of that one; its seconds are in there.
    """
    if study.reference is None:
        return Growth([], [], [])
    ended = [row for row in study.rows if row.ended_at is not None and row.outcome != "continued"]
    ended.sort(key=lambda row: (row.ended_at, row.number))
    volumes = [0.0, *hypervolumes([row.values for row in ended if row.outcome == "ok"], study.reference)]
    well, seconds = 0, 0.0
    growth = Growth([], [], [])
    for count, row in enumerate(ended, 1):
        well += row.outcome == "ok"
        seconds += row.seconds
        growth.trials.append(count)
        growth.device_hours.append(seconds / 3600)
        growth.hypervolume.append(volumes[well])
    return growth


def used_of(config: StudyConfig, rows: tuple[Row, ...]) -> list[Use]:
    """Return what is used of the budget: trials (one that continues another counts once) and device-hours."""
    budget = config.budget
    counted = [row for row in rows if row.outcome != "continued"]
    hours = sum(row.seconds for row in counted) / 3600
    return [Use("trials", len(counted), budget.trials), Use("device-hours", hours, budget.device_hours)]


def growth_figure(growth: Growth, against: str) -> Figure:
    """Return the hypervolume against "trials" or "device_hours"."""
    x = [0, *getattr(growth, against)]
    y = [0.0, *growth.hypervolume]
    title = {"trials": "trials that have ended", "device_hours": "device-hours of training"}[against]
    line = Scatter(x=x, y=y, mode="lines", line={"shape": "hv", "color": BLUE, "width": 2}, name="hypervolume")
    line.hovertemplate = "%{x:.3~g}<br>hypervolume %{y:.4f}<extra></extra>"
    return figure_of(line, x=title, y="hypervolume", height=280, showlegend=False)
