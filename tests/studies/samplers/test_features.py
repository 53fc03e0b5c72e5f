"""What the model is told: parts that stand elsewhere are alike, operators are known by what they read."""

from dataclasses import asdict
from random import Random

import nas
from nas.grammar import Option
from search_spaces import spaces
from studies.samplers.features import Features, features_of

COMPACT = spaces["compact"]


def told(**changed: Option) -> Features:
    first = dict(COMPACT.decisions(COMPACT.sample(Random(0)))) | {
        "encoder.stages": "double_conv",
        "decoder.skip": "identity",
        "decoder.fuse": "concat",
        "neck": "as_is",
        "encoder.base": 8,
    }
    decisions = first | {path.replace("__", "."): option for path, option in changed.items()}
    graph = nas.deploy(nas.build(COMPACT.replay(decisions), (3, 64, 64)))
    return features_of(decisions, asdict(nas.cost(graph)), graph)


def test_a_wider_network_has_other_costs_and_the_same_neighbourhoods() -> None:
    narrow, wide = told(), told(encoder__base=16)
    assert narrow["neighbourhoods"] == wide["neighbourhoods"]
    assert wide["graph"]["macs"] > narrow["graph"]["macs"]
    assert wide["graph"]["depth"] == narrow["graph"]["depth"]


def test_neighbourhoods_tell_networks_of_the_same_operators_apart_by_what_these_read() -> None:
    gate, plain = told(decoder__skip="attention_gate")["neighbourhoods"], told()["neighbourhoods"]
    assert any(label.startswith("Multiply(") and "Sigmoid" in label for label in gate)
    assert not any("Sigmoid" in label for label in plain)
    assert {label.split("(")[0].split(" ")[0] for label in plain} >= {"Conv", "Concat", "ResizeTo"}


def test_places_of_a_repeated_part_are_shares_of_one_feature() -> None:
    decisions = {
        "encoder.stages.mixed.0": "amse",
        "encoder.stages.mixed.1": "residual",
        "encoder.stages.mixed.2": "amse",
        "decoder.blocks.mixed.0": "amse",
    }
    graph = nas.deploy(nas.build(COMPACT.sample(Random(0)), (3, 64, 64)))
    found = features_of(decisions, {"macs": 100.0, "nothing": 0.0}, graph)
    assert found["decisions"]["encoder.stages.mixed.*=amse"] == 2 / 3
    assert found["decisions"]["decoder.blocks.mixed.*=amse"] == 1.0
    assert found["decisions"]["... stages.mixed=residual"] == 1 / 3
    assert found["graph"]["macs"] == 2.0 and found["graph"]["nothing"] == 0.0
