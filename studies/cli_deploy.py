"""The commands from a study's front to masks: retrain, export, predict."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from studies.exits import FAILURE, one_line_faults, signals

if TYPE_CHECKING:
    from nas.export.smaller import Smaller

__all__ = ["Overrides", "deploy_app"]

deploy_app = typer.Typer()

Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="e.g. train.epochs=20")]


@deploy_app.command()
def retrain(
    directory: Annotated[Path, typer.Argument(metavar="STUDY_DIR", help="the study's folder")],
    overrides: Overrides = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", metavar="WHICH", help="best, knee, front, best:latency_ms<5, trial=N, published:NAME"),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help="trainings of each network")] = 5,
    name: Annotated[str | None, typer.Option("--name", help="of the folder in retrained/; default WHICH")] = None,
    test: Annotated[bool, typer.Option("--test/--no-test", help="open the test set when all are trained")] = True,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="begin anew what failed, other than by diverging")
    ] = False,
) -> None:
    """Train chosen networks in full, with several seeds, then score them on the test images."""
    from studies.retraining.running import Wish
    from studies.retraining.running import retrain as run

    wish = Wish(select or ["best"], seeds, name, overrides or [], test, retry_failed)
    with signals() as caught, one_line_faults(caught):
        if not run(directory, wish, lambda: bool(caught)):
            raise typer.Exit(FAILURE)


@deploy_app.command()
def export(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="STUDY_DIR:N, ARCHITECTURE.json, published:NAME, DIR")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder to write; must not exist")],
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help=".safetensors; default the trial's, else drawn at random"),
    ] = None,
    size: Annotated[str | None, typer.Option("--size", metavar="SIDE|HxW", help="pixels that costs are of")] = None,
    in_channels: Annotated[int | None, typer.Option("--in-channels", min=1, help="default 3")] = None,
    classes: Annotated[int | None, typer.Option("--classes", min=1, help="logits; default 1")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="of weights that are drawn")] = 0,
    level: Annotated[
        int | None, typer.Option("--level", min=1, help="prune UNet++ to this level, or take an output: 1 is the first")
    ] = None,
    fp16: Annotated[bool, typer.Option("--fp16", help="also write model.fp16.onnx")] = False,
    bf16: Annotated[bool, typer.Option("--bf16", help="also write model.bf16.pt2 (torch)")] = False,
    int8: Annotated[
        Literal["dynamic", "static"] | None, typer.Option("--int8", help="also write a quantised ONNX model")
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="to calibrate and measure on; default the study's")
    ] = None,
    example: Annotated[bool, typer.Option("--example/--no-example", help="draw validation images")] = True,
) -> None:
    """Write a network as a folder that stands alone: source, weights, ONNX, torch.export, model card."""
    from studies.exporting import Wish
    from studies.exporting import export as write
    from studies.sources import Asked, parse_size

    asked_for: dict[Smaller, bool] = {"fp16": fp16, "bf16": bf16, "int8-dynamic": int8 == "dynamic"}
    asked_for["int8-static"] = int8 == "static"
    smaller = [form for form, is_asked in asked_for.items() if is_asked]
    with one_line_faults():
        asked = Asked(parse_size(size) if size else None, in_channels, classes)
        write(source, asked, Wish(weights, seed, level, smaller, images, example), out)


@deploy_app.command()
def predict(
    directory: Annotated[Path, typer.Argument(metavar="EXPORT_DIR", help="folder that `nas export` wrote")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE|DIR...", help="pictures, or folders of them")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="where masks go")] = Path("predictions"),
    overlay: Annotated[bool, typer.Option("--overlay", help="draw outlines on the images, in overlays/")] = False,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="also write them, in probabilities/*.npy")
    ] = False,
    backend: Annotated[
        Literal["onnxruntime", "torch"], typer.Option("--backend", help="what runs the network")
    ] = "onnxruntime",
    form: Annotated[
        Literal["float32", "fp16", "int8-dynamic", "int8-static"], typer.Option("--form", help="which ONNX file")
    ] = "float32",
    tile: Annotated[
        int, typer.Option("--tile", min=0, help="images of a larger side are run in tiles of it; 0: whole")
    ] = 1024,
) -> None:
    """Write the masks of images, at the images' own size; 1 if some images could not be used."""
    from studies.predicting import Extras, Running
    from studies.predicting import predict as run

    with one_line_faults():
        if not run(directory, images, out, Running(backend, form, tile), Extras(overlay, probabilities)):
            raise typer.Exit(FAILURE)
