"""The example of one's own rule: GhostNet's bottleneck against a second implementation, and the laws of its members."""

import ast
import re
from math import ceil
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor, nn

import nas
from nas.graph import Graph
from search_spaces import load, load_rules, spaces, with_rules
from search_spaces.own import check_rule
from search_spaces.own.joining import INPUTS
from tests.gradients import expected_gradients, nonzero_gradients
from tests.laws import check_inference, measured
from tests.twins import check_twin

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "ghost_block.py"
(ghost_block,) = load_rules(EXAMPLE).rules
SPACE = with_rules(spaces["unet"], ghost_block)


class Unit(nn.Sequential):
    def __init__(self, conv: nn.Conv2d):
        super().__init__(conv, nn.BatchNorm2d(conv.out_channels))


class Module(nn.Module):
    """The module as the paper's section 3.1 has it: m = n / s maps, and s - 1 cheap operations on each."""

    def __init__(self, c: int, n: int, s: int, active: bool):
        super().__init__()
        self.n, self.active, m = n, active, ceil(n / s)
        self.primary_conv = Unit(nn.Conv2d(c, m, 1, bias=False))
        self.cheap_operation = Unit(nn.Conv2d(m, m * (s - 1), 3, padding=1, groups=m, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.primary_conv(x)
        x = x.relu() if self.active else x
        cheap = self.cheap_operation(x)
        return torch.cat([x, cheap.relu() if self.active else cheap], 1)[:, : self.n]


class Gate(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(c, c // 4, 1), nn.Conv2d(c // 4, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Bottleneck(nn.Module):
    def __init__(self, c: int, n: int, t: int, s: int, squeeze: bool):
        super().__init__()
        self.ghost1, self.ghost2 = Module(c, t * n, s, True), Module(t * n, n, s, False)
        self.se = Gate(t * n) if squeeze else nn.Identity()
        if c != n:
            depthwise = nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False)
            self.shortcut = nn.Sequential(
                depthwise, nn.BatchNorm2d(c), nn.Conv2d(c, n, 1, bias=False), nn.BatchNorm2d(n)
            )

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.ghost2(self.se(self.ghost1(x)))
        return made + (self.shortcut(x) if hasattr(self, "shortcut") else x)


@pytest.mark.parametrize(
    ("c", "n", "t", "s", "squeeze"), [(12, 12, 2, 2, False), (7, 10, 3, 4, True), (16, 8, 6, 2, True)]
)
def test_the_block_is_that_of_the_paper(c: int, n: int, t: int, s: int, squeeze: bool) -> None:
    check_twin(ghost_block(expansion=t, ratio=s, squeeze=squeeze), Bottleneck(c, n, t, s, squeeze), [c], n)


def test_the_example_passes_the_check() -> None:
    assert "12 choices of options" in check_rule(ghost_block)[0].tried


def test_the_guide_shows_the_example_as_it_is() -> None:
    guide = (EXAMPLE.parents[1] / "own-rules.md").read_text()
    shown = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)[0]
    (written,) = [node for node in ast.parse(EXAMPLE.read_text()).body if getattr(node, "name", "") == "ghost_block"]
    assert isinstance(written, ast.FunctionDef)
    written.body = written.body[1:]  # the guide leaves out what it tells around it
    assert ast.dump(ast.parse(shown).body[0]) == ast.dump(written)
    for kind in INPUTS:
        assert f"`{kind}`" in guide


def drawn(count: int) -> list[tuple[nas.Architecture, Graph]]:
    """Members that have the block, at odd sizes."""
    found: list[tuple[nas.Architecture, Graph]] = []
    rng = Random(4)
    while len(found) < count:
        architecture = SPACE.sample(rng)
        if "ghost_block" in architecture.to_json():
            found.append((architecture, nas.build(architecture, (3, 64 + len(found), 77))))
    return found


def test_members_with_the_block_keep_the_laws_of_all_members() -> None:
    for architecture, graph in drawn(4):
        for form in (graph, nas.deploy(graph)):
            with torch.device("meta"):
                found, cost = measured(nas.to_module(form), torch.empty(1, *form.image_shape)), nas.cost(form)
            assert found.shapes == [x.shape for x in form.outputs]
            assert (found.params, found.macs, found.cio_elements) == (cost.params, cost.macs, cost.cio_elements)
            check_inference(form, "fused")
            check_inference(form, "eager")
        assert SPACE.replay(SPACE.decisions(architecture)) == architecture
        assert load(architecture.to_json(), [ghost_block]) == architecture
        assert Graph.from_json(graph.to_json()).key() == graph.key()


def test_every_weight_of_a_member_with_the_block_learns() -> None:
    _, graph = drawn(1)[0]
    assert nonzero_gradients(graph) == expected_gradients(graph)


def test_a_member_is_written_as_source_and_drawn() -> None:
    _, graph = drawn(1)[0]
    namespace: dict[str, type[nn.Module]] = {}
    exec(nas.to_source(graph, "Net"), namespace)
    module, source = nas.to_module(graph).eval(), namespace["Net"]().eval()
    source.load_state_dict(module.state_dict())
    image = torch.randn(1, *graph.image_shape)
    with torch.no_grad():
        assert torch.equal(source(image), module(image))
    assert nas.draw(graph).to_svg().rstrip().endswith("</svg>")
