"""Memory traffic as counted by the schedules against bytes that the GPU's own counters saw.

Run: python benchmarks/traffic.py   (needs a CUDA device and Nsight Compute's `ncu`; writes results/traffic-gpu.json)

Published networks at 352 x 352, deployed, fp32 and bf16, channels last, one image. `ncu` adds up what each kernel read
from and wrote to device memory, caches flushed before each kernel (its default), which is what the schedules count.
torch runs eagerly, so "eager" is the schedule to be met; "fused" is what a compiler could save. No GPU has run this.
"""

import csv
import io
import shutil
import subprocess
import sys

import torch
from recorded import record

import nas
from evaluators.runtimes import runner
from search_spaces import published

NETWORKS = ("unet_bn32", "hardnet_mseg", "amsunet", "convunext", "unetpp_bn32", "hrnetv2_w18")
SHAPE = (3, 352, 352)
COUNTERS = ("dram__bytes_read.sum", "dram__bytes_write.sum")
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def deployed(name: str) -> nas.Graph:
    return nas.deploy(nas.build(published[name], SHAPE, 1))


def run_once(name: str, precision: str) -> None:
    """Run a network under `ncu`, which looks at what lies between start and stop alone."""
    run = runner(nas.to_module(deployed(name)), (1, *SHAPE), torch.device("cuda"), DTYPES[precision])
    run()
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    run()
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()


def counted_bytes(name: str, precision: str) -> int:
    """Return the bytes that the counters saw in one run."""
    command = ["ncu", "--profile-from-start", "off", "--metrics", ",".join(COUNTERS), "--csv", "--print-units", "base"]
    done = subprocess.run(
        [*command, sys.executable, __file__, name, precision], capture_output=True, text=True, check=True
    )
    lines = done.stdout[done.stdout.index('"ID"') :]
    rows = csv.DictReader(io.StringIO(lines))
    return round(sum(float(r["Metric Value"].replace(",", "")) for r in rows if r["Metric Name"] in COUNTERS))


def rows() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for name in NETWORKS:
        for precision in DTYPES:
            measured = counted_bytes(name, precision)
            for schedule in ("eager", "fused"):
                stated = nas.cost(deployed(name), schedule, precision).traffic_bytes
                found.append(
                    {"name": f"{name}, {precision}, {schedule}", "value": stated, "baseline": measured}
                    | {"ratio": stated / measured, "interval": None}
                )
    return found


def main() -> None:
    if len(sys.argv) == 3:
        run_once(sys.argv[1], sys.argv[2])
        return
    if not torch.cuda.is_available() or shutil.which("ncu") is None:
        sys.exit("traffic.py needs a CUDA device and `ncu` (Nsight Compute); nothing was measured")
    record(rows(), "cuda")


if __name__ == "__main__":
    main()
