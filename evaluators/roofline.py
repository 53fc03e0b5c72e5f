"""The calibrated roofline: how long a launch takes where nothing measured it.

Source: Williams, Waterman, Patterson, "Roofline", CACM 2009: a launch takes as long as its arithmetic at the peak rate
or its bytes at the peak bandwidth, whichever is longer. Here a launch also takes the time of an empty one, and each
kind of operator the factor by which those measured so far missed the roof.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from evaluators.operator_table import Entry, OperatorTable
from nas.graph import GraphBuilder
from nas.launches import Launch, launches_of
from nas.ops import Add, Conv, ReLU, Shape, Upsample

__all__ = ["Roofline", "calibrated", "factors_of", "known_roofline"]

_ENOUGH = 3  # entries of a kind, before it has a factor of its own
_PROBE_SIDE, _PROBE_SIDE_CUDA = 32, 256  # pixels; a GPU is not full with less


class Roofline(NamedTuple):
    """Rates of one setting. launch_ms: what a launch with next to nothing to do takes."""

    macs_per_ms: float
    bytes_per_ms: float
    launch_ms: float

    @property
    def ridge(self) -> float:
        """MACs per byte above which arithmetic is the bound, below which memory is."""
        return self.macs_per_ms / self.bytes_per_ms

    def ms(self, macs: int, moved_bytes: int) -> float:
        """Return the least time of a launch."""
        return self.launch_ms + max(macs / self.macs_per_ms, moved_bytes / self.bytes_per_ms)


def calibrated(table: OperatorTable) -> Roofline:
    """Return the roofline from three probes, which the table measures and keeps as it does other launches.

    Arithmetic: a 3x3 convolution of 256 channels. Bandwidth: a sum of two large maps. Launch: a ReLU of 128 numbers.
    """
    probes = _probes(_probe_side(table))
    table.fill(probes)
    return _of(table, probes)


def known_roofline(table: OperatorTable) -> Roofline | None:
    """Return the roofline where its probes were measured before, None where they were not; measures nothing."""
    probes = _probes(_probe_side(table))
    return _of(table, probes) if all(probe.key in table.entries for probe in probes) else None


def _probe_side(table: OperatorTable) -> int:
    return _PROBE_SIDE_CUDA if table.device.type == "cuda" else _PROBE_SIDE


def _of(table: OperatorTable, probes: tuple[Launch, Launch, Launch]) -> Roofline:
    arithmetic, memory, empty = (table.entries[probe.key] for probe in probes)
    busy = [max(entry.ms - empty.ms, 0.1 * entry.ms) for entry in (arithmetic, memory)]
    return Roofline(arithmetic.macs / busy[0], memory.bytes / busy[1], empty.ms)


def factors_of(entries: Iterable[Entry], roofline: Roofline) -> dict[str, float]:
    """Return by kind the median of measured over roofline; under "", of all kinds, for those with few entries."""
    missed: dict[str, list[float]] = defaultdict(list)
    for entry in entries:
        missed[entry.kind].append(entry.ms / roofline.ms(entry.macs, entry.bytes))
    factors = {kind: statistics.median(found) for kind, found in missed.items() if len(found) >= _ENOUGH}
    return factors | {"": statistics.median(sum(missed.values(), [1.0]))}


def _probes(side: int) -> tuple[Launch, Launch, Launch]:
    wide: Shape = (256, side, side)
    compute = GraphBuilder(wide, 1)
    copy = GraphBuilder(wide, 1)
    empty = GraphBuilder((8, 4, 4), 1)
    large = [copy.add(Upsample(4, "nearest"), copy.image), copy.add(Upsample(4, "nearest"), copy.image)]
    graphs = (
        compute.freeze([compute.add(Conv(256), compute.image)]),
        copy.freeze([copy.add(Add(), *large)]),
        empty.freeze([empty.add(ReLU(), empty.image)]),
    )
    first, second, third = (list(launches_of(graph, fuse=False))[-1] for graph in graphs)
    return first, second, third
