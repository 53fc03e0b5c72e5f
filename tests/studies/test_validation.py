import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.config import StudyConfig, load_config
from studies.errors import ConfigError
from studies.reading import apply_overrides, read_yaml
from studies.sections import Deploy, GeneratedData, Split, Train
from studies.writing import to_scalar, to_yaml

SMALLEST = "name: tiny\ndata: {kind: generated}\n"


def written(folder: Path, content: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(content)
    return path


def faults(folder: Path, content: str, overrides: tuple[str, ...] = ()) -> list[str]:
    """The lines of the message without the folder."""
    with pytest.raises(ConfigError) as caught:
        load_config(written(folder, content), overrides)
    return [line.removeprefix(f"{folder}/") for line in str(caught.value).splitlines()]


FAULTS = [
    ("epochs: 12", "epochs: unknown key; did you mean 'train.epochs'?"),
    ("trian: {epochs: 12}", "trian: unknown key; did you mean 'train'?"),
    ("train: {epoch: 12}", "train.epoch: unknown key; did you mean 'train.epochs'?"),
    ("sampler: {lr: 1}", "sampler.lr: unknown key; known here: name, startup"),
    ("'a\\nb': 1", "'a\\\\nb': unknown key; known here: "),
    ("train: {epochs: '12'}", "train.epochs: needs a whole number; came '12'; remove the quotes"),
    ("train: {epochs: 'true'}", "train.epochs: needs a whole number; came 'true'"),
    (f"train: {{epochs: '{'9' * 50}'}}", "train.epochs: needs a whole number; came '9999"),
    ("train: {flips: 'true'}", "train.flips: needs true or false; came 'true'; remove the quotes"),
    ("train: {epochs: 12.0}", "train.epochs: needs a whole number; came 12.0"),
    ("train: {epochs: true}", "train.epochs: needs a whole number; came true"),
    ("train: {epochs:}", "train.epochs: needs a whole number; came nothing"),
    ("train: {epochs: [1]}", "train.epochs: needs a whole number; came a list"),
    ("train: {epochs: 0}", "train.epochs: needs at least 1; came 0"),
    ("train: {learning_rate: .nan}", "train.learning_rate: needs a finite number; came nan"),
    ("train: {learning_rate: .inf}", "train.learning_rate: needs a finite number; came inf"),
    ("train: {learning_rate: 1e999}", "train.learning_rate: needs a finite number; came inf"),
    ("train: {learning_rate: nan}", "train.learning_rate: needs a number; came 'nan'"),
    ("train: {learning_rate: 0}", "train.learning_rate: needs more than 0; came 0"),
    ("train: {colour: 1.5}", "train.colour: needs at most 1; came 1.5"),
    ("train: {flips: yes}", "train.flips: needs true or false; came 'yes'"),
    ("train: {flips: 1}", "train.flips: needs true or false; came 1"),
    ("train: {precision: fp16}", "train.precision: needs 'auto', 'fp32' or 'bf16'; came 'fp16'"),
    ("train: {threads: many}", "train.threads: needs a whole number or 'auto'; came 'many'"),
    ("train: {threads: 0}", "train.threads: needs at least 1 or 'auto'; came 0"),
    ("train: {timeout_s: -1}", "train.timeout_s: needs more than 0; came -1"),
    ("train: {warmup: 0.7, decay: 0.5}", "train: needs warmup + decay of at most 1; came 0.7 + 0.5"),
    ("train: fast", "train: needs a mapping; came 'fast'"),
    ("deploy: {batch: 2}", "deploy.batch: needs 1; came 2"),
    ("deploy: {size: 8}", "deploy.size: needs at least 32; came 8"),
    (
        "deploy: {runtime: tensorrt}",
        "deploy.runtime: needs 'torch', 'cuda_graph' or 'onnxruntime'; came 'tensorrt'",
    ),
    (
        "deploy: {runtime: onnxruntime, precision: bf16}",
        "deploy.runtime: onnxruntime needs precision fp32 and device cpu; came precision bf16, device auto",
    ),
    (
        "deploy: {runtime: onnxruntime, device: cuda}",
        "deploy.runtime: onnxruntime needs precision fp32 and device cpu; came precision fp32, device cuda",
    ),
    ("deploy: {runtime: cuda_graph, device: cpu}", "deploy.runtime: cuda_graph needs a CUDA device; came device cpu"),
    ("device: gpu", "device: needs auto, cpu, cuda or cuda:N; came 'gpu'"),
    ("seed: -1", "seed: needs at least 0; came -1"),
    ("seed: 4294967296", "seed: needs less than 4294967296; came 4294967296"),
    ("space: ''", "space: needs text of at least 1 character; came ''"),
    ("objectives: dice", "objectives: needs a list; came 'dice'"),
    ("objectives: []", "objectives: needs 'dice' among the objectives: it is what the search learns; add it"),
    ("objectives: [macs]", "objectives: needs 'dice' among the objectives: it is what the search learns; add it"),
    ("objectives: [dice, latency]", "objectives[1]: unknown metric 'latency'; did you mean 'latency_ms'?"),
    ("objectives: [dice, hd95]", "objectives[1]: unknown metric 'hd95'; known: dice, latency_ms, "),
    ("objectives: [dice, dice]", "objectives[1]: 'dice' is listed twice; remove one"),
    ("objectives: [dice, 5]", "objectives[1]: needs text; came 5; put it in quotes"),
    ("constraints: {macs: 5}", "constraints.macs: needs '<= NUMBER', such as '<= 5'; came 5"),
    ("constraints: {macs: < 5}", "constraints.macs: needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '< 5'"),
    ("constraints: {macs: <= 5 MB}", "constraints.macs: needs a number of macs in one of the units K, M, G or none; "),
    ("constraints: {mac: <= 5}", "constraints.mac: unknown metric 'mac'; did you mean 'macs'?"),
    ("constraints: {dice: <= 1}", "constraints.dice: 'dice' cannot be limited, it is what the search learns; "),
    ("constraints: [macs]", "constraints: needs a mapping; came a list"),
    ("sampler: {name: bayes}", "sampler.name: needs 'grammar', 'tpe', 'evolution', 'nsga2', 'nsga3', 'gp' or 'random'"),
    ("budget: {hours: 0}", "budget.hours: needs more than 0; came 0"),
]


@pytest.mark.parametrize(("line", "message"), FAULTS)
def test_each_fault_is_one_line_with_its_place(tmp_path, line, message):
    found = faults(tmp_path, f"{SMALLEST}\n{line}\n")
    assert len(found) == 1 and found[0].startswith(f"study.yaml:4: {message}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{}", "study.yaml:2: data.kind: is missing; add 'kind: folder' or 'kind: generated'"),
        ("{kind: dicom}", "study.yaml:2: data.kind: needs 'folder' or 'generated'; came 'dicom'"),
        ("{kind: folder}", "study.yaml:2: data.root: is missing; add it"),
        ("{kind: folder, root: 5}", "study.yaml:2: data.root: needs text; came 5; put it in quotes"),
        (
            '{kind: folder, root: "a\\0b"}',
            "study.yaml:2: data.root: needs a path without NUL characters; came 'a\\x00b'",
        ),
        (
            "{kind: folder, root: x, size: 5}",
            "study.yaml:2: data.size: belongs to another kind; remove it, or change the kind",
        ),
        ("{kind: generated, image: 5}", "study.yaml:2: data.image: unknown key; did you mean 'data.images'?"),
        ("5", "study.yaml:2: data: needs a mapping; came 5"),
        ("", "study.yaml:2: data: is missing; add it"),
        (
            "{kind: generated, split: {validation: 0.5, test: 0.5}}",
            "study.yaml:2: data.split: needs validation + test below 1, the rest is trained on; came 0.5 + 0.5",
        ),
        (
            "{kind: generated, split: {validation: 0}}",
            "study.yaml:2: data.split.validation: needs more than 0; came 0",
        ),
        ("{kind: generated, split: {test: 1}}", "study.yaml:2: data.split.test: needs less than 1; came 1"),
    ],
)
def test_faults_of_the_data_are_named_without_the_kind(tmp_path, data, message):
    assert faults(tmp_path, f"name: x\ndata: {data}\n") == [message]


def test_several_faults_are_several_lines_each_with_its_own(tmp_path):
    assert faults(
        tmp_path,
        "name: x\ndata:\n  kind: folder\n  root: y\ntrain:\n  batch: 4\n\n  epoch: 20\n"
        "constraints:\n  macs: 5\n  params: <= 1 M\n  dice: <= 1\nobjectives:\n- dice\n- speed\n",
    ) == [
        "study.yaml:15: objectives[1]: unknown metric 'speed'; known: dice, latency_ms, traffic_bytes, macs, params, "
        "cio_elements, peak_memory_bytes, kernels",
        "study.yaml:10: constraints.macs: needs '<= NUMBER', such as '<= 5'; came 5",
        "study.yaml:8: train.epoch: unknown key; did you mean 'train.epochs'?",
    ]


def test_a_flood_of_faults_is_cut(tmp_path):
    found = faults(tmp_path, SMALLEST + "".join(f"key{index}: 1\n" for index in range(2000)))
    assert len(found) == 21 and found[-1] == "study.yaml: and 1980 faults more"


def test_a_faulty_override_is_named_instead_of_a_line(tmp_path):
    assert faults(tmp_path, SMALLEST + "train: {epochs: 1}\n", ("train.epoch=20",)) == [
        "override train.epoch=20: train.epoch: unknown key; did you mean 'train.epochs'?"
    ]
    assert faults(tmp_path, SMALLEST + "train: {epochs: 1}\n", ("train.epochs=5", "train.epochs=x")) == [
        "override train.epochs=x: train.epochs: needs a whole number; came 'x'"
    ]
    assert faults(tmp_path, SMALLEST, ("train={epochs: 0}",)) == [
        "override train={epochs: 0}: train.epochs: needs at least 1; came 0"
    ]
    assert faults(tmp_path, SMALLEST, ("objectives=[dice, x, macs]", "trian.epochs=1")) == [
        "override objectives=[dice, x, macs]: objectives[1]: unknown metric 'x'; known: dice, latency_ms, "
        "traffic_bytes, macs, params, cio_elements, peak_memory_bytes, kernels",
        "override trian.epochs=1: trian: unknown key; did you mean 'train'?",
    ]


def test_a_fault_beside_an_override_keeps_its_line(tmp_path):
    assert faults(tmp_path, SMALLEST + "train:\n  epoch: 1\n", ("train.epochs=5",)) == [
        "study.yaml:4: train.epoch: unknown key; did you mean 'train.epochs'?"
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from("abc"), below, max_size=2),
)
PLACES = [
    *(("train", name) for name in Train.model_fields),
    *(("deploy", name) for name in Deploy.model_fields),
    *(("data", name) for name in GeneratedData.model_fields),
    *(("data", "split", name) for name in Split.model_fields),
    *((name,) for name in StudyConfig.model_fields),
    ("constraints", "macs"),
    ("objectives",),
    ("sampler", "name"),
    ("budget", "hours"),
    ("start", "published"),
]


@given(st.sampled_from(PLACES), ANYTHING)
def test_any_value_anywhere_is_taken_or_refused_in_our_own_words(tmp_path_factory, place, value):
    path = written(tmp_path_factory.getbasetemp(), SMALLEST)
    if isinstance(value, dict | list):
        document = apply_overrides(read_yaml(path), [f"{'.'.join(place)}=null"])
        below = document
        for key in place[:-1]:
            below = below[key]
        below[place[-1]] = value
        path.write_text(to_yaml(document))
        overrides = []
    else:
        overrides = [f"{'.'.join(place)}={to_scalar(value)}"]
    try:
        load_config(path, overrides)
    except ConfigError as error:
        for line in str(error).splitlines():
            assert re.fullmatch(
                r"(override .+|.*study\.yaml:\d+): .+: (needs|is missing|unknown|belongs|'dice').*", line
            )
            assert "Input should" not in line and "Field required" not in line
