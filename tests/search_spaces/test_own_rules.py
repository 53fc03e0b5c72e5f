"""A person's rules: reading files and packages, what the check finds, and faults that name the rule and the place."""

import inspect
import re
import sys
from pathlib import Path

import pytest

import nas
from nas.errors import NasError, RuleError
from nas.grammar import Rule
from nas.space import SearchSpace
from search_spaces import load, load_rules, spaces, with_rules
from search_spaces.catalog import catalog
from search_spaces.own import check_in_space, check_rule, checking, joining
from search_spaces.own.bench import applied, variants
from search_spaces.own.template import template

HEAD = """\
import random
from nas.grammar import Choice, Inherit, rule
from nas.graph import GraphBuilder, Node
from nas.ops import Add, BatchNorm, Conv, Dropout, MaxPool, ReLU, ResizeTo, Scale
from search_spaces.pyramid import Pyramid

"""
BLOCK = '@rule("block", kernel=3)\ndef mine(g, x, width, *, kernel):\n    '
GOOD = HEAD + BLOCK + 'return g.add(Conv(width, kernel=kernel), x, name="conv")\n'


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def only(path: Path) -> Rule:
    (rule,) = load_rules(path).rules
    return rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "mine.py: line 1: invalid syntax"),
        ("import nothing_of_that_name\n", "mine.py: line 1: ModuleNotFoundError: No module named"),
        ("\n\nraise SystemExit('no')\n", "mine.py: line 3: SystemExit: no"),
        ("x = 1\n", "mine.py: holds no rule under a public name"),
        (HEAD + '@rule("blok")\ndef mine(g, x, width): ...\n', "mine.py: line 7: unknown kind 'blok'"),
        (HEAD + '@rule("block")\ndef se(g, x, width): ...\n', "a built-in rule is named 'se'; rename yours"),
        (HEAD + '@rule("network")\ndef mine(g): ...\n', "a network is no part of a space"),
        (HEAD + '@rule("block")\ndef mine(g, x): ...\n', "a block is written mine(g, x, width); it is mine(g, x)"),
        (HEAD + '@rule("skip")\ndef mine(g, x, y, width): ...\n', "a skip is written mine(g, feature, upsampled)"),
        (HEAD + '@rule("block", a=1)\ndef mine(g, x, width): ...\n', "a block is written mine(g, x, width, *, a)"),
        (HEAD + '@rule("block")\ndef mine(g, x, width, *, a): ...\n', "missing a required argument: 'a'"),
        (HEAD + '@rule("block", a=None)\ndef mine(g, x, width, *, a): ...\n', "option 'a': needs a number"),
        (HEAD + '@rule("block", a="3")\ndef mine(g, x, width, *, a: int): ...\n', "option 'a': is said to be int; '3'"),
        (HEAD + '@rule("block", a=Choice((1, True)))\ndef mine(g, x, width, *, a: int): ...\n', "int; True came"),
        (GOOD + "__all__ = ['gone']\n", "__all__ lists 'gone', which is not defined"),
        (GOOD + "__all__ = []\n", "holds no rule in __all__"),
        (GOOD + "wide = mine(kernel=5)\n", "two rules are named 'mine'; list the one to be offered in __all__"),
    ],
)
def test_a_file_that_is_no_file_of_rules_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(RuleError, match=re.escape(said)) as caught:
        load_rules(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_places_that_hold_no_rules_are_refused(tmp_path: Path) -> None:
    for place, said in (
        (tmp_path / "none.py", "no such file"),
        (tmp_path, "is a folder"),
        (written(tmp_path, GOOD, "rules.txt"), "ends in .py"),
    ):
        with pytest.raises(RuleError, match=said):
            load_rules(str(place))
    with pytest.raises(RuleError, match=r"neither a .py file nor a rule of an installed package"):
        load_rules("nothing_of_that_name")


def test_what_is_listed_is_offered_and_private_rules_are_parts(tmp_path: Path) -> None:
    assert only(written(tmp_path, GOOD + "wide = mine(kernel=5)\n__all__ = ['wide']\n")).options == {"kernel": 5}
    inner = '@rule("block")\ndef _part(g, x, width):\n    return g.add(Conv(width), x)\n'
    outer = '@rule("block", part=_part)\ndef mine(g, x, width, *, part):\n    return part(g, x, width)\n'
    rule = only(written(tmp_path, HEAD + inner + outer, "parts.py"))
    member = having(with_rules(spaces["skips"], rule), rule)
    assert load(member.to_json(), [rule]) == member
    with pytest.raises(NasError, match=r"unknown rule '(mine|_part)'; if it is your own, give its file with --rules"):
        load(member.to_json())


def test_the_innermost_rule_is_named(tmp_path: Path) -> None:
    inner = '@rule("block")\ndef _part(g, x, width):\n    g.add(Conv(width), x)\n'
    outer = '@rule("block", part=_part)\ndef mine(g, x, width, *, part):\n    return g.add(ReLU(), part(g, x, width))\n'
    with pytest.raises(RuleError, match=r"_part \(.*mine.py:7\): a block returns a node; nothing came"):
        check_rule(only(written(tmp_path, HEAD + inner + outer)))


def test_a_rule_is_recorded_once_for_all_sizes_as_built_in_ones_are(tmp_path: Path) -> None:
    counted = GOOD.replace("    return", "    calls.append(x.channels)\n    return").replace(
        "@rule", "calls = []\n@rule", 1
    )
    rule = only(written(tmp_path, counted))
    (variant,) = variants(rule)
    for size in ((16, 16), (33, 47), (64, 80)):
        applied(variant.architecture, 8, 8, size).key()
    assert inspect.unwrap(rule.emit).__globals__["calls"] == [8]


def having(space: SearchSpace, rule: Rule) -> nas.Architecture:
    return space.derive(lambda path, options: rule.name if rule.name in options else options[0])


def test_the_same_text_gives_the_same_rules_and_a_changed_one_others(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    first, again = only(path), only(path)
    assert first.emit is again.emit
    built = [nas.build(having(with_rules(spaces["skips"], first), first), (3, 64, 64)).key()]
    changed = only(written(tmp_path, GOOD.replace("kernel=kernel", "kernel=kernel + 2")))
    built.append(nas.build(having(with_rules(spaces["skips"], changed), changed), (3, 64, 64)).key())
    assert changed.emit is not first.emit
    assert built[0] != built[1]
    assert load_rules(path).sha256 != ""
    restored = only(written(tmp_path, GOOD))
    assert nas.build(having(with_rules(spaces["skips"], restored), restored), (3, 64, 64)).key() == built[0]


FAULTY = {
    "raises": (BLOCK + "return g.add(Conv(width // 0), x)\n", r"line 9: ZeroDivisionError"),
    "nothing": (BLOCK + "g.add(Conv(width), x)\n", "a block returns a node; nothing came"),
    "list": (BLOCK + "return [g.add(Conv(width), x)]\n", "a block returns a node; a list of Node came"),
    "channels": (BLOCK + "return g.add(ReLU(), x)\n", r"on 3 channels of 2 x 2, width 8: .*returns \(8, 2, 2\) here"),
    "smaller": (BLOCK + "return g.add(Conv(width, stride=2), x)\n", r"returns \(8, 2, 2\) here.*\(8, 1, 1\) came"),
    "shapes": (BLOCK + "return g.add(Add(), x, g.add(Conv(width), x))\n", "do not broadcast"),
    "no_op": (BLOCK + "return g.add(Conv, x)\n", "TypeError|AttributeError"),
    "at_random": (BLOCK + "return g.add(Conv(width, kernel=2 * random.randrange(99) + 1), x)\n", "other operators"),
    "hides_size": (
        BLOCK + "return g.add(Scale(1 / x.facts.shape[1]), g.add(Conv(width), x))\n",
        "appends other operators the second time",
    ),
    "name": (BLOCK + "return g.add(Conv(width), x, name='not a name')\n", "cannot name a part of a module"),
    "twice": (BLOCK + "return g.add(Conv(width), g.add(Conv(width), x, name='a'), name='a')\n", "given twice"),
    "dead": (BLOCK + "return g.add(Scale(0.0), g.add(Conv(width), x))\n", "gets no finite gradient"),
    "infinite": (BLOCK + "return g.add(Scale(float('inf')), g.add(Conv(width), x))\n", "not finite|cannot|Invalid"),
    "one_option": (
        '@rule("block", way=Choice(("a", "b")))\ndef mine(g, x, width, *, way):\n'
        "    return g.add(Conv({'a': width}[way]), x)\n",
        "way=b.*KeyError: 'b'",
    ),
    "unknown_fact": (
        '@rule("block", a=Inherit("nobody"))\ndef mine(g, x, width, *, a):\n    return g.add(Conv(width), x)\n',
        "reads 'nobody' before it is given",
    ),
    "upsample": (
        '@rule("upsample")\ndef mine(g, x, reference, width):\n    return g.add(Conv(width), x)\n',
        r"an? upsample returns \(any, ",
    ),
    "head": ('@rule("head")\ndef mine(g, xs):\n    return [g.add(Conv(5), x) for x in xs]\n', "a head returns 2 chan"),
    "neck": ('@rule("neck")\ndef mine(g, pyramid):\n    return list(pyramid.features)\n', "returns a Pyramid of nodes"),
    "decoder": ('@rule("decoder")\ndef mine(g, pyramid):\n    return pyramid\n', "a decoder returns a list of nodes"),
    "levels": (
        '@rule("encoder", gives={"levels": 5, "initialisation": "initialisation"}, initialisation="torch")\n'
        "def mine(g, image, *, initialisation):\n    return Pyramid(image, (g.add(Conv(8), image),))\n",
        "gives levels=5, but returns 1 features",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_the_check_finds_what_is_wrong_and_names_rule_and_place(tmp_path: Path, name: str) -> None:
    body, said = FAULTY[name]
    path = written(tmp_path, HEAD + body)
    with pytest.raises(RuleError, match=said) as caught:
        check_rule(only(path))
    assert str(caught.value).startswith(f"mine ({path}:7): ")
    assert str(caught.value).count(f"{path}:7") == 1


def test_a_fault_that_only_a_space_shows_names_the_rule(tmp_path: Path) -> None:
    text = HEAD + '@rule("downsample")\ndef mine(g, x, width):\n    return g.add(MaxPool(kernel=8), x)\n'
    rule = only(written(tmp_path, text.replace("kernel=8", "9")))
    with pytest.raises(RuleError, match=r"^mine \(.*mine.py:7\): in a member of unet\+mine@1 at 64 x 64: "):
        check_in_space(with_rules(spaces["unet"], rule), rule)


def test_a_rule_that_fails_later_is_one_line_as_well(tmp_path: Path) -> None:
    late = only(written(tmp_path, HEAD + BLOCK + "return g.add(Conv(width // (x.channels > 3)), x)\n"))
    with pytest.raises(RuleError, match=r"mine \(.*mine.py:7\): line 9: ZeroDivisionError"):
        nas.build(having(with_rules(spaces["skips"], late), late), (3, 64, 64))


@pytest.mark.parametrize("kind", joining.INPUTS)
def test_every_template_passes_the_check_as_it_is(tmp_path: Path, kind: str) -> None:
    rule = only(written(tmp_path, template(f"my_{kind}", kind), f"my_{kind}.py"))
    assert rule.kind == kind
    assert "in every weight" in check_rule(rule)[-1].tried
    assert check_in_space(with_rules(spaces["medseg"], rule), rule).tried.startswith("12 members")


SLOW = ("deeplab_decoder", "full_scale_decoder", "hrfpn", "hrnet", "res2net", "staged", "every", "hardnet")
REFUSED = {"convnext": "reflect padding", "downward": "do not broadcast"}  # on maps of 2 and of odd sides


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name, rule in catalog().items()
        if rule.kind != "network"
    ],
)
def test_the_check_passes_the_built_in_rules(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = catalog()[name]
    monkeypatch.setattr(joining, "catalog", dict)
    if name in REFUSED:
        with pytest.raises(RuleError, match=REFUSED[name]):
            check_rule(rule)
    else:
        assert len(check_rule(rule)) == 6


def test_costs_are_of_the_rule_alone_and_of_each_option(tmp_path: Path) -> None:
    rule = only(written(tmp_path, GOOD.replace("kernel=3)", "kernel=Choice((1, 3)))")))
    rows = {row.said: row.cost for row in checking.cost_rows(rule, 8, (10, 12))}
    assert {said: (cost.params, cost.macs) for said, cost in rows.items()} == {
        "kernel=1": (8 * 8 + 8, 8 * 8 * 120),
        "kernel=3": (9 * 8 * 8 + 8, 9 * 8 * 8 * 120),
    }
    assert rows["kernel=1"].traffic_bytes == 4 * (2 * 8 * 120 + 72)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that offers a rule, a module of rules, and two things that are none."""
    info = tmp_path / "ghosts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ghosts\nVersion: 1.0\n")
    entries = "one = ghosts_of_test:mine\nall = ghosts_of_test\nnumber = ghosts_of_test:x\ngone = ghosts_of_test_gone\n"
    (info / "entry_points.txt").write_text(f"[nas.rules]\n{entries}")
    written(tmp_path, GOOD + "x = 3\n", "ghosts_of_test.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ghosts_of_test", raising=False)
    return tmp_path


def test_rules_of_installed_packages_are_had_by_name_only(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from search_spaces.own import installed

    assert {"all", "gone", "number", "one"} <= {entry.name for entry in installed()}
    assert "ghosts_of_test" not in sys.modules
    assert "mine" not in str(spaces["unet"].options())
    one, everything = load_rules("one"), load_rules("ghosts:all")
    assert [rule.name for rule in (*one.rules, *everything.rules)] == ["mine", "mine"]
    assert one.sha256 == everything.sha256 == load_rules(package / "ghosts_of_test.py").sha256
    assert check_rule(one.rules[0])
    for name, said in (("number", "is a int; needs a rule"), ("gone", "cannot be imported"), ("other:one", "neither")):
        with pytest.raises(RuleError, match=said):
            load_rules(name)
    (package / "more-1.0.dist-info").mkdir()
    (package / "more-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: more\nVersion: 1.0\n")
    (package / "more-1.0.dist-info" / "entry_points.txt").write_text("[nas.rules]\none = ghosts_of_test:mine\n")
    with pytest.raises(RuleError, match="several packages offer it; give ghosts:one or more:one"):
        load_rules("one")
    assert load_rules("more:one").rules[0].name == "mine"
