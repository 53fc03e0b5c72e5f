import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from studies.config import StudyConfig, changed_fields, fixed_for_resume, folder_name, load_config
from studies.constraints import Constraint
from studies.data_section import FolderData, FolderSplit
from studies.errors import ConfigError
from studies.sections import Budget, Deploy, GeneratedData, Sampler, Split, Start, Train

READY = sorted((Path(__file__).parents[2] / "studies" / "ready").glob("*.yaml"))
SMALLEST = "name: tiny\ndata: {kind: generated}\n"


def written(folder: Path, content: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(content)
    return path


def test_what_is_left_out_has_its_default(tmp_path):
    assert load_config(written(tmp_path, SMALLEST)) == StudyConfig(name="tiny", data=GeneratedData())


def test_the_defaults(tmp_path):
    config = StudyConfig(name="x", data=FolderData(root=Path("images")))
    assert (config.space, config.seed, config.device) == ("unet", 0, "auto")
    assert config.objectives == ("dice", "latency_ms", "traffic_bytes") and config.constraints == {}
    assert config.data.split == FolderSplit(validation=0.15, test=0.15, seed=0)
    assert (config.train.size, config.train.threads, config.train.timeout_s) == (128, "auto", None)
    assert config.deploy == Deploy(
        size=None, batch=1, precision="fp32", channels_last=True, device="auto", runtime="torch"
    )
    assert (config.sampler, config.budget, config.start) == (
        Sampler(name="grammar", startup=10),
        Budget(trials=16, hours=None),
        Start(published=True),
    )
    assert GeneratedData() == GeneratedData(images=320, size=96, seed=0)


def test_the_training_settings_are_the_recipes():
    from evaluators.recipe import Recipe

    recipe = {name: value for name, value in dataclasses.asdict(Recipe()).items() if name != "seed"}
    train = Train().model_dump()
    assert {name: train[name] for name in recipe} == recipe
    assert train.keys() - recipe.keys() == {"recipe", "size", "encoder_weights", "silence_s", "threads", "timeout_s"}


def test_an_empty_section_has_the_defaults(tmp_path):
    empty = "".join(f"{section}:\n" for section in ("constraints", "train", "deploy", "sampler", "budget", "start"))
    assert load_config(written(tmp_path, SMALLEST + empty)) == load_config(written(tmp_path, SMALLEST))


def test_whole_numbers_serve_where_numbers_are_needed(tmp_path):
    config = load_config(written(tmp_path, SMALLEST), ["train.clip_norm=2", "train.learning_rate=1e-3"])
    assert repr((config.train.clip_norm, config.train.learning_rate)) == "(2.0, 0.001)"


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_the_ready_studies_are_legal(path):
    config = load_config(path)
    assert folder_name(config.name) == path.stem


def test_an_override_mends_the_file(tmp_path):
    path = written(tmp_path, "name: x\ndata: {kind: folder, root: /a}\ntrain: {epochs: many}\n")
    config = load_config(path, ["train.epochs=3", "data={kind: generated, images: 40}"])
    assert config.train.epochs == 3 and config.data == GeneratedData(images=40)


def test_names_of_metrics_come_from_the_caller(tmp_path):
    path = written(tmp_path, SMALLEST + "objectives: [dice, energy_mj]\nconstraints: {energy_mj: <= 5}\n")
    assert load_config(path, metrics=("dice", "energy_mj")).limits() == (Constraint("energy_mj", 5.0),)
    with pytest.raises(ConfigError, match="unknown metric 'energy_mj'"):
        load_config(path)


def test_limits_are_the_constraints_as_numbers():
    config = StudyConfig(name="x", data=GeneratedData(), constraints={"latency_ms": "<= 50", "macs": "<= 2 G"})
    assert config.limits() == (Constraint("latency_ms", 50.0), Constraint("macs", 2e9))


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        StudyConfig(name="x", data=GeneratedData()).seed = 5


# what is stored

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(Path)
SHARES = st.floats(0.01, 0.45)
SEEDS = st.integers(0, 2**32 - 1)
SPLITS = st.builds(Split, validation=SHARES, test=SHARES, seed=SEEDS)
FOLDER_SPLITS = st.builds(FolderSplit, validation=SHARES, test=SHARES, seed=SEEDS) | st.builds(
    FolderSplit, lists=st.fixed_dictionaries({"train": NAMES.map(Path), "validation": NAMES.map(Path)})
)
CODES = st.integers(0, 65535) | st.just("#0080ff")
FOLDERS = st.fixed_dictionaries(
    {
        "root": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(Path),
        "split": FOLDER_SPLITS,
        "images": st.none() | NAMES,
        "ignore": st.none() | st.integers(0, 255),
        "invert": st.booleans(),
        "range": st.none() | st.tuples(st.floats(-1e4, -1), st.floats(0, 1e5)),
        "resize": st.sampled_from(["squeeze", "pad"]),
        "group": st.sampled_from([None, "^(p[0-9]+)_"]),
        "block": st.none() | st.integers(2, 50),
    }
) | st.fixed_dictionaries(
    {
        "root": st.just(Path("x")),
        "layout": st.just("csv"),
        "csv": NAMES,
        "group": st.just("patient"),
        "split": st.just(FolderSplit(column="part")),
        "classes": st.just(("a", "b", "c")),
        "codes": st.tuples(CODES, CODES, CODES)
        .filter(lambda codes: len(set(codes)) == 3 and len(set(map(type, codes))) == 1)
        .map(lambda codes: dict(zip("abc", codes, strict=True))),
    }
)
CONFIGS = st.builds(
    StudyConfig,
    name=NAMES,
    seed=SEEDS,
    objectives=st.permutations(["dice", "macs", "params"]),
    constraints=st.dictionaries(
        st.sampled_from(["macs", "params"]), st.floats(1e-9, 1e30).map(lambda limit: f"<= {limit!r}")
    ),
    data=st.builds(GeneratedData, images=st.integers(10, 10**6), seed=SEEDS, split=SPLITS)
    | FOLDERS.map(lambda values: FolderData(**values)),
    train=st.builds(
        Train,
        epochs=st.integers(1, 1000),
        learning_rate=st.floats(1e-12, 1e3),
        weight_decay=st.floats(0, 1),
        flips=st.booleans(),
        precision=st.sampled_from(["auto", "fp32", "bf16"]),
        threads=st.integers(1, 64) | st.just("auto"),
        timeout_s=st.none() | st.floats(1, 1e6),
        encoder_weights=st.none()
        | st.fixed_dictionaries({"file": PATHS, "as": st.sampled_from(["hardnet68", "unet_bn32"])}),
    ),
    deploy=st.builds(Deploy, size=st.none() | st.integers(32, 2000), device=st.sampled_from(["cpu", "cuda:3"])),
    budget=st.builds(Budget, trials=st.integers(1, 10**6), hours=st.none() | st.floats(0.1, 1e4)),
)


@given(CONFIGS)
def test_a_stored_configuration_reads_back_equal(tmp_path_factory, config):
    path = tmp_path_factory.getbasetemp() / "stored.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    again = load_config(path)
    assert again == config and again.fingerprint() == config.fingerprint()
    assert changed_fields(config, again) == []


@given(CONFIGS, CONFIGS)
def test_fingerprints_are_equal_for_equal_configurations_only(one, other):
    assert (one.fingerprint() == other.fingerprint()) == (one == other) == (changed_fields(one, other) == [])


def test_the_fingerprint_is_the_same_in_every_process():
    code = (
        "from studies.config import StudyConfig; from studies.sections import GeneratedData;"
        "limits = {'params': '<= 2', 'macs': '<= 1'};"
        "print(StudyConfig(name='x', data=GeneratedData(), constraints=limits).fingerprint())"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    config = StudyConfig(name="x", data=GeneratedData(), constraints={"macs": "<= 1", "params": "<= 2"})
    assert result.stdout.strip() == config.fingerprint() and len(config.fingerprint()) == 64


def test_differences_are_paths_in_the_order_of_the_file():
    old = StudyConfig(name="x", data=FolderData(root=Path("a")))
    new = StudyConfig(
        name="x",
        data=GeneratedData(split=Split(seed=4)),
        train=Train(epochs=3),
        constraints={"macs": "<= 5"},
        budget=Budget(trials=99),
    )
    assert changed_fields(old, old) == []
    assert sorted(changed_fields(old, new)) == [
        "budget.trials",
        "constraints.macs",
        *(
            f"data.{key}"
            for key in ("axis", "channels", "classes", "images", "invert", "kind", "layout", "neighbours", "resize")
        ),
        "data.root",
        "data.seed",
        "data.size",
        "data.split.seed",
        "train.epochs",
    ]


BASE = "name: x\ndata: {kind: generated}\n"
FREE = [
    "budget.trials=99",
    "budget.hours=2",
    "device=cpu",
    "pictures=false",
    "train.threads=3",
    "train.timeout_s=60",
    "train.silence_s=60",
    "sampler.startup=4",
    "proxies=[synflow]",
    "budget.device_hours=2",
    "budget.patience=20",
    "workers=3",
    "rungs.keep=5",
]
FIXED = [
    ("name=y", "name: was 'x' when the study began, is now 'y'; change it back, or give the study a new name"),
    ("space=medseg", "space: was 'unet' when the study began, is now 'medseg'; "),
    ("seed=1", "seed: was 0 when the study began, is now 1; "),
    ("data.images=20", "data.images: was 320 when the study began, is now 20; "),
    ("data.split.seed=3", "data.split.seed: was 0 when the study began, is now 3; "),
    ("train.epochs=20", "train.epochs: was 12 when the study began, is now 20; "),
    ("train.size=64", "train.size: was 128 when the study began, is now 64; "),
    (
        "objectives=[macs, dice]",
        "objectives: was dice, latency_ms, traffic_bytes when the study began, is now macs, dice",
    ),
    ("constraints.macs=<= 5", "constraints.macs: was nothing when the study began, is now '<= 5'; "),
    ("deploy.device=cpu", "deploy.device: was 'auto' when the study began, is now 'cpu'; "),
    ("sampler.name=random", "sampler.name: was 'grammar' when the study began, is now 'random'; "),
    ("rungs.promote=rank", "rungs.promote: was 'gain' when the study began, is now 'rank'; "),
    ("storage=sqlite", "storage: was 'journal' when the study began, is now 'sqlite'; "),
    ("start.published=false", "start.published: was true when the study began, is now false; "),
]


def test_budgets_devices_and_workers_may_change_on_resume(tmp_path):
    path = written(tmp_path, BASE)
    new = load_config(path, FREE)
    assert len(changed_fields(load_config(path), new)) == len(FREE)
    fixed_for_resume(load_config(path), new)


@pytest.mark.parametrize(("override", "message"), FIXED)
def test_nothing_else_may(tmp_path, override, message):
    path = written(tmp_path, BASE)
    with pytest.raises(ConfigError) as caught:
        fixed_for_resume(load_config(path), load_config(path, [override, *FREE]))
    assert str(caught.value).startswith(message) and len(str(caught.value).splitlines()) == 1


def test_every_setting_is_either_free_or_fixed():
    """A new setting has to be put into one of the lists above on purpose."""
    named = {override.partition("=")[0] for override in [*FREE, *(override for override, _ in FIXED)]}
    top = {path.split(".")[0] for path in named}
    assert top == set(StudyConfig.model_fields)


def test_reading_a_study_loads_no_heavy_library():
    code = (
        "import sys, studies.starter; print(sorted({'torch', 'optuna', 'pandas', 'numpy', 'dash'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("mysql://a@b/c", "needs journal, sqlite or postgresql://USER@HOST/DATABASE"),
        ("postgresql://a@b", "needs journal, sqlite or postgresql://USER@HOST/DATABASE"),
        ("postgresql://a:secret@b/c", "holds a password"),
    ],
)
def test_storages_that_cannot_be_or_hold_a_password_are_refused(tmp_path, storage, said):
    with pytest.raises(ConfigError, match=said):
        load_config(written(tmp_path, BASE), [f"storage={storage}"])
