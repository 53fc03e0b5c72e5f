"""No text leaves the writer that the allow-list has not passed."""

import ast

import pytest

import nas
from nas.graph import GraphBuilder
from nas.ops import Conv, LeakyReLU, Scale
from nas.source.allowed import check_tree
from nas.source.text import module_text
from tests.nas.source.graphs import bare


@pytest.mark.parametrize(
    "text",
    [
        *("import os", "from torch import hub", "eval('1')", "open('x')", "x = __builtins__", "torch.x.__class__"),
        *("lambda: 0", "x = y", "x = 'a b'", "x = f'{1}'", "while 1: pass", "del torch", "global a"),
        "def f(a):\n    a.system('x')",
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


def test_arguments_that_cannot_be_written_are_refused() -> None:
    for op in (Conv(2, padding_mode="zeros'); import os"), LeakyReLU(float("nan")), Scale(float("inf"))):
        g = GraphBuilder((3, 8, 8), 1)
        graph = g.freeze([g.add(op, g.image)])
        with pytest.raises(nas.errors.GraphError, match="option of torch|finite number"):
            nas.to_source(graph)
