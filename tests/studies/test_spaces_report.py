"""`nas spaces`: what it lists, what its draws cost, and what it refuses."""

import re
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

import nas
from nas.grammar import Option
from nas.space import SearchSpace
from search_spaces import published, spaces
from studies.cli import app
from studies.corners import corners_of
from studies.spaces_report import costs_of_draws, members_of


def said(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["spaces", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_every_space_is_listed_with_its_members() -> None:
    code, out, _ = said()
    assert code == 0
    for space in spaces.values():
        row = next(line for line in out.splitlines() if space.label in line)
        assert (f"{space.size():,}" if space.size() < 10**9 else f"{space.size():.3g}") in row
    assert "hrnetv2_w18" in out


@pytest.mark.parametrize("space", spaces.values(), ids=spaces)
def test_options_are_what_deriving_offers(space: SearchSpace) -> None:
    offered = {re.compile(re.escape(path).replace(r"\*", r"\d+")): options for path, options in space.options().items()}
    rng, asked = Random(0), set()

    def choose(path: str, options: tuple[Option, ...]) -> Option:
        found = [pattern for pattern in offered if pattern.fullmatch(path)]
        assert [offered[pattern] for pattern in found] == [options], path
        asked.add(found[0].pattern)
        return rng.choice(options)

    for _ in range(600):
        space.derive(choose)
    assert len(asked) > 0.95 * len(offered)


def test_a_space_is_shown_with_options_members_and_costs(tmp_path: Path) -> None:
    plot = tmp_path / "medseg.html"
    code, out, _ = said("medseg", "--draws", 30, "--size", "96x64", "--plot", plot)
    assert code == 0
    assert re.search(r"encoder\.staged\.stages\.mixed\.\* .*double_conv, hardblock, amse", out)
    cost = nas.cost(nas.deploy(nas.build(published["hrnetv2_w18"], (3, 96, 64))))
    row = next(line for line in out.splitlines() if "hrnetv2_w18 " in line)
    assert f"{cost.params / 1e6:.3f}" in row and f"{cost.traffic_bytes / 1e6:.1f}" in row
    assert "30 random draws" in out
    assert "log10 MACs" in plot.read_text()


def test_draws_are_random_members_with_their_costs() -> None:
    draws = costs_of_draws(spaces["decoders"], (64, 64), 40, seed=3)
    assert draws == costs_of_draws(spaces["decoders"], (64, 64), 40, seed=3)
    assert {draw.family for draw in draws} <= {"unet", "unetpp", "full_scale", "dense_aggregation", "concat_all"}
    rng = Random(3)
    first = nas.deploy(nas.build(spaces["decoders"].sample(rng), (3, 64, 64)))
    assert draws[0].cost == nas.cost(first)
    assert members_of(spaces["amse"]) == []


def test_corners_are_beyond_what_draws_reach() -> None:
    space, size = spaces["decoders"], (64, 64)
    draws = costs_of_draws(space, size, 300, seed=1)
    corners = list(corners_of(space, size, seed=2))
    assert [corner.family for corner in corners] == ["unet", "unetpp", "full_scale", "dense_aggregation", "concat_all"]
    for family, cheapest, dearest in corners:
        macs = [draw.cost.macs for draw in draws if draw.family == family]
        assert cheapest.macs <= min(macs) and max(macs) <= dearest.macs
    code, out, _ = said("decoders", "--size", 64, "--draws", 2, "--corners")
    assert code == 0 and "fewest … most MACs found" in out
    assert "full_scale" in out.split("most MACs found")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("medsec",), "unknown space 'medsec'; did you mean 'medseg'?"),
        (("medseg", "--size", "32"), "at least 64 pixels; came (32, 32)"),
        (("amse", "--size", "0"), "needs pixels"),
        (("skips", "--size", "64", "--draws", 2, "--plot", "plot.png"), "needs a file that ends in .html"),
        (("skips", "--size", "64", "--draws", 2, "--plot", "missing/plot.html"), "cannot be written"),
    ],
)
def test_what_cannot_be_shown_is_one_line(arguments: tuple[object, ...], message: str) -> None:
    code, _, error = said(*arguments)
    assert (code, error.count("\n")) == (2, 1)
    assert message in error
