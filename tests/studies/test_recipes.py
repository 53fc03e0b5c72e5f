"""Recipes of papers in a study: what they set, what wins over them, and that a stored study needs no recipe."""

from pathlib import Path

import pytest

from evaluators.presets import PRESETS
from evaluators.recipe import Recipe
from studies.config import ConfigError, StudyConfig, fixed_for_resume, load_config
from studies.data_section import FolderData
from studies.sections import Train
from studies.starter import starter_yaml
from studies.trial import recipe_of

PAPERS = [name for name in PRESETS if name != "default"]


def written(folder: Path, train: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(f"name: x\ndata: {{kind: generated}}\ntrain: {train}\n", encoding="utf-8")
    return path


def test_the_default_recipe_is_the_defaults():
    assert Train(recipe="default") == Train() and not PRESETS["default"](None)


@pytest.mark.parametrize("name", PAPERS)
def test_a_recipe_sets_settings_that_are_there_to_what_a_training_can_follow(name, tmp_path):
    config = load_config(written(tmp_path, f"{{recipe: {name}}}"))
    values = PRESETS[name](None)
    assert values.keys() <= Train.model_fields.keys()
    assert {key: getattr(config.train, key) for key in values} == values
    others = Train.model_fields.keys() - values.keys() - {"recipe"}
    assert all(getattr(config.train, key) == getattr(Train(), key) for key in others)
    assert recipe_of(config).loss == config.train.loss


def test_the_papers_values():
    """As the sources state them; a typing error in one place shows in the other."""
    hardnet, ams, convunext, unetpp = (Train(recipe=name) for name in PAPERS)
    assert (hardnet.size, hardnet.batch, hardnet.epochs, hardnet.optimizer) == (352, 16, 100, "adam")
    assert (hardnet.learning_rate, hardnet.weight_decay, hardnet.clip_value, hardnet.clip_norm) == (1e-4, 0, 0.5, None)
    assert hardnet.scales == (0.75, 1, 1.25) and hardnet.loss == {"structure": {"weight": 1, "weighted_entropy": False}}
    assert not (hardnet.flips or hardnet.quarter_turns or hardnet.colour or hardnet.warmup or hardnet.decay)
    assert (ams.size, ams.batch, ams.epochs, ams.optimizer, ams.learning_rate) == (480, 2, 300, "adamw", 2e-4)
    assert (ams.weight_decay, ams.decay_biases, ams.schedule) == (5e-5, True, "poly")
    assert ams.loss == {"ce": 1, "dice": {"weight": 1, "smooth": 1e-6, "background": True}}
    assert (convunext.batch, convunext.learning_rate, convunext.loss) == (4, 1.5e-3, ams.loss)
    assert convunext.zoom == pytest.approx((0.8 * 512 / 480, 1.5 * 512 / 480))
    assert (unetpp.optimizer, unetpp.learning_rate, unetpp.weight_decay) == ("adam", 3e-4, 2e-4)
    assert unetpp.loss == {"bce": 0.5, "dice": {"weight": 1, "pooled": True}} and unetpp.supervision == "sum"
    assert all(Train(recipe=name).ema_decay == 0 for name in PAPERS)


@pytest.mark.parametrize("name", PAPERS)
def test_what_is_written_wins(name, tmp_path):
    path = written(tmp_path, f"{{recipe: {name}, batch: 3, loss: {{focal: 1}}}}")
    train = load_config(path, ["train.learning_rate=0.5"]).train
    assert (train.batch, train.loss, train.learning_rate) == (3, {"focal": 1}, 0.5)
    assert train.optimizer == Train(recipe=name).optimizer
    assert load_config(written(tmp_path, "{batch: 3}"), [f"train.recipe={name}"]).train.batch == 3


@pytest.mark.parametrize("name", PAPERS)
def test_a_recipe_that_changes_nothing_is_an_error(name, tmp_path):
    """`nas init` writes every setting, beside which a recipe has nothing to say."""
    path = tmp_path / "all.yaml"
    path.write_text(starter_yaml("x", FolderData(root=Path("y")), 600, 256, 0.1), encoding="utf-8")
    with pytest.raises(ConfigError, match="train.recipe: needs settings that are not written; .* remove some"):
        load_config(path, [f"train.recipe={name}"])
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if "learning_rate" not in line), encoding="utf-8")
    assert load_config(path, [f"train.recipe={name}"]).train.learning_rate == Train(recipe=name).learning_rate


def test_the_rise_is_one_epoch_of_those_that_are_trained(tmp_path):
    train = load_config(written(tmp_path, "{recipe: amsunet, epochs: 10}")).train
    assert (train.epochs, train.warmup, train.decay) == (10, 0.1, 0.9)


@pytest.mark.parametrize("name", PAPERS)
def test_a_stored_study_is_read_back_and_held_to_its_recipe(name, tmp_path):
    config = load_config(written(tmp_path, f"{{recipe: {name}}}"))
    stored = tmp_path / "stored.yaml"
    stored.write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(stored) == config
    other = StudyConfig(**config.model_dump() | {"train": config.train.model_copy(update={"scales": (0.5,)})})
    with pytest.raises(ConfigError, match=r"train\.scales: was"):
        fixed_for_resume(config, other)
    with pytest.raises(ConfigError, match=r"train\.loss\.dice: was"):
        fixed_for_resume(
            StudyConfig(name="x", data={"kind": "generated"}),
            StudyConfig(name="x", data={"kind": "generated"}, train=Train(loss={"dice": 2.0, "ce": 1.0})),
        )


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (
            "{recipe: hardnet_mesg}",
            "study.yaml:3: train.recipe: unknown recipe 'hardnet_mesg'; did you mean 'hardn",
        ),
        ("{recipe: zzz}", "known: default, hardnet_mseg, amsunet, convunext, unetpp"),
        ("{recipe: 3}", "train.recipe: needs text; came 3"),
        ("{loss: {dcie: 1}}", "train.loss: unknown loss 'dcie'; did you mean 'dice'"),
        ("{loss: {dice: abc}}", "train.loss.dice: needs a number or a mapping; came 'abc'"),
        ("{loss: {dice: {smoth: 1}}}", "train.loss: dice: unknown setting 'smoth'; did you mean 'smooth'"),
        ("{loss: {}}", "train.loss: needs at least one of bce"),
        ("{supervision: half}", "train.supervision: needs 'mean', 'sum' or 'halving' or a list; came 'half'"),
        ("{supervision: [0, 0]}", "train.supervision: needs a weight above 0"),
        ("{supervision: []}", "train.supervision: needs a weight above 0"),
        ("{zoom: [2, 1]}", "train.zoom: needs the lesser factor first; came 2, 1"),
        ("{zoom: [1, 1, 1]}", "train.zoom: needs a list of at most 2"),
        ("{scales: []}", "train.scales: needs a factor"),
        ("{scales: [0]}", "train.scales[0]: needs more than 0"),
        ("{optimizer: lion}", "train.optimizer: needs 'adamw', 'adam' or 'sgd'; came 'lion'"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(train, message, tmp_path):
    with pytest.raises(ConfigError) as fault:
        load_config(written(tmp_path, train))
    assert message in str(fault.value) and len(str(fault.value).splitlines()) == 1


def test_what_a_study_may_hold_a_recipe_takes():
    """The two lists of ranges agree, or a study that is read would end in a trial's fault."""
    train = Train(
        supervision=[1, 0.4], zoom=[0.5, 2], scales=[0.5], rotation=180, clip_norm=None, momentum=0, loss={"bce": 2}
    )
    config = StudyConfig(name="x", data={"kind": "generated"}, train=train)
    assert isinstance(recipe_of(config), Recipe)
