"""The grammar on a small language whose derivations can be listed."""

from random import Random
from typing import Any

import pytest

from nas.architecture import Architecture
from nas.derivation import Counting, decisions, derive, fixed
from nas.errors import DecisionError, SpaceError
from nas.grammar import Choice, Inherit, OneOf, Option, Repeat, Rule, rule
from nas.space import SearchSpace


@rule("block", kernel=3, norm="batch")
def plain(g: Any, x: Any, width: Any, **options: Any) -> None: ...


@rule("block", dilation=1)
def wide(g: Any, x: Any, width: Any, **options: Any) -> None: ...


@rule("encoder", gives={"levels": "depth"}, depth=3, stages=Repeat(plain, "depth"))
def tower(g: Any, image: Any, **options: Any) -> None: ...


@rule("encoder", gives={"levels": 2}, size="small")
def ready_made(g: Any, image: Any, **options: Any) -> None: ...


@rule("decoder", blocks=Repeat(plain, ("levels", -1)))
def ladder(g: Any, pyramid: Any, **options: Any) -> None: ...


@rule("network", norm="batch", encoder=tower, decoder=ladder)
def net(g: Any, **options: Any) -> None: ...


BLOCK = OneOf(plain=plain(kernel=Choice((3, 5)), norm=Inherit("norm")), wide=wide(dilation=Choice((1, 2, 3))))
ROOT = net(
    norm=Choice(("batch", "group")),
    encoder=OneOf(
        tower=tower(
            depth=Choice((2, 3)), stages=OneOf(same=Repeat(BLOCK, "depth", shared=True), mixed=Repeat(BLOCK, "depth"))
        ),
        ready_made=ready_made(size=Choice(("small", "large"))),
    ),
    decoder=ladder(blocks=Repeat(BLOCK, ("levels", -1))),
)
SPACE = SearchSpace("toy", 1, ROOT)


def every_derivation(root: Rule) -> list[dict[str, Option]]:
    """List all by counting through the choices like an odometer."""
    found: list[dict[str, Option]] = []
    turns: list[int] | None = []
    while turns is not None:
        meter = Odometer(turns)
        derive(root, meter)
        found.append(meter.made)
        turns = next_turn(meter.turns, meter.widths)
    return found


class Odometer:
    """A choose that takes the options of these numbers, and the first where they end."""

    def __init__(self, turns: list[int]):
        self.turns = turns
        self.widths: list[int] = []
        self.made: dict[str, Option] = {}

    def __call__(self, path: str, options: tuple[Option, ...]) -> Option:
        if len(self.widths) == len(self.turns):
            self.turns.append(0)
        self.made[path] = options[self.turns[len(self.widths)]]
        self.widths.append(len(options))
        return self.made[path]


def next_turn(turns: list[int], widths: list[int]) -> list[int] | None:
    for i in reversed(range(len(widths))):
        if turns[i] + 1 < widths[i]:
            return [*turns[:i], turns[i] + 1]
    return None


def test_size_is_the_number_of_derivations() -> None:
    listed = every_derivation(ROOT)
    assert SPACE.size() == len(listed) == len({tuple(sorted(d.items())) for d in listed})
    assert SPACE.size() == Counting(ROOT).total()


def test_every_derivation_replays_and_is_found_again() -> None:
    for made in every_derivation(ROOT)[::7]:
        architecture = SPACE.replay(made)
        assert SPACE.replay(SPACE.decisions(architecture)) == architecture


def test_paths_hold_options_labels_and_places() -> None:
    made = next(d for d in every_derivation(ROOT) if d.get("encoder.tower.stages") == "mixed" and d["norm"] == "group")
    assert set(made) == {
        "norm",
        "encoder",
        "encoder.tower.depth",
        "encoder.tower.stages",
        "encoder.tower.stages.mixed.0",
        "encoder.tower.stages.mixed.0.plain.kernel",
        "encoder.tower.stages.mixed.1",
        "encoder.tower.stages.mixed.1.plain.kernel",
        "decoder.blocks.0",
        "decoder.blocks.0.plain.kernel",
    }


def test_the_options_of_a_path_never_vary() -> None:
    seen: dict[str, tuple[Option, ...]] = {}
    rng = Random(0)

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        assert seen.setdefault(path, options) == options
        return rng.choice(options)

    for _ in range(500):
        SPACE.derive(choose)


def test_inherited_values_are_stored_where_they_are_used() -> None:
    for made in every_derivation(ROOT)[::11]:
        blocks = SPACE.replay(made).options["decoder"].options["blocks"]
        assert all(b.options["norm"] == made["norm"] for b in blocks if b.rule.name == "plain")


def test_a_shared_repeat_has_one_set_of_decisions() -> None:
    made = next(
        d for d in every_derivation(ROOT) if d.get("encoder.tower.stages") == "same" and d["encoder.tower.depth"] == 3
    )
    stages = SPACE.replay(made).options["encoder"].options["stages"]
    assert len(stages) == 3
    assert stages[0] == stages[1] == stages[2]


def test_mutation_changes_one_decision_and_stays_in_the_space() -> None:
    rng = Random(1)
    for _ in range(200):
        parent = SPACE.sample(rng)
        child = SPACE.mutate(parent, rng)
        before, after = SPACE.decisions(parent), SPACE.decisions(child)
        changed = [path for path in before if path in after and before[path] != after[path]]
        assert changed
        assert child != parent
        top = min(changed, key=lambda path: path.count("."))
        assert all(
            before[p] == after[p] for p in before if p in after and not p.startswith(top) and not depends(p, top)
        )


def depends(path: str, changed: str) -> bool:
    """What the changed decision opens: everything behind it when it decides on a depth or an encoder."""
    return changed in ("encoder", "encoder.tower.depth") and path.startswith(("decoder", "encoder"))


def test_crossover_takes_a_part_of_the_mate() -> None:
    rng = Random(2)
    for _ in range(200):
        mine, mate = SPACE.sample(rng), SPACE.sample(rng)
        child = SPACE.decisions(SPACE.crossover(mine, mate, rng))
        a, b = SPACE.decisions(mine), SPACE.decisions(mate)
        strangers = [p for p in child if child[p] not in (a.get(p), b.get(p))]
        assert len(strangers) <= len(child) / 2


def test_a_wrong_decision_is_named() -> None:
    made = every_derivation(ROOT)[0]
    path = "encoder.tower.depth"
    with pytest.raises(DecisionError, match=f"decisions miss '{path}'"):
        SPACE.replay({p: o for p, o in made.items() if p != path})
    with pytest.raises(DecisionError, match=f"'{path}' is 9; it must be one of"):
        SPACE.replay(made | {path: 9})
    with pytest.raises(DecisionError, match="did you mean 'encoder.tower.depth'"):
        SPACE.replay(made | {"encoder.tower.dept": 2})


def test_a_stranger_is_refused_at_its_deepest_mismatch() -> None:
    with pytest.raises(
        SpaceError, match=r"encoder.tower.stages.*kernel: the space offers \(3, 5\), the architecture has 7"
    ):
        SPACE.decisions(fixed(net(encoder=tower(depth=2, stages=Repeat(plain(kernel=7), "depth")))))
    assert decisions(ROOT, fixed(net(encoder=tower(depth=2))))["encoder.tower.depth"] == 2


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda: net(encoder=plain), "net.encoder takes .image. -> pyramid"),
        (lambda: net(decoder=3), "net.decoder takes"),
        (lambda: plain(kernel=wide), "plain.kernel takes a value"),
        (lambda: tower(stages=Repeat(ladder, 3)), "tower.stages takes"),
        (lambda: plain(kernal=3), "did you mean 'kernel'"),
        (lambda: Choice((1, 1)), "each once"),
        (lambda: Choice(((1, 2),)), "only fixed options may be tuples"),
        (lambda: SearchSpace("x", 1, net(norm=Inherit("colour"))), "reads 'colour' before it is given"),
        (lambda: SearchSpace("x", 1, net(encoder=tower(stages=Repeat(plain, "levels")))), "reads 'levels' before"),
        (lambda: SearchSpace("x", 1, plain), "the root must be a network"),
        (lambda: fixed(net(norm=Choice(("batch", "group")))), "'norm' is open"),
        (lambda: rule("gadget"), "unknown kind 'gadget'"),
    ],
)
def test_a_grammar_written_wrongly_is_refused_when_it_is_written(write: Any, said: str) -> None:
    with pytest.raises(SpaceError, match=said):
        write()


def test_one_and_true_are_two_options() -> None:
    space = SearchSpace("x", 1, net(norm=Choice((1, True))))
    kept = [space.replay(space.decisions(fixed(net(norm=v)))).options["norm"] for v in (1, True)]
    assert [type(v) for v in kept] == [int, bool]
    with pytest.raises(SpaceError, match="norm: the space has 1, the architecture True"):
        SearchSpace("x", 1, net(norm=1)).decisions(fixed(net(norm=True)))


def test_a_tuple_fixes_each_place() -> None:
    architecture = fixed(net(encoder=tower(depth=2, stages=(plain, wide(dilation=5)))))
    stages = architecture.options["encoder"].options["stages"]
    assert [(s.rule.name, isinstance(s, Architecture)) for s in stages] == [("plain", True), ("wide", True)]
