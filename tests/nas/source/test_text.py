"""The text says how the network is built, and nothing else: no image, no process, no repetition is in it."""

import ast
import os
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location

import nas
from nas.graph import Graph, GraphBuilder
from search_spaces import published
from tests.nas.source.cases import ROOT
from tests.nas.source.graphs import left_and_entered_again
from tests.nas.source.syntax import check_text


def test_a_scope_that_is_left_is_run_by_its_parent() -> None:
    g = GraphBuilder((3, 32, 32), 1)
    source = nas.to_source(g.freeze(left_and_entered_again(g)))
    assert 'self.a["late"]' in source or 'self.a["last"]' in source


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


def test_shapes_that_do_not_divide_the_image_are_not_told_as_parts_of_it() -> None:
    source = nas.to_source(nas.build(published["unet_bn32"], (3, 75, 101)))
    assert "(N, 32, H, W)" in source and "H/" not in source


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
