"""Tables for the terminal: the front of a study and how its trials ended."""

import pandas as pd
from rich.table import Table

__all__ = ["FORMATS", "foretelling_table", "front_table", "outcome_line", "pretrained_line"]

FORMATS = {
    "dice": ("Dice", "{:.4f}", 1.0),
    "latency_ms": ("latency ms", "{:.2f}", 1.0),
    "traffic_bytes": ("traffic MB", "{:.1f}", 1e-6),
    "macs": ("GMACs", "{:.3f}", 1e-9),
    "params": ("params M", "{:.3f}", 1e-6),
    "cio_elements": ("CIO M", "{:.1f}", 1e-6),
    "peak_memory_bytes": ("peak MB", "{:.1f}", 1e-6),
    "kernels": ("kernels", "{:.0f}", 1.0),
}
"""How each metric is shown: its title with the unit, its digits, and what it is multiplied by for that."""

_ALWAYS = ("dice", "latency_ms", "traffic_bytes", "macs", "params")


def front_table(front: pd.DataFrame, objectives: tuple[str, ...]) -> Table:
    """Return the front, best Dice first; objectives are marked with *."""
    shown = [name for name in FORMATS if name in front.columns and (name in objectives or name in _ALWAYS)]
    table = Table(title=f"Pareto front of {len(front)} (* objective)")
    table.add_column("trial", justify="right")
    for name in shown:
        table.add_column(FORMATS[name][0] + ("*" if name in objectives else ""), justify="right")
    table.add_column("from", overflow="fold")
    for number, row in front.iterrows():
        cells = [FORMATS[name][1].format(float(row[name]) * FORMATS[name][2]) for name in shown]
        table.add_row(str(number), *cells, str(row["origin"]))
    return table


def foretelling_table(foretelling: pd.DataFrame) -> Table:
    """Return how well each row of `studies.fidelity.foretelling` ranks the trials as their last Dice does."""
    table = Table(title="What foretells the Dice (Kendall's tau with the last epoch's, 95 % interval)")
    table.add_column("known earlier")
    for name in ("tau", "interval", "trials"):
        table.add_column(name, justify="right")
    for known, row in foretelling.iterrows():
        interval = f"{row['low']:+.2f} .. {row['high']:+.2f}"
        table.add_row(str(known), f"{row['tau']:+.2f}", interval, f"{row['trials']:.0f}")
    return table


def outcome_line(trials: pd.DataFrame) -> str:
    """Return how many trials ended in which way."""
    counts = trials["outcome"].value_counts()
    ended = ", ".join(f"{outcome} {count}" for outcome, count in counts.items()) or "no trials yet"
    attempts = trials["attempts"].fillna(1) if "attempts" in trials else None
    again = 0 if attempts is None else int((attempts - 1).sum())
    return ended + (f"; {again} attempts repeated after a worker was lost" if again else "")


def pretrained_line(trials: pd.DataFrame, network: str) -> str:
    """Return how many trials began with published weights of that network's encoder."""
    began = int((trials["pretrained_tensors"] > 0).sum()) if "pretrained_tensors" in trials else 0
    return f"encoder weights of {network}: {began} of {len(trials)} trials began with some"
