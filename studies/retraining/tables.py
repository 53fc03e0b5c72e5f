"""The tables of a retraining, once for the terminal and once as Markdown, from the same cells."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from studies.folder import read_json
from studies.retraining.plan import Run
from studies.tables import FORMATS

__all__ = ["begun_with", "markdown", "retrained_lines", "show"]

_OTHERS = {"pooled_dice": "pooled Dice", "iou": "IoU", "precision": "precision", "recall": "recall"}
_OTHERS |= {"hd95": "HD95 px", "nsd": "NSD"}
_COSTS = ("latency_ms", "traffic_bytes", "macs", "params")


class _Cells(NamedTuple):
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def show(console: Console, results: Mapping[str, Any]) -> None:
    """Print the tables and what has to be said beside them."""
    for cells in _tables(results):
        table = Table(title=Text(cells.title))
        for i, name in enumerate(cells.head):
            table.add_column(name, justify="left" if i == 0 else "right", overflow="fold")
        for row in cells.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
    for line in _lines(results):
        console.print(Text(line), soft_wrap=True)


def markdown(results: Mapping[str, Any]) -> str:
    """Return the same for a file."""
    parts = []
    for cells in _tables(results):
        lines = [cells.head, ["---"] * len(cells.head), *cells.rows]
        parts.append(f"## {cells.title}\n")
        parts.append("\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines))
        parts.append("")
    return "\n".join([*parts, *(f"- {line}" for line in _lines(results))]) + "\n"


def _tables(results: Mapping[str, Any]) -> Iterator[_Cells]:
    tested, times = results["test_images"], results["opening"]
    seen = f" · test seen {times} times" if times and times > 1 else ""
    where = f"on {tested} test images, at their masks' own size" if times else "(the test set was not opened)"
    networks = results["networks"]
    head = ["network", "seeds", "validation Dice", "Dice", "95 % interval"]
    yield _Cells(f"Retrained {where}{seen}", head, [_dice(name, row) for name, row in networks.items()])
    others = [[name, *_other(row["means"])] for name, row in networks.items() if "means" in row]
    if others:
        yield _Cells(f"Other scores, means{seen}", ["network", *_OTHERS.values()], others)
    shown = [cost for cost in _COSTS if any(row["costs"].get(cost) is not None for row in networks.values())]
    costs = [[name, *(_cost(cost, row["costs"].get(cost)) for cost in shown)] for name, row in networks.items()]
    yield _Cells(f"Costs, deployed{seen}", ["network", *(FORMATS[cost][0] for cost in shown)], costs)
    if results["comparisons"]:
        head = ["network", "against", "Dice more", "95 % interval", "p (Holm)", ""]
        yield _Cells(f"Differences{seen}", head, [_comparison(row) for row in results["comparisons"]])


def _dice(name: str, row: Mapping[str, Any]) -> list[str]:
    tested = row.get("means", {}).get("dice")
    between = _between(row) if row.get("dice_interval") else "-"
    ended = f"{len(row['ended'])} of {row['asked']}"
    return [name, ended, _plus_minus(row["validation_dice"]), _plus_minus(tested), between]


def _plus_minus(spread: Mapping[str, float | None] | None) -> str:
    if spread is None:
        return "-"
    return f"{spread['mean']:.4f}" + ("" if spread["sd"] is None else f" ± {spread['sd']:.4f}")


def _other(means: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [f"{means[name]['mean']:.{2 if name == 'hd95' else 4}f}" for name in _OTHERS]


def _cost(name: str, value: float | None) -> str:
    return "-" if value is None else FORMATS[name][1].format(value * FORMATS[name][2])


def _comparison(row: Mapping[str, Any]) -> list[str]:
    low, high = row["interval"]
    return [
        row["network"],
        row["against"],
        f"{row['difference']:+.4f}",
        f"{low:+.4f} .. {high:+.4f}",
        f"{row['p_holm']:.3f}",
        row["claim"],
    ]


def retrained_lines(run: Run) -> Iterator[str]:
    """Yield what a model card says of one training: its own validation Dice, and the test scores of all seeds."""
    result = run.result()
    if "dice" in result:
        yield f"Dice {result['dice']:.4f} on the validation images, which the network was chosen by"
    results = read_json(run.retraining.results_file)
    row: Mapping[str, Any] = results["networks"][run.network] if results else {}  # type: ignore[index]  # JSON
    if "means" in row:
        times = results["opening"]
        yield (
            f"on {results['test_images']} test images at their masks' own size, mean of {len(row['ended'])} trainings "
            f"(± over seeds): Dice {_plus_minus(row['means']['dice'])}"
            + (f", 95 % interval {_between(row)}" if row["dice_interval"] else "")
            + "".join(f", {title} {value}" for title, value in zip(_OTHERS.values(), _other(row["means"]), strict=True))
        )
        yield f"the test set was seen {times} times" if times != 1 else "the test set was opened once, for this"
    if row and row["costs"]["latency_ms"] is not None:
        yield f"latency {row['costs']['latency_ms']:.2f} ms at the study's deploy size, batch 1"


def begun_with(run: Run) -> str:
    """Return which published weights a training begins with; empty where it is from scratch."""
    known: Mapping[str, Any] = read_json(run.folder / "encoder_weights.json")
    if not known:
        return ""
    share = f"{len(known['used'])} of its encoder's {known['encoder_tensors']} tensors"
    return f"{run.network} begins with {share} from {known['as']}"


def _between(row: Mapping[str, Any]) -> str:
    low, high = row["dice_interval"]
    return f"{low:.4f} .. {high:.4f}"


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    yield f"± is the standard deviation over seeds; the selection is {results['selection_sha256'][:16]}"
    if results["opening"]:
        if results["opening"] > 1:
            yield f"the test set was seen {results['opening']} times: what was chosen after the first is no longer fair"
        if results["why_no_claim"]:
            yield f"no interval and no claim: {results['why_no_claim']}"
        elif results["comparisons"]:
            yield (
                "differences are of the mean Dice, by a paired hierarchical bootstrap over images and seeds, "
                f"p adjusted for {len(results['comparisons'])} comparisons"
            )
    for name, row in results["networks"].items():
        if row.get("began_with"):
            yield row["began_with"]
        for seed, reason in row["failed"].items():
            yield f"{name} seed {seed} failed: {reason}"
        for seed, reasons in row.get("retried", {}).items():
            yield f"{name} seed {seed} was tried again after {'; '.join(reasons)}"
        for label, dice in row.get("class_dice", {}).items() if len(row.get("class_dice", {})) > 1 else ():
            yield f"{name}: Dice of {label} {dice:.4f}"
