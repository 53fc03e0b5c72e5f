"""How a benchmark's rows become the file that is committed: benchmarks/results/<script>-<cpu|gpu>.json."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from evaluators.device import describe_device

__all__ = ["record"]

HERE = Path(__file__).parent


def record(rows: Iterable[Mapping[str, object]], device: str | torch.device = "cpu", name: str = "") -> Path:
    """Write rows of a script's result, each as it comes, with machine, commit and command; return the file.

    The machine's load is said as a share of its cores: of the last quarter of an hour, others' and the script's own.
    """
    place = torch.device(device)
    script = Path(sys.argv[0])
    path = HERE / "results" / f"{name or script.stem}-{'gpu' if place.type == 'cuda' else 'cpu'}.json"
    about = {"commit": _commit(), "command": shlex.join(["python", f"benchmarks/{script.name}", *sys.argv[1:]])}
    written: list[dict[str, object]] = []
    for row in rows:
        load = f"load {os.getloadavg()[2] / (os.cpu_count() or 1):.1f} per core"
        machine = f"{describe_device(place)}, {load}, Python {platform.python_version()}, torch {torch.__version__}"
        written.append({**row, "machine": machine, **about})
        path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(row), flush=True)
    return path


def _commit() -> str:
    """Return the commit that is run, marked where the tree is not as committed (results themselves do not count)."""

    def said(*command: str) -> str:
        return subprocess.run(["git", *command], cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()

    changed = said("status", "--porcelain", "--untracked-files=no", "--", "..", ":!results", ":!tables")
    return said("rev-parse", "--short", "HEAD") + ("+changes" if changed else "")
