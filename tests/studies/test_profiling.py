"""`nas published` and `nas profile`: what they print, where networks come from, and what they refuse."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

import nas
from nas.graph import GraphBuilder
from nas.ops import ReLU
from search_spaces import published
from studies.cli import app
from studies.cost_tables import block_table, short

ADDED = ("params", "macs", "cio_elements", "traffic_bytes", "kernels")


def nas_command(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def profiled(*arguments: object) -> dict:  # type: ignore[type-arg]  # whatever JSON holds
    code, out, error = nas_command("profile", *arguments, "--json")
    assert (code, error) == (0, "")
    return json.loads(out)  # type: ignore[no-any-return]


def test_published_lists_every_network_with_its_costs() -> None:
    code, out, _ = nas_command("published")
    assert code == 0
    rows = {line.split("│")[1].strip(): line for line in out.splitlines() if line.startswith("│")}
    assert set(rows) - {""} == set(published)
    graph = nas.build(published["hardnet_mseg"], (3, 352, 352))
    traffic = f"{nas.cost(nas.deploy(graph)).traffic_bytes / 1e6:.1f}"
    for said in ("17.424", "11.348", "37.41", traffic, "yes", "arXiv:2101.07172"):
        assert said in rows["hardnet_mseg"], said
    assert "4.246" in rows["hardnet68"]  # at 224 pixels, 1000 classes
    assert " no " in rows["unet_bilinear32"]


def test_published_at_a_size_that_not_all_can_take() -> None:
    code, out, _ = nas_command("published", "--size", "40x48")
    assert code == 0
    assert re.search(r"convunext +│ +- │", out)
    assert re.search(r"convunext: encoder.*\(", out)
    macs = nas.cost(nas.build(published["amsunet"], (3, 40, 48))).macs
    assert f"{macs / 1e9:.3f}" in out
    assert "40 x 48" in out


def test_profile_prints_blocks_and_exact_totals() -> None:
    code, out, _ = nas_command("profile", "published:amsunet", "--size", "64x96")
    cost = nas.cost(nas.deploy(nas.build(published["amsunet"], (3, 64, 96))))
    assert code == 0
    assert "deployed (prediction only, BatchNorm folded), image 3 x 64 x 96, 1 class, schedule fused, fp32" in out
    for said in ("  stages0", "  level3", "MAC/B", f"{cost.macs:,} MACs", f"{cost.traffic_bytes:,} bytes of traffic"):
        assert said in out, said
    assert "attn" not in out
    assert "    attn" in nas_command("profile", "published:amsunet", "--depth", 3)[1]


def printed(table: Table, width: int) -> dict[str, list[str]]:
    """The cells of each row by the first one."""
    console = Console(width=width, file=StringIO())
    console.print(table)
    assert isinstance(console.file, StringIO)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in console.file.getvalue().splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def test_a_row_has_the_costs_of_its_block_and_their_shares() -> None:
    top = nas.profile(nas.build(published["amsunet"], (3, 352, 352)))
    found = printed(block_table(top, 1, 200), 200)
    for block in (*top.inside, top):
        shape = "x".join(map(str, block.shape))
        macs, traffic = (
            f"{100 * part:.0f}" for part in (block.macs / top.macs, block.traffic_bytes / top.traffic_bytes)
        )
        cells = [shape, short(block.params), short(block.macs), macs, short(block.cio_elements)]
        cells += [short(block.traffic_bytes), traffic, str(block.kernels)]
        cells += [f"{block.macs_per_cio:.1f}", f"{block.macs_per_byte:.1f}"] if block.macs else ["-", "-"]
        row = found[block.name or "total"]
        assert row[:4] + row[5:8] + row[9:] == cells
        assert len(row[4].strip("▏▎▍▌▋▊▉")) == int(8 * block.macs / top.macs)
        assert len(row[8].strip("▏▎▍▌▋▊▉")) == int(8 * block.traffic_bytes / top.traffic_bytes)


def test_a_narrow_terminal_gets_fewer_columns_and_nothing_cut() -> None:
    top = nas.profile(nas.build(published["hardnet_mseg"], (3, 352, 352)))
    widths = (80, 112, 136)
    tables = [printed(block_table(top, 2, width), width) for width in widths]
    assert [len(table["total"]) for table in tables] == [7, 10, 12]
    assert not any("…" in cell for table in tables for row in table.values() for cell in row)


def test_a_network_without_a_mac_has_shares_all_the_same() -> None:
    g = GraphBuilder((3, 8, 8), 1)
    assert printed(block_table(nas.profile(g.freeze([g.add(ReLU(), g.image)])), 1, 200), 200)["total"][3] == "0"


@pytest.mark.parametrize("form", ["--built", "--deployed"])
@pytest.mark.parametrize("schedule", ["fused", "eager"])
def test_json_has_the_totals_of_nas_cost_and_blocks_that_add_up(form: str, schedule: str) -> None:
    asked = ("--size", 80, "--in-channels", 1, "--classes", 4, "--precision", "bf16", "--schedule", schedule)
    found = profiled("published:unetpp_bn32_ds", form, *asked)
    graph = nas.build(published["unetpp_bn32_ds"], (1, 80, 80), 4)
    cost = nas.cost(graph if form == "--built" else nas.deploy(graph), schedule, "bf16")
    assert found["cost"] == vars(cost)
    assert (found["image_shape"], found["classes"], found["deployed"]) == ([1, 80, 80], 4, form == "--deployed")
    for name in ADDED:
        assert sum(block[name] for block in found["blocks"]) == getattr(cost, name)
    encoder = next(block for block in found["blocks"] if block["name"] == "encoder")
    assert sum(block["macs"] for block in encoder["inside"]) == encoder["macs"]
    assert all("inside" not in block for block in encoder["inside"])


def test_stored_files_are_the_networks_they_hold(tmp_path: Path) -> None:
    tree, stored = tmp_path / "architecture.json", tmp_path / "graph.json"
    tree.write_text(published["unet_bn32"].to_json())
    stored.write_text(nas.build(published["unet_bn32"], (3, 64, 80)).to_json())
    assert profiled(tree)["image_shape"] == [3, 352, 352]
    assert profiled(stored)["image_shape"] == [3, 64, 80]
    of_tree, of_graph = profiled(tree, "--size", "96x112"), profiled(stored, "--size", "96x112", "--classes", 1)
    assert of_tree["image_shape"] == [3, 96, 112]
    assert of_tree | {"source": ""} == of_graph | {"source": ""}


def test_a_trial_is_profiled_as_its_study_deploys_it(tiny: Path) -> None:
    nas_command("search", tiny, "budget.trials=1", "train.epochs=1", "deploy.precision=bf16", "deploy.size=96")
    found = profiled("runs/tiny:0")
    assert (found["image_shape"], found["precision"]) == ([3, 96, 96], "bf16")
    import studies

    recorded = studies.load("runs/tiny").trials().loc[0]
    assert {name: recorded[name] for name in found["cost"]} == found["cost"]
    assert profiled("runs/tiny:0", "--precision", "fp32")["cost"]["traffic_bytes"] == 2 * recorded["traffic_bytes"]
    code, _, error = nas_command("profile", "runs/tiny:7")
    assert (code, error) == (2, "nas: runs/tiny: no trial 7; it has 1, see `nas status runs/tiny`\n")


def test_verify_agrees_and_says_so() -> None:
    code, out, _ = nas_command("profile", "published:hardnet39ds", "--size", 64, "--verify")
    assert code == 0
    assert "counted independently" in out
    assert (out.count("agrees"), out.count("DIFFERS")) == (3, 0)


def test_a_difference_ends_with_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluators.counting.macs_by_fvcore", lambda module, shape: 7)
    arguments = ("profile", "published:unetpp_keras_L1", "--size", 64, "--verify")
    code, out, _ = nas_command(*arguments)
    assert code == 1
    assert re.search(r"macs +│.* 7 │.*DIFFERS", out)
    code, out, _ = nas_command(*arguments, "--json")
    assert code == 1
    assert (json.loads(out)["verify"]["macs"]["fvcore"], json.loads(out)["verify"]["macs"]["agrees"]) == (7, False)


def test_latency_is_predicted_and_measured_only_where_asked() -> None:
    arguments = ("profile", "published:unetpp_keras_L1", "--size", 32)
    assert "latency" not in nas_command(*arguments)[1]
    out = nas_command(*arguments, "--device", "cpu")[1]
    assert re.search(r"latency \d+\.\d\d ms \(.* times the reference network\), predicted \d+\.\d\d ms .* threads", out)
    assert re.search(r"roofline here: .* compute-bound above \d+\.\d MACs per byte", out)
    assert re.search(r"│ +ms │ +bound │|┃ +ms ┃ +bound ┃", out)


def test_the_milliseconds_of_blocks_add_up_to_the_prediction_and_bounds_follow_the_ridge() -> None:
    found = profiled("published:hardnet_mseg", "--size", 64, "--device", "cpu", "--depth", 3)
    assert found["latency"]["median_ms"] > 0
    assert sum(block["predicted_ms"] for block in found["blocks"]) == pytest.approx(found["prediction"]["ms"])
    ridge, bounds = found["roofline"]["ridge_macs_per_byte"], set()
    for block in found["blocks"]:
        expected = "compute" if block["macs_per_byte"] > ridge else "memory"
        assert block["bound"] == (expected if block["traffic_bytes"] else "")
        bounds.add(block["bound"])
        if inside := block.get("inside"):
            assert sum(inner["predicted_ms"] for inner in inside) == pytest.approx(block["predicted_ms"])
    assert {"memory", ""} <= bounds


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["published:amsunt"], "did you mean 'amsunet'?"),
        (["published:"], "`nas published` lists the"),
        (["nowhere.json"], "nowhere.json: no such file; needs published:NAME"),
        (["nowhere:3"], "nowhere: no study here"),
        (["."], ".: no such file"),
        (["published:convunext", "--size", "40"], "encoder.stages4"),
        (["published:amsunet", "--size", "2"], "encoder"),
        (["published:amsunet", "--size", "352x"], "size: needs pixels as SIDE or HEIGHTxWIDTH"),
        (["published:amsunet", "--size", "0"], "came '0'"),
        (["published:amsunet", "--device", "cuda:77"], "cuda:77"),
        (["published:unetpp_keras_L1", "--size", "32", "--device", "cpu", "--precision", "fp16"], "precision"),
    ],
)
def test_what_cannot_be_profiled_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    code, out, error = nas_command("profile", *arguments)
    assert (code, out) == (2, "")
    assert said in error
    assert error.startswith("nas: ")
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds no network"),
        ('{"format": 1}', "holds no network"),
        ('{"format": 1, "architecture": {"rule": "nothing", "options": {}}}', "unknown rule 'nothing'"),
        ('{"format": 2, "nodes": []}', "graph.json cannot be read"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(text)
    code, _, error = nas_command("profile", path)
    assert (code, len(error.strip().splitlines())) == (2, 1)
    assert str(path) in error
    assert said in error


def test_a_stored_graph_keeps_its_channels_and_classes(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(nas.build(published["unetpp_keras_L1"], (3, 64, 64), 2).to_json())
    for option, has in (("--classes", 2), ("--in-channels", 3)):
        code, _, error = nas_command("profile", path, option, 5)
        assert (code, f"is built for {option} {has}, not 5" in error) == (2, True)
        assert profiled(path, option, has)["classes"] == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7, "7"), (999, "999"), (999.6, "1.00k"), (9_996, "10.0k"), (99_960, "100k"), (999_400, "999k")]
    + [(999_600, "1.00M"), (17_423_837, "17.4M"), (1_888_000_000, "1.89G"), (3.2e12, "3.20T")],
)
def test_numbers_are_printed_with_three_digits(value: float, text: str) -> None:
    assert short(value) == text


def test_a_drawing_is_written_beside_the_table(tmp_path: Path) -> None:
    for name in ("amsunet.svg", "amsunet.html"):
        code, out, _ = nas_command("profile", "published:amsunet", "--draw", tmp_path / name, "--colour", "macs")
        assert code == 0
        assert "encoder" in out
        assert "published:amsunet" in (tmp_path / name).read_text()


def test_a_difference_is_drawn_at_the_size_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "diff.svg"
    command = ("profile", "published:unet_bn32", "--diff", "published:unetpp_bn32", "--size", "96x64")
    code, _, _ = nas_command(*command, "--draw", path)
    assert code == 0
    assert "unet_bn32 → published:unetpp_bn32" in path.read_text()
    code, _, error = nas_command(*command)
    assert code == 2
    assert "needs --draw" in error


@pytest.mark.parametrize("name", ["net.png", "missing/net.svg"])
def test_a_drawing_that_cannot_be_written_is_one_line(name: str, tmp_path: Path) -> None:
    code, _, error = nas_command("profile", "published:amsunet", "--size", "64", "--draw", tmp_path / name)
    assert code == 2
    assert error.count("\n") == 1
    assert name in error
