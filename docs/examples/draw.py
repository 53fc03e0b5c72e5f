"""Draw the examples again: python docs/examples/draw.py."""

from pathlib import Path

import nas
from search_spaces import published

for key in ("unetpp_bn32", "hrnetv2_w18", "hardnet_mseg"):
    drawing = nas.draw(nas.build(published[key], (3, 352, 352)), heading=key)
    drawing.write(Path(__file__).with_name(f"{key}.svg"))
