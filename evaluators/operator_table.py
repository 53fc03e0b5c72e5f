"""Measured times of launches and networks, on disk, shared by all studies of a device.

One file per setting (device, precision, layout, runtime, torch version), appended to and never rewritten: a line cut
off by a kill is ignored, and what it held is measured again. Entries are keyed by the launch's operators, shapes and
wiring (`nas.launches.Launch.key`).

Launches are measured as they come, over days, and a shared machine may run at half its speed from one second to the
next. So each is timed in turn with the reference network; its entry holds where that takes what it took first.
"""

import hashlib
import json
import re
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import nas
from evaluators.cache import cache_folder, locked, measuring
from evaluators.device import describe_device
from evaluators.device import precision as dtype_of
from evaluators.faults import out_of_memory
from evaluators.reference import REFERENCE_SHAPE, reference_network
from evaluators.timing import Run, pinned, timed
from nas.cost import BYTES
from nas.launches import Launch

__all__ = ["Entry", "OperatorTable", "Ran", "Setting"]

_FORM = 2  # of the files: with the reference's time
_REPEATS, _FEWEST, _BUDGET_S = 9, 5, 0.01  # per launch
_REFERENCE_REPEATS = 50
_WEIGHT = 0.01  # of all weights: no launch gets slow by denormal numbers


class Setting(NamedTuple):
    """What a time depends on besides the launch. device: as `describe_device` names it, with its threads."""

    device: str
    precision: str
    channels_last: bool
    runtime: str
    torch_version: str

    @classmethod
    def of(cls, device: torch.device, precision: str, channels_last: bool = True, runtime: str = "torch") -> "Setting":
        """Return the setting of this process. precision: "fp32" or "bf16"."""
        return cls(describe_device(device), precision, channels_last, runtime, torch.__version__)


class Entry(NamedTuple):
    """A launch: its first operator's kind, multiply-accumulates, bytes moved, milliseconds at the table's speed."""

    kind: str
    macs: int
    bytes: int
    ms: float


class Ran(NamedTuple):
    """A measured network: the sum over its launches, and what it took as a whole, in milliseconds."""

    sum_ms: float
    ms: float


class OperatorTable:
    """The times of one setting. What other processes append is seen at the next `fill` or `ran`."""

    def __init__(
        self, setting: Setting, device: torch.device, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.entries: dict[str, Entry] = {}
        self.networks: dict[str, Ran] = {}
        self.reference_ms: float | None = None  # of `reference_network`, when the table was begun
        self.path = cache_folder() / "operators" / _file_name(setting)
        self.setting = setting
        self.device = device
        self._dtype = dtype_of(setting.precision, device)
        self._clock = clock
        self._seen = 0
        if self.path.exists():
            self._read()

    def fill(self, launches: Iterable[Launch]) -> int:
        """Measure those of `launches` that have no entry, some milliseconds each; return how many they were.

        Raises DeviceError where the table cannot be written, OutOfMemory where a launch does not fit the device.
        """
        missing = self._missing(launches)
        if not missing:
            return 0
        with measuring(self.device), pinned(self.device):
            if self.path.exists():
                self._read()
            reference = self._reference()
            if self.reference_ms is None:
                self.reference_ms = self._begin(reference)
            missing = self._missing(missing.values())
            for key, launch in missing.items():
                self.entries[key] = self._entry(launch, reference)
        self._append([{"launch": key} | self.entries[key]._asdict() for key in missing])
        return len(missing)

    def ran(self, network: str, found: Ran) -> None:
        """Store what a network took. network: its key and the size of its image."""
        self.networks[network] = found
        self._append([{"network": network} | found._asdict()])

    def _missing(self, launches: Iterable[Launch]) -> dict[str, Launch]:
        return {launch.key: launch for launch in launches if launch.key not in self.entries}

    def _begin(self, reference: Run) -> float:
        (times,) = self._timed([reference], _REFERENCE_REPEATS)
        found = statistics.median(times)
        self._append([{"reference_ms": found}])
        return found

    def _entry(self, launch: Launch, reference: Run) -> Entry:
        try:
            ms = self._ms(launch, reference)
        except RuntimeError as error:
            fault = out_of_memory(error)
            if fault is None:
                raise
        else:
            return Entry(kind_of(launch), launch.macs, launch.elements * BYTES[self.setting.precision], ms)
        raise fault

    def _ms(self, launch: Launch, reference: Run) -> float:
        graph = launch.to_graph()
        module = nas.to_module(graph, initialise=False)
        with torch.no_grad():
            for tensor in (*module.parameters(), *module.buffers()):
                tensor.fill_(_WEIGHT)
        given = self._place(module, [torch.randn(1, *node.shape) for node in graph.nodes() if not node.inputs])
        times, beside = self._timed([lambda: module.run(given), reference], _REPEATS)
        assert self.reference_ms is not None
        return self.reference_ms * statistics.median(times) / statistics.median(beside)

    def _reference(self) -> Run:
        module = reference_network()
        (given,) = self._place(module, [torch.randn(1, *REFERENCE_SHAPE)])
        return lambda: module(given)

    def _place(self, module: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
        """Have a module on the device, in the setting's precision and layout; return its inputs so."""
        module.eval().to(self.device, self._dtype)
        placed = [tensor.to(self.device, self._dtype) for tensor in inputs]
        if not self.setting.channels_last:
            return placed
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stubs
        return [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in placed]

    @torch.inference_mode()
    def _timed(self, runs: list[Run], repeats: int) -> list[list[float]]:
        return timed(
            runs, self.device, warmup=1, repeats=repeats, fewest=_FEWEST, budget_s=_BUDGET_S, clock=self._clock
        )

    def _append(self, rows: list[dict[str, Any]]) -> None:
        """Write whole lines at the end, after what others have written."""
        with locked(self.path.with_suffix(".lock")):
            new = not self.path.exists()
            with self.path.open("ab") as file:
                head = [self.setting._asdict()] if new else []
                text = "".join(json.dumps(row) + "\n" for row in (*head, *rows))
                cut_off = not new and not self.path.read_bytes().endswith(b"\n")
                file.write(("\n" * cut_off + text).encode())

    def _read(self) -> None:
        """Take in the lines that were not seen yet, as far as they are whole."""
        with self.path.open("rb") as file:
            file.seek(self._seen)
            new = file.read()
        new = new[: new.rfind(b"\n") + 1]
        self._seen += len(new)
        for line in new.splitlines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            row: Mapping[str, Any] = json.loads(line)
            if "launch" in row:
                entry = Entry(str(row["kind"]), int(row["macs"]), int(row["bytes"]), float(row["ms"]))
                self.entries.setdefault(row["launch"], entry)
            elif "reference_ms" in row:
                self.reference_ms = self.reference_ms or float(row["reference_ms"])
            elif "network" in row:
                self.networks[row["network"]] = Ran(float(row["sum_ms"]), float(row["ms"]))
        except (ValueError, KeyError, TypeError):
            return  # damaged: it is measured again


def kind_of(launch: Launch) -> str:
    """Return what the roofline is calibrated by: the first operator's name, and whether it is grouped."""
    return f"{'grouped ' * (getattr(launch.op, 'groups', 1) > 1)}{type(launch.op).__name__}"


def _file_name(setting: Setting) -> str:
    told = re.sub(r"[^a-z0-9]+", "-", f"{setting.device} {setting.precision} {setting.runtime}".lower()).strip("-")
    digest = hashlib.blake2b(json.dumps([*setting, _FORM]).encode(), digest_size=4).hexdigest()
    return f"{told[:80]}-{digest}.jsonl"
