"""Colours: by kind of cell, by share of a cost, and by what changed. Chosen to differ for colour-blind readers, too."""

__all__ = ["KIND_FILLS", "NEUTRAL", "STATUS", "darker", "ink_on", "shade"]

KIND_FILLS = {
    "image": "#e3e7eb",
    "coarser": "#b9d7f2",
    "same": "#f7e7b0",
    "finer": "#bfe3c4",
    "exchange": "#dccbee",
    "weightless": "#ffffff",
    "output": "#f6c4b8",
}
"""Fill by kind of cell (`nas.drawing.kinds.KINDS`)."""

STATUS = {
    "same": ("#ffffff", "#aab4be"),
    "changed": ("#fbe3a1", "#b98a00"),
    "added": ("#b5e0bd", "#1e8449"),
    "removed": ("#f5bdb3", "#b03a2e"),
}
"""Fill and border by what happened to a cell between two architectures."""

NEUTRAL = "#7b8794"
"""Arrows."""

LIGHT, DARK = (239, 246, 252), (8, 64, 129)


def shade(share: float) -> str:
    """Return a blue, the darker the nearer `share` is to 1; it must be from 0 to 1."""
    parts = (round(a + (b - a) * share) for a, b in zip(LIGHT, DARK, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def ink_on(fill: str) -> str:
    """Return the colour of text that is legible on `fill` (#rrggbb)."""
    red, green, blue = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return "#1f2933" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


def darker(fill: str) -> str:
    """Return a border for `fill` (#rrggbb)."""
    return "#" + "".join(f"{int(int(fill[i : i + 2], 16) * 0.6):02x}" for i in (1, 3, 5))
