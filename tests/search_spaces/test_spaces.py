"""Every space: draws are legal at its smallest side, odd sides included, and the published members are points of it."""

import hashlib
from random import Random

import pytest
import torch

import nas
from nas.errors import DecisionError
from nas.grammar import Option
from nas.listing import listed
from nas.space import SearchSpace
from search_spaces import load, published, spaces

MEMBERS = {
    "unet": ("unet_bilinear32", "unet_bn32", "amsunet"),
    "medseg": (
        *("hardnet_mseg", "amsunet", "convunext", "unetpp_bn32", "unetpp_bn32_ds", "unet_bilinear32", "attunet_bn64"),
        *("unet3plus", "hrnetv2_w18", "unet_bn32", "unet_bn64", "unet3plus_ds", "hrnetv2_w32", "hrnetv2_w48"),
    ),
    "hardblock": (),
    "amse": (),
    "compact": (),
    "skips": ("unet_bn32", "unet_bn64", "attunet_bn64"),
    "decoders": ("unet_bn32", "attunet_bn64", "unetpp_bn32", "unetpp_bn32_ds", "unet3plus", "unet3plus_ds"),
}
SIZES = {"hardblock": 6 * 4 * 5 * 2 * 2 * 2, "amse": 2**4 * 3 * 3 * 4, "compact": 6 * 4 * 2 * 2 * 3, "skips": 480}
SHARES = {
    "unet": ("encoder.stages", "decoder.blocks", "decoder.upsample", "decoder.skip"),
    "medseg": ("encoder", "neck", "decoder", "encoder.staged.stages", "decoder.unet.skip", "decoder.unet.upsample"),
    "hardblock": ("encoder.stages.pattern",),
    "amse": ("norm_placement", "network.encoder.stages"),
    "compact": ("encoder.stages", "neck", "decoder.skip", "decoder.fuse", "encoder.base"),
    "skips": ("decoder.skip", "decoder.upsample"),
    "decoders": ("neck", "decoder"),
}
"""Decisions whose alternatives all get their share."""
SWAPS = {
    "unet": [("amsunet", "decoder.skip"), ("unet_bn32", "decoder.upsample")],
    "medseg": [
        ("attunet_bn64", "decoder.unet.skip"),
        ("amsunet", "decoder.unet.upsample"),
        ("amsunet", "encoder.staged.down"),
        ("unetpp_bn32", "decoder"),
        ("hardnet_mseg", "neck"),
        ("hardnet_mseg", "encoder"),
        ("hrnetv2_w18", "decoder"),
        ("convunext", "encoder.staged.stages.all_convnext.3"),
        ("unet_bilinear32", "encoder.staged.stages"),
        ("unetpp_bn32_ds", "decoder.unetpp.skip"),
        ("unet3plus", "decoder.full_scale.source_width"),
        ("hrnetv2_w18", "neck"),
    ],
}
DRAWN = {
    "unet@1": "d5c321f09dc66dd1f22169f7b4517ad6",
    "medseg@1": "eb44f5d9465c057b4eaa1d6b65ddd004",
    "hardblock@1": "3fccd0d600743656aaac1e92a21ef355",
    "amse@1": "df3109847b862f9a98f3c310cb527b94",
    "compact@1": "3558184b7a7c1db3d80cb5be23c35112",
    "skips@1": "6f5a5f744211b6d2b7ed9e3a8c075cc4",
    "decoders@1": "3cb9a184a892830bf54afdd61f506764",
}
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


def run(module: torch.nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    found = module(image)
    return found if isinstance(found, list) else [found]


@each_space
def test_one_module_runs_at_several_sizes_as_the_graph_says(space: SearchSpace) -> None:
    rng, side = Random(1), space.min_side
    for _ in range(8):
        architecture = affordable(space, rng)
        module = nas.to_module(nas.build(architecture, (3, side, side))).eval()
        for size in ((side, side + 32), (side + 11, side + 37)):
            graph = nas.build(architecture, (3, *size))
            with torch.no_grad():
                shapes = [tuple(x.shape) for x in run(module, torch.zeros(2, 3, *size))]
            assert shapes == [(2, *x.shape) for x in graph.outputs]


def affordable(space: SearchSpace, rng: Random, macs: float = 1e9) -> nas.Architecture:
    """Draw a member that a test can run."""
    return next(a for a in iter(lambda: space.sample(rng), None) if nas.cost(nas.build(a, (3, 64, 96))).macs < macs)


@each_space
def test_every_used_parameter_gets_a_gradient(space: SearchSpace) -> None:
    rng, side = Random(2), space.min_side
    for _ in range(6):
        module = nas.to_module(nas.build(affordable(space, rng), (3, side, side + 32))).train()
        sum(x.square().mean() for x in run(module, torch.randn(2, 3, side, side + 32))).backward()
        assert [name for name, p in module.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (96, 160), (75, 101)])
def test_a_hundred_members_of_medseg_run_forward_and_backward(size: tuple[int, int]) -> None:
    rng, space = Random(5), spaces["medseg"]
    for _ in range(100):
        graph = nas.build(affordable(space, rng), (3, *size))
        module = nas.to_module(graph).train()
        outputs = run(module, torch.randn(2, 3, *size))
        assert [tuple(x.shape) for x in outputs] == [(2, *x.shape) for x in graph.outputs]
        sum(x.square().mean() for x in outputs).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@each_space
def test_a_thousand_members_are_built_and_costed(space: SearchSpace) -> None:
    rng, side = Random(6), space.min_side
    for _ in range(1000):
        cost = nas.cost(nas.deploy(nas.build(space.sample(rng), (3, side + 11, side + 37))))
        assert cost.params > 0 and cost.macs > 0 and cost.traffic_bytes > 4 * cost.params


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
    draws = [space.decisions(space.sample(rng)) for _ in range(1000)]
    for path in SHARES[space.name]:
        labels = [d[path] for d in draws if path in d]
        assert min(labels.count(label) for label in set(labels)) > len(labels) / len(set(labels)) / 2, path


@pytest.mark.parametrize(
    ("space", "key", "path"), [(spaces[name], *swap) for name, swaps in SWAPS.items() for swap in swaps]
)
def test_swapping_one_part_of_a_member_gives_another_member(space: SearchSpace, key: str, path: str) -> None:
    """What is not below the decision stays as it was."""
    decisions, rng = space.decisions(published[key]), Random(7)
    options: dict[str, tuple[Option, ...]] = {}

    def offered(at: str, found: tuple[Option, ...]) -> Option:
        options[at] = found
        return decisions[at]

    space.derive(offered)
    for other in options[path]:
        if other == decisions[path]:
            continue

        def choose(at: str, found: tuple[Option, ...], other: Option = other) -> Option:
            kept = not at.startswith(path) and decisions.get(at) in found
            return other if at == path else decisions[at] if kept else rng.choice(found)

        swapped = space.derive(choose)
        again = space.decisions(swapped)
        assert again[path] == other
        assert {at: o for at, o in again.items() if not at.startswith(path)} == {
            at: o for at, o in decisions.items() if not at.startswith(path)
        }
        graph = nas.build(swapped, (3, 75, 101))
        assert graph.key() != nas.build(published[key], (3, 75, 101)).key()


@pytest.mark.parametrize("name", SIZES)
def test_a_closed_space_can_be_listed(name: str) -> None:
    """Every member, once: the options of all decisions multiplied out."""
    space = spaces[name]
    assert space.size() == SIZES[name]
    members = [member for member, _ in listed(space)]
    assert len(members) == len(set(members)) == SIZES[name]


def test_members_of_the_factorial_are_all_different_networks() -> None:
    keys = {nas.build(member, (3, 64, 64)).key() for member, _ in listed(spaces["compact"])}
    assert len(keys) == spaces["compact"].size()


def test_amsunet_is_a_point_of_its_ablation_by_key() -> None:
    published_point = {f"strip{k}": k != 21 for k in (5, 7, 11, 21)} | {"norm_placement": "Bf", "residual": "N"}
    point = spaces["amse"].replay(published_point | {"network.encoder.stages": "published"})
    assert nas.build(point, (3, 64, 64)).key() == nas.build(published["amsunet"], (3, 64, 64)).key()


def test_a_decision_that_no_longer_has_what_it_needs_is_refused() -> None:
    space, key = spaces["unet"], "amsunet"
    decisions = space.decisions(published[key])
    with pytest.raises(DecisionError, match="decoder.skip.rsc.product"):
        space.replay(decisions | {"decoder.skip": "identity"})
