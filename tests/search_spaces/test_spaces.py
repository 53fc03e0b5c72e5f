"""Every space: draws are legal at its smallest side, odd sides included, and the published members are points of it."""

import hashlib
from random import Random

import pytest
import torch

import nas
from nas.errors import DecisionError
from nas.grammar import Option
from nas.space import SearchSpace
from search_spaces import load, published, spaces

MEMBERS = {"unet": ("unet_bilinear32", "unet_bn32", "amsunet")}
DRAWN = {"unet@1": "d5c321f09dc66dd1f22169f7b4517ad6"}
"""By space and version, a digest of the keys of 60 draws: stored studies hold such keys."""

each_space = pytest.mark.parametrize("space", spaces.values(), ids=spaces)


@each_space
def test_drawing_never_fails_and_every_draw_is_a_legal_network(space: SearchSpace) -> None:
    rng, side = Random(0), space.min_side
    seen: dict[str, tuple[Option, ...]] = {}

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        assert seen.setdefault(path, options) == options, f"{path} changed its options"
        return rng.choice(options)

    for i in range(400):
        architecture = space.derive(choose)
        size = ((side, side), (side + 11, side + 37), (side + 1, 2 * side))[i % 3]
        graph = nas.build(architecture, (3, *size))
        assert graph.outputs[0].shape[0] == 1
        assert nas.build(architecture, (1, *size), 4).outputs[0].shape[0] == 4  # grey images, several classes
        assert space.replay(space.decisions(architecture)) == architecture
        assert load(architecture.to_json()) == architecture


@each_space
def test_one_module_runs_at_several_sizes_as_the_graph_says(space: SearchSpace) -> None:
    rng, side = Random(1), space.min_side
    for _ in range(8):
        architecture = space.sample(rng)
        module = nas.to_module(nas.build(architecture, (3, side, side))).eval()
        for size in ((side, side + 32), (side + 11, side + 37)):
            graph = nas.build(architecture, (3, *size))
            with torch.no_grad():
                assert tuple(module(torch.zeros(2, 3, *size)).shape) == (2, *graph.outputs[0].shape)


@each_space
def test_every_used_parameter_gets_a_gradient(space: SearchSpace) -> None:
    rng, side = Random(2), space.min_side
    for _ in range(6):
        module = nas.to_module(nas.build(space.sample(rng), (3, side, side + 32))).train()
        module(torch.randn(2, 3, side, side + 32)).square().mean().backward()
        assert [name for name, p in module.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@each_space
def test_mutants_and_children_are_members(space: SearchSpace) -> None:
    rng, side = Random(3), space.min_side
    parents = [space.sample(rng) for _ in range(20)] + [published[key] for key in MEMBERS[space.name]]
    for parent in parents:
        for child in (space.mutate(parent, rng), space.crossover(parent, rng.choice(parents), rng)):
            assert space.replay(space.decisions(child)) == child
            nas.build(child, (3, side + 11, side))


@each_space
def test_published_members_are_points_with_the_same_key(space: SearchSpace) -> None:
    for key in MEMBERS[space.name]:
        decisions = space.decisions(published[key])
        again = space.replay(decisions)
        assert nas.build(again, (3, 96, 64)).key() == nas.build(published[key], (3, 64, 64)).key()


@each_space
def test_a_version_draws_the_same_graphs_for_ever(space: SearchSpace) -> None:
    rng, digest = Random(0), hashlib.blake2b(digest_size=16)
    for _ in range(60):
        digest.update(nas.build(space.sample(rng), (3, 64, 64)).key().encode())
    assert digest.hexdigest() == DRAWN[space.label]


@each_space
def test_families_all_get_their_share(space: SearchSpace) -> None:
    rng = Random(4)
    draws = [space.decisions(space.sample(rng)) for _ in range(600)]
    for path in ("encoder.stages", "decoder.blocks", "decoder.upsample", "decoder.skip"):
        labels = [d[path] for d in draws]
        assert min(labels.count(label) for label in set(labels)) > 600 / len(set(labels)) / 2, path


@each_space
def test_swapping_one_part_of_a_member_gives_another_member(space: SearchSpace) -> None:
    decisions = space.decisions(published["amsunet"])
    assert decisions["decoder.skip"] == "rsc"
    with pytest.raises(DecisionError, match="decoder.skip.rsc.product"):
        space.replay(decisions | {"decoder.skip": "identity"})
    plain = {p: o for p, o in decisions.items() if not p.startswith("decoder.skip")} | {"decoder.skip": "identity"}
    assert nas.cost(nas.build(space.replay(plain), (3, 64, 64))).params < 2_619_865
