"""Trying failed trainings again: what failed is logged and forgotten, what ended well stays as it is."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from studies.retraining.plan import Plan, Run

__all__ = ["earlier_failures", "forget_failures", "may_be_retried"]

_OF_ITS_OWN = "diverged"  # the recipe's doing: with the same seed it would be the same again


def may_be_retried(result: Mapping[str, Any]) -> bool:
    """Return whether a training failed by what may be otherwise the next time: time, memory, a worker that died."""
    return result["outcome"] not in ("ok", _OF_ITS_OWN)


def forget_failures(plan: Plan) -> list[Run]:
    """Log the failures that may be otherwise the next time and return their trainings, which have not ended now."""
    failed = [run for run in plan.runs() if run.result_file.exists() and may_be_retried(run.result())]
    for run in failed:
        fault = run.folder / "fault.txt"
        line = {
            "network": run.network,
            "seed": run.seed,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "fault": fault.read_text(encoding="utf-8") if fault.exists() else None,
        }
        with plan.folder.failures_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | run.result()) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fault.unlink(missing_ok=True)
        run.result_file.unlink()
    return failed


def earlier_failures(plan: Plan) -> dict[str, dict[str, list[str]]]:
    """Return by network and seed how trainings failed that were tried again."""
    log = plan.folder.failures_file
    found: dict[str, dict[str, list[str]]] = {}
    for text in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        line = json.loads(text)
        found.setdefault(line["network"], {}).setdefault(str(line["seed"]), []).append(_said(line))
    return found


def _said(result: Mapping[str, Any]) -> str:
    return f"{result['outcome']}: {result['reason']}"
