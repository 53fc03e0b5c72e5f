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

__all__ = ["known", "record"]

HERE = Path(__file__).parent


def record(
    rows: Iterable[Mapping[str, object]],
    device: str | torch.device = "cpu",
    name: str = "",
    kept: Iterable[Mapping[str, object]] = (),
) -> Path:
    """Write rows of a script's result, each as it comes, with machine, commit and command; return the file.

    The machine's load is said as a share of its cores: of the last quarter of an hour, others' and the script's own.
    Rows that are `kept` come first and stay as they are, with the machine and commit of their own.
    """
    place, path, script = torch.device(device), _file(device, name), Path(sys.argv[0])
    about = {"commit": _commit(), "command": shlex.join(["python", f"benchmarks/{script.name}", *sys.argv[1:]])}
    written = [dict(row) for row in kept]
    for row in rows:
        load = f"load {os.getloadavg()[2] / (os.cpu_count() or 1):.1f} per core"
        machine = f"{describe_device(place)}, {load}, Python {platform.python_version()}, torch {torch.__version__}"
        written.append({**row, "machine": machine, **about})
        path.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(row), flush=True)
    return path


def known(device: str | torch.device = "cpu", name: str = "") -> list[dict[str, object]]:
    """Return the rows that the script's result holds by now, none before its first run."""
    path = _file(device, name)
    rows: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return rows


def _file(device: str | torch.device, name: str) -> Path:
    kind = "gpu" if torch.device(device).type == "cuda" else "cpu"
    return HERE / "results" / f"{name or Path(sys.argv[0]).stem}-{kind}.json"


def _commit() -> str:
    """Return the commit that is run, marked where the tree is not as committed (results themselves do not count)."""

    def said(*command: str) -> str:
        return subprocess.run(["git", *command], cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()

    changed = said("status", "--porcelain", "--untracked-files=no", "--", "..", ":!results", ":!tables")
    return said("rev-parse", "--short", "HEAD") + ("+changes" if changed else "")
