"""`nas data check`: each kind of bad file has its message, and decides the exit code."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from evaluators.data import scenes
from studies.cli import app

DRAWN = scenes(24, 64, 0)


def check(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["data", "check", *map(str, arguments)], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def pixels(index: int) -> np.ndarray:
    image: np.ndarray = DRAWN.images[index].permute(1, 2, 0).numpy()
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "polyps"
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for index in range(24):
        Image.fromarray(pixels(index)).save(root / f"images/{index:03}.png")
        Image.fromarray(DRAWN.masks[index].numpy() * 255).save(root / f"masks/{index:03}.png")
    return root


def image(root: Path, index: int = 3) -> Path:
    return root / f"images/{index:03}.png"


def mask(root: Path, index: int = 3) -> Path:
    return root / f"masks/{index:03}.png"


def truncated(root: Path) -> None:
    image(root).write_bytes(image(root).read_bytes()[:900])


def bomb(root: Path) -> None:
    """A few kilobytes that claim to be 20000 x 20000 pixels."""
    Image.new("1", (20_000, 20_000)).save(image(root), optimize=False)


def rotated(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels(3)).save(image(root), exif=exif)


def one_image_in_two_lists(root: Path) -> None:
    image(root, 20).write_bytes(image(root, 3).read_bytes())
    for part, some in (("train", range(18)), ("val", range(18, 24))):
        (root / f"{part}.txt").write_text("\n".join(f"{index:03}" for index in some))


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no image": (
        lambda root: image(root).write_bytes(b"text"),
        "unreadable: 1",
        "images/003.png: cannot be read as an",
    ),
    "truncated": (truncated, "unreadable: 1", "images/003.png: cannot be read as an image (image file is truncated"),
    "0 bytes": (
        lambda root: mask(root).write_bytes(b""),
        "empty files: 1",
        "masks/003.png: the file is empty (0 bytes)",
    ),
    "bomb": (bomb, "too large: 1", "images/003.png: too many pixels, a decompression bomb?"),
    "rotated": (rotated, "EXIF-rotated images: 1", "images/003.png: stored rotated (EXIF), its mask is not; save the"),
    "CMYK": (
        lambda root: (
            Image.fromarray(pixels(3)).convert("CMYK").save(image(root).with_suffix(".jpg")) or image(root).unlink()
        ),
        "CMYK images: 1",
        "images/003.jpg: printer's colours (CMYK)",
    ),
    "no mask": (lambda root: mask(root).unlink(), "images without a mask: 1", "without a mask: 003; a mask has its"),
    "no partner": (lambda root: image(root).unlink(), "masks without an image: 1", "without an image: 003; a mask has"),
    "another size": (
        lambda root: Image.new("L", (64, 32)).save(mask(root)),
        "size mismatch: 1",
        "masks/003.png: the mask must have its image's size 64 x 64 (height x width), got 32 x 64",
    ),
    "unknown labels": (
        lambda root: Image.new("L", (64, 64), 90).save(mask(root)),
        "unknown labels: 1",
        "masks/003.png: unknown mask values (1 in mode L: 90)",
    ),
    "one image on both sides": (
        one_image_in_two_lists,
        "same image on both sides of the split: 1",
        "003 (train) and 020 (validation) are the same image; move both to one side",
    ),
}


@pytest.mark.parametrize(("damage", "heading", "message"), FAULTS.values(), ids=FAULTS)
def test_every_kind_of_bad_file_is_named_and_ends_with_2(
    folder: Path, damage: Callable[[Path], object], heading: str, message: str
) -> None:
    damage(folder)
    code, out, error = check(folder)
    assert (code, error) == (2, "")
    assert f"fault: {heading}" in out and message in out
    assert "1 faults, " in out


def doubtful_copy(root: Path) -> None:
    """The same picture on both sides, saved again as JPEG: not one pixel need be the same."""
    one_image_in_two_lists(root)
    Image.fromarray(pixels(3)).save(image(root, 20).with_suffix(".jpg"), quality=80)
    image(root, 20).unlink()


def both_rotated(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    for path in (image(root), mask(root)):
        with Image.open(path) as picture:
            picture.load()
            picture.save(path, exif=exif)


def copied(root: Path) -> None:
    image(root, 20).write_bytes(image(root, 3).read_bytes())


def inverted(root: Path) -> None:
    for index in range(24):
        Image.fromarray(255 - DRAWN.masks[index].numpy() * 255).save(mask(root, index))


WARNINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty mask": (
        lambda root: Image.new("L", (64, 64)).save(mask(root)),
        "masks/003.png: no foreground; right if there",
    ),
    "near copy": (doubtful_copy, "003 (train) and 020 (validation) look alike (correlation "),
    "copy": (copied, "003 and 020 are the same image, and count twice; remove one"),
    "inverted": (inverted, "foreground; if that is the background: data.invert: true"),
}


@pytest.mark.parametrize(("damage", "message"), WARNINGS.values(), ids=WARNINGS)
def test_what_may_be_right_is_a_warning_and_a_fault_if_strict(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    assert message not in check(folder)[1]
    damage(folder)
    code, out, _ = check(folder)
    assert code == 0
    assert message in out and "0 faults" in out
    assert check(folder, "--strict")[0] == 2


def test_near_copies_on_one_side_are_no_leak(folder: Path) -> None:
    one_image_in_two_lists(folder)
    Image.fromarray(pixels(3)).save(image(folder, 10).with_suffix(".jpg"), quality=80)
    image(folder, 10).unlink()
    image(folder, 20).write_bytes(image(folder, 4).read_bytes())
    _, out, _ = check(folder)
    assert "near-same" not in out and "010" not in out


def test_an_image_rotated_with_its_mask_is_none_of_them(folder: Path) -> None:
    rotated(folder)
    assert "EXIF" in check(folder)[1]
    both_rotated(folder)
    assert "EXIF" not in check(folder)[1]


def test_a_good_folder_has_none_and_says_what_it_holds(folder: Path) -> None:
    both_rotated(folder)  # alike, so nothing is in doubt
    code, out, _ = check(folder)
    assert code == 0
    assert "taken to be: layout pairs" in out
    assert "24 usable pairs; width x height 64 x 64: 24; modes RGB: 24" in out
    assert "fault:" not in out


def test_twenty_offenders_are_shown_and_the_report_has_all(folder: Path, tmp_path: Path) -> None:
    for index in range(22):
        mask(folder, index).write_bytes(b"")
    code, out, _ = check(folder, "--report", tmp_path / "all.json")
    assert code == 2
    assert "fault: empty files: 22" in out and "and 2 more; --report FILE writes all" in out
    assert "019.png: the file is empty" in out and "020.png: the file is empty" not in out
    rows = json.loads((tmp_path / "all.json").read_text())
    assert sum(row["kind"] == "empty files" and row["severity"] == "fault" for row in rows) == 22
    check(folder, "--report", tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        assert [row["where"] for row in csv.DictReader(file)][:22] == [str(mask(folder, i)) for i in range(22)]


def test_no_file_is_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    code, _, error = check(folder, "--sheet", tmp_path / "old.png")
    assert code == 2
    assert "old.png: exists already; give another file, or remove it" in error
    assert (tmp_path / "old.png").read_bytes() == b"old"


def test_the_sheet_shows_outlines_of_the_masks(folder: Path, tmp_path: Path) -> None:
    code, out, _ = check(folder, "--sheet", tmp_path / "sheet.png")
    assert code == 0 and "contact sheet" in out
    with Image.open(tmp_path / "sheet.png") as sheet:
        shown = np.asarray(sheet.convert("RGB"))
    assert shown.shape == (3 * (192 + 14 + 4), 8 * (192 + 4), 3)
    first = (shown[:192, :192] == (0, 255, 0)).all(-1)
    expected = np.kron(DRAWN.masks[0].numpy(), np.ones((3, 3), np.uint8))
    inside = expected.astype(bool)
    core = inside & np.roll(inside, 1, 0) & np.roll(inside, -1, 0) & np.roll(inside, 1, 1) & np.roll(inside, -1, 1)
    assert np.array_equal(first[2:-2, 2:-2], (inside & ~core)[2:-2, 2:-2])


def test_input_sizes_that_lose_small_objects_are_told(folder: Path) -> None:
    for index in range(24):
        spots = np.zeros((64, 64), np.uint8)
        spots[8:11, 8:11] = spots[30:60, 30:60] = 255  # 9 pixels of 64 x 64 are below 4 at 42, and 900
        spots[20, 20] = 255  # a speck
        Image.fromarray(np.kron(spots, np.ones((2, 2), np.uint8))).save(mask(folder, index))
        Image.fromarray(np.kron(pixels(index), np.ones((2, 2, 1), np.uint8))).save(image(folder, index))
    _, out, _ = check(folder)
    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in out.splitlines()
        if len(cells := line.strip("│ ").split("│")) == 4
    }
    assert rows["64"] == ["1.0", "24 (33.3%)", "0"]
    assert rows["128"] == ["4.0", "0 (0.0%)", "0"]
    assert "more than 1% of them at train.size 64, 96" in out


def test_classes_are_counted(folder: Path) -> None:
    study = folder.parent / "study.yaml"
    classes = "classes: [sky, sea, sand], codes: {sky: 0, sea: 255, sand: 7}"
    study.write_text(f"name: x\ndata: {{kind: folder, root: {folder}, {classes}}}")
    code, out, _ = check(study)
    assert code == 0
    assert "warning: absent classes: 1" in out and "class sand: no mask has a pixel of it" in out
    share = float((DRAWN.masks == 1).float().mean())
    assert f"│ sea   │ {share:.2%}" in out


def test_a_study_s_own_split_is_checked(folder: Path) -> None:
    study = folder.parent / "study.yaml"
    study.write_text(
        f"name: x\ndata: {{kind: folder, root: {folder}, split: {{lists: {{train: a.txt, validation: b.txt}}}}}}"
    )
    (folder / "a.txt").write_text("\n".join(f"{index:03}" for index in range(20)))
    (folder / "b.txt").write_text("020\n021\n022\n")
    code, out, _ = check(study)
    assert code == 2
    assert "fault: split: 1" in out and "split: 1 images are in no part: 023" in out


def test_what_is_no_data_is_one_line(folder: Path, tmp_path: Path) -> None:
    generated = tmp_path / "generated.yaml"
    generated.write_text("name: x\ndata: {kind: generated}\n")
    for place, message in ((tmp_path / "no", "no: no such folder"), (generated, "only images on disk can be checked")):
        code, _, error = check(place)
        assert code == 2
        assert message in error and len(error.strip().splitlines()) == 1
