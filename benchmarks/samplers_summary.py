"""Sum up the runs of `benchmarks/samplers.py`: shares of the attainable hypervolume, paired differences, a plot.

Run: python benchmarks/samplers_summary.py    (seconds; writes results/samplers-cpu.json and docs/samplers.svg)

Attainable is the hypervolume of all recorded members; where nobody knows it, the largest that any run has reached, on
the analytic problem with the same seed. Intervals are bootstrapped over seeds, 95 %.
"""

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from recorded import record

HERE = Path(__file__).parent
AFTER = (10, 20, 25, 40, 50, 80, 100, 200)
OPTUNA = ("tpe", "nsga2", "nsga3", "gp")
DRAWN = ("grammar", "tpe", "nsga2", "nsga3", "gp", "evolution", "random")  # in these colours
PAIRS = ((10, 20), (20, 20), (20, 40), (40, 40), (40, 80), (80, 80), (50, 100), (100, 100), (50, 200), (100, 200))
COMPARED, AIM_S = 40, 1.0
Runs = dict[int, dict[str, object]]
Groups = dict[tuple[str, bool], dict[str, Runs]]


def shares(runs: Runs, attainable: dict[int, float], after: int) -> dict[int, float]:
    """Return by seed the share of the attainable hypervolume that was reached."""
    return {
        seed: run["volumes"][after - 1] / attainable[seed]  # type: ignore[index]
        for seed, run in runs.items()
        if len(run["volumes"]) >= after  # type: ignore[arg-type]
    }


def interval(values: Sequence[float]) -> list[float]:
    """Return the 95 % interval of the mean."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (4000, len(values)))
    return [round(float(edge), 4) for edge in np.quantile(drawn.mean(1), [0.025, 0.975])]


def trials_to(run: dict[str, object], volume: float) -> float:
    volumes = run["volumes"]
    assert isinstance(volumes, list)
    return next((i + 1 for i, reached in enumerate(volumes) if reached >= volume), float("inf"))


def row(problem: str, sampler: str, filtered: bool, groups: Groups, attainable: dict[int, float]) -> dict[str, object]:
    """Return how a sampler did; its baseline are random draws on the same seeds, as far as both were run."""
    runs, random = groups[problem, filtered][sampler], groups[problem, filtered]["random"]
    share, drawn = shares(runs, attainable, COMPARED), shares(random, attainable, COMPARED)
    value, baseline = (statistics.mean(found[seed] for seed in share.keys() & drawn.keys()) for found in (share, drawn))
    found: dict[str, object] = {
        "name": f"{problem}: share after {COMPARED} trials, {sampler}{'' if filtered else ', unfiltered'}",
        "value": round(value, 4),
        "baseline": round(baseline, 4),
        "ratio": round(value / baseline, 4),
        "seeds": len(runs),
    }
    for after in AFTER:
        reached = shares(runs, attainable, after)
        if len(reached) == len(runs):
            found[f"share_{after}"] = round(statistics.mean(reached.values()), 4)
            found[f"interval_{after}"] = interval(list(reached.values()))
    needed = [trials_to(run, 0.95 * attainable[seed]) for seed, run in runs.items()]
    found["trials_to_95"] = statistics.median(needed) if statistics.median(needed) < float("inf") else None
    found["reached_95"] = sum(n < float("inf") for n in needed)
    for name in ("repeats", "infeasible", "seconds_per_proposal", "slowest_proposal_s"):
        found[name] = round(statistics.mean(float(str(run[name])) for run in runs.values()), 3)
    return found


def paired(
    problem: str, ours: Runs, other: str, theirs: Runs, attainable: dict[int, float], at: int, against: int
) -> dict[str, object] | None:
    """Return the share of the grammar sampler at `at` trials beside another's at `against`, over the seeds of both."""
    mine, others = shares(ours, attainable, at), shares(theirs, attainable, against)
    seeds = sorted(mine.keys() & others.keys())
    if len(seeds) < 2:
        return None
    value, baseline = (statistics.mean(found[seed] for seed in seeds) for found in (mine, others))
    return {
        "name": f"{problem}: grammar at {at} trials, baseline {other} at {against}; interval: of the difference",
        "value": round(value, 4),
        "baseline": round(baseline, 4),
        "ratio": round(value / baseline, 4),
        "ahead": round(value - baseline, 4),
        "interval": interval([mine[seed] - others[seed] for seed in seeds]),
        "seeds": len(seeds),
    }


def proposal_rows(path: Path) -> Iterator[dict[str, object]]:
    """Yield what a proposal takes late in a long run; the baseline is the aim."""
    for line in path.read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        name = f"{run['problem']}: CPU seconds of a proposal, mean of the last 20 of {run['trials']} trials"
        seconds = run["seconds_of_last_20"]
        yield {"name": f"{name}; baseline: the aim", "value": seconds, "baseline": AIM_S, "ratio": seconds / AIM_S}


def draw(groups: Groups, tops: dict[str, dict[int, float]], out: Path) -> None:
    """Draw the mean share against trials, with intervals over seeds."""
    plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "samplers"}
    shown = [problem for problem, filtered in groups if filtered]
    figure, axes = plt.subplots(1, len(shown), figsize=(5.2 * len(shown), 3.8), squeeze=False)
    for axis, problem in zip(axes[0], shown, strict=True):
        for sampler, runs in groups[problem, True].items():
            lines = np.array([np.array(run["volumes"]) / tops[problem][seed] for seed, run in runs.items()])
            at = np.arange(1, lines.shape[1] + 1)
            colour, width = f"C{DRAWN.index(sampler)}", 2 if sampler == "grammar" else 1
            axis.plot(at, lines.mean(0), label=f"{sampler} ({len(lines)})", lw=width, color=colour)
            edges = np.array([interval(list(column)) for column in lines.T])
            axis.fill_between(at, edges[:, 0], edges[:, 1], alpha=0.12, color=colour)
        axis.set(title=problem, xlabel="trials", ylabel="share of the attainable hypervolume")
        axis.legend(fontsize=7, title="sampler (seeds)", title_fontsize=7)
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})
    out.write_text("\n".join(line.rstrip() for line in out.read_text().splitlines()) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=Path, default=HERE / "results" / "samplers-runs.jsonl")
    parser.add_argument("--long", type=Path, default=HERE / "results" / "samplers-500.jsonl")
    asked = parser.parse_args()
    groups: Groups = defaultdict(lambda: defaultdict(dict))
    tops: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for line in asked.runs.read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        groups[run["problem"], run["filtered"]][run["sampler"]][run["seed"]] = run
        tops[run["problem"]][run["seed"]] = max(
            tops[run["problem"]][run["seed"]], run.get("attainable") or 0.0, *run["volumes"]
        )
    if "fitted" in tops:  # one problem for all seeds
        tops["fitted"] = dict.fromkeys(tops["fitted"], max(tops["fitted"].values()))
    found = [
        row(problem, sampler, filtered, groups, tops[problem])
        for (problem, filtered), samplers in groups.items()
        for sampler in samplers
    ]
    found += [
        one
        for (problem, filtered), samplers in groups.items()
        for other in OPTUNA
        for at, against in PAIRS
        if filtered and {"grammar", other} <= samplers.keys()
        if (one := paired(problem, samplers["grammar"], other, samplers[other], tops[problem], at, against))
    ]
    found += proposal_rows(asked.long)
    record(found, name="samplers")
    draw(dict(groups), tops, HERE.parent / "docs" / "samplers.svg")


if __name__ == "__main__":
    main()
