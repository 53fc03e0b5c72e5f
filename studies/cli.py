"""The command `nas`: faults go to stderr as one line, and a heavy library loads in the command that needs it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from studies.cli_deploy import Overrides, deploy_app
from studies.exits import FAILURE, NOTHING_FEASIBLE, USAGE, one_line_faults, signals

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)
data_app = typer.Typer(no_args_is_help=True, help="Images and masks.")
app.add_typer(deploy_app)
app.add_typer(data_app, name="data")
rules_app = typer.Typer(no_args_is_help=True, help="Your own rules: blocks, skips, encoders and all other kinds.")
app.add_typer(rules_app, name="rules")

Rules = Annotated[
    list[str] | None, typer.Option("--rules", metavar="FILE.py|NAME", help="your own rules; may be given several times")
]

Size = Annotated[str | None, typer.Option("--size", metavar="SIDE|HxW", help="pixels; default 352, classifiers 224")]


@app.callback()
def main() -> None:
    """Search for segmentation networks: Dice against measured latency and memory traffic."""


@app.command()
def search(
    study: Annotated[Path, typer.Argument(help="the study's YAML file")],
    overrides: Overrides = None,
    directory: Annotated[Path | None, typer.Option("--dir", help="its folder; default runs/NAME")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what it would cost, and stop")] = False,
    rules: Rules = None,
) -> None:
    """Run a study, or go on with it where it stopped."""
    from studies.running import dry_run as rehearse_study
    from studies.running import run

    if dry_run:
        with one_line_faults():
            rehearse_study(study, overrides or [], rules or [])
        return
    with signals() as caught, one_line_faults(caught):
        if not run(study, overrides or [], directory, lambda: bool(caught), rules or []):
            raise typer.Exit(NOTHING_FEASIBLE)


@app.command()
def status(directory: Annotated[Path, typer.Argument(help="the study's folder")]) -> None:
    """Show how a study stands: trials by outcome, front, hypervolume."""
    from studies.running import show_status

    with one_line_faults():
        show_status(directory)


@app.command()
def report(
    directory: Annotated[Path, typer.Argument(help="the study's folder; nothing in it is changed")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="page to write; default NAME.html")] = None,
    images: Annotated[
        bool, typer.Option("--images", help="with validation images and predictions; file names become numbers")
    ] = False,
) -> None:
    """Write a page to choose a network in: one file that works offline, also while a search runs."""
    from studies.report import write_report

    with one_line_faults():
        write_report(directory, out, images)


@app.command()
def dashboard(
    directories: Annotated[list[Path], typer.Argument(metavar="STUDY_DIR...", help="studies; they are only read")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one")] = 8060,
    host: Annotated[
        str, typer.Option("--host", help="address to listen at; others than this machine's own need a token")
    ] = "127.0.0.1",
) -> None:
    """Show studies on a live page, also while they are searched."""
    from studies.serving import serve_dashboard

    with one_line_faults():
        serve_dashboard(directories, host, port)


@app.command()
def init(
    data: Annotated[Path, typer.Argument(help="folder of images and masks")],
    out: Annotated[Path | None, typer.Option("--out", help="file to write; default NAME.yaml")] = None,
    name: Annotated[str | None, typer.Option("--name", help="the study's name; default the folder's")] = None,
) -> None:
    """Check a folder of images and write a commented study file for it."""
    from studies.running import write_starter

    with one_line_faults():
        write_starter(data, out, name)


@app.command()
def published(size: Size = None) -> None:
    """List the published networks: parameters, MACs, CIO, memory traffic."""
    from studies.profiling import show_published
    from studies.sources import parse_size

    with one_line_faults():
        show_published(parse_size(size) if size else None)


@app.command()
def spaces(
    name: Annotated[str | None, typer.Argument(help="a space, to see what it offers; default: list them")] = None,
    size: Annotated[str, typer.Option("--size", metavar="SIDE|HxW", help="pixels that costs are of")] = "352",
    draws: Annotated[int, typer.Option("--draws", min=1, help="random members to cost")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="of the draws")] = 0,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="write the draws' costs, .html")] = None,
    corners: Annotated[
        bool, typer.Option("--corners", help="look for each family's cheapest and dearest member; medseg: minutes")
    ] = False,
    rules: Rules = None,
) -> None:
    """List the search spaces, or show one: size, options, published members, costs of random draws."""
    from studies.sources import parse_size
    from studies.spaces_report import show_space, show_spaces

    with one_line_faults():
        if name is None:
            show_spaces()
        else:
            show_space(name, parse_size(size), draws, seed, plot, corners, rules or [])


@app.command()
def profile(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="published:NAME, ARCHITECTURE.json or STUDY_DIR:N")],
    size: Annotated[str | None, typer.Option("--size", metavar="SIDE|HxW", help="pixels; of a trial: its own")] = None,
    in_channels: Annotated[int | None, typer.Option("--in-channels", min=1, help="default 3")] = None,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="default 1, classifiers 1000")] = None,
    deployed: Annotated[bool, typer.Option("--deployed/--built", help="what runs, or what papers count")] = True,
    schedule: Annotated[
        Literal["fused", "eager"], typer.Option("--schedule", help="which operators are one")
    ] = "fused",
    precision: Annotated[
        Literal["fp32", "bf16", "fp16"] | None,
        typer.Option("--precision", help="default fp32; of a trial: its study's"),
    ] = None,
    depth: Annotated[int, typer.Option("--depth", min=1, help="levels of blocks shown")] = 2,
    verify: Annotated[
        bool, typer.Option("--verify", help="count with hooks, fvcore and torch; 1 if any differs")
    ] = False,
    device: Annotated[
        str, typer.Option("--device", help="predict and measure latency there: auto, cpu, cuda, cuda:N")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, to the unit")] = False,
    draw: Annotated[Path | None, typer.Option("--draw", metavar="FILE", help="write a drawing, .svg or .html")] = None,
    colour: Annotated[
        Literal["kind", "params", "macs", "cio", "traffic"], typer.Option("--colour", help="of the drawing's cells")
    ] = "kind",
    against: Annotated[
        str | None, typer.Option("--diff", metavar="SOURCE", help="draw what this network has changed; needs --draw")
    ] = None,
    rules: Rules = None,
) -> None:
    """Show a network's costs by block, and check them with independent counters."""
    from studies.own_rules import all_rules, rules_of
    from studies.profiling import Wish, show_profile
    from studies.sources import Asked, parse_size

    if against and not draw:
        raise typer.BadParameter("needs --draw FILE, where the difference is drawn", param_hint="--diff")
    with one_line_faults():
        own = all_rules(rules_of(rules or []))
        asked = Asked(parse_size(size) if size else None, in_channels, classes, own)
        wish = Wish(deployed, schedule, precision, depth, verify, device, as_json, draw, colour, against)
        if not show_profile(source, asked, wish):
            raise typer.Exit(FAILURE)


@data_app.callback()
def data() -> None:
    """Images and masks."""


@data_app.command("check")
def data_check(
    place: Annotated[Path, typer.Argument(metavar="DIR|STUDY.yaml", help="folder of images and masks, or a study")],
    sheet: Annotated[Path | None, typer.Option(help="picture to draw: a contact sheet with mask outlines")] = None,
    report: Annotated[Path | None, typer.Option(help="file for all findings, .json or .csv")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings count as faults")] = False,
) -> None:
    """Look at every image and mask: unusable files, doubtful masks, leaks across the split, object sizes."""
    from studies.data_check import check_data

    with one_line_faults():
        if not check_data(place, sheet=sheet, report=report, strict=strict):
            raise typer.Exit(USAGE)


@rules_app.callback()
def own_rules() -> None:
    """Your own rules: blocks, skips, encoders and all other kinds."""


@rules_app.command("check")
def rules_check(
    sources: Annotated[list[str], typer.Argument(metavar="FILE.py|NAME...", help="files, or installed rules")],
    space: Annotated[str, typer.Option("--space", help="the space that they are to join")] = "medseg",
    channels: Annotated[int, typer.Option("--channels", min=1, help="that costs are of")] = 64,
    size: Annotated[str, typer.Option("--size", metavar="SIDE|HxW", help="pixels that costs are of")] = "32",
) -> None:
    """Try rules out, alone and in a space: shapes, costs, storing, torch module, gradients."""
    from studies.rules_report import show_check
    from studies.sources import parse_size

    with one_line_faults():
        show_check(sources, space, channels, parse_size(size))


@rules_app.command("new")
def rules_new(
    name: Annotated[str, typer.Argument(help="of the rule, such as ghost_block")],
    kind: Annotated[
        str, typer.Option("--kind", help="block, mixer, skip, encoder ...; a wrong one lists them")
    ] = "block",
    out: Annotated[Path | None, typer.Option("--out", help="file to write; default NAME.py")] = None,
) -> None:
    """Write a commented file with a rule that works, to start your own from."""
    from studies.rules_report import write_template

    with one_line_faults():
        write_template(name, kind, out)


if __name__ == "__main__":
    app()
