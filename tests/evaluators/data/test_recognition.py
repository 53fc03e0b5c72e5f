"""What `nas init` and `nas data check` take a folder for."""

import re

import numpy as np
import pytest
from PIL import Image

from evaluators.data import DataError, Form, block_of_slices, check, find_pairs, recognise, scenes

DRAWN = scenes(6, 32, seed=0)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def folder(
    root, image="images/{id}.png", mask="masks/{id}.png", image_of=lambda pixels: pixels, mask_of=lambda m: m * 255
):
    for index in range(6):
        save(root / image.format(id=f"a{index}"), image_of(DRAWN.images[index].permute(1, 2, 0).numpy()))
        save(root / mask.format(id=f"a{index}"), mask_of(DRAWN.masks[index].numpy()))
    return root


@pytest.mark.parametrize(
    ("image", "mask", "below"),
    [
        ("images/{id}.png", "masks/{id}.png", ""),
        ("imgs/{id}.png", "label/{id}.png", ""),
        ("train/image/{id}.png", "train/label/{id}.png", ""),
        ("{id}/images/{id}.png", "{id}/masks/one.png", ""),
        ("stage1_train/{id}/images/{id}.png", "stage1_train/{id}/masks/one.png", ""),
    ],
)
def test_layouts_are_told_by_their_names(tmp_path, image, mask, below):
    found = recognise(folder(tmp_path, image, mask))
    pairs = find_pairs(found.layout)
    assert [pair.id for pair in pairs] == [f"a{index}" for index in range(6)]
    assert found.layout.kind == ("instances" if "{id}/" in image else "pairs")
    assert found.form == Form() and found.lists == {}
    assert check(pairs).faults == ()


def test_a_table_is_found_by_its_columns(tmp_path):
    folder(tmp_path, "x/{id}.png", "y/{id}.png")
    (tmp_path / "notes.csv").write_text("id,size\n1,2\n")
    (tmp_path / "all.csv").write_text("image,mask\n" + "".join(f"x/a{i}.png,y/a{i}.png\n" for i in range(6)))
    found = recognise(tmp_path)
    assert (found.layout.kind, found.layout.csv, len(find_pairs(found.layout))) == ("csv", "all.csv", 6)
    (tmp_path / "more.csv").write_text("mask,image\n")
    with pytest.raises(DataError, match="several tables name images and masks: all.csv, more.csv; state one"):
        recognise(tmp_path)


def test_two_folders_that_would_do_are_named(tmp_path):
    for part in ("train", "val"):
        folder(tmp_path / part)
    with pytest.raises(DataError, match="several folders hold images and masks: train, val; give one of them"):
        recognise(tmp_path)


def test_lists_of_a_split_are_found_if_complete(tmp_path):
    folder(tmp_path)
    (tmp_path / "split_train.txt").touch()
    assert recognise(tmp_path).lists == {}
    (tmp_path / "val.txt").touch()
    found = recognise(tmp_path)
    assert found.lists == {"train": "split_train.txt", "validation": "val.txt"}
    assert "the split is given by split_train.txt, val.txt" in found.said


THIRDS = np.repeat(np.arange(3, dtype=np.uint8), 11)[:32]
INK = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)


@pytest.mark.parametrize(
    ("mask_of", "form"),
    [
        (lambda m: m, Form()),
        (lambda m: np.maximum(m, THIRDS), Form(("background", "class1", "class2"))),
        (
            lambda m: np.where(np.arange(32) < 3, 255, np.maximum(m, THIRDS)).astype(np.uint8),
            Form(("background", "class1", "class2"), ignore=255),
        ),
        (lambda m: m * 128, Form(codes={"background": 0, "foreground": 128})),
        (lambda m: np.where(THIRDS == 2, 255, m).astype(np.uint8), Form(ignore=255)),
        (
            lambda m: INK[np.maximum(m, THIRDS)],
            Form(
                ("background", "class1", "class2"), {"background": "#000000", "class1": "#0000ff", "class2": "#ff0000"}
            ),
        ),
    ],
    ids=["0 and 1", "indexes", "indexes and 255", "128", "0, 1 and 255", "colours"],
)
def test_what_masks_mean_is_told_by_their_values(tmp_path, mask_of, form):
    found = recognise(folder(tmp_path, mask_of=mask_of))
    assert found.form == form
    assert check(find_pairs(found.layout), form=found.form).faults == ()


def test_one_odd_mask_of_many_is_a_fault_and_no_coding(tmp_path):
    folder(tmp_path)
    save(tmp_path / "masks/a3.png", np.full((32, 32), 90, np.uint8))
    found = recognise(tmp_path)
    assert found.form == Form()
    assert len(check(find_pairs(found.layout), form=found.form).faults) == 1


def test_the_range_of_deep_images_is_that_of_their_bits(tmp_path):
    found = recognise(folder(tmp_path, image_of=lambda pixels: pixels[..., 0].astype(np.uint16) * 15))
    assert (found.form.limits, found.form.channels) == ((0, 4095), 1)
    assert "grey of more than 8 bits; data.range: [0, 4095] become 0 and 1" in found.said


def test_unreadable_files_do_not_stop_the_guess(tmp_path):
    folder(tmp_path)
    (tmp_path / "images/a0.png").write_bytes(b"")
    (tmp_path / "masks/a1.png").write_bytes(b"nonsense")
    assert recognise(tmp_path).form == Form()


def stack(count, step):
    """A scene that moves by `step` pixels from image to image."""
    scene = scenes(1, 96, seed=1).images[0].permute(1, 2, 0).numpy()
    return [np.roll(scene, index * step, axis=1) for index in range(count)]


def test_neighbouring_slices_are_told_by_their_looks(tmp_path):
    for index, pixels in enumerate(stack(40, 2)):
        save(tmp_path / f"images/s{index}.png", pixels)
        save(tmp_path / f"masks/s{index}.png", np.eye(96, dtype=np.uint8))
    block = block_of_slices(check(find_pairs(tmp_path)).looks)
    assert block is not None and 5 <= block <= 15  # 10 to 30 pixels of 96
    other = tmp_path / "other"
    for index, pixels in enumerate(scenes(40, 32, seed=2).images):
        save(other / f"images/s{index}.png", pixels.permute(1, 2, 0).numpy())
        save(other / f"masks/s{index}.png", np.eye(32, dtype=np.uint8))
    assert block_of_slices(check(find_pairs(other)).looks) is None


def test_the_default_is_left_to_say_what_is_missing(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=re.escape("masks: no such folder; needed")):
        recognise(tmp_path)
