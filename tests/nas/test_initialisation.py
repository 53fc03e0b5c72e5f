"""How weights are drawn: what operators state is what layers get, and it identifies nothing."""

import json
from collections.abc import Callable

import pytest
import torch
from torch import nn

import nas
from nas.errors import GraphError
from nas.graph import Graph, GraphBuilder
from nas.initialisation import draw
from nas.ops import (
    SCHEMES,
    BatchNorm,
    ChannelScale,
    Conv,
    ConvTranspose,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Linear,
    Op,
)

LAYERS: dict[str, Callable[[str], Op]] = {
    "conv": lambda scheme: Conv(64, kernel=(3, 5), stride=2, initialisation=scheme),
    "grouped": lambda scheme: Conv(96, groups=4, initialisation=scheme),
    "transposed": lambda scheme: ConvTranspose(48, kernel=3, groups=2, initialisation=scheme),
    "linear": lambda scheme: Linear(80, initialisation=scheme),
}


def graph_of(op: Op) -> Graph:
    g = GraphBuilder((24, 8, 9), 1)
    return g.freeze([g.add(op, g.add(Flatten(), g.image) if isinstance(op, Linear) else g.image, name="made")])


def drawn(graph: Graph, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return nas.to_module(graph).state_dict()


def same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize(
    "op",
    [make("torch") for make in LAYERS.values()]
    + [
        ChannelScale(0.1),
        Conv(8, bias=False),
        Conv(24, groups=24),
        BatchNorm(),
        GroupNorm(4),
        InstanceNorm(),
        LayerNorm(),
    ],
    ids=str,
)
def test_by_default_operators_state_what_torchs_layers_do_to_the_bit(op: Op) -> None:
    graph = graph_of(op)
    made = nas.to_module(graph)
    layer = made.get_submodule("made")
    stated = op.draws(*graph.outputs[0].facts.in_shapes)
    assert list(stated) == list(graph.outputs[0].facts.weights)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(float("nan"))
    torch.manual_seed(3)
    draw(layer, stated)
    assert same(made.state_dict(), drawn(graph, seed=3))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", LAYERS)
def test_every_weight_has_the_distribution_that_is_stated(kind: str, scheme: str) -> None:
    graph = graph_of(LAYERS[kind](scheme))
    weights = drawn(graph)
    for name, stated in graph.outputs[0].op.draws(*graph.outputs[0].facts.in_shapes).items():
        weight = weights[f"made.{name}"]
        if stated.kind == "constant":
            assert torch.equal(weight, torch.full_like(weight, stated.scale))
            continue
        spread = 4 / weight.numel() ** 0.5
        assert abs(weight.std() / stated.std - 1) < spread
        assert abs(weight.mean() / stated.std) < spread
        if (
            name == "weight"
        ):  # of a normal, 5 in 100 lie outside of two standard deviations and 1 in 400 outside of three
            largest = {"uniform": (0.99, 1), "truncated_normal": (1.98, 2), "normal": (2.8, 6)}[stated.kind]
            assert largest[0] < weight.abs().max() / stated.scale <= largest[1]


def test_schemes_are_the_functions_of_torch_and_keras() -> None:
    """Each formula against torch.nn.init, which the published code calls; Keras's he_normal keeps the variance."""
    weight = torch.empty(64, 32, 3, 3)
    fan_in, fan_out = 32 * 9, 64 * 9
    calls: dict[tuple[str, str], Callable[[torch.Tensor], torch.Tensor]] = {
        ("torch", "convolution"): lambda w: nn.init.kaiming_uniform_(w, a=5**0.5),
        ("hardnet", "convolution"): nn.init.xavier_normal_,
        ("fc_hardnet", "convolution"): nn.init.xavier_normal_,
        ("hardnet", "linear"): lambda w: nn.init.kaiming_uniform_(w, a=5**0.5),
        ("hrnet", "convolution"): lambda w: nn.init.normal_(w, std=0.001),
        ("keras", "convolution"): nn.init.xavier_uniform_,
        ("keras", "linear"): nn.init.xavier_uniform_,
        ("keras_dense", "convolution"): nn.init.kaiming_normal_,
        ("unetpp_keras", "convolution"): lambda w: nn.init.kaiming_normal_(w),
        ("unetpp_keras", "transposed"): nn.init.xavier_uniform_,
        ("resnet", "convolution"): lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        ("unext_linear", "convolution"): lambda w: nn.init.trunc_normal_(w, std=0.02),
        ("unext_embedding", "convolution"): lambda w: nn.init.normal_(w, std=(2 / fan_out) ** 0.5),
        ("unext_depthwise", "convolution"): lambda w: nn.init.normal_(w, std=(2 / fan_in) ** 0.5),
        ("unet3plus", "convolution"): nn.init.kaiming_normal_,
        ("unet3plus", "norm"): lambda w: nn.init.normal_(w, 1.0, 0.02),
        ("nnunet", "convolution"): lambda w: nn.init.kaiming_normal_(w, a=0.01),
        ("nnunet", "transposed"): lambda w: nn.init.kaiming_normal_(w, a=0.01),
    }
    for (scheme, kind), call in calls.items():
        torch.manual_seed(0)
        call(weight)
        assert float(weight.std()) == pytest.approx(SCHEMES[scheme][kind](fan_in, fan_out).std, rel=0.02), scheme
    zero = {name for name, scheme in SCHEMES.items() if scheme["bias"](9, 9).std == 0}
    tokens = {"unext_linear", "unext_embedding", "unext_depthwise"}
    assert zero == {"hardnet", "hrnet_pose", "keras", "keras_dense", "unetpp_keras", "nnunet"} | tokens


@pytest.mark.parametrize("op", [BatchNorm(), GroupNorm(4), LayerNorm()], ids=str)
def test_a_scheme_may_draw_the_weights_of_norms_around_one(op: Op) -> None:
    g = GraphBuilder((400, 8, 9), 1)
    weights = drawn(g.freeze([g.add(op, g.image, name="made")], initialisation="unet3plus"))
    assert weights["made.weight"].mean() == pytest.approx(1, abs=0.005)
    assert weights["made.weight"].std() == pytest.approx(0.02, rel=0.2)
    assert not weights["made.bias"].any()
    plain = GraphBuilder((400, 8, 9), 1)
    assert bool((drawn(plain.freeze([plain.add(op, plain.image, name="made")]))["made.weight"] == 1).all())


def test_a_scheme_makes_another_operator_of_the_same_identity() -> None:
    plain, other = Conv(8), Conv(8, initialisation="hrnet")
    assert plain is not other
    assert Conv(8, initialisation="hrnet") is other
    assert Conv(8, initialisation="") is plain
    assert (plain.code, str(plain)) == (other.code, str(other))
    assert "initialisation" not in plain.arguments()
    assert graph_of(plain).key() == graph_of(other).key()
    assert not same(drawn(graph_of(plain)), drawn(graph_of(other)))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stored_graph_trains_from_the_same_weights(kind: str, scheme: str) -> None:
    graph = graph_of(LAYERS[kind](scheme))
    again = Graph.from_json(graph.to_json())
    assert again.outputs[0].op is graph.outputs[0].op
    assert same(drawn(again), drawn(graph))


def test_the_networks_scheme_draws_what_has_no_own() -> None:
    g = GraphBuilder((8, 8, 9), 1)
    x = g.add(Conv(8, initialisation="hrnet"), g.add(Conv(8), g.image, name="free"), name="own")
    graph = g.freeze([x], initialisation="unetpp_keras")
    assert Graph.from_json(graph.to_json()).initialisation == nas.deploy(graph).initialisation == "unetpp_keras"
    weights = drawn(graph)
    assert float(weights["own.weight"].std()) == pytest.approx(0.001, rel=0.1)
    assert not weights["free.bias"].any()
    assert weights["own.bias"].any()


def test_layers_are_drawn_in_the_graphs_order_wherever_they_were_appended() -> None:
    def built(first: int) -> Graph:
        g = GraphBuilder((3, 8, 8), 1)
        made = {
            k: g.add(Conv(4, kernel=k, initialisation="nnunet"), g.image, name=f"conv{k}") for k in (first, 4 - first)
        }
        return g.freeze([made[1], made[3]])

    assert same(drawn(built(1)), drawn(built(3)))


@pytest.mark.parametrize("scheme", ["torch", "hrnet"])
def test_without_initialisation_nothing_is_drawn_and_loading_gives_the_same_module(scheme: str) -> None:
    g = GraphBuilder((8, 8, 9), 1)
    x = g.add(LayerNorm(), g.add(BatchNorm(), g.add(Conv(8, initialisation="nnunet"), g.add(Conv(8), g.image))))
    graph = g.freeze([g.add(Linear(3), g.add(Flatten(), g.add(ChannelScale(0.1), x)))], initialisation=scheme)
    made = nas.to_module(graph)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    empty = nas.to_module(graph, initialise=False)
    assert torch.equal(torch.get_rng_state(), before)
    empty.load_state_dict(made.state_dict())
    assert same(empty.state_dict(), made.state_dict())
    image = torch.randn(2, *graph.image_shape)
    assert torch.equal(empty.eval()(image), made.eval()(image))
    assert all(weight.requires_grad for weight in empty.parameters())
    assert torch.nn.Conv2d(1, 1, 1).weight.abs().sum() > 0  # later layers are drawn again


def test_an_unknown_scheme_is_named() -> None:
    said = "unknown initialisation 'he'; known: torch, hardnet"
    with pytest.raises(GraphError, match=said):
        Conv(8, initialisation="he")
    stored = json.loads(graph_of(Conv(8)).to_json())
    stored["nodes"][1]["args"]["initialisation"] = "he"
    with pytest.raises(GraphError, match=said):
        Graph.from_json(json.dumps(stored))
