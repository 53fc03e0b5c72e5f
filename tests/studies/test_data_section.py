"""The `data:` section: what does not fit together is refused with its line; given splits; old studies go on."""

import hashlib
import json
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from evaluators.data import DataError, Pair, find_pairs, load, scenes
from evaluators.latency import Latency
from search_spaces import spaces
from studies.config import changed_fields, load_config
from studies.data_section import FolderData, FolderSplit
from studies.errors import ConfigError
from studies.folder import StudyFolder
from studies.material import load_material, with_deploy_size
from studies.screening import Screen
from studies.splitting import split_pairs, with_full_parts


def section(tmp_path: Path, text: str) -> FolderData:
    path = tmp_path / "study.yaml"
    path.write_text(f"name: x\ndata: {{kind: folder, root: r, {text}}}\n")
    data = load_config(path).data
    assert isinstance(data, FolderData)
    return data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("layout: csv", "data.csv: needs the table's name for layout csv, and null for every other; mend one of them"),
        ("csv: a.csv", "data.csv: needs the table's name for layout csv, and null for every other; mend one of them"),
        ("layout: tiles", "data.layout: needs 'pairs', 'instances' or 'csv'; came 'tiles'"),
        ("group: patient", "data.group: needs a pattern with one group in parentheses, or layout csv; came 'patient'"),
        ("group: '^(a'", "data.group: '^(a' is no regular expression: "),
        ("group: '(a)(b)'", "data.group: needs one group in parentheses; '(a)(b)' has 2; use (?:...)"),
        ("block: 1", "data.block: needs at least 2; came 1"),
        ("layout: instances, masks: m", "data.masks: needs a pattern with {id} for layout instances"),
        ("layout: instances, invert: true", "data.layout: needs two classes and invert: false for instances"),
        ("classes: [a]", "data.classes: needs 2 to 255 different names, the background first; came ['a']"),
        ("classes: [a, b, a]", "data.classes: needs 2 to 255 different names"),
        ("classes: [a, b, c], codes: {a: 0, b: 1}", "data.codes: needs a code for each of a, b, c; came a, b"),
        ("codes: {background: 0, foreground: 0}", "data.codes: needs different codes, also from data.ignore; change"),
        ("codes: {background: 0, foreground: 9}, ignore: 9", "data.codes: needs different codes"),
        ("codes: {background: 0, foreground: '#ff0000'}", "data.ignore: needs grey values for all of data.codes and"),
        ("ignore: '#ff0000'", "data.ignore: needs grey values for all of data.codes and data.ignore, or colours for"),
        ("ignore: 70000", "data.ignore: needs a grey value 0..65535 or a colour '#rrggbb'; came 70000"),
        ("ignore: red", "data.ignore: needs a grey value 0..65535 or a colour '#rrggbb'; came 'red'"),
        ("classes: [a, b, c], ignore: 2", "data.ignore: needs another value than the classes' 0..2; came 2"),
        ("classes: [a, b, c], invert: true", "data.invert: needs two classes; reorder data.codes instead"),
        ("range: [5, 5]", "data.range: needs [LOW, HIGH] with LOW below HIGH; came [5"),
        ("resize: crop", "data.resize: needs 'squeeze' or 'pad'; came 'crop'"),
        ("neighbours: 1", "data.neighbours: needs channels: 1 and slices, so layout pairs or csv; set it to 0"),
        ("channels: 2", "data.channels: needs 1 or 3; came 2"),
        ("split: {lists: {train: a}}", "data.split.lists: needs train and validation; validation is missing; add it"),
        ("split: {column: part}", "data.split.column: needs layout csv; use data.split.lists"),
    ],
)
def test_what_does_not_fit_together_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        section(tmp_path, text)
    lines = str(raised.value).splitlines()
    assert any(line.startswith(f"{tmp_path}/study.yaml:2: {message}") for line in lines), lines
    assert len(lines) == 1


def test_what_fits_is_taken(tmp_path: Path) -> None:
    data = section(
        tmp_path, "classes: [a, b], codes: {a: '#00FF00', b: '#0000ff'}, ignore: '#ffffff', range: [-10, 2.5]"
    )
    assert data.codes == {"a": "#00ff00", "b": "#0000ff"} and data.range == (-10, 2.5)


def written(root: Path) -> Path:
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    drawn = scenes(20, 64, 0)
    for index, (image, mask) in enumerate(zip(drawn.images, drawn.masks, strict=True)):
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(root / f"images/{index}.png")
        Image.fromarray(mask.numpy() * 255).save(root / f"masks/{index}.png")
    return root


OLD = """\
name: old
space: unet
seed: 0
device: auto
objectives:
- dice
- latency_ms
- traffic_bytes
constraints: {{}}
data:
  kind: folder
  root: {root}
  split:
    validation: 0.2
    test: 0.1
    seed: 3
"""


def test_a_study_of_an_earlier_version_goes_on_with_its_split(tmp_path: Path) -> None:
    root = written(tmp_path / "pictures")
    folder = StudyFolder(tmp_path / "run")
    folder.root.mkdir()
    folder.config_file.write_text(OLD.format(root=root))
    config = load_config(folder.config_file, ["train.size=64"])
    assert changed_fields(folder.config(), config) == ["train.size"]
    samples = load(find_pairs(root), 64)
    material = load_material(config, folder)
    stored = json.loads(folder.split_file.read_text())
    # Placed by hand as before: part of SHA-256 of "3:HASH", below 0.1 test, from 0.8 on validation.
    for name, content in zip(samples.ids, samples.hashes, strict=True):
        place = (int.from_bytes(hashlib.sha256(f"3:{content}".encode()).digest()[:8]) >> 11) / 2**53
        assert stored[name] == ["test" if place < 0.1 else "validation" if place >= 0.8 else "train", content]
    again = load_material(config, folder)
    assert again.validation.ids == material.validation.ids


def test_the_stored_split_is_the_one_that_counts(tmp_path: Path) -> None:
    root, folder = written(tmp_path / "pictures"), StudyFolder(tmp_path / "run")
    path = tmp_path / "study.yaml"
    path.write_text(f"name: x\ndata: {{kind: folder, root: {root}}}\n")
    before = load_material(load_config(path, ["train.size=64"]), folder).validation.ids
    after = load_material(load_config(path, ["train.size=64", "data.block=5", "data.split.seed=9"]), folder)
    assert after.validation.ids == before


def test_the_deploy_size_is_that_of_the_images_wherever_they_lie(tmp_path: Path) -> None:
    root = written(tmp_path / "pictures")
    (root / "images").rename(root / "scans")
    path = tmp_path / "study.yaml"
    path.write_text(f"name: x\ndata: {{kind: folder, root: {root}, images: scans}}\n")
    assert with_deploy_size(load_config(path)).deploy.size == 64


def test_neighbours_are_of_the_same_side_and_networks_take_them(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    root = written(tmp_path / "pictures")
    path.write_text(f"name: x\ndata: {{kind: folder, root: {root}, channels: 1, neighbours: 2}}")
    config = load_config(path, ["train.size=64", "deploy.size=64", "data.split.validation=0.4"])
    material = load_material(config, None)
    for some in (material.training, material.validation):
        own = {image.numpy().tobytes() for image in some.images[:, 2]}
        assert all(channel.numpy().tobytes() in own for image in some.images for channel in image)
    screen = Screen(spaces["unet"], config, lambda graph: Latency(1, 0, 1))
    candidate = screen.candidate(spaces["unet"].sample(Random(0)), "test")
    assert candidate.graph.image_shape == (5, 64, 64)


def pairs(*ids: str, **columns: list[str]) -> list[Pair]:
    return [
        Pair(name, Path("a"), (Path("b"),), columns={key: cells[i] for key, cells in columns.items()})
        for i, name in enumerate(ids)
    ]


def test_lists_may_not_name_an_image_twice(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\ny\n")
    (tmp_path / "b.txt").write_text("y\nz\n")
    lists = {"train": Path("a.txt"), "validation": Path("b.txt")}
    data = FolderData(root=tmp_path, split=FolderSplit.model_validate({"lists": lists}))
    with pytest.raises(DataError, match="b.txt: 1 images are in another list too: y"):
        split_pairs(data, pairs("x", "y", "z"), ["1", "2", "3"])


def test_a_column_gives_the_split(tmp_path: Path) -> None:
    data = FolderData(root=tmp_path, layout="csv", csv="t.csv", split=FolderSplit(column="part"))
    split = split_pairs(data, pairs("x", "y", "z", part=["val", "train", "test"]), ["1", "2", "3"])
    assert (split.train, split.validation, split.test) == ((1,), (0,), (2,))


def test_few_groups_get_a_seed_that_fills_every_part(tmp_path: Path) -> None:
    some = pairs(*(f"s{index}" for index in range(24)))
    hashes = [pair.id for pair in some]
    data = FolderData(root=tmp_path, block=6)  # four groups
    seeded = with_full_parts(data, some, hashes)
    split = split_pairs(seeded, some, hashes)
    assert all((split.train, split.validation, split.test))
    assert {i // 6 for i in split.train}.isdisjoint({i // 6 for i in split.validation})
    many = pairs(*(f"s{index}" for index in range(200)))
    plain = FolderData(root=tmp_path)
    assert with_full_parts(plain, many, [pair.id for pair in many]) == plain
