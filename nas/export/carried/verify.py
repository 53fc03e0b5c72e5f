"""Check that all forms of the network in this folder compute the same: `python verify.py`; exit code 1 if they do not.

Each form runs on the image stored in example.safetensors, and its logits are compared with the stored ones. fp16, bf16
and int8 forms may differ by twice what they did when they were made (forms.json) and a hundredth of the range, because
devices round differently. Forms whose package is not installed are named and left out. It runs what is in this folder:
do so only if you trust it.
"""

import json
import sys
from array import array
from collections.abc import Callable
from functools import partial
from importlib import import_module
from math import isfinite
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOUND = 1e-4  # of the range of the stored logits
ROUNDINGS = 16 * 2**-23  # of float32, of the greatest logit: more than its range where a network gives one number

Values = list[float]


def stored(name: str) -> tuple[list[int], Values]:
    """Return shape and numbers of a float32 tensor in example.safetensors."""
    content = (HERE / "example.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    entry = json.loads(content[8:start])[name]
    first, last = entry["data_offsets"]
    numbers = array("f", content[start + first : start + last])
    if sys.byteorder == "big":
        numbers.byteswap()
    return entry["shape"], numbers.tolist()


def by_source(shape: list[int], image: Values) -> Values:
    """Run model.py with weights.safetensors."""
    torch = import_module("torch")
    network = import_module("model").load()
    with torch.no_grad():
        return _flat(network(torch.tensor(image).reshape(shape)))


def by_program(shape: list[int], image: Values, name: str = "model.pt2") -> Values:
    """Run a program of torch.export."""
    torch = import_module("torch")
    network = torch.export.load(HERE / name).module()
    with torch.no_grad():
        return _flat(network(torch.tensor(image).reshape(shape)))


def by_onnx(shape: list[int], image: Values, name: str = "model.onnx") -> Values:
    """Run an ONNX model."""
    runtime, np = import_module("onnxruntime"), import_module("numpy")
    session = runtime.InferenceSession(HERE / name, providers=["CPUExecutionProvider"])
    return _flat(session.run(["logits"], {"image": np.array(image, np.float32).reshape(shape)})[0])


Run = Callable[[list[int], Values], Values]
FORMS: dict[str, tuple[Run, float]] = {
    "model.py": (by_source, BOUND),
    "model.onnx": (by_onnx, BOUND),
    "model.pt2": (by_program, BOUND),
}


def smaller() -> dict[str, tuple[Run, float]]:
    """Return the forms of fewer bytes per number that are here, each with its bound."""
    path = HERE / "forms.json"
    if not path.exists():
        return {}
    kinds = {".pt2": by_program, ".onnx": by_onnx}
    return {
        name: (partial(kinds[Path(name).suffix], name=name), 2 * known["difference"] + 0.01)
        for name, known in json.loads(path.read_text(encoding="utf-8")).items()
    }


def main() -> int:
    """Print the greatest difference of each form; return 1 if one is above the bound or none could be run."""
    (shape, image), (_, expected) = stored("image"), stored("logits")
    spread = max(expected) - min(expected)
    agree = ran = 0
    for name, (run, bound) in (FORMS | smaller()).items():
        try:
            found = run(shape, image)
        except ModuleNotFoundError as fault:
            print(f"{name:11} not checked: {fault.name} is not installed")
            continue
        ran += 1
        agree += _told(name, found, expected, spread, bound)
    return 0 if ran and agree == ran else 1


def _told(name: str, found: Values, expected: Values, spread: float, bound: float) -> bool:
    if len(found) != len(expected) or not all(map(isfinite, found)):
        print(f"{name:11} DIFFERS: {len(found)} logits, {len(expected)} stored; or some are not finite")
        return False
    worst = max(abs(a - b) for a, b in zip(found, expected, strict=True))
    agrees = worst <= max(bound * spread, ROUNDINGS * max(map(abs, expected)))
    print(
        f"{name:11} {'agrees ' if agrees else 'DIFFERS'}: greatest difference {worst:.2e}, "
        f"{worst / (spread or 1):.1e} of the logits' range {spread:.3g} (bound {bound:.2g})"
    )
    return agrees


def _flat(logits: object) -> Values:
    values: Values = logits.reshape(-1).tolist()  # type: ignore[attr-defined]  # of torch or of numpy
    return values


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # the folder stays as it was written
    sys.path.insert(0, str(HERE))
    sys.exit(main())
