"""A person's rules on the command line: a search with them, what resumes, what needs the file and what does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import studies
from search_spaces import load, load_rules, spaces, with_rules
from tests.studies.test_cli import nas_command

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "ghost_block.py"
OTHER = """\
from nas.grammar import rule
from nas.ops import Conv

@rule("block")
def other_block(g, x, width):
    return g.add(Conv(width), x)
"""


@pytest.fixture
def ghost(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the example beside the tiny study."""
    path = tmp_path / "ghost_block.py"
    path.write_text(EXAMPLE.read_text())
    return path


def searched(tiny: Path, *arguments: object) -> tuple[int, str, str]:
    return nas_command("search", tiny, "train.epochs=1", "seed=3", *arguments)


def test_a_search_draws_and_trains_the_block_and_its_networks_need_no_rule(tiny: Path, ghost: Path) -> None:
    code, out, error = searched(tiny, "--rules", ghost.name, "budget.trials=6", "sampler.startup=3")
    assert code == 0, error
    assert "space unet+ghost_block@1; the rules of ghost_block.py are checked" in error + out
    assert "budget.trials=12 --rules ghost_block.py" in out
    record = studies.load("runs/tiny")
    assert json.loads(record.folder.facts_file.read_text())["space"] == "unet+ghost_block@1"
    own = load_rules(ghost)
    space = with_rules(spaces["unet"], *own.rules)
    having = []
    for trial in record.frozen:
        stored = (record.folder.trial(trial.number) / "architecture.json").read_text()
        assert load(stored, own.rules) == space.replay(trial.params)
        having += [trial.number] if "ghost_block" in stored else []
    assert having
    assert set(record.trials()["outcome"]) == {"ok"}
    check_without_the_rule(record.folder.trial(having[0]), ghost)


def check_without_the_rule(trial: Path, ghost: Path) -> None:
    """In a process of its own the graph gives module, source, drawing and costs; the architecture needs the file."""
    code = (
        "import sys, nas, torch; from pathlib import Path; from nas.graph import Graph\n"
        "g = Graph.from_json(Path(sys.argv[1]).read_text()); nas.to_module(g)(torch.randn(2, *g.image_shape))\n"
        "nas.to_source(g); nas.draw(g).to_svg(); nas.cost(nas.deploy(g))\n"
        "print(sorted(m for m in sys.modules if 'own_rules_' in m))"
    )
    command = [sys.executable, "-c", code, str((trial / "graph.json").resolve())]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout == "[]\n"
    assert nas_command("profile", trial / "graph.json")[0] == 0
    assert nas_command("profile", "runs/tiny:0", "--draw", "net.svg")[0] == 0
    code, _, error = nas_command("profile", trial / "architecture.json")
    assert (code, "unknown rule 'ghost_block'; if it is your own, give its file with --rules" in error) == (2, True)
    code, out, _ = nas_command("profile", trial / "architecture.json", "--rules", ghost, "--draw", "net.html")
    assert (code, "decoder" in out, Path("net.html").exists()) == (0, True, True)


def test_a_study_goes_on_with_the_rules_that_it_began_with(tiny: Path, ghost: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(OTHER)
    both = ("--rules", ghost.name, "--rules", other.name)
    assert searched(tiny, "budget.trials=1", *both)[0] == 0
    stored = json.loads(Path("runs/tiny/rules.json").read_text())
    assert sorted(stored) == ["ghost_block", "other_block"]
    assert "rules" not in Path("runs/tiny/study.yaml").read_text()
    refused = {
        (): "began with the rule ghost_block, which is missing; give --rules ghost_block.py",
        ("--rules", ghost.name): "began with the rule other_block, which is missing; give --rules other.py",
    }
    for given, said in refused.items():
        code, _, error = searched(tiny, "budget.trials=2", *given)
        assert (code, said in error) == (2, True), error
    assert searched(tiny, "budget.trials=2", *both[2:], *both[:2])[0] == 0  # their order does not matter
    ghost.write_text(ghost.read_text() + "\n# a word more\n")
    code, _, error = searched(tiny, "budget.trials=3", *both)
    assert (code, "rule ghost_block: ghost_block.py has changed since the study began: SHA-256" in error) == (2, True)
    assert len(studies.load("runs/tiny").trials()) == 2


def test_a_study_without_rules_takes_none_later(tiny: Path, ghost: Path) -> None:
    assert searched(tiny, "budget.trials=1")[0] == 0
    assert not Path("runs/tiny/rules.json").exists()
    code, _, error = searched(tiny, "budget.trials=2", "--rules", ghost)
    assert (code, "began without the rule ghost_block of" in error) == (2, True)


def test_no_study_file_names_rules(tiny: Path) -> None:
    code, _, error = nas_command("search", tiny, "rules=ghost_block.py")
    assert (code, "unknown key" in error) == (2, True)


def test_a_rule_that_fails_its_check_stops_the_search_before_it_begins(tiny: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(OTHER.replace("Conv(width), x)", "Conv(width + 1), x)"))
    for more in ((), ("--dry-run",)):
        code, _, error = nas_command("search", tiny, "--rules", bad.name, *more)
        assert code == 2
        assert error.startswith(
            "nas: other_block (bad.py:4): on 3 channels of 2 x 2, width 8: a block returns (8, 2, 2)"
        )
        assert len(error.splitlines()) == 1
    assert not Path("runs").exists()


def test_a_rule_that_fails_only_in_the_space_stops_the_search_too(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(OTHER.replace("Conv(width), x)", "Conv(width + 0 // (width - 32)), x)"))
    code, _, error = nas_command("search", tiny, "--rules", "bad.py")
    assert code == 2
    assert error.startswith("nas: other_block (bad.py:4): in a member of unet+other_block@1 at ")
    assert error.endswith("line 6: ZeroDivisionError: integer division or modulo by zero\n")


def test_dry_run_and_spaces_show_the_space_with_the_rules(tiny: Path, ghost: Path) -> None:
    code, out, _ = nas_command("search", tiny, "--rules", ghost, "--dry-run")
    assert (code, "space unet+ghost_block@1:" in out) == (0, True)
    code, out, _ = nas_command("spaces", "unet", "--size", "64", "--draws", "5", "--rules", ghost)
    assert (code, "unet+ghost_block@1:" in out, "all_ghost_block" in out) == (0, True, True)


def test_rules_are_checked_in_a_table_with_their_costs(tiny: Path, ghost: Path) -> None:
    code, out, _ = nas_command("rules", "check", ghost.name, "--channels", "64", "--size", "32")
    assert code == 0
    for said in ("gradients in every weight", "members of medseg+ghost_block@1", "squeeze=True", "9.44k", "9.27M"):
        assert said in out, said
    twice = ghost.with_name("again.py")
    twice.write_text(ghost.read_text())
    faults = {
        (ghost, twice): "has a rule 'ghost_block' too; rename one",
        (ghost, "--space", "none"): "space: 'none' is unknown",
        ("none.py",): "none.py: no such file",
    }
    for arguments, said in faults.items():
        code, _, error = nas_command("rules", "check", *arguments)
        assert (code, said in error) == (2, True), error


def test_a_template_is_written_once_and_passes(tiny: Path) -> None:
    assert nas_command("rules", "new", "mine", "--kind", "skip")[0] == 0
    assert nas_command("rules", "check", "mine.py", "--space", "skips")[0] == 0
    for arguments, said in (
        (("mine",), "mine.py: exists already"),
        (("se",), "a built-in rule has that name"),
        (("1x",), "needs a plain Python name"),
        (("list",), "needs a plain Python name"),
        (("yours", "--kind", "blok"), "the kinds are block, mixer"),
        (("yours", "--out", "none/yours.py"), "none/yours.py: cannot be written"),
    ):
        code, _, error = nas_command("rules", "new", *arguments)
        assert (code, said in error) == (2, True), error
