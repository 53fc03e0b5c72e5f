"""Every layout gives the pairs it holds, and says what kept a file from being one."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluators.data import DataError, Form, Layout, find, find_pairs, load, scenes

DRAWN = scenes(3, 32, seed=0)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def scene(index: int) -> tuple[np.ndarray, np.ndarray]:
    return DRAWN.images[index].permute(1, 2, 0).numpy(), DRAWN.masks[index].numpy() * 255


def write(root: Path, image: str, mask: str) -> Path:
    """Write three scenes; `image` and `mask` name their files, with {id}."""
    for index in range(3):
        pixels, foreground = scene(index)
        save(root / image.format(id=f"case{index}"), pixels)
        save(root / mask.format(id=f"case{index}"), foreground)
    return root


@pytest.mark.parametrize(
    ("image", "mask", "settings"),
    [
        ("images/{id}.png", "masks/{id}.png", {}),
        ("images/{id}.png", "masks/{id}_segmentation.png", {}),
        ("train/image/{id}.png", "train/label/{id}.png", {"images": "train/image", "masks": "train/label"}),
        ("all/{id}_img.png", "all/{id}_gt.png", {"images": "all/{id}_img.*", "masks": "all/{id}_gt.*"}),
        ("{id}/scan.png", "{id}/mask_{id}.png", {"images": "{id}/scan.png", "masks": "{id}/mask_{id}.png"}),
        ("a/b/{id}.png", "m/{id}.png", {"images": "**/b/{id}.png", "masks": "m/{id}.png"}),
    ],
)
def test_pairs_are_found_by_folder_or_pattern(tmp_path, image, mask, settings):
    pairs = find_pairs(Layout(write(tmp_path, image, mask), **settings))
    assert [pair.id for pair in pairs] == ["case0", "case1", "case2"]
    loaded = load(pairs, 32)
    assert torch.equal(loaded.images, DRAWN.images) and torch.equal(loaded.masks, DRAWN.masks)


def test_an_id_in_a_pattern_is_the_same_wherever_it_stands(tmp_path):
    write(tmp_path, "{id}/images/{id}.png", "{id}/masks/{id}.png")
    save(tmp_path / "case0/images/other.png", scene(0)[0])
    settings = {"images": "{id}/images/{id}.png", "masks": "{id}/masks/*.png"}
    assert [pair.image.name for pair in find_pairs(Layout(tmp_path, **settings))] == [f"case{i}.png" for i in range(3)]


def test_the_masks_of_instances_are_united(tmp_path):
    for index in range(3):
        pixels, foreground = scene(index)
        opaque = np.dstack([pixels, np.full((32, 32), 255, np.uint8)])
        save(tmp_path / f"case{index}/images/case{index}.png", opaque)
        for part in range(4):  # quarters of the picture
            some = np.zeros((32, 32), np.uint8)
            where = np.s_[part * 8 : part * 8 + 8]
            some[where] = foreground[where]
            save(tmp_path / f"case{index}/masks/{part}f{index}.png", some)
    pairs = find_pairs(Layout(tmp_path, "instances"))
    assert [len(pair.masks) for pair in pairs] == [4, 4, 4]
    loaded = load(pairs, 32)
    assert torch.equal(loaded.images, DRAWN.images) and torch.equal(loaded.masks, DRAWN.masks)


def table(root: Path, text: str) -> Layout:
    (root / "list.csv").write_text(text, encoding="utf-8")
    return Layout(root, "csv", csv="list.csv")


def test_a_table_names_the_pairs_and_says_more_of_them(tmp_path):
    write(tmp_path, "x/{id}.png", "y/m_{id}.png")
    text = "\ufeffpatient, image, mask\np1, x/case0.png, y/m_case0.png\np2, x/case2.png, y/m_case2.png\n"
    pairs = find_pairs(table(tmp_path, text))
    assert [(pair.id, pair.columns["patient"]) for pair in pairs] == [("case0", "p1"), ("case2", "p2")]
    assert torch.equal(load(pairs, 32).masks, DRAWN.masks[[0, 2]])


def test_the_columns_of_a_table_may_have_other_names(tmp_path):
    write(tmp_path, "x/{id}.png", "y/{id}.png")
    layout = table(tmp_path, "id,file,truth\n7,x/case0.png,y/case0.png\n")
    pairs = find_pairs(Layout(layout.root, "csv", "file", "truth", "list.csv"))
    assert [pair.id for pair in pairs] == ["7"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image\nx/case0.png\n", "list.csv: needs the columns image, mask, has image; rename them"),
        ("image,mask\nx/case0.png\n", "list.csv:2: no mask; mend or remove the row"),
        ("image,mask\nx/case0.png,y/no.png\n", "list.csv:2: mask "),
        ("image,mask\nx/case0.png,y/case0.png\nx/case0.png,y/case0.png\n", "list.csv:3: id case0 came before"),
        ("image,mask\n", "list.csv: no rows; needed one for each image"),
    ],
)
def test_a_bad_table_is_named_with_its_line(tmp_path, text, message):
    write(tmp_path, "x/{id}.png", "y/{id}.png")
    with pytest.raises(DataError, match=re.escape(message)):
        find_pairs(table(tmp_path, text))


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match="no.csv: cannot be read as a CSV table .* state the file as data.csv"):
        find_pairs(Layout(tmp_path, "csv", csv="no.csv"))


def test_every_lonely_file_is_a_finding_and_the_rest_are_pairs(tmp_path):
    write(tmp_path, "images/{id}.png", "masks/{id}.png")
    (tmp_path / "masks/case1.png").unlink()
    save(tmp_path / "masks/other.png", scene(0)[1])
    found = find(Layout(tmp_path))
    assert [pair.id for pair in found.pairs] == ["case0", "case2"]
    assert [(fault.kind, fault.where) for fault in found.faults] == [
        ("images without a mask", "case1"),
        ("masks without an image", "other"),
    ]


def test_grey_images_have_one_channel_if_asked(tmp_path):
    pixels, foreground = scene(0)
    save(tmp_path / "images/a.png", pixels[..., 0])
    save(tmp_path / "masks/a.png", foreground)
    loaded = load(find_pairs(tmp_path), 32, form=Form(channels=1))
    assert np.array_equal(loaded.images[0, 0].numpy(), pixels[..., 0])


def test_sixteen_bits_keep_their_range(tmp_path):
    deep = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) + 1000
    save(tmp_path / "images/a.png", deep)
    save(tmp_path / "masks/a.png", scene(0)[1])
    with pytest.raises(DataError, match=re.escape("got mode I;16 with values 1000 to 2023; state which become 0 and")):
        load(find_pairs(tmp_path), 32)
    loaded = load(find_pairs(tmp_path), 32, form=Form(channels=1, limits=(1000, 3000)))
    assert loaded.images.dtype == torch.float32
    assert np.allclose(loaded.images[0, 0].numpy() * 2000 + 1000, deep, atol=1e-2)
    assert len(np.unique(loaded.images)) == 1024  # 8 bits would have 256
    cut = load(find_pairs(tmp_path), 32, form=Form(channels=3, limits=(1500, 1600))).images
    assert (cut.min(), cut.max(), cut.shape[1]) == (0, 1, 3)


def test_eight_bits_may_have_a_range_too(tmp_path):
    write(tmp_path, "images/{id}.png", "masks/{id}.png")
    scaled = load(find_pairs(tmp_path), 32, form=Form(limits=(0, 255)))
    assert torch.allclose(scaled.images * 255, DRAWN.images.float(), atol=1e-4)
