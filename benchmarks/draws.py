"""How plain draws of `medseg` share families, depths and costs: 10,000 of them, their shares as JSON and as a picture.

Run: python benchmarks/draws.py   (one core, some minutes; writes benchmarks/results/draws-cpu.json and
docs/medseg_draws.svg)

Costs are of the deployed network, 3x352x352, one class, fp32, schedule fused. The picture needs matplotlib.
"""

from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import numpy as np
from matplotlib import pyplot as plt
from recorded import record

import nas
from search_spaces import spaces
from search_spaces.segmenter import FAMILY

COUNT, SHAPE = 10_000, (3, 352, 352)
SHARED = ("encoder", "decoder", "neck", "depth", "base", "stages", "blocks")
"""Decisions whose shares are stated, by the last word of their path."""
STYLES = {
    "unet": ("#0072B2", "-"),
    "unetpp": ("#D55E00", "-"),
    "full_scale": ("#009E73", "--"),
    "dense_aggregation": ("#000000", ":"),
    "concat_all": ("#CC79A7", "-."),
}
"""Colours of Okabe and Ito, told apart without colour by their dashes."""
ROOT = Path(__file__).parents[1]


def drawn() -> tuple[dict[str, list[float]], list[dict[str, object]]]:
    """Return the MACs of every family's draws, and one row per share and per family."""
    space, rng = spaces["medseg"], Random(0)
    macs: defaultdict[str, list[float]] = defaultdict(list)
    shares: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _ in range(COUNT):
        architecture = space.sample(rng)
        decisions = space.decisions(architecture)
        for path, option in decisions.items():
            if path.split(".")[-1] in SHARED and not any(part.isdigit() for part in path.split(".")):
                shares[path][str(option)] += 1
        family = " + ".join(str(decisions[path]) for path in FAMILY)
        macs[family].append(nas.cost(nas.deploy(nas.build(architecture, SHAPE))).macs)
    rows: list[dict[str, object]] = []
    for path, counts in sorted(shares.items()):
        total = counts.total()
        rows += [row(f"{path} = {option}", n / total, 1 / len(counts)) for option, n in sorted(counts.items())]
    for family, values in sorted(macs.items()):
        rows.append(row(f"family {family}", len(values) / COUNT, 1 / len(macs)))
        for name, share in (("5 %", 0.05), ("median", 0.5), ("95 %", 0.95)):
            rows.append(row(f"family {family}, GMACs, {name}", float(np.quantile(values, share)) / 1e9, None))
    return macs, rows


def row(name: str, value: float, baseline: float | None) -> dict[str, object]:
    """baseline of a share: what each option would have were all alike."""
    return {
        "name": name,
        "value": round(value, 4),
        "baseline": baseline,
        "ratio": baseline and round(value / baseline, 3),
    }


def picture(macs: dict[str, list[float]], path: Path) -> None:
    """One panel per encoder, one line per decoder, MACs on a log axis."""
    plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "medseg"}
    edges = np.logspace(7.5, 12.5, 41)
    encoders = list(dict.fromkeys(family.split(" + ")[0] for family in sorted(macs, reverse=True)))
    figure, panels = plt.subplots(len(encoders), 1, figsize=(8, 9), sharex=True, sharey=True, layout="constrained")
    for encoder, panel in zip(encoders, panels, strict=True):
        for decoder, (colour, line) in STYLES.items():
            counts, _ = np.histogram(macs[f"{encoder} + {decoder}"], edges)
            panel.step(edges, [*counts, counts[-1]], where="post", color=colour, linestyle=line, linewidth=1.5)
        total = sum(len(macs[f"{encoder} + {decoder}"]) for decoder in STYLES)
        panel.set_title(f"encoder {encoder}: {total:,} draws", loc="left", fontsize=10)
        panel.set_xscale("log")
        panel.set_ylabel("draws")
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("multiply-accumulates of the deployed network at 352 x 352 pixels")
    lines = [plt.Line2D([], [], color=colour, linestyle=line, linewidth=1.5) for colour, line in STYLES.values()]
    figure.legend(lines, [f"decoder {name}" for name in STYLES], loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def main() -> None:
    macs, rows = drawn()
    record(rows)
    picture(macs, ROOT / "docs" / "medseg_draws.svg")


if __name__ == "__main__":
    main()
