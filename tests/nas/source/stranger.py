"""Runs source files where only torch is at hand: python stranger.py FOLDER COUNT. The tests start it.

FOLDER holds COUNT files NAME.py, each with a NAME.pt (state dict, image, expected outputs); prints a line for each that
differs and ends with 1 if any does.
"""

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import torch

FORBIDDEN = ("nas", "search_spaces", "evaluators", "studies")


class Refuse(MetaPathFinder):
    """Refuses to import the project."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname.split(".")[0] in FORBIDDEN:
            raise ImportError(f"{fullname} must not be needed")


def faults(folder: Path, count: int) -> list[str]:
    files = sorted(folder.glob("*.py"))
    found = [] if len(files) == count else [f"{len(files)} files instead of {count}"]
    for file in files:
        namespace: dict[str, Any] = {"__name__": file.stem}
        exec(compile(file.read_text(), str(file), "exec"), namespace)
        case = torch.load(file.with_suffix(".pt"), weights_only=True)
        network = namespace["Network"]()
        if sorted(network.state_dict()) != sorted(case["state"]):
            found.append(f"{file.stem}: state dict keys {set(network.state_dict()) ^ set(case['state'])}")
            continue
        network.load_state_dict(case["state"])
        if network.prediction != case["prediction"]:
            found.append(f"{file.stem}: prediction {network.prediction}")
        for run in case["runs"]:
            torch.manual_seed(7)
            network.train(run["train"])
            with torch.no_grad():
                outputs = network(run["image"])
            if isinstance(outputs, list) != run["list"]:
                found.append(f"{file.stem}: returns {type(outputs).__name__}")
            listed = outputs if isinstance(outputs, list) else [outputs]
            equal = len(listed) == len(run["outputs"]) and all(map(torch.equal, listed, run["outputs"]))
            if not equal:
                found.append(f"{file.stem}: outputs differ at {tuple(run['image'].shape)}, train={run['train']}")
    return found


if __name__ == "__main__":
    sys.meta_path.insert(0, Refuse())
    torch.set_num_threads(1)
    try:
        import nas  # noqa: F401  # must fail
    except ImportError:
        wrong = faults(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        wrong = ["the project could be imported"]
    print("\n".join(wrong))
    sys.exit(bool(wrong))
