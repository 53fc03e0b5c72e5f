"""Write the source files again: python docs/examples/write_source.py."""

from pathlib import Path
from random import Random

import nas
from nas.graph import Graph
from search_spaces import published, spaces


def examples() -> dict[str, tuple[str, Graph]]:
    """Return the class and the graph of each: a published network, a random one as deployed."""
    found = spaces["unet"].sample(Random(34))
    return {
        "hardnet_mseg": ("HarDNetMSEG", nas.build(published["hardnet_mseg"], (3, 352, 352))),
        "found_unet": ("FoundUNet", nas.deploy(nas.build(found, (3, 352, 352)))),
    }


if __name__ == "__main__":
    for name, (title, graph) in examples().items():
        Path(__file__).with_name(f"{name}.py").write_text(nas.to_source(graph, title))
