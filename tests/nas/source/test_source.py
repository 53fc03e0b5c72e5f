"""A source file computes what the module does, bit for bit, where only torch is at hand."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

import nas
from nas.graph import Graph, GraphBuilder, Node
from nas.ops import (
    GELU,
    Add,
    AvgPool,
    BatchNorm,
    ChannelScale,
    Concat,
    Conv,
    ConvTranspose,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool,
    Multiply,
    PadTo,
    ReLU,
    ReLU6,
    ResizeTo,
    Scale,
    Sigmoid,
    Slice,
    Tanh,
    Upsample,
)
from nas.source.allowed import check_tree
from nas.source.identifiers import RESERVED
from nas.source.text import module_text
from search_spaces import published, spaces

ROOT = Path(__file__).parents[3]
SIZES = ((32, 32), (37, 45))


def write_case(
    folder: Path, name: str, graph: Graph, sizes: tuple[tuple[int, ...], ...] = SIZES, batch: int = 2
) -> str:
    """Write NAME.py, and NAME.pt with a state dict, images and what the module makes of them in both modes."""
    source = nas.to_source(graph)
    torch.manual_seed(3)
    module = nas.to_module(graph)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point() and tensor.dim() == 1:  # biases, affine weights and statistics
            tensor.mul_(torch.empty_like(tensor).uniform_(0.7, 1.3)).add_(torch.empty_like(tensor).uniform_(0, 0.1))
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    runs = []
    for size in sizes:
        for train in (False, True):
            image = torch.randn(batch, graph.image_shape[0], *size)
            torch.manual_seed(7)
            with torch.no_grad():
                outputs = module.train(train)(image)
            listed = outputs if isinstance(outputs, list) else [outputs]
            assert all(torch.isfinite(x).all() for x in listed), name
            runs.append({"image": image, "train": train, "outputs": listed, "list": isinstance(outputs, list)})
    torch.save({"state": state, "runs": runs, "prediction": graph.prediction}, folder / f"{name}.pt")
    (folder / f"{name}.py").write_text(source)
    return source


def check(folder: Path, count: int) -> None:
    """Run the cases of a folder in a process that cannot import the project."""
    script = Path(__file__).with_name("stranger.py")
    done = subprocess.run(
        [sys.executable, script, folder, str(count)], capture_output=True, text=True, cwd=folder, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_random(folder: Path, seed: int, count: int) -> None:
    rng = Random(seed)
    for i in range(count):
        graph = nas.build(spaces["unet"].sample(rng), (3, 32, 32))
        source = write_case(folder, f"member{i}", nas.deploy(graph) if i % 2 else graph)
        check_text(source)
    check(folder, count)
    check_lint(folder)


def check_published(folder: Path, names: list[str]) -> None:
    for name in names:
        graph = nas.build(published[name], (3, 64, 64))
        for case, same in ((name, graph), (f"{name}_deployed", nas.deploy(graph))):
            check_text(write_case(folder, case, same, sizes=((64, 64),)))
    check(folder, 2 * len(names))
    check_lint(folder)


STATEMENTS = {
    "Import",
    "ImportFrom",
    "ClassDef",
    "FunctionDef",
    "Expr",
    "Assign",
    "AugAssign",
    "AnnAssign",
    "Return",
    "For",
}
EXPRESSIONS = {
    *("Name", "Attribute", "Constant", "Call", "Subscript", "Slice", "Starred", "Tuple", "List", "Dict", "ListComp"),
    *("BinOp", "UnaryOp", "BoolOp", "Compare", "IfExp"),
}
CALLED = {
    "super",
    "zip",
    "sum",
    "range",
    "len",
    "any",
    "enumerate",
    "layer",
    "join",
    "pad_to",
    "shift",
    "matmul",
    "pixel_softmax",
}


def check_text(source: str) -> None:
    """Only allow-listed syntax, only torch imported, only what is known called; narrow lines; no class for nothing."""
    tree = ast.parse(source)
    assert max(map(len, source.splitlines())) <= 100
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            assert type(node).__name__ in STATEMENTS
        elif isinstance(node, ast.expr):
            assert type(node).__name__ in EXPRESSIONS
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert ast.unparse(node) in (
                *("import torch", "from torch import Tensor, nn", "from torch.nn import functional as F"),
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id in CALLED | set(classes)
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_") or node.attr == "__init__"
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert set(list(classes)[:-1]) <= used, "each class is used"
    for node in classes.values():
        node.name = ""
    assert len({ast.dump(node) for node in classes.values()}) == len(classes), "equal classes are one"


def check_lint(folder: Path) -> None:
    config = ["--config", str(ROOT / "docs" / "examples" / "ruff.toml")]
    for command in (["check", *config], ["format", "--check", *config]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_random_members(tmp_path: Path) -> None:
    check_random(tmp_path, seed=1, count=16)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_200_random_members(tmp_path: Path, seed: int) -> None:
    check_random(tmp_path, seed=100 + seed, count=50)


def test_some_published(tmp_path: Path) -> None:
    check_published(tmp_path, ["unet_bn32", "unetpp_bn32_ds", "amsunet", "convunext", "hardnet68ds"])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_all_published(tmp_path: Path, part: int) -> None:
    check_published(tmp_path, list(published)[part::4])


def every_operator(g: GraphBuilder) -> list[Node]:
    """A network with every operator."""
    x = g.add(Conv(8, stride=2, padding_mode="reflect"), g.image, name="stem")
    for op in (BatchNorm(eps=1e-3, momentum=0.2), GroupNorm(4, eps=1e-4), InstanceNorm(), LayerNorm(1e-6)):
        with g.scope(type(op).__name__.lower()):
            x = g.add(op, x, name="norm")
            x = g.add(Conv(8, kernel=1, groups=2), x, name="conv")
    for act in (ReLU(), ReLU6(), LeakyReLU(0.2), GELU(), Sigmoid(), Tanh(), Scale(-0.5)):
        x = g.add(Add(), g.add(act, x), x)
    x = g.add(Dropout(0.3), g.add(ChannelScale(0.1), x, name="gamma"), name="drop")
    with g.scope("up"):
        y = g.add(ConvTranspose(6, bias=False), g.add(MaxPool(3, 2, 1), x), name="up")
        y = g.add(Concat(), g.add(ResizeTo(mode="nearest"), y, x), g.add(Slice(2, 3), x))
    pooled = g.add(PadTo(), g.add(AvgPool(3, 2, 1, count_padding=False), y), y)
    z = g.add(Multiply(), y, g.add(Sigmoid(), g.add(GlobalAvgPool(), pooled)))
    vector = g.add(Linear(5, bias=False), g.add(Flatten(), g.add(GlobalAvgPool(), z)), name="linear")
    return [g.add(Upsample(2), z), vector, g.add(Upsample(3, mode="nearest"), pooled)]


def left_and_entered_again(g: GraphBuilder) -> list[Node]:
    """Scope a needs b, which needs a: no call of a module can do that. In c, a dropout is drawn between two of a."""
    with g.scope("a"):
        x = g.add(Conv(4), g.image, name="first")
        with g.scope("inner"):
            x = g.add(BatchNorm(), g.add(Conv(4), x, name="conv"), name="norm")
    with g.scope("b"):
        y = g.add(ReLU(), g.add(Conv(4), x, name="conv"))
    a = x.scope
    assert a is not None and a.parent is not None
    with a.parent:
        with g.scope("late"):
            z = g.add(Conv(4), y, name="conv")
        z = g.add(Add(), g.add(Conv(4), z, name="last"), x)
    return [g.add(Conv(1, kernel=1), z, name="head")]


def drawn_in_turns(g: GraphBuilder) -> list[Node]:
    """Two chains with dropouts: training draws them in the graph's order, whatever scopes they are in."""
    with g.scope("a"):
        x = g.add(Dropout(), g.add(Conv(4), g.image, name="conv"), name="drop")
    with g.scope("b"):
        y = g.add(Dropout(), g.add(Conv(4), x, name="conv"), name="drop")
    assert x.scope is not None
    with x.scope:
        z = g.add(Dropout(), g.add(Conv(4), x, name="conv2"), name="drop2")
    w = g.add(Dropout(0.2), x, name="drop")
    return [g.add(Concat(), w, g.add(Multiply(), y, z)), y]


def odd_containers(g: GraphBuilder) -> list[Node]:
    """Numbers with gaps, numbers beside names, containers in containers, a list run in another order."""
    x = g.image
    for path in (
        ("a", "3"),
        ("a", "1"),
        ("b", "0"),
        ("b", "left"),
        ("c", "1"),
        ("c", "0"),
        ("d", "0", "0"),
        ("d", "0", "1"),
    ):
        x = _conv(g, x, path)
    with g.scope("many"):
        for i in range(12):
            x = g.add(Conv(2 + i), x, name=str(i))
    x = g.add(Conv(3), x, name="after")
    y = _conv(g, x, ("d", "1"))
    return [g.add(Concat(), y, _conv(g, x, ("e", "0")), _conv(g, y, ("e", "1")), _conv(g, y, ("e", "2")))]


def _conv(g: GraphBuilder, x: Node, path: tuple[str, ...]) -> Node:
    """A layer of that address, as stored graphs have it."""
    node = g.add(Conv(3), x)
    node.scope, node.given_name = None, ".".join(path)
    return node


def linked(g: GraphBuilder) -> list[Node]:
    """Densely linked layers that one loop can run, and some that one cannot: other numbers, a map joined twice."""
    x, ends = g.image, []
    for name, last, odd in (("a", (3, 1), 1), ("b", (3, 2), 1), ("c", (3, 1), 2), ("d", (3, 1), 1)):
        with g.scope(name), g.scope("layers"):
            maps = [x]
            for i, reads in enumerate(((0,), (1, 0), (2, 1, 0), last)):
                joined = g.add(Concat(), *[maps[j] for j in reads]) if len(reads) > 1 else maps[reads[0]]
                with g.scope(str(i)):
                    dilation = odd if i == 2 else 1
                    maps.append(g.add(ReLU(), g.add(Conv(3, dilation=dilation), joined, name="conv")))
                if name == "d" and i == 1:
                    ends.append(joined)
        x = g.add(Add(), maps[2], maps[4])
    return [x, *ends]


def outputs_on_the_way(g: GraphBuilder) -> list[Node]:
    """Numbered layers of which one in the middle gives an output."""
    ends, x = [], g.image
    with g.scope("layers"):
        for i in range(4):
            with g.scope(str(i)):
                x = g.add(Conv(3), x, name="conv")
            ends.append(x)
    for name in ("first", "second", "third"):
        with g.scope(name):
            y = g.add(ReLU(), g.add(Conv(3), x, name="conv"))
            x = g.add(Conv(3), y, name="conv2")
        if name == "second":
            ends.append(y)
    return [x, ends[4], ends[3], ends[1]]


def outputs_again(g: GraphBuilder) -> list[Node]:
    """The image and one value twice as outputs."""
    x = g.add(Conv(2), g.image, name="conv")
    return [g.image, x, g.add(ReLU(), x), x]


def bare(g: GraphBuilder) -> list[Node]:
    """No scope and hardly a layer."""
    return [g.add(ReLU(), g.image)]


def words_of_the_file(g: GraphBuilder) -> list[Node]:
    """Scopes and layers called as what the file itself uses."""
    x = g.image
    names = "torch nn F x features links join Tensor sum super layer Network none true f channel_scale If Lambda match"
    values = []
    for name in names.split():
        with g.scope(name):
            x = g.add(ReLU(), g.add(Conv(4), x, name="torch"))
            x = g.add(BatchNorm(), x, name="weight")
        values.append(x)
    with g.scope("mix"):
        x = g.add(Conv(4), g.add(Concat(), *values), name="conv")
    with g.scope("beside"):
        x = g.add(Concat(), x, *[g.add(Conv(1), x, name=name) for name in ("range", "len", "list", "torch", "F")])
    with g.scope("channels"):
        x = g.add(Conv(4), x, name="kept")
        kept = [x]
        with g.scope("links"):
            for i in range(4):
                y = g.add(Concat(), *kept[::-1]) if len(kept) > 1 else x
                with g.scope(str(i)):
                    kept.append(g.add(Conv(2 + i), y, name="conv"))
        return [g.add(Concat(), *kept[::2])]


HAND_MADE = [
    *(
        linked,
        outputs_on_the_way,
        every_operator,
        left_and_entered_again,
        drawn_in_turns,
        odd_containers,
        outputs_again,
        bare,
        words_of_the_file,
    ),
]


def test_hand_made_graphs(tmp_path: Path) -> None:
    for make in HAND_MADE:
        g = GraphBuilder((3, 32, 32), 1)
        graph = g.freeze(make(g), prediction="mean" if make is outputs_again else 0)
        write_case(tmp_path, make.__name__, graph)
        stored = Graph.from_json(graph.to_json())
        assert nas.to_source(stored) == (tmp_path / f"{make.__name__}.py").read_text()
    check(tmp_path, len(HAND_MADE))


@pytest.mark.parametrize("sides", [(40,), (12, 12, 12)])
def test_lines_and_volumes(tmp_path: Path, sides: tuple[int, ...]) -> None:
    g = GraphBuilder((2, *sides), 1)
    x = g.add(BatchNorm(), g.add(Conv(4, stride=2), g.image, name="conv"), name="norm")
    y = g.add(ConvTranspose(4), g.add(MaxPool(), x), name="up")
    y = g.add(Add(), g.add(ResizeTo(), y, x), g.add(GlobalAvgPool(), x))
    write_case(tmp_path, "network", g.freeze([g.add(Upsample(), y)]), sizes=(sides,))
    check(tmp_path, 1)


def test_a_scope_that_is_left_is_run_by_its_parent() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    source = nas.to_source(g.freeze(left_and_entered_again(g)))
    assert 'self.a["late"]' in source or 'self.a["last"]' in source


def namespace(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(compile(source, "source", "exec"), found)
    return found


def test_the_name_is_the_class() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    graph = g.freeze(bare(g))
    assert "HarDNet2" in namespace(nas.to_source(graph, "HarDNet2"))
    for name in ("network", "A b", "", "F", "LINKS", "ChannelScale", "Tensor", "None", "X;import os", "Ä", "A_b"):
        with pytest.raises(nas.errors.GraphError, match="cannot be a class"):
            nas.to_source(graph, name)


HOSTILE = [
    *(
        "x; import os",
        "__class__",
        "_modules",
        "forward",
        "training",
        "parameters",
        "self",
        "class",
        "a b",
        "",
        "ä",
        "a.b",
    ),
    *(
        "1a",
        "01",
        "-1",
        "a\n",
        "a'b",
        'a"""b',
        "a\\",
        "état",
        "ｘ",
        "prediction",
        "keys",
        "None",
        "a__b",
        "register_buffer",
    ),
]


def renamed(name: str, place: Callable[[str], str]) -> Graph:
    """A stored graph of one convolution whose name holds `name`."""
    g = GraphBuilder((3, 8, 8), 1)
    node = g.add(ReLU(), g.add(Conv(2), g.image))
    node.inputs[0].scope, node.inputs[0].given_name = None, place(name)
    return Graph.from_json(g.freeze([node]).to_json())


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "a.b"])
@pytest.mark.parametrize(
    "place", [lambda n: n, lambda n: f"{n}.conv", lambda n: f"a.{n}.conv"], ids=["leaf", "top", "in"]
)
def test_hostile_names_are_refused(name: str, place: Callable[[str], str]) -> None:
    with pytest.raises(nas.errors.GraphError, match="give it a name"):
        nas.to_source(renamed(name, place))


def test_the_name_of_a_function_never_reaches_the_text() -> None:
    for name in (*HOSTILE, "lambda", "²", "9" * 5000, ".a" * 9):
        g = GraphBuilder((3, 8, 8), 1)
        x = g.add(Conv(2), g.image, name="conv")
        y, z = g.add(ReLU(), x), g.add(Tanh(), x)
        for node, leaf in ((y, "relu"), (z, "tanh")):
            node.scope, node.given_name = None, f"{name}.{name}.{leaf}"
        with g.scope("both"):
            both = g.add(Conv(2), g.add(Concat(), y, z), name="conv")
        source = nas.to_source(Graph.from_json(g.freeze([y, z, both]).to_json()))
        check_text(source)
        namespace(source)


def test_two_layers_of_one_name_are_refused() -> None:
    for names in (("a.b", "a.b"), ("a", "a.b"), ("a.b.c", "a.b")):
        g = GraphBuilder((3, 8, 8), 1)
        x = g.image
        for name in names:
            x = g.add(Conv(3), x)
            x.scope, x.given_name = None, name
        with pytest.raises(nas.errors.GraphError, match="name"):
            nas.to_source(Graph.from_json(g.freeze([x]).to_json()))


@pytest.mark.parametrize("name", ["none", "true", "tensor", "channel_scale", "LINKS", "network", "nn", "f"])
def test_a_class_is_never_called_as_something_else_in_the_file(name: str) -> None:
    g = GraphBuilder((3, 8, 8), 1)
    with g.scope(name):
        x = g.add(ChannelScale(), g.add(Tanh(), g.add(Conv(2), g.image, name="conv")), name="scale")
    source = nas.to_source(g.freeze([x]))
    check_text(source)
    assert namespace(source)["Network"]()(torch.zeros(1, 3, 8, 8)).shape == (1, 2, 8, 8)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "import os",
            "from torch import hub",
            "eval('1')",
            "x = __builtins__",
            "torch.x.__class__",
            "lambda: 0",
            "x = y",
        ),
        *(
            "def f(a):\n    a.system('x')",
            "x = 'a b'",
            "while 1: pass",
            "open('x')",
            "x = f'{1}'",
            "del torch",
            "global a",
        ),
    ],
)
def test_the_allow_list_refuses_what_no_source_file_has(text: str) -> None:
    with pytest.raises(AssertionError):
        check_tree(ast.parse(text))


def test_every_text_is_held_to_the_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[ast.Module] = []
    monkeypatch.setattr("nas.source.check_tree", seen.append)
    g = GraphBuilder((3, 8, 8), 1)
    source = nas.to_source(g.freeze(bare(g)))
    assert [ast.dump(tree) for tree in seen] == [ast.dump(ast.parse(source))]


def test_a_text_that_does_not_say_what_its_tree_says_is_refused() -> None:
    assert module_text(ast.parse("x = 'a'"), {}) == 'x = "a"\n'
    with pytest.raises((AssertionError, SyntaxError)):
        module_text(ast.parse("""x = 'a"b'"""), {})


def test_shapes_that_do_not_divide_the_image_are_not_told_as_parts_of_it() -> None:
    source = nas.to_source(nas.build(published["unet_bn32"], (3, 75, 101)))
    assert "(N, 32, H, W)" in source and "H/" not in source


def test_names_that_are_too_deep_or_too_long_are_refused() -> None:
    for name in ("a." * 5000 + "conv", "a" * 41, "1" * 7 + ".conv"):
        with pytest.raises(nas.errors.GraphError):
            nas.to_source(renamed(name, str))


def test_arguments_that_cannot_be_written_are_refused() -> None:
    for op in (Conv(2, padding_mode="zeros'); import os"), LeakyReLU(float("nan")), Scale(float("inf"))):
        g = GraphBuilder((3, 8, 8), 1)
        graph = g.freeze([g.add(op, g.image)])
        with pytest.raises(nas.errors.GraphError, match="option of torch|finite number"):
            nas.to_source(graph)


def test_reserved_names_are_the_attributes_of_modules() -> None:
    attributes = {*dir(torch.nn.Module()), *torch.nn.Module().__dict__, *dir(torch.nn.ModuleDict()), "T_destination"}
    attributes |= set(torch.nn.Module.__annotations__)
    assert {name for name in attributes if not name.startswith("_")} <= RESERVED


def test_the_text_does_not_depend_on_the_process() -> None:
    script = (
        "import nas; from random import Random; from search_spaces import published, spaces\n"
        "graphs = [nas.build(a, (3, 64, 64)) for a in (published['hrnetv2_w18'], spaces['unet'].sample(Random(2)))]\n"
        "print(*[nas.to_source(g) for g in graphs])\n"
        "import sys; assert 'torch' not in sys.modules"
    )
    texts = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        texts.add(done.stdout)
    assert len(texts) == 1


def test_a_stored_graph_gives_the_same_text() -> None:
    for name in ("hardnet_mseg", "unetpp_nnunet"):
        graph = nas.build(published[name], (3, 64, 64))
        assert nas.to_source(Graph.from_json(graph.to_json())) == nas.to_source(graph)


def test_the_examples_are_what_is_written_now() -> None:
    folder = ROOT / "docs" / "examples"
    spec = spec_from_file_location("write_source", folder / "write_source.py")
    assert spec is not None and spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    for name, (title, graph) in script.examples().items():
        text = (folder / f"{name}.py").read_text()
        assert text == nas.to_source(graph, title), f"run docs/examples/write_source.py: {name}.py differs"
        assert text.count("\n") < 400
        check_text(text)


def test_repetition_is_a_loop_and_scopes_that_differ_in_numbers_are_one_class() -> None:
    source = nas.to_source(nas.build(published["hardnet_mseg"], (3, 352, 352)))
    tree = ast.parse(source)
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert names == ["ConvBNReLU6", "Block", "Encoder", "ConvBN", "Level", "Neck", "Decoder", "Head", "Network"]
    assert "for layer, link in zip(self.layers, self.links, strict=True):" in source
    hrnet = nas.to_source(nas.build(published["hrnetv2_w18"], (3, 64, 64)))
    assert "nn.Sequential(*[Branch(18) for _ in range(4)])" in hrnet


def test_no_size_of_the_image_is_in_the_code() -> None:
    texts = [nas.to_source(nas.build(published["hrnetv2_w18"], (3, side, side))) for side in (128, 256)]
    assert texts[0].split('"""', 2)[2] == texts[1].split('"""', 2)[2]
