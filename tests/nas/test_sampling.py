"""Draws under limits: every one keeps them, families share evenly, and nothing feasible is called infeasible.

Held against spaces so small that all of their members can be listed.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from random import Random

import pytest

import nas
from nas import sampling
from nas.errors import SpaceError
from nas.grammar import Block, Choice, OneOf, Option, rule
from nas.graph import GraphBuilder, Node
from nas.listing import listed
from nas.sampling import Sampler
from nas.space import SearchSpace
from nas.walk import descend, draw, redraw
from search_spaces import spaces
from search_spaces.blocks.double_conv import double_conv

SKIPS = spaces["skips"]
BASE = "encoder.base"


@cache
def costs_of(architecture: nas.Architecture) -> Mapping[str, float]:
    return asdict(nas.cost(nas.deploy(nas.build(architecture, (3, 64, 64)))))


@cache
def all_of(name: str) -> list[tuple[nas.Architecture, float]]:
    return list(listed(spaces[name]))


def limit(metric: str, share: float) -> dict[str, float]:
    """Return the limit that this share of the members of `skips` keeps."""
    values = sorted(costs_of(member)[metric] for member, _ in all_of("skips"))
    return {metric: values[int(share * len(values))]}


def keeps(architecture: nas.Architecture, limits: Mapping[str, float]) -> bool:
    return all(costs_of(architecture)[metric] <= most for metric, most in limits.items())


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("metric", ["macs", "traffic_bytes", "params"])
def test_every_draw_keeps_the_limits_and_a_family_is_refused_if_and_only_if_it_has_no_member_that_does(
    metric: str, share: float
) -> None:
    limits = limit(metric, share)
    sampler = Sampler(SKIPS, limits, costs_of, ("decoder.skip", "decoder.upsample"))
    feasible: set[str] = set()
    for member, _ in all_of("skips"):
        decisions = SKIPS.decisions(member)
        if keeps(member, limits):
            feasible.add(f"{decisions['decoder.skip']} + {decisions['decoder.upsample']}")
    assert len(sampler.surveys) == 6 * 4
    assert {survey.name for survey in sampler.surveys} - {survey.name for survey in sampler.refused} == feasible
    for survey in sampler.refused:
        assert survey.draws > 1 and survey.costs[metric] == costs_of(survey.nearest.architecture)[metric]
        assert survey.excess == pytest.approx(math.log(survey.costs[metric] / limits[metric])) and survey.excess > 0
    rng = Random(1)
    assert all(keeps(sampler.draw(rng), limits) for _ in range(60))


def test_families_share_evenly_however_rare_their_feasible_members_are() -> None:
    limits = limit("traffic_bytes", 0.1)
    sampler, rng = Sampler(SKIPS, limits, costs_of, ("decoder.skip",)), Random(2)
    drawn = Counter(str(SKIPS.decisions(sampler.draw(rng))["decoder.skip"]) for _ in range(600))
    plain = Counter(
        str(SKIPS.decisions(member)["decoder.skip"]) for member, _ in all_of("skips") if keeps(member, limits)
    )
    assert set(drawn) == set(plain)
    assert max(plain.values()) > 2 * min(plain.values())
    assert max(drawn.values()) < 1.5 * min(drawn.values())


@pytest.mark.parametrize("tries", [1, sampling.TRIES])
def test_within_a_family_draws_are_as_rejection_would_have_them(tries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one try nearly all are mended, and what they walk to must be as good."""
    monkeypatch.setattr(sampling, "TRIES", tries)
    limits, rng = limit("macs", 0.2), Random(3)
    sampler = Sampler(SKIPS, limits, costs_of)
    drawn = [SKIPS.decisions(sampler.draw(rng)) for _ in range(800)]
    for path in (BASE, "decoder.skip", "decoder.upsample", "decoder.fuse"):
        wanted: Counter[str] = Counter()
        for member, chance in all_of("skips"):
            if keeps(member, limits):
                wanted[str(SKIPS.decisions(member)[path])] += chance  # type: ignore[assignment]  # a share
        total = sum(wanted.values())
        found = Counter(str(decisions[path]) for decisions in drawn)
        distance = sum(abs(found[option] / 800 - wanted[option] / total) for option in found | wanted) / 2
        assert distance < 0.06, (path, found, wanted)


@rule("block", **{f"flag{i}": False for i in range(16)})
def flagged(g: GraphBuilder, x: Node, width: int, **flags: bool) -> Node:
    return x


@rule("network", part=double_conv, size=1)
def sized(g: GraphBuilder, *, part: Block, size: int) -> list[Node]:
    return [g.image]


FLAGS = [f"flag{i}" for i in range(16)]


def drawn_from_flags(steps: int, count: int, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Option]]:
    """Feasible are one size of the plain part and two of the flagged one, whose flags cost nothing."""
    monkeypatch.setattr(sampling, "TRIES", 1)
    monkeypatch.setattr(sampling, "STEPS", steps)
    parts = OneOf(plain=double_conv, flagged=flagged(**dict.fromkeys(FLAGS, Choice((False, True)))))
    space = SearchSpace("flags", 1, sized(part=parts, size=Choice((1, 2, 3, 4))))

    def cost(architecture: nas.Architecture) -> Mapping[str, float]:
        return {"macs": architecture.options["size"] / (1 + (architecture.options["part"].rule.name == "flagged"))}

    sampler, rng = Sampler(space, {"macs": 1.0}, cost), Random(8)
    return [space.decisions(sampler.draw(rng)) for _ in range(count)]


def test_a_long_walk_makes_up_for_parts_with_more_to_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawn_from_flags(80, 600, monkeypatch)
    shares = Counter((decisions["part"], decisions["size"]) for decisions in drawn)
    assert set(shares) == {("plain", 1), ("flagged", 1), ("flagged", 2)}
    assert all(count / 600 == pytest.approx(1 / 3, abs=0.07) for count in shares.values()), shares


def test_what_does_not_count_is_mended_to_no_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [decisions for decisions in drawn_from_flags(4, 600, monkeypatch) if decisions["part"] == "flagged"]
    for flag in FLAGS:
        assert sum(d[f"part.flagged.{flag}"] is True for d in drawn) / len(drawn) == pytest.approx(0.5, abs=0.09), flag


def test_draws_depend_on_the_seed_and_the_generator_alone() -> None:
    limits = limit("macs", 0.05)

    def drawn(seed: int, before: int) -> list[nas.Architecture]:
        sampler, rng = Sampler(SKIPS, limits, costs_of, ("decoder.skip",), seed), Random(5)
        for i in range(before):
            sampler.draw(Random(i))
        return [sampler.draw(rng) for _ in range(12)]

    assert drawn(0, before=0) == drawn(0, before=7)
    some, same, other = (Sampler(SKIPS, limits, costs_of, ("decoder.skip",), seed).surveys for seed in (1, 1, 2))
    assert some == same != other


def test_without_limits_nothing_is_costed_and_all_families_share() -> None:
    def refuse(architecture: nas.Architecture) -> Mapping[str, float]:
        raise AssertionError("costed")

    sampler, rng = Sampler(spaces["medseg"], {}, refuse, ("encoder", "decoder")), Random(4)
    drawn = [spaces["medseg"].decisions(sampler.draw(rng)) for _ in range(500)]
    shares = Counter((d["encoder"], d["decoder"]) for d in drawn)
    assert len(sampler.surveys) == len(shares) == 25
    assert not sampler.refused
    assert max(shares.values()) < 4 * min(shares.values())


def test_limits_that_no_member_keeps_are_refused() -> None:
    sampler = Sampler(SKIPS, {"macs": 1.0}, costs_of)
    assert [survey.name for survey in sampler.refused] == ["all"]
    with pytest.raises(SpaceError, match=r"space skips@1: no member was found that keeps the limits \{'macs': 1.0\}"):
        sampler.draw(Random(0))


@pytest.mark.parametrize("name", ["skips", "amse", "hardblock"])
@pytest.mark.parametrize("sign", [1, -1])
def test_going_down_finds_the_cheapest_and_the_dearest_member(name: str, sign: int) -> None:
    space: SearchSpace = spaces[name]
    dear = 1e20

    def loss(architecture: nas.Architecture) -> float:
        return dear + sign * costs_of(architecture)["macs"]

    rng = Random(6)
    start = draw(space, {}, rng, frozenset())
    point, found = descend(space, start, lambda point: loss(point.architecture), rng)
    assert found == loss(point.architecture) == min(loss(member) for member, _ in all_of(name))
    assert space.replay(point.decisions) == point.architecture


def test_a_step_takes_one_decision_anew_and_keeps_the_rest() -> None:
    space, rng, fixed = spaces["medseg"], Random(7), frozenset({"encoder"})
    for _ in range(40):
        point = draw(space, {"encoder": "staged"}, rng, fixed)
        assert sum(point.open.values()) == pytest.approx(1)
        assert "encoder" not in point.open
        path = point.pick(rng)
        option = rng.choice(point.others(path))
        other = redraw(space, point, path, option, rng)
        assert other.decisions[path] == option != point.decisions[path]
        kept = {at for at in point.decisions if at != path and at in other.decisions}
        assert all(other.decisions[at] == point.decisions[at] for at in kept)
        assert all(at.startswith((path, "encoder.", "decoder.")) for at in set(other.decisions) - kept)
