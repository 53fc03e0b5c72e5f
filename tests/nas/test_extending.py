"""Spaces with further rules: what they keep, where the rules stand, and which rules they refuse."""

import re
from random import Random
from typing import Any

import pytest

import nas
from nas.architecture import Architecture
from nas.errors import NasError, SpaceError
from nas.extending import extended
from nas.grammar import KINDS, Choice, OneOf, Option, Rule, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Conv, ReLU
from nas.space import SearchSpace
from search_spaces import published, spaces

BLOCKLIKE = ("block", "stage")


def own(kind: str = "block", name: str = "mine", **gives: Any) -> Rule:
    """A rule with an open option; of other kinds than blocks it is never built."""

    def emit(g: GraphBuilder, x: Node, width: int, *, kernel: int, **others: Any) -> Node:
        return g.add(ReLU(), g.add(Conv(width, kernel=kernel), x, name="conv"))

    emit.__name__ = name
    return rule(kind, gives=gives, kernel=Choice((1, 3)), **{of: of for of in gives.values() if of != "kernel"})(emit)


def rules_of(value: object) -> set[str]:
    if isinstance(value, tuple):
        return set().union(*map(rules_of, value))
    return {value.rule.name}.union(*map(rules_of, value.options.values())) if isinstance(value, Architecture) else set()


ENCODER = {"levels": "kernel", "initialisation": "initialisation"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "network"])
@pytest.mark.parametrize("space", spaces.values(), ids=spaces)
def test_a_space_keeps_its_members_and_offers_the_rule(space: SearchSpace, kind: str) -> None:
    mine = own(kind, **(ENCODER if kind == "encoder" else {}))
    try:
        wide = extended(space, [mine])
    except SpaceError as fault:
        assert kind in ("mixer", "attention", "context"), fault  # which only blocks and necks of some spaces have
        assert f"has no place for a {kind}; it has places for " in str(fault)
        return
    assert wide.label == f"{space.name}+mine@{space.version}"
    assert wide.size() > space.size()
    assert any({"mine", "all_mine"} & set(options) for options in wide.options().values())
    members = [space.sample(Random(i)) for i in range(10)]
    for architecture in (*members, *published.values()):
        try:
            space.decisions(architecture)
        except NasError:
            continue
        assert wide.replay(wide.decisions(architecture)) == architecture


@pytest.mark.parametrize("kind", ["block", "head", "skip"])
def test_what_a_path_offers_never_varies_nor_depends_on_the_order_of_the_rules(kind: str) -> None:
    rules = [own(kind, "mine"), own(kind, "other"), own("fuse", "third")]
    wide = extended(spaces["medseg"], rules)
    assert wide.label == "medseg+mine+other+third@1"
    assert wide.options() == extended(spaces["medseg"], rules[::-1]).options()
    offered = {re.compile(re.escape(path).replace(r"\*", r"\d+")): options for path, options in wide.options().items()}
    rng = Random(0)

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        assert [found for pattern, found in offered.items() if pattern.fullmatch(path)] == [options], path
        return rng.choice(options)

    for _ in range(100):
        wide.derive(choose)


def test_a_block_is_a_family_of_its_own_and_one_of_the_mixed() -> None:
    offered = extended(spaces["unet"], [own()]).options()
    assert offered["encoder.stages"] == ("all_double_conv", "all_hardblock", "all_amse", "all_mine", "mixed")
    assert offered["encoder.stages.mixed.*"] == ("double_conv", "hardblock", "amse", "mine")
    assert offered["encoder.stages.all_mine.*.kernel"] == (1, 3)
    medseg = extended(spaces["medseg"], [own()]).options()
    assert "mine" in medseg["encoder.staged.stages.all_residual.*.block"]
    assert medseg["encoder.staged.stages.mixed.*.convnext"] == ("one", "several")  # how many of one: no choice of rules


def test_derivations_are_counted_with_the_rule() -> None:
    assert (spaces["skips"].size(), extended(spaces["skips"], [own("skip")]).size()) == (480, 480 // 10 * 12)


def test_a_fixed_slot_becomes_a_choice_only_where_the_kind_is_never_chosen() -> None:
    space = extended(spaces["medseg"], [own("head")])
    assert space.options()["head"] == ("conv_head", "mine")
    assert "encoder.hrnet.branches.*.block" not in extended(spaces["medseg"], [own()]).options()
    assert extended(spaces["skips"], [own()]).options()["encoder.stages.*"] == ("double_conv", "mine")


def test_draws_mutation_and_crossover_reach_the_rule() -> None:
    wide, rng = extended(spaces["unet"], [own()]), Random(3)
    drawn = [wide.sample(rng) for _ in range(60)]
    having = [architecture for architecture in drawn if "mine" in rules_of(architecture)]
    without = spaces["unet"].sample(rng)
    assert having
    assert any("mine" in rules_of(wide.mutate(without, rng)) for _ in range(300))
    grafted = [wide.crossover(without, having[0], rng) for _ in range(60)]
    assert any("mine" in rules_of(architecture) for architecture in grafted)
    for architecture in (*having, *grafted):
        graph = nas.build(architecture, (3, 65, 77))
        assert nas.build(wide.replay(wide.decisions(architecture)), (3, 65, 77)).key() == graph.key()


def test_another_rule_under_the_same_name_is_no_member_and_builds_apart() -> None:
    first, second = extended(spaces["skips"], [own()]), extended(spaces["skips"], [changed()])
    members = []
    for space in (first, second):
        members.append(space.derive(lambda path, options: "mine" if "mine" in options else options[0]))
    keys = {nas.build(architecture, (3, 64, 64)).key() for architecture in members}
    assert members[0] != members[1]
    assert len(keys) == 2
    with pytest.raises(SpaceError, match="another rule that is named mine"):
        second.decisions(members[0])


def test_rules_of_one_name_and_options_are_told_apart() -> None:
    spaces_of_two = [extended(spaces["skips"], [each]) for each in (own(), own())]
    one, other = (
        space.derive(lambda path, options: "mine" if "mine" in options else options[0]) for space in spaces_of_two
    )
    assert one.to_json() == other.to_json()
    assert one != other
    assert one == spaces_of_two[0].replay(spaces_of_two[0].decisions(one))


def test_a_choice_within_a_choice_offers_the_rule_once() -> None:
    x, y, z = (own(name=name) for name in "xyz")
    network = rule("network", slot=OneOf(inner=OneOf(x=x, y=y), z=z))(own().emit)
    offered = extended(SearchSpace("nested", 1, network), [own()]).options()
    assert (offered["slot"], offered["slot.inner"]) == (("inner", "z"), ("x", "y", "mine"))


def changed() -> Rule:
    """As `own`, after its file was edited: an option is gone and the operators are others."""

    def emit(g: GraphBuilder, x: Node, width: int) -> Node:
        return g.add(Conv(width), x, name="conv")

    emit.__name__ = "mine"
    return rule("block")(emit)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([own("mixer")], "mine: unet@1 has no place for a mixer"),
        ([own(), own("skip")], "two rules are named 'mine'"),
        ([own("encoder")], "mine: does not give 'initialisation', which every encoder of unet@1"),
        ([own("encoder", initialisation="initialisation")], "mine: does not give 'levels'"),
    ],
)
def test_rules_that_do_not_fit_are_refused(rules: list[Rule], said: str) -> None:
    with pytest.raises(SpaceError, match=re.escape(said)):
        extended(spaces["unet"], rules)


def test_a_label_of_the_space_is_no_name_for_a_rule() -> None:
    with pytest.raises(SpaceError, match="basic: 'basic' is an option of medseg@1 already; rename the rule"):
        extended(spaces["medseg"], [own("block", "basic")])


def test_a_rule_of_one_space_leaves_the_space_as_it_was() -> None:
    before = spaces["medseg"].options()
    extended(spaces["medseg"], [own()])
    assert spaces["medseg"].options() == before
    assert isinstance(spaces["medseg"].root.options["decoder"], OneOf)
