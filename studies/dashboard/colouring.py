"""What depends on the page's light or dark colours, and what keeps a figure as it is when it is drawn again."""

from typing import Any

from plotly.graph_objects import Figure

__all__ = ["SCHEMES", "shown"]

SCHEMES = {
    "light": {"ink": "#1f2933", "grid": "#e4e8ec", "raised": "#f5f7f9"},
    "dark": {"ink": "#e6eaee", "grid": "#2b333b", "raised": "#1d2329"},
}
"""As in the report's page.css: --ink, --grid and --raised."""


def shown(figure: Figure, scheme: str | None, kept: str = "") -> Figure:
    """Return the figure in the colours of the page. Zoom and hidden traces stay as long as `kept` is the same."""
    colours = SCHEMES.get(scheme or "light", SCHEMES["light"])
    clear = "rgba(0,0,0,0)"
    figure.update_layout(
        paper_bgcolor=clear,
        plot_bgcolor=clear,
        font={"color": colours["ink"], "size": 13, "family": "system-ui, Helvetica, Arial, sans-serif"},
        hoverlabel={"bgcolor": colours["raised"], "bordercolor": colours["grid"], "align": "left"},
        hoverlabel_font_color=colours["ink"],
        legend_bgcolor=clear,
        modebar={"bgcolor": clear, "color": colours["ink"]},
        uirevision=kept or None,
    )
    axis: dict[str, Any] = {"gridcolor": colours["grid"], "linecolor": colours["grid"]}
    axis |= {"zerolinecolor": colours["grid"], "title_font_size": 13}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    if "scene" in figure.layout:
        sides = {"gridcolor": colours["grid"], "backgroundcolor": clear, "showbackground": False}
        figure.update_scenes(xaxis=sides, yaxis=sides, zaxis=sides)
    return figure
