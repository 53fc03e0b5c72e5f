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
    """Return black or white, whichever has more contrast on `fill` (#rrggbb), by WCAG 2.1's relative luminance."""
    red, green, blue = (_linear(int(fill[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return "#000000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#ffffff"


def _linear(part: float) -> float:
    """Return the light of a colour's part, 0 to 1 (sRGB)."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def darker(fill: str) -> str:
    """Return a border for `fill` (#rrggbb)."""
    return "#" + "".join(f"{int(int(fill[i : i + 2], 16) * 0.6):02x}" for i in (1, 3, 5))
