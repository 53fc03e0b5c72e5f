"""The command line: every bad input is one line and exit code 2; results and help."""

import shlex
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from studies.cli import app
from studies.config import load_config


def nas_command(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def pairs(root: Path, count: int = 24, size: int = 64) -> Path:
    """A folder of drawn images and masks."""
    from evaluators.data import scenes

    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    samples = scenes(count, size, 0)
    for i, (image, mask) in enumerate(zip(samples.images, samples.masks, strict=True)):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(root / "images" / f"{i:03d}.png")
        Image.fromarray(mask.numpy() * 255).save(root / "masks" / f"{i:03d}.png")
    return root


def test_search_prints_the_front_and_what_to_type_next(tiny: Path) -> None:
    code, out, _ = nas_command("search", tiny, "budget.trials=2")
    assert code == 0
    assert "2 of 2 trials: ok 2" in out
    assert "Pareto front" in out
    assert "Next: nas status runs/tiny" in out


def test_the_command_for_more_trials_can_be_typed(tiny: Path) -> None:
    settings = ("budget.trials=1", "train.epochs=1", "constraints.macs=<= 50 M")
    _, out, _ = nas_command("search", tiny, *settings, "--dir", "elsewhere")
    command = next(line for line in out.splitlines() if line.startswith("More trials: ")).removeprefix("More trials: ")
    code, out, error = nas_command(*shlex.split(command)[1:])
    assert (code, error) == (0, "")
    assert "2 of 2 trials: ok 2" in out


def test_status_shows_the_front(tiny: Path) -> None:
    nas_command("search", tiny, "budget.trials=2")
    code, out, _ = nas_command("status", "runs/tiny")
    assert (code, "ok 2" in out, "hypervolume" in out) == (0, True, True)


def test_dry_run_says_what_it_would_cost_and_leaves_nothing(tiny: Path) -> None:
    code, out, _ = nas_command("search", tiny, "budget.hours=1", "--dry-run")
    assert code == 0
    for said in (
        "derivations",
        "feasible",
        "a trial, median draw",
        "budget: 4 trials",
        "in 1.0 h fit",
        "disk: at most",
    ):
        assert said in out, said
    assert not Path("runs").exists()


def test_init_writes_a_study_that_runs(tiny: Path, tmp_path: Path) -> None:
    root = pairs(tmp_path / "polyps")
    code, out, _ = nas_command("init", root)
    assert code == 0
    assert "24 pairs, median 64 x 64" in out
    config = load_config(Path("polyps.yaml"))
    assert config.deploy.size == 64
    code, _, error = nas_command("init", root)
    assert code == 2
    assert "exists already" in error
    fast = ("budget.trials=1", "train.epochs=1", "constraints.macs=<= 60 M", "start.published=false")
    assert nas_command("search", "polyps.yaml", *fast)[0] == 0


def test_init_points_at_files_that_are_doubtful(tiny: Path, tmp_path: Path) -> None:
    root = pairs(tmp_path / "polyps")
    assert "nas data check" not in nas_command("init", root, "--out", "one.yaml")[1]
    with Image.open(root / "images" / "003.png") as image:
        image.convert("CMYK").save(root / "images" / "003.jpg")
    (root / "images" / "003.png").unlink()
    assert "1 files are EXIF-rotated or CMYK" in nas_command("init", root, "--out", "two.yaml")[1]


def break_folder(root: Path, how: str) -> None:
    image, mask = root / "images" / "003.png", root / "masks" / "003.png"
    if how == "image without mask":
        mask.unlink()
    elif how == "size mismatch":
        Image.new("L", (32, 32)).save(mask)
    elif how == "unknown mask values":
        Image.new("L", (64, 64), 90).save(mask)
    elif how == "truncated":
        image.write_bytes(image.read_bytes()[:200])


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("image without mask", "1 images without a mask: 003"),
        ("size mismatch", "003.png"),
        ("unknown mask values", "unknown mask values"),
        ("truncated", "003.png"),
    ],
)
@pytest.mark.parametrize("command", ["init", "search"])
def test_bad_images_are_named(tiny: Path, tmp_path: Path, command: str, how: str, said: str) -> None:
    root = pairs(tmp_path / "bad")
    break_folder(root, how)
    data = f"data={{kind: folder, root: {root}}}"
    code, _, error = nas_command("init", root) if command == "init" else nas_command("search", tiny, data)
    assert code == 2
    assert said in error
    assert error.startswith("nas: ")
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train.epoch=3"], "did you mean 'train.epochs'?"),
        (["space=medsag"], "space: 'medsag' is unknown; known: unet"),
        (["data={kind: folder, root: nowhere}"], "nowhere: no such folder"),
        (["constraints.macs=<= 1"], "is feasible; nearest: all with macs"),
        (["train.size=32"], "train.size=32: the networks of unet@1 need at least 64 pixels"),
        (["device=cuda:77"], "cuda:77"),
        (["objectives=[latency_ms]"], "needs 'dice' among the objectives"),
        (["--dry-run", "constraints.macs=<= 1"], "is feasible; nearest: all with macs"),
    ],
)
def test_a_bad_setting_is_one_line_and_exit_code_2(tiny: Path, arguments: list[str], said: str) -> None:
    code, _, error = nas_command("search", tiny, *arguments)
    assert code == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_missing_study_is_one_line(tiny: Path) -> None:
    for arguments in (("search", "nowhere.yaml"), ("status", "nowhere")):
        code, _, error = nas_command(*arguments)
        assert code == 2
        assert "nowhere" in error
        assert len(error.strip().splitlines()) == 1
