"""On a full disk a search ends with what was stored intact, and goes on when there is room."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import studies

pytestmark = pytest.mark.slow
UNCHECKED = "import studies.running as r; r.LEAST_FREE_BYTES = 0; from studies.cli import app; app()"
SCRIPT = """\
set -e
mount -t tmpfs -o size={size} none run
cd {folder}
{python} -c "{code}" search study.yaml --dir run/study rungs.promote=off budget.trials=6 || echo "ended with $?" >&2
rm -f run/filler
cp -a run/study kept
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, to mount a small disk of its own")
@pytest.mark.parametrize("size", ["700k", "1500k"])
def test_a_full_disk_ends_the_search_and_nothing_stored_is_lost(size: str, many: Path) -> None:
    (many / "run").mkdir()
    script = SCRIPT.format(size=size, folder=many, python=sys.executable, code=UNCHECKED)
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(command, cwd=many, capture_output=True, text=True, timeout=300)
    assert "ended with 1" in done.stderr, done.stderr
    assert "full" in done.stderr
    shutil.rmtree(many / "run")
    Path(many / "kept").rename(many / "run")
    more = [sys.executable, "-m", "studies.cli", "search", "study.yaml", "--dir", "run", "rungs.promote=off"]
    subprocess.run([*more, "budget.trials=6"], cwd=many, check=True, capture_output=True, text=True, timeout=300)
    trials = studies.load(many / "run").trials()
    assert trials["outcome"].tolist() == ["ok"] * 6
    assert trials["key"].is_unique
