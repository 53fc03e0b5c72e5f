"""UNet++: which output counts, what pruning leaves, and what one part changes."""

import pytest
import torch

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.graph import Graph
from nas.ops import Concat
from search_spaces import published
from search_spaces.decoders.unetpp_decoder import unetpp_decoder
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.skips.rsc import rsc

IMAGE = (3, 32, 64)


def built(key: str) -> Graph:
    return nas.build(published[key], IMAGE)


def joined(graph: Graph, node: str) -> list[str]:
    """What the concatenation of a node reads, in order."""
    at = graph.names.index(f"decoder.{node}.concat1")
    assert isinstance(graph.nodes()[at].op, Concat)
    return [graph.names[x.index].removeprefix("decoder.").split(".")[0] for x in graph.nodes()[at].inputs]


@pytest.mark.parametrize(
    ("supervised", "plain"), [("unetpp_bn32_ds", "unetpp_bn32"), ("unetpp_keras_ds", "unetpp_keras")]
)
def test_deep_supervision_adds_outputs_and_deploys_as_without(supervised: str, plain: str) -> None:
    graph = built(supervised)
    assert (graph.prediction, len(graph.outputs)) == (3, 4)
    assert graph.key() != built(plain).key()
    assert nas.deploy(graph).key() == nas.deploy(built(plain)).key()


def test_nnunet_gives_the_output_that_counts_first() -> None:
    graph = built("unetpp_nnunet")
    assert graph.prediction == 0
    assert [graph.names[x.inputs[0].index].split(".")[1] for x in graph.outputs] == [f"x0_{j}" for j in (5, 4, 3, 2, 1)]


def test_the_pruned_networks_are_parts_of_the_whole() -> None:
    whole = set(built("unetpp_keras").names)
    parts = [set(built(f"unetpp_keras_L{level}").names) for level in (1, 2, 3, 4)]
    assert parts[0] < parts[1] < parts[2] < parts[3] == whole
    shallow = segmenter(encoder=staged(base=32, depth=3), decoder=unetpp_decoder)
    pruned = segmenter(encoder=staged(base=32, depth=5), decoder=unetpp_decoder(pruned_to=2))
    assert nas.build(fixed(shallow), IMAGE).key() == nas.build(fixed(pruned), IMAGE).key()


def test_order_of_joining() -> None:
    assert joined(built("unetpp_keras"), "x0_2") == ["x0_2", "encoder", "x0_1"]
    assert joined(built("unetpp_bn32"), "x0_2") == ["encoder", "x0_1", "x0_2"]


def test_a_skip_rule_gates_the_encoders_feature_alone() -> None:
    graph = nas.build(fixed(segmenter(encoder=staged(base=8), decoder=unetpp_decoder(skip=rsc))), IMAGE)
    assert joined(graph, "x0_3") == ["x0_3", "x0_3", "x0_1", "x0_2"]
    module = nas.to_module(graph).eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 37, 45)).shape == (1, 1, 37, 45)


def test_the_keras_form_drops_out_in_training_alone() -> None:
    module, image = nas.to_module(built("unetpp_keras_L1")), torch.ones(1, *IMAGE)
    with torch.no_grad():
        assert not torch.equal(module.train()(image), module(image))
        assert torch.equal(module.eval()(image), module(image))


def test_wrong_options_are_named() -> None:
    for fixing, said in (
        ({"pruned_to": 5}, "pruned_to=5; the encoder gives 1 to 4"),
        ({"supervise": "some"}, "one of last, all, all_reversed"),
    ):
        with pytest.raises(SpaceError, match=said):
            nas.build(fixed(segmenter(encoder=staged(base=8), decoder=unetpp_decoder(**fixing))), IMAGE)  # type: ignore[arg-type]
