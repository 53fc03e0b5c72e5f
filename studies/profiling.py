"""What `nas published` and `nas profile` do. Without --verify and --device, nothing here loads torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

import nas
from nas.cost import Cost
from nas.errors import ShapeError
from nas.graph import Graph
from nas.profile import BlockCost
from search_spaces import published, published_names
from search_spaces.about import about_published, customary_input
from studies.cost_tables import PublishedRow, block_table, check_table, published_table, total_line
from studies.sources import Asked, named_network

if TYPE_CHECKING:
    from evaluators.counting import Check
    from studies.block_times import BlockTimes

__all__ = ["Wish", "show_profile", "show_published"]

_UNSEEN = 160  # columns where no terminal says how many it has: nothing is cut


@dataclass(frozen=True)
class Wish:
    """What of a network is shown. precision None: fp32, or what its study deploys in. device "": none is measured."""

    deployed: bool = True
    schedule: str = "fused"
    precision: str | None = None
    depth: int = 2
    verify: bool = False
    device: str = ""
    as_json: bool = False
    draw: Path | None = None
    colour: str = "kind"
    against: str | None = None


@dataclass(frozen=True)
class _Found:
    source: str
    graph: Graph
    wish: Wish
    precision: str
    cost: Cost
    blocks: BlockCost
    checks: "tuple[Check, ...]"
    times: "BlockTimes | None"


def show_published(size: tuple[int, int] | None) -> None:
    """Print every published network with its costs at `size`; None: 352, classifiers 224."""
    console = _console()
    rows, refused = [], []
    for name, architecture in published.items():
        side, classes = customary_input(architecture)
        built = deployed = None
        try:
            graph = nas.build(architecture, (3, *(size or (side, side))), classes)
            built, deployed = nas.cost(graph), nas.cost(nas.deploy(graph))
        except ShapeError as fault:
            refused.append(f"{name}: {fault}")
        rows.append(PublishedRow(name, about_published[name], built, deployed, name in published_names))
    console.print(published_table(rows, console.width))
    for line in refused:
        console.print(Text(line), soft_wrap=True)
    at = f"{size[0]} x {size[1]}" if size else "352 x 352 (classifiers: 224 x 224)"
    console.print(
        f"RGB at {at}, 1 class (classifiers: 1000). Parameters, MACs and CIO of the network as it is built; traffic of "
        "the deployed network, schedule fused, fp32. weights: whether published checkpoints can be loaded by name. "
        "A terminal of 140 columns shows what each is and its source as well."
    )


def show_profile(source: str, asked: Asked, wish: Wish) -> bool:
    """Print a network's costs by block. Return False if an independent count differs from ours."""
    found = _find(source, asked, wish)
    if wish.draw:
        _draw(found, asked, wish.draw)
    if wish.as_json:
        print(json.dumps(_plain(found), indent=1))
    else:
        _print(found)
    return all(check.agrees for check in found.checks)


def _find(source: str, asked: Asked, wish: Wish) -> _Found:
    network = named_network(source, asked)
    graph = nas.deploy(network.graph) if wish.deployed else network.graph
    precision = wish.precision or network.precision
    return _Found(
        source=source,
        graph=graph,
        wish=wish,
        precision=precision,
        cost=nas.cost(graph, wish.schedule, precision),
        blocks=nas.profile(graph, wish.schedule, precision),
        times=_times(graph, wish.device, precision) if wish.device else None,
        checks=_checks(graph) if wish.verify else (),
    )


def _draw(found: _Found, asked: Asked, path: Path) -> None:
    """Write the drawing of the network, or of what the one it is compared with has changed."""
    wish = found.wish
    if wish.against is None:
        nas.draw(found.graph, colour=wish.colour, heading=found.source).write(path)
        return
    size = (found.graph.image_shape[1], found.graph.image_shape[2])
    other = named_network(wish.against, asked._replace(size=size)).graph
    other = nas.deploy(other) if wish.deployed else other
    nas.draw_diff(found.graph, other, heading=f"{found.source} → {wish.against}").write(path)


def _checks(graph: Graph) -> "tuple[Check, ...]":
    from evaluators.counting import verify

    return verify(graph)


def _times(graph: Graph, device: str, precision: str) -> "BlockTimes":
    from studies.block_times import time_blocks

    return time_blocks(graph, device, precision)


def _print(found: _Found) -> None:
    console = _console()
    console.print(Text(_heading(found)), soft_wrap=True)
    console.print(block_table(found.blocks, found.wish.depth, console.width, found.times))
    console.print(Text(total_line(found.cost)), soft_wrap=True)
    for line in found.times.lines() if found.times else ():
        console.print(Text(line), soft_wrap=True)
    if found.checks:
        console.print(check_table(found.checks))


def _heading(found: _Found) -> str:
    image = " x ".join(map(str, found.graph.image_shape))
    form = "deployed (prediction only, BatchNorm folded)" if found.wish.deployed else "as built"
    classes = f"{found.graph.classes} class{'es' * (found.graph.classes > 1)}"
    return f"{found.source}: {form}, image {image}, {classes}, schedule {found.wish.schedule}, {found.precision}"


def _plain(found: _Found) -> dict[str, Any]:
    """Return everything that was found as what JSON can hold."""
    plain: dict[str, Any] = {
        "source": found.source,
        "deployed": found.wish.deployed,
        "image_shape": found.graph.image_shape,
        "classes": found.graph.classes,
        "schedule": found.wish.schedule,
        "precision": found.precision,
        "cost": asdict(found.cost),
        "blocks": [_plain_block(block, found.wish.depth, found.times) for block in found.blocks.inside],
    }
    if found.times:
        plain |= found.times.plain()
    if found.checks:
        plain["verify"] = {c.quantity: {"ours": c.ours, "agrees": c.agrees, **c.counted} for c in found.checks}
    return plain


def _plain_block(block: BlockCost, depth: int, times: "BlockTimes | None") -> Mapping[str, Any]:
    inside = [_plain_block(inner, depth - 1, times) for inner in block.inside] if depth > 1 else []
    ratios = {"macs_per_byte": block.macs_per_byte, "macs_per_cio": block.macs_per_cio}
    own = {name: value for name, value in vars(block).items() if name != "inside"}
    timed = times.plain_block(block) if times else {}
    return own | ratios | timed | ({"inside": inside} if inside else {})


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, _UNSEEN))
