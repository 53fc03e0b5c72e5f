"""MetaFormer blocks and their mixers: counts by hand, and the published blocks against plain torch."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import nas
from nas.build import _bind
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Rule
from nas.graph import Graph, GraphBuilder
from nas.ops import Conv
from search_spaces.blocks.amse import amse
from search_spaces.blocks.convnext import convnext
from search_spaces.blocks.metaformer import metaformer
from search_spaces.mixers.ams import ams
from search_spaces.mixers.depthwise import depthwise
from search_spaces.mixers.msca import msca
from search_spaces.mixers.no_mixer import no_mixer
from search_spaces.mixers.pooling import pooling

C, PIXELS = 32, 16 * 24


def block_graph(rule: Rule, channels: int = C, width: int = C) -> Graph:
    g = GraphBuilder((3, 16, 24), 1)
    x = g.add(Conv(channels, kernel=1), g.image, name="before")
    return g.freeze([_bind(fixed(rule), "block")(g, x, width)])


def counted(rule: Rule, channels: int = C) -> tuple[int, int]:
    """Parameters, and MACs per pixel, of the block alone."""
    cost = nas.cost(block_graph(rule, channels))
    return cost.params - 4 * channels, cost.macs // PIXELS - 3 * channels


POINTWISE = C * C + C
BY_HAND = {
    "ams": (ams, 3 * POINTWISE + 2 * (9 + 1) * C + 2 * (6 + 8 + 12) * C, 3 * C * C + 18 * C + 2 * (5 + 7 + 11) * C),
    "msca": (msca, 3 * POINTWISE + (25 + 1) * C + 2 * (8 + 12 + 22) * C, 3 * C * C + 25 * C + 2 * (7 + 11 + 21) * C),
    "depthwise": (depthwise, (49 + 1) * C, 49 * C),
    "pooling": (pooling, 0, 0),
    "no_mixer": (no_mixer, 0, 0),
}
STATED = {"ams": (5_472, 5_120), "msca": (6_688, 6_368), "depthwise": (1_600, 1_568)}


@pytest.mark.parametrize("name", BY_HAND)
def test_mixers_and_blocks_of_them_count_by_hand(name: str) -> None:
    mixer, params, macs = BY_HAND[name]
    assert counted(mixer) == (params, macs) == STATED.get(name, (0, 0))
    assert counted(mixer, 48) == (params + 48 * C + C, macs + 48 * C)
    feeding = 2 * 2 * C + (4 * C * C + 4 * C) + (9 * 4 * C + 4 * C) + (4 * C * C + C)
    assert counted(metaformer(mixer=mixer)) == (params + feeding, macs + 2 * 4 * C * C + 9 * 4 * C)
    assert (feeding, 2 * 4 * C * C + 9 * 4 * C) == (9_760, 9_344)


def test_amse_counts_as_stated() -> None:
    assert counted(amse) == (15_232, 14_464)


@pytest.mark.parametrize("mixer", [ams, msca])
@pytest.mark.parametrize("length", [5, 7, 11, 21])
def test_each_strip_pair_is_a_choice_of_its_own(mixer: Rule, length: int) -> None:
    none = {f"strip{k}": False for k in (5, 7, 11, 21)}
    bare, one = (counted(mixer(**none | {f"strip{length}": on})) for on in (False, True))
    assert (one[0] - bare[0], one[1] - bare[1]) == (2 * (length + 1) * C, 2 * length * C)


def test_options_of_the_block_cost_what_they_add() -> None:
    plain = counted(metaformer)[0]
    assert plain - counted(metaformer(ffn_depthwise=False))[0] == 10 * 4 * C
    assert plain - counted(metaformer(expansion=2))[0] == 2 * C * (2 * C + 11)
    assert plain - counted(metaformer(norm="none"))[0] == plain - counted(metaformer(norm_placement="none"))[0] == 4 * C
    scaled = [counted(metaformer(residual=r, layer_scale=1e-2))[0] - plain for r in ("N", "O", "none")]
    assert scaled == [C, 2 * C, 0]


def test_a_mixer_takes_the_blocks_activation_unless_it_has_its_own() -> None:
    def activations(rule: Rule) -> list[str]:
        kinds = [type(node.op).__name__ for node in block_graph(rule)]
        return [kind for kind in kinds if kind in ("ReLU", "GELU")]

    assert activations(metaformer(activation="relu")) == ["ReLU"] * 3
    assert activations(metaformer(activation="relu", mixer=msca)) == ["GELU", "ReLU", "ReLU"]
    assert activations(metaformer(mixer=msca(activation="relu"))) == ["ReLU", "GELU", "GELU"]


def test_layer_scale_is_on_what_a_residual_adds() -> None:
    for residual, scales in (("N", {"layer_scale": "ffn"}), ("O", {"layer_scale_1": "attn", "layer_scale_2": "ffn"})):
        graph = block_graph(metaformer(residual=residual, layer_scale=1e-2))
        by_name = dict(zip(graph.names, graph.nodes(), strict=True))
        ends = {"attn": "block.attn.conv2", "ffn": "block.ffn.conv3"}
        for scale, part in scales.items():
            assert by_name[f"block.{scale}"].inputs == (by_name[ends[part]],)


def test_convunexts_block_is_a_metaformer() -> None:
    rule = metaformer(mixer=depthwise(padding_mode="reflect"), norm_placement="Bb", ffn_depthwise=False)
    for channels in (C, 48):
        assert block_graph(rule, channels).key() == block_graph(convnext, channels).key()


def test_pooling_less_the_pixel_is_one_launch() -> None:
    g = GraphBuilder((8, 16, 24), 1)
    cost = nas.cost(g.freeze([_bind(fixed(pooling), "mixer")(g, g.image, 8)]))
    assert (cost.kernels, cost.traffic_bytes) == (1, 4 * 2 * 8 * PIXELS)


class PlainSegNeXt(nn.Module):
    """SegNeXt's block under its published names."""

    def __init__(self, c: int):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)
        self.layer_scale_1, self.layer_scale_2 = (nn.Parameter(torch.full((c,), 1e-2)) for _ in range(2))
        gate: dict[str, nn.Module] = {"conv0": nn.Conv2d(c, c, 5, padding=2, groups=c), "conv3": nn.Conv2d(c, c, 1)}
        for i, k in enumerate((7, 11, 21)):
            gate[f"conv{i}_1"] = nn.Conv2d(c, c, (1, k), padding=(0, k // 2), groups=c)
            gate[f"conv{i}_2"] = nn.Conv2d(c, c, (k, 1), padding=(k // 2, 0), groups=c)
        parts = {"proj_1": nn.Conv2d(c, c, 1), "spatial_gating_unit": nn.ModuleDict(gate), "proj_2": nn.Conv2d(c, c, 1)}
        self.attn = nn.ModuleDict(parts)
        deep = nn.Conv2d(4 * c, 4 * c, 3, padding=1, groups=4 * c)
        self.mlp = nn.ModuleDict({"fc1": nn.Conv2d(c, 4 * c, 1), "dwconv": deep, "fc2": nn.Conv2d(4 * c, c, 1)})

    def attention(self, x: Tensor) -> Tensor:
        u, gate = functional.gelu(self.attn["proj_1"](x)), self.attn["spatial_gating_unit"]
        a = gate["conv0"](u)
        pairs = sum(gate[f"conv{i}_2"](gate[f"conv{i}_1"](a)) for i in range(3))
        return x + self.attn["proj_2"](u * gate["conv3"](a + pairs))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.layer_scale_1[:, None, None] * self.attention(self.norm1(x))
        wide = functional.gelu(self.mlp["dwconv"](self.mlp["fc1"](self.norm2(x))))
        return x + self.layer_scale_2[:, None, None] * self.mlp["fc2"](wide)


class PlainPoolFormer(nn.Module):
    """PoolFormer's block under its published names; `mixing` is the mixer."""

    def __init__(self, c: int, mixing: Callable[[Tensor], Tensor]):
        super().__init__()
        self.mixing = mixing
        self.norm1, self.norm2 = nn.GroupNorm(1, c), nn.GroupNorm(1, c)
        self.layer_scale_1, self.layer_scale_2 = (nn.Parameter(torch.full((c,), 1e-5)) for _ in range(2))
        self.mlp = nn.ModuleDict({"fc1": nn.Conv2d(c, 4 * c, 1), "fc2": nn.Conv2d(4 * c, c, 1)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.layer_scale_1[:, None, None] * self.mixing(self.norm1(x))
        fed = self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))
        return x + self.layer_scale_2[:, None, None] * fed


def mean_less_pixel(x: Tensor) -> Tensor:
    """Sum of each 3x3 neighbourhood over the number of its pixels, less the pixel."""
    kernel = torch.ones(x.shape[1], 1, 3, 3, dtype=x.dtype)
    total, pixels = (functional.conv2d(y, kernel, padding=1, groups=x.shape[1]) for y in (x, torch.ones_like(x)))
    return total / pixels - x


RENAMED = {
    "bn": "norm",
    "ffn.conv1": "mlp.fc1",
    "ffn.conv2": "mlp.dwconv",
    "ffn.conv3": "mlp.fc2",
    "layer_scale_1.weight": "layer_scale_1",
    "layer_scale_2.weight": "layer_scale_2",
}
POOLFORMER = metaformer(
    mixer=pooling, norm="group1", residual="O", ffn_depthwise=False, final_activation=False, layer_scale=1e-5
)
SEGNEXT = metaformer(mixer=msca, residual="O", final_activation=False, layer_scale=1e-2)
PUBLISHED: dict[str, tuple[Rule, Callable[[], nn.Module]]] = {
    "segnext": (SEGNEXT, lambda: PlainSegNeXt(12)),
    "poolformer": (POOLFORMER, lambda: PlainPoolFormer(12, mean_less_pixel)),
    "identity": (POOLFORMER(mixer=no_mixer), lambda: PlainPoolFormer(12, nn.Identity())),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_block_computes_what_plain_torch_does(name: str) -> None:
    torch.manual_seed(0)
    rule, make = PUBLISHED[name]
    plain, module = make().double(), nas.to_module(block_graph(rule, 12, 12)).double()
    starts = {n: p.clone() for n, p in plain.named_parameters() if n.startswith("layer_scale")}
    state = {n.removeprefix("block."): p for n, p in module.state_dict().items() if n.startswith("block.")}
    for ours, theirs in RENAMED.items():
        state = {n.replace(ours, theirs): p for n, p in state.items()}
    assert len(starts) == 2 and all(torch.equal(state[n], p) for n, p in starts.items())
    with torch.no_grad():
        for part, tensor in state.items():  # the very tensors of the module; away from 0 and 1
            if tensor.is_floating_point():
                tensor += 0.5 * torch.rand_like(tensor) if "running_var" in part else 0.5 * torch.randn_like(tensor)
        plain.load_state_dict(state)
        image = torch.randn(2, 3, 33, 38).double()
        x = module.get_submodule("before")(image)
        for mode in (True, False):
            module.train(mode), plain.train(mode)
            assert torch.allclose(module(image), plain(x), atol=1e-9)


def test_a_wrong_value_is_named() -> None:
    with pytest.raises(SpaceError, match="residual='n'; it is one of N, O, none"):
        block_graph(metaformer(residual="n"))
    with pytest.raises(SpaceError, match="metaformer.mixer takes"):
        metaformer(mixer="pooling")
    for kernel in (1, 4):
        with pytest.raises(SpaceError, match=f"pooling: kernel={kernel}; give an odd one"):
            block_graph(pooling(kernel=kernel))
