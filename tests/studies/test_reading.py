import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.errors import ConfigError
from studies.reading import MAX_BYTES, MAX_VALUES, apply_overrides, parse_override, read_marked, read_yaml
from studies.writing import to_yaml


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "study.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def fault(folder: Path, content: str | bytes) -> str:
    """The message without the folder."""
    with pytest.raises(ConfigError) as caught:
        read_yaml(written(folder, content))
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and len(message) < 600
    return message.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1E3", 1000.0),
        ("-.5", -0.5),
        ("+1.", 1.0),
        ("12", 12),
        ("-7", -7),
        ("010", 10),  # octal in YAML 1.1
        ("0o17", 15),
        ("0xff", 255),
        ("true", True),
        ("False", False),
        ("no", "no"),  # a boolean in YAML 1.1, as the next three
        ("On", "On"),
        ("y", "y"),
        ("off", "off"),
        ("12:30:45", "12:30:45"),  # 45045 in YAML 1.1
        ("1_000", "1_000"),
        ("2024-01-02", "2024-01-02"),
        ("nan", "nan"),
        ("=", "="),
        ("<= 2e9", "<= 2e9"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("[1, a, [2.5]]", [1, "a", [2.5]]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("|-\n  12", "12"),
    ],
)
def test_a_value_is_what_yaml_1_2_says(tmp_path, text, value):
    read = read_yaml(written(tmp_path, f"key: {text}\n"))["key"]
    assert read == value and type(read) is type(value)


def test_infinities_and_nan_are_numbers_for_the_models_to_refuse(tmp_path):
    values = read_yaml(written(tmp_path, "a: .inf\nb: -.Inf\nc: .NaN\n"))
    assert values["a"] == float("inf") and values["b"] == float("-inf") and values["c"] != values["c"]


def test_merge_keys_and_values_of_1_1_mean_nothing(tmp_path):
    assert read_yaml(written(tmp_path, "<<: {a: 1}\n")) == {"<<": {"a": 1}}


def test_lines_are_those_of_the_keys_and_items(tmp_path):
    marked = read_marked(written(tmp_path, "# a comment\na: 1\n\nb:\n  c: 2\n  d:\n  - x\n  - y: 3\n"))
    assert marked.lines == {
        ("a",): 2,
        ("b",): 4,
        ("b", "c"): 5,
        ("b", "d"): 6,
        ("b", "d", 0): 7,
        ("b", "d", 1): 8,
        ("b", "d", 1, "y"): 8,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "study.yaml:5: b.c: is written twice (first on line 3); keep one"),
        ("a: 1\na: 1\n", "study.yaml:2: a: is written twice (first on line 1); keep one"),
        ("x: [{a: 1, a: 2}]\n", "study.yaml:1: x[0].a: is written twice (first on line 1); keep one"),
        ("a: 1\nb: &x 1\n", "study.yaml:2: anchors are refused; came '&x': write values out, or put text in quotes"),
        ("\nb: *x\n", "study.yaml:2: aliases are refused; came '*x': write the value out, or put text in quotes"),
        (
            "a: !!python/object/apply:os.system ['echo']\n",
            "study.yaml:1: tags are refused; came 'tag:yaml.org,2002:python/object/apply:os.system': "
            "write a plain value, or put text in quotes",
        ),
        ("a: !!str 5\n", "study.yaml:1: tags are refused; came 'tag:yaml.org,2002:str': write a plain value, or put "),
        ("a: ! 5\n", "study.yaml:1: tags are refused; came '!': write a plain value, or put text in quotes"),
        ("a: !mine\n  b: 1\n", "study.yaml:1: tags are refused; came '!mine': "),
        ("1: x\n", "study.yaml:1: keys need to be text; came 1"),
        ("true: x\n", "study.yaml:1: keys need to be text; came true"),
        ("? [a, b]\n: x\n", "study.yaml:1: keys need to be text; came a list"),
        ("", "study.yaml:1: needs 'key: value' lines at the top level; came nothing"),
        ("# only this\n", "study.yaml:1: needs 'key: value' lines at the top level; came nothing"),
        ("\n- a\n- b\n", "study.yaml:2: needs 'key: value' lines at the top level; came a list"),
        ("hello\n", "study.yaml:1: needs 'key: value' lines at the top level; came 'hello'"),
        ("a: 1\n---\nb: 2\n", "study.yaml:2: is not YAML: but found another document"),
        ("a: 1\nb: [1, 2\nc: 3\n", "study.yaml:3: is not YAML: expected ',' or ']', but got ':'"),
        ("a:\n\tb: 1\n", "study.yaml:2: is not YAML: found character '\\t' that cannot start any token; indent with "),
        ("a: x\x00y\n", "study.yaml:1: needs printable text; came '\\x00'"),
        ("a: 1\nb: x\x07y\n", "study.yaml:2: needs printable text; came '\\x07'"),
        (b"a: 1\nb: \xff\n", "study.yaml:2: needs UTF-8 text; came byte 0xff"),
        ('a: "\\ud800"\n', "study.yaml:1: needs text that UTF-8 can hold; came half a surrogate pair"),
        ('a: "\\UFFFFFFFF"\n', "study.yaml:1: is not YAML: "),
        (f"a: {'9' * 5000}\n", "study.yaml:1: needs a number of at most 40 characters; came 5000"),
    ],
)
def test_each_fault_names_its_line_and_what_came(tmp_path, content, message):
    assert fault(tmp_path, content).startswith(message)


def test_an_odd_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: is not a file; needs a study's YAML \(`nas init DATA_DIR`"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is not a file"):
        read_yaml(tmp_path)
    with pytest.raises(ConfigError, match=r"a\\x00b: is not a file"):
        read_yaml(Path("a\0b"))
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        read_yaml(Path("x" * 300))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a file"):
        read_yaml(tmp_path / "pipe")


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path):
    assert read_yaml(written(tmp_path, b"\xef\xbb\xbfname: x\n")) == {"name": "x"}


ALIAS_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "alias bomb": ALIAS_BOMB,
    "2 MB": "name: x\n" + "# filling\n" * 200_000,
    "brackets": "a: " + "[" * (MAX_BYTES - 10),
    "braces": "{" * MAX_BYTES,
    "dashes": "- " * (MAX_BYTES // 2),
    "keys": "".join(f"key{index}: 1\n" for index in range(60_000)),
    "items": f"a: [{'1,' * 400_000}]",
    "digits": "a: " + "9" * (MAX_BYTES - 10),
    "version": f"%YAML {'9' * 9000}.1\n---\na: 1\n",
    "tag": "a: !" + "x" * 900_000 + " 1",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_at_once(tmp_path, content):
    path = written(tmp_path, content)
    start = time.process_time()
    with pytest.raises(ConfigError, match=r"study\.yaml:\d+: "):
        read_yaml(path)
    assert time.process_time() - start < 1


def test_hostile_files_need_little_memory(tmp_path):
    """In a process of its own, whose address space is limited to 200 MB above what it has after importing."""
    for index, content in enumerate(HOSTILE.values()):
        (tmp_path / f"{index}.yaml").write_text(content)
    code = (
        "import resource, sys; from pathlib import Path; from studies.errors import ConfigError;"
        "from studies.reading import read_yaml;"
        "now = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (now + 200_000_000,) * 2);\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try: read_yaml(path)\n"
        "    except ConfigError: print(path.name)\n"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc here")
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert len(result.stdout.split()) == len(HOSTILE)


def test_the_limits_themselves_are_legal(tmp_path):
    assert len(read_yaml(written(tmp_path, "name: x\n" + "#" * (MAX_BYTES - 8)))) == 1
    half = (MAX_VALUES - 1) // 2
    assert len(read_yaml(written(tmp_path, "".join(f"k{index}: 1\n" for index in range(half))))) == half


FRAGMENTS = st.sampled_from(
    [*"abc: -[]{},#&*!|>'\"%@`~?<=\n\t\\/.0159eEx_", "\n  ", "---", "...", "!!", "\\u", "\\U", "a: ", "\x85", "\u2028"]
)


@given(st.lists(FRAGMENTS, max_size=40).map("".join))
def test_any_text_is_a_mapping_or_one_line(tmp_path_factory, text):
    path = written(tmp_path_factory.getbasetemp(), text)
    try:
        assert isinstance(read_yaml(path), dict)
    except ConfigError as error:
        assert re.fullmatch(r".*study\.yaml:\d+: .+", str(error))


# overrides


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("train.epochs=20", ("train", "epochs"), 20),
        ("train.learning_rate=1e-3", ("train", "learning_rate"), 1e-3),
        ("train.flips=false", ("train", "flips"), False),
        ("deploy.size=null", ("deploy", "size"), None),
        ("deploy.size=", ("deploy", "size"), None),
        ("name=no", ("name",), "no"),
        ("name='a: b'", ("name",), "a: b"),
        ("objectives=[dice, macs]", ("objectives",), ["dice", "macs"]),
        ("constraints.latency_ms=<= 50", ("constraints", "latency_ms"), "<= 50"),
        ("data={kind: generated, images: 20}", ("data",), {"kind": "generated", "images": 20}),
        ("data.root=/a=b/c", ("data", "root"), "/a=b/c"),
        (" train . epochs = 20 ", ("train", "epochs"), 20),
    ],
)
def test_an_override_is_a_path_and_a_value(text, path, value):
    assert parse_override(text) == (path, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.epochs", "override train.epochs: needs key=value, such as train.epochs=20"),
        ("=20", "override =20: needs key=value, such as train.epochs=20"),
        ("train..epochs=20", "override train..epochs=20: needs key=value, such as train.epochs=20"),
        ("", "override : needs key=value, such as train.epochs=20"),
        ("name=a: b", "override name=a: b: needs one value; put text that holds ': ' or starts with '- ' in quotes"),
        ("name=- b", "override name=- b: needs one value; put text that holds ': ' or starts with '- ' in quotes"),
        ("name=[a", "override name=[a: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("name=*a", "override name=*a: aliases are refused; came '*a': write the value out, or put text in quotes"),
        ("name=!!int 5", "override name=!!int 5: tags are refused; came 'tag:yaml.org,2002:int': write a plain value"),
        ("a={b: 1, b: 2}", "override a={b: 1, b: 2}: a.b: is written twice (first on line 1); keep one"),
        ("a=x\0", "override a=x\\x00: needs printable text; came '\\x00'"),
        ("a=\udcff", "override a=\\udcff: needs printable text; came '\\udcff'"),
        ("a=b\nc: d", "override a=b\\nc: d: "),
    ],
)
def test_a_faulty_override_is_named(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_override(text)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_overrides_make_mappings_and_the_last_one_counts():
    document = {"train": {"epochs": 1, "batch": 2}, "deploy": None, "name": "x"}
    before = to_yaml(document)
    changed = apply_overrides(document, ["train.epochs=5", "deploy.size=64", "a.b.c=1", "train.epochs=6"])
    assert changed == {
        "train": {"epochs": 6, "batch": 2},
        "deploy": {"size": 64},
        "name": "x",
        "a": {"b": {"c": 1}},
    }
    assert to_yaml(document) == before


def test_an_override_cannot_go_through_a_scalar():
    with pytest.raises(ConfigError) as caught:
        apply_overrides({"train": {"epochs": 12}}, ["train.epochs.first=1"])
    assert str(caught.value) == (
        "override train.epochs.first=1: 'train.epochs' is 12, which cannot hold 'first'; set train.epochs=VALUE instead"
    )
    with pytest.raises(ConfigError, match="'a' is a list, which cannot hold 'b'"):
        apply_overrides({"a": [1]}, ["a.b=1"])
