import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluators.data import (
    DataError,
    check,
    content_hash,
    find_pairs,
    load,
    resize_image,
    resize_mask,
    scenes,
    split_by_hash,
)

KVASIR = Path(__file__).resolve().parents[4] / "shared" / "data" / "Kvasir-SEG"
needs_kvasir = pytest.mark.skipif(not KVASIR.is_dir(), reason="Kvasir-SEG is not beside the repository")


@pytest.fixture
def folder(tmp_path):
    """Four scenes of 32 pixels, written as PNG: images/0.png ... and masks/0.png ..."""
    drawn = scenes(4, 32, seed=0)
    for index in range(4):
        picture(tmp_path / "images" / f"{index}.png", drawn.images[index].permute(1, 2, 0).numpy())
        picture(tmp_path / "masks" / f"{index}.png", drawn.masks[index].numpy() * 255)
    return tmp_path


def picture(path, pixels, **options):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def faults_of(root):
    """The message of `find_pairs`, or the faults of `check`; `load` must tell the same."""
    try:
        pairs = find_pairs(root)
    except DataError as fault:
        return [str(fault)]
    faults = list(check(pairs).faults)
    with pytest.raises(DataError) as raised:
        load(pairs, 16)
    assert all(fault in str(raised.value) for fault in faults[:20])
    return faults


def test_what_was_written_is_loaded(folder):
    drawn, loaded = scenes(4, 32, seed=0), load(find_pairs(folder), 32)
    assert torch.equal(loaded.images, drawn.images) and torch.equal(loaded.masks, drawn.masks)
    assert loaded.ids == ("0", "1", "2", "3") and loaded.hashes == drawn.hashes


def test_other_sizes_are_squeezed_and_keep_the_hash(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 33, 3), dtype=np.uint8)
    mask = np.zeros((20, 33), np.uint8)
    mask[3:9, 5:30] = 255
    picture(tmp_path / "images" / "a.png", pixels)
    picture(tmp_path / "masks" / "a.png", mask)
    loaded = load(find_pairs(tmp_path), 16)
    assert np.array_equal(loaded.images[0].permute(1, 2, 0).numpy(), resize_image(pixels, 16))
    assert np.array_equal(loaded.masks[0].numpy(), resize_mask(mask > 0, 16))
    assert loaded.hashes == (content_hash(pixels),)


def test_copies_under_other_names_and_formats_have_one_hash(folder):
    original = Image.open(folder / "images" / "0.png")
    original.save(folder / "images" / "copy.bmp")
    (folder / "masks" / "copy.png").write_bytes((folder / "masks" / "0.png").read_bytes())
    hashes = load(find_pairs(folder), 16).hashes
    assert hashes[0] == hashes[4] and len(set(hashes)) == 4


def test_pairs_are_sorted_and_other_files_ignored(folder):
    for part in ("images", "masks"):
        (folder / part / "0.png").rename(folder / part / "b.PNG")
        (folder / part / "._1.png").write_bytes(b"metadata of another system")
        (folder / part / "Thumbs.db").write_bytes(b"")
        (folder / part / "old.png").mkdir()
    (folder / "README.md").write_text("about")
    pairs = find_pairs(folder)
    assert [pair.id for pair in pairs] == ["1", "2", "3", "b"]
    assert pairs[3].image == folder / "images" / "b.PNG" and pairs[3].masks == (folder / "masks" / "b.PNG",)


def test_masks_may_be_called_mask_or_segmentation(folder):
    (folder / "masks" / "1.png").rename(folder / "masks" / "1_segmentation.png")
    (folder / "masks" / "2.png").rename(folder / "masks" / "2_mask.png")
    assert [pair.masks[0].stem for pair in find_pairs(folder)] == ["0", "1_segmentation", "2_mask", "3"]
    (folder / "masks" / "2.png").write_bytes((folder / "masks" / "2_mask.png").read_bytes())
    assert faults_of(folder) == [f"{folder / 'masks'}: 2.png = 2_mask.png have one id; keep one of them"]


def test_progress_counts_the_pairs(folder):
    for read in (lambda report: load(find_pairs(folder), 16, report), lambda report: check(find_pairs(folder), report)):
        seen = []
        read(lambda done, total, seen=seen: seen.append((done, total)))
        assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_facts_are_those_of_the_files(tmp_path):
    for name, (height, width), rows, mode in (
        ("a", (10, 20), 0, "RGB"),
        ("b", (20, 40), 5, "L"),
        ("c", (60, 50), 30, "RGB"),
    ):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new(mode, (width, height)).save(tmp_path / "images" / f"{name}.png")
        mask = np.zeros((height, width), np.uint8)
        mask[:rows] = 1
        picture(tmp_path / "masks" / f"{name}.png", mask)
    found = check(find_pairs(tmp_path))
    assert found.faults == () and found.facts is not None
    assert (found.facts.count, found.facts.median_height, found.facts.median_width) == (3, 20, 40)
    assert found.facts.foreground_share == pytest.approx((0, 0.125, 0.25, 0.375, 0.5))
    assert found.facts.modes == {"RGB": 2, "L": 1}


def test_all_faults_are_collected_and_facts_are_of_the_rest(folder):
    (folder / "images" / "0.png").write_bytes(b"")
    (folder / "masks" / "0.png").write_bytes(b"nonsense")
    picture(folder / "masks" / "1.png", np.full((32, 32), 7, np.uint8))
    picture(folder / "masks" / "2.png", np.zeros((32, 31), np.uint8))
    empty, unreadable, values, size = faults_of(folder)
    assert empty.startswith(f"{folder / 'images' / '0.png'}: the file is empty")
    assert unreadable.startswith(f"{folder / 'masks' / '0.png'}: cannot be read as an image")
    assert values.startswith(f"{folder / 'masks' / '1.png'}: unknown mask values (1 in mode L: 7)")
    assert size == (
        f"{folder / 'masks' / '2.png'}: the mask must have its image's size 32 x 32 (height x width), got 32 x 31; "
        "export it again at that size"
    )
    facts = check(find_pairs(folder)).facts
    assert facts is not None and facts.count == 1
    with pytest.raises(DataError, match=re.escape("load: 4 faults in 4 pairs:\n  ")):
        load(find_pairs(folder), 16)


def test_load_tells_twenty_faults_and_how_many_more(tmp_path):
    for index in range(25):
        picture(tmp_path / "images" / f"{index:02}.png", np.zeros((4, 4, 3), np.uint8))
        picture(tmp_path / "masks" / f"{index:02}.png", np.full((4, 4), 9, np.uint8))
    pairs = find_pairs(tmp_path)
    assert len(check(pairs).faults) == 25 and check(pairs).facts is None
    with pytest.raises(DataError) as raised:
        load(pairs, 16)
    lines = str(raised.value).splitlines()
    assert len(lines) == 22 and "19.png" in lines[20] and lines[21].strip() == "and 5 more"


def test_a_single_fault_is_one_line(folder):
    picture(folder / "masks" / "1.png", np.full((32, 32), 7, np.uint8))
    with pytest.raises(DataError) as raised:
        load(find_pairs(folder), 16)
    assert len(str(raised.value).splitlines()) == 1


def test_missing_folders_are_named(tmp_path):
    assert faults_of(tmp_path / "no")[0].endswith("no: no such folder; give the folder that holds images/ and masks/")
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    assert faults_of(tmp_path) == [
        f"{tmp_path / 'masks'}: no such folder; needed {tmp_path}/images/ID.* and {tmp_path}/masks/ID.*, "
        "got folders images, labels; rename or move them, or state data.layout, data.images and data.masks"
    ]
    (tmp_path / "images").rmdir()
    (tmp_path / "labels").rmdir()
    assert faults_of(tmp_path)[0].startswith(f"{tmp_path / 'images'}: no such folder;")
    assert "got folders (none)" in faults_of(tmp_path)[0]


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    (tmp_path / "images" / "notes.txt").write_text("soon")
    assert faults_of(tmp_path) == [
        f"{tmp_path / 'images'}: no images; "
        "needed files ending in .bmp, .dcm, .jpeg, .jpg, .nii, .nii.gz, .png, .tif, .tiff"
    ]


def test_lonely_files_are_counted_and_named(folder):
    for index in range(1, 4):
        (folder / "masks" / f"{index}.png").unlink()
    hint = "a mask has its image's name: masks/a.png for images/a.jpg"
    assert faults_of(folder) == [f"{folder}: 3 images without a mask: 1, 2, 3; {hint}"]
    for index in range(25):
        (folder / "masks" / f"x{index:02}.png").touch()
    names = ", ".join(f"x{index:02}" for index in range(20))
    assert faults_of(folder)[0].splitlines() == [
        f"{folder}: 2 faults:",
        f"  {folder}: 3 images without a mask: 1, 2, 3; {hint}",
        f"  {folder}: 25 masks without an image: {names} and 5 more; {hint}",
    ]


def test_one_id_twice_is_named(folder):
    (folder / "images" / "1.JPG").touch()
    assert faults_of(folder) == [f"{folder / 'images'}: 1.JPG = 1.png have one id; keep one of them"]


@pytest.mark.parametrize("size", [0, -1])
def test_nothing_to_load_is_refused(folder, size):
    with pytest.raises(DataError, match=re.escape(f"needed at least one pair and one pixel; got 4 pairs and {size=}")):
        load(find_pairs(folder), size)
    with pytest.raises(DataError, match="got 0 pairs"):
        load((), 16)


@needs_kvasir
def test_jpeg_masks_of_kvasir_are_read_as_drawn():
    pairs = find_pairs(KVASIR)
    assert len(pairs) == 600
    some = pairs[::12]
    found = check(some)
    assert found.faults == () and found.facts is not None
    assert (found.facts.median_height, found.facts.median_width) == (256, 256)
    loaded = load(some, 64)
    share = loaded.masks.double().mean((1, 2))
    assert share.median().item() == pytest.approx(found.facts.foreground_share[2], abs=0.01)
    assert len(set(loaded.hashes)) == 50
    split = split_by_hash(loaded.hashes, validation=0.2, test=0.2, seed=0)
    assert len(split.train) > 20


@needs_kvasir
def test_kvasir_at_its_original_sizes_is_read():
    loaded = load(find_pairs(KVASIR / "original_size_sample"), 128)
    assert loaded.images.shape == (4, 3, 128, 128) and (loaded.masks.double().mean((1, 2)) > 0.05).all()
