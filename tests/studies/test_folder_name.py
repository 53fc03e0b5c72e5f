import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.config import StudyConfig, folder_name, load_config
from studies.sections import GeneratedData

HOSTILE_NAMES = [
    "../../x",
    "/abs",
    "a\0b",
    "x" * 300,
    "CON",
    "con.txt",
    "nul",
    "😀",
    "😃",
    "'; DROP TABLE trials; --",
    ".",
    "..",
    "...",
    "~",
    "-rf",
    "a/b",
    "a\\b",
    "a b",
    "a\nb",
    "trailing.",
    ".hidden",
    "C:",
    "<script>",
    "%2e%2e",
    "\u202egnp",
    "",
    "Ünïcode",
    "\udcff",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_stays_inside_the_folder(tmp_path, name):
    folder = tmp_path / folder_name(name)
    folder.mkdir()
    assert folder.resolve().parent == tmp_path.resolve()
    assert re.fullmatch(r".+-[0-9a-f]{8}", folder.name), "a changed name carries a hash"


@pytest.mark.parametrize("name", [name for name in HOSTILE_NAMES if name and name != "\udcff"])
def test_a_hostile_name_is_kept_as_it_is(tmp_path, name):
    config = StudyConfig(name=name, data=GeneratedData())
    path = tmp_path / "stored.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(path).name == name


@pytest.mark.parametrize(
    ("name", "folder"),
    [("kvasir", "kvasir"), ("isic-a_2.1", "isic-a_2.1"), ("Kvasir", "kvasir-"), ("com1", "study-com1-"), ("é", "e-")],
)
def test_a_plain_name_is_its_own_folder(name, folder):
    assert folder_name(name).startswith(folder) and (folder.endswith("-") or folder_name(name) == folder)


@given(st.text(max_size=80))
def test_every_folder_is_safe_everywhere(name):
    folder = folder_name(name)
    assert re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", folder) and len(folder) <= 80
    assert folder.split(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt9"}


@given(st.text(max_size=20), st.text(max_size=20))
def test_different_names_have_different_folders(one, other):
    assert (folder_name(one) == folder_name(other)) == (one == other)


def test_a_name_that_looks_like_a_hashed_one_gets_its_own():
    assert folder_name(folder_name("Kvasir")) != folder_name("Kvasir")
