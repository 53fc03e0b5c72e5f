"""What `nas retrain` does: select, train, open the test set, score, compare, tell."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.text import Text

import nas
from evaluators.device import describe_device, pick_device
from evaluators.faults import DeviceError, OutOfMemory
from studies.config import StudyConfig, folder_name
from studies.errors import ConfigError
from studies.folder import StudyFolder, read_json, write_atomic
from studies.latency_meter import LatencyMeter
from studies.material import load_held_out, load_material
from studies.pretrained import Pretrained, load_pretrained
from studies.progress import Progress
from studies.records import load
from studies.retraining.opening import open_test_set, times_opened
from studies.retraining.plan import Plan, RetrainFolder, Run, check_weights, retrain_config, store, stored_plan
from studies.retraining.results import comparisons_of, spread, summary_of, why_no_claim
from studies.retraining.retrying import earlier_failures, forget_failures, may_be_retried
from studies.retraining.selecting import Chosen, chosen
from studies.retraining.tables import begun_with, markdown, show
from studies.retraining.testing import deployed_graph, score_runs, write_images, write_worst
from studies.retraining.training import Trainings
from studies.slots import executor_for

__all__ = ["Wish", "retrain"]


class Wish(NamedTuple):
    """What the command line asks for. name: of the folder, that of the selections if None.

    retries_failed: trainings that failed by what may be otherwise the next time are begun anew.
    """

    selections: Sequence[str]
    seeds: int
    name: str | None
    overrides: Sequence[str]
    opens_test: bool
    retries_failed: bool = False


def retrain(directory: Path, wish: Wish, interrupted: Callable[[], bool]) -> bool:
    """Retrain, test and print the tables. Return False if some trainings failed.

    Raises Interrupted when asked to stop; the same call goes on from there. Raises a NasError for a selection, a
    recipe or a folder that cannot be used.
    """
    study, console = StudyFolder(directory), Console()
    config = retrain_config(study, wish.overrides)
    if config.train.threads != "auto":
        torch.set_num_threads(config.train.threads)
    folder = RetrainFolder(study.root / "retrained" / folder_name(wish.name or "+".join(wish.selections)))
    networks = [] if folder.selection_file.exists() else chosen(load(directory), wish.selections)
    with folder.driver(), Progress(console) as progress:
        times_opened(study)  # a damaged log is found before days of training
        plan, pretrained = _planned(folder, study, config, wish, networks)
        if wish.retries_failed:
            progress.say(_forgotten(plan))
        progress.say(f"{', '.join(plan.keys)} with {len(plan.seeds)} seeds in {folder.root}; selection {plan.sha256}")
        _train(plan, study, config, pretrained, progress, interrupted)
        results = _results(plan, study, config, progress, opens_test=wish.opens_test)
    show(console, results)
    for line in _next(plan):
        console.print(Text(line), soft_wrap=True)  # a command is copied as one line
    return not any(row["failed"] for row in results["networks"].values())


def _planned(
    folder: RetrainFolder, study: StudyFolder, config: StudyConfig, wish: Wish, networks: Sequence[Chosen]
) -> tuple[Plan, Pretrained | None]:
    """Return what is or was selected, and the encoder weights if anything is still to begin with them."""
    plan = stored_plan(folder, study, config, wish.selections, wish.seeds)
    if plan is not None:
        pretrained = load_pretrained(config) if wish.retries_failed or plan.unfinished() else None
        check_weights(plan, pretrained)
        return plan, pretrained
    if wish.retries_failed:
        raise ConfigError(f"{folder.root}: nothing was retrained here that could fail; leave out --retry-failed")
    pretrained = load_pretrained(config)
    return store(folder, study, config, wish.selections, networks, wish.seeds, pretrained), pretrained


def _forgotten(plan: Plan) -> str:
    """Have failed trainings begin anew and return which."""
    failed = ", ".join(f"{run.network} seed {run.seed}" for run in forget_failures(plan))
    return f"tried again: {failed}" if failed else "nothing failed that may be otherwise the next time"


def _train(
    plan: Plan,
    study: StudyFolder,
    config: StudyConfig,
    pretrained: Pretrained | None,
    progress: Progress,
    interrupted: Callable[[], bool],
) -> None:
    if not plan.unfinished():
        return
    for name in plan.keys if pretrained is not None else ():
        progress.say(begun_with(plan.folder.run(name, plan.seeds[0])))
    progress.say(f"training on {describe_device(pick_device(config.device))}")
    material = load_material(config, study, lambda done, total: progress.doing(f"reading images {done}/{total}"))
    executor = executor_for(config, material, pretrained, interrupted)
    Trainings(plan.runs(), config.train.epochs, executor, progress, interrupted).run()


def _results(
    plan: Plan, study: StudyFolder, config: StudyConfig, progress: Progress, *, opens_test: bool
) -> Mapping[str, Any]:
    """Return what the tables say: as stored, or tested now; anew where trainings have ended since the last time."""
    stored: Mapping[str, Any] = read_json(plan.folder.results_file)
    if stored and (stored["opening"] or not opens_test):
        if all(stored["networks"][name]["ended"] == _ends(plan, name)["ended"] for name in plan.keys):
            return _retold(stored, plan)
        if stored["opening"]:
            progress.say(f"trainings ended after opening {stored['opening']} of the test set; its tables lack them")
            if not opens_test:
                return stored
            _set_aside(plan, stored["opening"])
    ended = [run for run in plan.runs() if run.result()["outcome"] == "ok"]
    results: dict[str, Any] = {"selection_sha256": plan.sha256, "opening": None, "test_images": _test_count(study)}
    results |= {"networks": _untested(plan, config, progress), "comparisons": [], "why_no_claim": None}
    if opens_test and ended and results["test_images"]:
        _test(plan, study, config, progress, ended, results)
    _write(results, plan)
    return results


def _retold(stored: Mapping[str, Any], plan: Plan) -> Mapping[str, Any]:
    """Return results with how trainings have failed by now; what ended well is the same."""
    retried = earlier_failures(plan)
    rows = {n: row | _ends(plan, n) | {"retried": retried.get(n, {})} for n, row in stored["networks"].items()}
    results = {**stored, "networks": rows}
    if results != stored:
        _write(results, plan)
    return results


def _write(results: Mapping[str, Any], plan: Plan) -> None:
    write_atomic(plan.folder.tables_file, markdown(results))
    write_atomic(plan.folder.results_file, json.dumps(results, indent=1))


def _set_aside(plan: Plan, opening: int) -> None:
    """Keep what an opening of the test set gave, the results last: until then this is done again."""
    place = plan.folder.earlier(opening)
    place.mkdir(exist_ok=True)
    for name in ("worst", "images.csv", "results.md", "results.json"):
        if (plan.folder.root / name).exists():
            (plan.folder.root / name).rename(place / name)


def _ends(plan: Plan, name: str) -> dict[str, Any]:
    """Return how the trainings of a network ended: the seeds of those that did so well, and why others failed."""
    results = {run.seed: run.result() for run in plan.runs() if run.network == name}
    failed = {str(s): f"{r['outcome']}: {r['reason']}" for s, r in results.items() if r["outcome"] != "ok"}
    return {"asked": len(plan.seeds), "ended": [s for s in results if str(s) not in failed], "failed": failed}


def _untested(plan: Plan, config: StudyConfig, progress: Progress) -> dict[str, dict[str, Any]]:
    """Return, by network, what is known without the test set: how trainings ended, costs, latency measured anew."""
    meter, retried = LatencyMeter(config), earlier_failures(plan)
    rows: dict[str, dict[str, Any]] = {}
    for name in plan.keys:
        ends = _ends(plan, name)
        dices = [plan.folder.run(name, seed).result()["dice"] for seed in ends["ended"]]
        progress.doing(f"measuring the latency of {name}")
        rows[name] = ends | {
            "retried": retried.get(name, {}),
            "validation_dice": spread(dices) if dices else None,
            "costs": _costs(plan.folder.run(name, plan.seeds[0]), config, meter, progress),
            "began_with": begun_with(plan.folder.run(name, plan.seeds[0])),
        }
    return rows


def _costs(run: Run, config: StudyConfig, meter: LatencyMeter, progress: Progress) -> dict[str, float | None]:
    deployed = deployed_graph(run)
    cost = nas.cost(deployed, schedule="fused", precision=config.deploy.precision)
    try:
        latency = meter.measure(deployed)
    except (DeviceError, OutOfMemory) as fault:
        progress.say(f"{run.network}: latency not measured: {fault}")
        latency = None
    return {
        "params": cost.params,
        "macs": cost.macs,
        "traffic_bytes": cost.traffic_bytes,
        "latency_ms": None if latency is None else latency.median_ms,
        "latency_ratio": None if latency is None else latency.ratio,
    }


def _test(
    plan: Plan,
    study: StudyFolder,
    config: StudyConfig,
    progress: Progress,
    ended: Sequence[Run],
    results: dict[str, Any],
) -> None:
    """Open the test set, after that is logged, and add what it says to the results."""
    results["opening"] = open_test_set(study, plan, ended)
    progress.say(f"the test set is opened for selection {plan.sha256[:16]}: time {results['opening']}")
    held_out = load_held_out(config, study, lambda done, total: progress.doing(f"reading images {done}/{total}"))
    progress.doing("scoring the test images")
    scored, classes, units = score_runs(ended, held_out, config), config.data.classes, held_out.units
    write_images(plan.folder.images_file, scored, classes)
    for network in scored:
        results["networks"][network.name] |= summary_of(network, units, classes)
    worst = {each.name: [w["image"] for w in results["networks"][each.name]["worst"]] for each in scored}
    write_worst(plan.folder.root / "worst", ended, worst, held_out, config)
    results["comparisons"] = comparisons_of(scored, units)
    results["why_no_claim"] = why_no_claim(scored, units)


def _test_count(study: StudyFolder) -> int:
    stored = json.loads(study.split_file.read_text(encoding="utf-8"))
    return sum(part == "test" for part, _ in stored.values())


def _next(plan: Plan) -> list[str]:
    """Return where things lie and how the network that was selected first is exported: its training of median Dice."""
    files = ("results.md", "results.json", "images.csv", "worst/")
    lines = [f"wrote {plan.folder.root}: {', '.join(name for name in files if (plan.folder.root / name).exists())}"]
    if any(may_be_retried(run.result()) for run in plan.runs()):
        lines.append("Failed trainings are tried again by the same command with --retry-failed")
    run = median_run(plan)
    if run is None:
        return lines
    out = run.network.replace(":", "-")
    return [*lines, f"Next: {shlex.join(['nas', 'export', str(run.folder), '--out', out])}"]


def median_run(plan: Plan) -> Run | None:
    """Return, of the first network with trainings that ended well, the one whose validation Dice is the median.

    The best of several seeds would be a maximum over noise.
    """
    for name in plan.keys:
        runs = [run for run in plan.runs() if run.network == name and run.result().get("outcome") == "ok"]
        if runs:
            return sorted(runs, key=lambda run: float(run.result()["dice"]))[(len(runs) - 1) // 2]
    return None
