"""What the trials say of choices and of rungs, as HTML; where they are too few, that."""

from studies.report.agreement import LEAST
from studies.report.effects import LEAST_TRIALS, Effects
from studies.report.markup import Markup, tag
from studies.report.rows import Study
from studies.report.sections import place, section

__all__ = ["agreement_part", "effects_part", "learned_section"]


def learned_section(study: Study, effects: Effects, has_axes: bool, has_agreement: bool) -> Markup:
    """Return parallel coordinates, effects of choices and the agreement of rungs, or why one is not there."""
    return section(
        "learned",
        "What it shows",
        tag("h3", "Decisions, costs and Dice"),
        *_parallel(has_axes),
        tag("h3", "Effect of each choice at equal cost"),
        *effects_part(effects),
        tag("h3", "Do rungs foretell the end?"),
        *agreement_part(study, has_agreement),
    )


def _parallel(has_axes: bool) -> list[Markup]:
    if not has_axes:
        return [tag("p", "Too few: two trials must have been trained through.")]
    words = "Drag along an axis to keep only the lines through that range. Blue: best Dice, orange: worst."
    return [tag("p", words), tag("div", place("parallel", "parallel coordinates"), class_="wide")]


def effects_part(effects: Effects) -> list[Markup]:
    """Return the effects of choices, or why there are none."""
    if effects.trained < LEAST_TRIALS:
        words = f"Too few: {effects.trained} trials were trained through; from {LEAST_TRIALS} on this says something."
        return [tag("p", words)]
    if not effects.shown:
        return [tag("p", "No choice was made differently often enough.")]
    by_chance = max(1, round(effects.compared / 20))
    words = (
        f"How much Dice an option goes with, after a quadratic function of log cost is taken off; 95 % intervals. "
        f"{effects.compared} options were compared, the {len(effects.shown)} clearest are shown: about {by_chance} of "
        f"the intervals would miss 0 by chance alone. The sampler chose what to try together, so this is no proof of "
        f"cause."
    )
    return [tag("p", words, class_="quiet"), tag("div", place("effects", "effects of choices"), class_="wide")]


def agreement_part(study: Study, has_agreement: bool) -> list[Markup]:
    """Return the agreement of rungs, or why there is none."""
    if study.config.rungs.promote == "off":
        return [tag("p", "This study has no rungs.")]
    if not has_agreement:
        return [tag("p", f"Too few: {len(study.complete)} trials were trained through; from {LEAST} on it is shown.")]
    words = (
        "Kendall's tau between Dice at a rung and at the last epoch: 1 is the same order, 0 is none; 95 % bootstrap "
        "intervals. Only trials that were trained through count, which are those that rungs let pass: the order among "
        "all trials is not known."
    )
    return [tag("p", words, class_="quiet"), place("agreement", "rank correlation of rungs with the last epoch")]
