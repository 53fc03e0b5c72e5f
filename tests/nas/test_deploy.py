"""The deployed network computes what the trained one does."""

from random import Random

import pytest
import torch
from torch.nn import functional

import nas
from nas.errors import GraphError
from nas.graph import Graph, GraphBuilder
from nas.ops import BatchNorm, Conv, ConvTranspose, Dropout, MaxPool, ReLU
from search_spaces import published, spaces


def shaken(graph: Graph) -> torch.nn.Module:
    """A module with running statistics and affine weights away from their defaults, in evaluation mode."""
    torch.manual_seed(0)
    module = nas.to_module(graph).eval()
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
            torch.nn.init.uniform_(layer.weight, 0.5, 2)
            torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
    return module


def check_same(graph: Graph, height: int, width: int) -> Graph:
    trained, deployed = shaken(graph), nas.deploy(graph)
    module = nas.to_module(deployed).eval()
    module.load_state_dict(nas.deploy_weights(graph, trained.state_dict()))
    image = torch.randn(1, 3, height, width)
    with torch.no_grad():
        wanted = functional.interpolate(trained(image), image.shape[2:], mode="bilinear", align_corners=False)
        assert (module(image) - wanted).abs().max() <= 1e-4 * wanted.std()
    return deployed


def test_random_members_deploy_to_the_same_function() -> None:
    rng = Random(11)
    for i in range(12):
        height, width = ((64, 96), (75, 101))[i % 2]
        graph = nas.build(spaces["unet"].sample(rng), (3, height, width))
        deployed = check_same(graph, height, width)
        assert deployed.outputs[0].shape == (1, height, width)
        assert nas.cost(deployed).traffic_bytes < nas.cost(graph).traffic_bytes * 1.2


def test_a_deployed_graph_runs_at_other_sizes() -> None:
    check_same(nas.build(published["unet_bilinear32"], (3, 64, 64)), 75, 101)


def test_batchnorm_after_a_transposed_convolution_is_folded() -> None:
    g = GraphBuilder((3, 8, 8), 1)
    x = g.add(Conv(1), g.add(BatchNorm(eps=1e-3), g.add(ConvTranspose(6, bias=False), g.add(MaxPool(), g.image))))
    deployed = check_same(g.freeze([x]), 8, 8)
    assert not any(isinstance(node.op, BatchNorm) for node in deployed)


def test_what_something_else_reads_is_not_folded() -> None:
    from nas.ops import Add

    g = GraphBuilder((3, 8, 8), 1)
    raw = g.add(Conv(1), g.image)
    graph = g.freeze([g.add(Add(), raw, g.add(ReLU(), g.add(BatchNorm(), raw)))])
    assert sum(isinstance(node.op, BatchNorm) for node in check_same(graph, 8, 8)) == 1


def test_dropout_is_gone_and_names_stay() -> None:
    g = GraphBuilder((3, 8, 8), 1)
    with g.scope("stem"):
        x = g.add(Conv(1), g.add(Dropout(0.5), g.image), name="conv")
    deployed = nas.deploy(g.freeze([x]))
    assert deployed.names == ("image", "stem.conv")


def test_several_outputs_deploy_to_the_one_that_counts() -> None:
    def outputs(g: GraphBuilder) -> list[object]:
        return [
            g.add(Conv(1, kernel=1), g.image, name="fine"),
            g.add(Conv(1), g.add(MaxPool(), g.image), name="coarse"),
        ]

    for prediction, expected in ((0, ["fine"]), (1, ["coarse"]), ("mean", ["coarse", "fine"])):
        g = GraphBuilder((3, 8, 8), 1)
        graph = g.freeze(outputs(g), prediction)  # type: ignore[arg-type]
        deployed = nas.deploy(graph)
        assert sorted(name for name in deployed.names if name in ("fine", "coarse")) == expected
        trained, module = nas.to_module(graph), nas.to_module(deployed)
        module.load_state_dict(nas.deploy_weights(graph, trained.state_dict()))
        image = torch.randn(1, 3, 8, 8)
        fine, coarse = trained(image)
        coarse = functional.interpolate(coarse, (8, 8), mode="bilinear")
        wanted = {0: fine, 1: coarse, "mean": (fine + coarse) / 2}[prediction]
        assert torch.allclose(module(image), wanted, atol=1e-6)


@pytest.mark.parametrize("key", sorted(published))
def test_published_networks_obey_device_and_dtype(key: str) -> None:
    with torch.device("meta"):
        module = nas.to_module(nas.build(published[key], (3, 64, 64)))
    assert all(p.is_meta for p in module.parameters())


def test_an_early_output_is_what_the_whole_network_gives_there_with_less_of_it() -> None:
    graph = nas.build(published["unetpp_bn32_ds"], (3, 32, 32), 2)
    module = nas.to_module(graph).eval()
    image = torch.randn(2, 3, 32, 48)
    with torch.no_grad():
        outputs = module(image)
    assert isinstance(outputs, list)
    params = []
    for level, expected in enumerate(outputs):
        pruned = nas.deploy(graph, level)
        part = nas.to_module(pruned).eval()
        part.load_state_dict(nas.deploy_weights(graph, module.state_dict(), level))
        with torch.no_grad():
            found = part(image)
        assert isinstance(found, torch.Tensor)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        params.append(nas.cost(pruned).params)
    assert params == sorted(params) and params[0] < params[-1] / 10
    assert nas.deploy(graph, len(outputs) - 1).key() != nas.deploy(graph, 0).key()
    with pytest.raises(GraphError, match="the network has 4"):
        nas.deploy(graph, 4)
