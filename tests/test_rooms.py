"""The rooms: who may import whom, what importing costs, and names that say nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "nas": {"nas"},
    "search_spaces": {"nas", "search_spaces"},
    "evaluators": {"nas", "evaluators"},
    "studies": {"nas", "search_spaces", "evaluators", "studies"},
}
FILES = [path for room in ALLOWED for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    assert imported(path) & set(ALLOWED) <= ALLOWED[room]
    assert "torchvision" not in imported(path)


def test_no_file_has_a_name_without_a_meaning() -> None:
    assert not {path.stem for path in FILES} & {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import nas, search_spaces; nas.cost(nas.build(search_spaces.published['amsunet'], (3, 64, 64)))", {"torch"}),
        ("import evaluators, studies", {"torch", "pandas", "optuna"}),
        (
            "from studies.cli import app\ntry: app(['--help'])\nexcept SystemExit: pass",
            {"torch", "pandas", "dash"},
        ),
        (
            "from studies.cli import app\ntry: app(['published'])\nexcept SystemExit: pass",
            {"torch", "pandas", "optuna"},
        ),
        (
            "from studies.cli import app\ntry: app(['profile', 'published:amsunet'])\nexcept SystemExit: pass",
            {"torch", "pandas", "optuna"},
        ),
    ],
)
def test_light_things_stay_light(code: str, heavy: set[str]) -> None:
    check = f"{code}\nimport sys; print('HEAVY', sorted({heavy!r} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.rstrip().endswith("HEAVY []")
