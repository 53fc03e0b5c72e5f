"""Which blocks memory bounds and which arithmetic, on the device that the study deploys to.

Nothing is measured here: the rates are those that the search, or `nas profile --device`, found and kept.
"""

from collections.abc import Sequence

import torch
from plotly.graph_objects import Figure, Scatter

from evaluators.operator_table import OperatorTable, Setting
from evaluators.roofline import Roofline, known_roofline
from nas.errors import NasError
from nas.profile import BlockCost
from studies.folder import read_json
from studies.report.looks import BLUE, GREY, ORANGE, figure_of
from studies.report.markup import Markup, plain, tag
from studies.report.rows import Study
from studies.report.sections import table

__all__ = ["bounds_part", "roof_figure", "roofline_of"]


def roofline_of(study: Study) -> Roofline | None:
    """Return the rates of the study's device in its precision; None where they were not measured on this machine."""
    deploy = study.config.deploy
    device = str(read_json(study.folder.facts_file).get("deploy_device", ""))
    kind = "cpu" if deploy.runtime == "onnxruntime" or "threads" in device else "cuda"
    setting = Setting(device, deploy.precision, deploy.channels_last, "torch", torch.__version__)
    try:
        return known_roofline(OperatorTable(setting, torch.device(kind)))
    except NasError:  # this machine has no such device, so that nothing was measured on it either
        return None


def roof_figure(blocks: Sequence[BlockCost], roof: Roofline) -> Figure:
    """Return the roofline with the blocks on it: the rate that each can at most have, by its arithmetic intensity."""
    moving = [block for block in blocks if block.macs_per_byte > 0]
    ends = [*(block.macs_per_byte for block in moving), roof.ridge]
    low, high = min(ends) / 2, max(ends) * 2
    line = Scatter(x=[low, roof.ridge, high], y=[_rate(x, roof) for x in (low, roof.ridge, high)], mode="lines")
    traces = [line.update(line={"color": GREY, "width": 2}, hoverinfo="skip", showlegend=False)]
    for name, colour, symbol in (("memory", ORANGE, "square"), ("compute", BLUE, "circle")):
        chosen = [block for block in moving if _bound(block, roof) == name]
        trace = Scatter(x=[b.macs_per_byte for b in chosen], y=[_rate(b.macs_per_byte, roof) for b in chosen])
        trace.update(mode="markers", marker={"color": colour, "size": 11, "symbol": symbol}, name=f"{name}-bound")
        trace.update(text=[plain(b.name) for b in chosen], showlegend=bool(chosen))
        traces.append(trace.update(hovertemplate="%{text}<br>%{x:.3~g} MAC per byte<extra></extra>"))
    figure = figure_of(*traces, x="MAC per byte", y="at most GMAC/s", height=300)
    figure.update_xaxes(type="log")
    return figure.update_yaxes(type="log")


def bounds_part(blocks: Sequence[BlockCost], roof: Roofline | None) -> Markup:
    """Return what bounds each block in words, or how to find it out."""
    if roof is None:
        words = "Whether memory or arithmetic bounds a block: its rates were not measured on this machine yet; "
        return tag("p", words, tag("code", "nas profile … --device"), " does.", class_="quiet")
    moved = {kind: sum(b.traffic_bytes for b in blocks if _bound(b, roof) == kind) for kind in ("memory", "compute")}
    words = (
        f"The device does {1e-6 * roof.macs_per_ms:.3g} GMAC/s and moves {1e-6 * roof.bytes_per_ms:.3g} GB/s: "
        f"arithmetic bounds blocks above {roof.ridge:.1f} MAC per byte, memory those below, which move "
        f"{100 * moved['memory'] / max(1, sum(moved.values())):.0f} % of the bytes."
    )
    rows = [[b.name, f"{b.macs_per_byte:.1f}", f"{_bound(b, roof)}-bound"] for b in blocks if b.traffic_bytes]
    found = table(["block", "MAC per byte", "bound by"], rows)
    return tag("div", tag("p", words), tag("details", tag("summary", "what bounds each block"), found))


def _bound(block: BlockCost, roof: Roofline) -> str:
    return "compute" if block.macs_per_byte > roof.ridge else "memory"


def _rate(macs_per_byte: float, roof: Roofline) -> float:
    """Return GMAC/s."""
    return 1e-6 * min(roof.macs_per_ms, roof.bytes_per_ms * macs_per_byte)
