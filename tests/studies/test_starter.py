from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from studies.config import StudyConfig, load_config
from studies.data_section import FolderData
from studies.sections import Deploy, Section, Train
from studies.starter import starter_yaml


def read_back(folder: Path, text: str) -> StudyConfig:
    path = folder / "STUDY.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_a_starter_holds_the_defaults_and_what_follows_from_the_data(tmp_path):
    data = FolderData(root=Path("data/polyps"))
    text = starter_yaml("polyps", data, image_count=600, median_size=500, foreground_median=0.125)
    assert read_back(tmp_path, text) == StudyConfig(name="polyps", data=data, deploy=Deploy(size=352))
    assert "600 images, median side 500 pixels, median foreground 12.5% of an image" in text


@pytest.mark.parametrize(
    ("image_count", "median_size", "train", "deploy_size"),
    [
        (600, 256, Train(), 256),
        (600, 100, Train(size=96), 100),
        (600, 20, Train(size=32), 32),
        (8, 2000, Train(batch=5), 352),
        (1, 128, Train(batch=1), 128),
    ],
)
def test_small_data_have_small_settings(tmp_path, image_count, median_size, train, deploy_size):
    config = read_back(tmp_path, starter_yaml("x", FolderData(root=Path("y")), image_count, median_size, 0.1))
    assert config.train == train and config.deploy.size == deploy_size


def test_every_setting_stands_there_with_a_comment(tmp_path):
    text = starter_yaml("x", FolderData(root=Path("y")), 600, 256, 0.1)
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert all(line.partition("  # ")[2].strip() for line in lines)
    values = yaml.safe_load(text)
    assert values.keys() == StudyConfig.model_fields.keys()
    config = read_back(tmp_path, text)
    for name in StudyConfig.model_fields:
        if isinstance(section := getattr(config, name), Section):
            assert values[name].keys() == type(section).model_fields.keys()


def test_its_examples_are_legal_when_uncommented(tmp_path):
    text = starter_yaml("x", FolderData(root=Path("y")), 600, 256, 0.1)
    assert len(read_back(tmp_path, text.replace("\n  # ", "\n  ")).limits()) == 3


@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    root=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
)
def test_any_name_and_folder_are_kept(tmp_path_factory, name, root):
    config = read_back(tmp_path_factory.getbasetemp(), starter_yaml(name, FolderData(root=Path(root)), 600, 256, 0.1))
    assert config.name == name and config.data == FolderData(root=Path(root))
