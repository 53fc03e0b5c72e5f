"""A drawing as a plotly figure, pixel for pixel the SVG, with what a cell holds at the pointer."""

from html import escape

from plotly.graph_objects import Figure, Scatter

from nas.drawing.sheet import BOTTOM, INK, TOP, Sheet
from nas.drawing.svg import FONT

__all__ = ["to_figure"]

REACH = 70  # pixels: a cell's middle is found from all of it


def to_figure(sheet: Sheet) -> Figure:
    """Return the figure. Its second trace has a point in the middle of each cell; customdata is the cell's id.

    All texts are escaped: plotly reads tags in them.
    """
    width, height = sheet.layout.width, sheet.layout.height
    figure = Figure([_texts(sheet), _points(sheet)])
    figure.update_layout(
        width=round(width),
        height=round(height + TOP + BOTTOM),
        margin={"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0},
        xaxis={"visible": False, "range": [0, width]},
        yaxis={"visible": False, "range": [height + BOTTOM, -TOP]},
        shapes=[
            {
                "type": "path",
                "path": stroke.path,
                "fillcolor": stroke.fill or "rgba(0,0,0,0)",
                "line": {"color": stroke.border, "width": 1, "dash": "4px,3px" if stroke.dashed else "solid"},
                "layer": "below",
            }
            for stroke in sheet.strokes()
        ],
        showlegend=False,
        hovermode="closest",
        hoverdistance=REACH,
        hoverlabel={"bgcolor": "white", "align": "left", "font": {"color": INK}},
        dragmode="pan",
        plot_bgcolor="white",
        paper_bgcolor="white",
        font={"family": FONT},
    )
    return figure


def _texts(sheet: Sheet) -> Scatter:
    texts = sheet.texts()
    shown = [escape(text.text, quote=False) for text in texts]
    return Scatter(
        x=[text.x for text in texts],
        y=[text.y for text in texts],
        text=[f"<b>{words}</b>" if text.bold else words for text, words in zip(texts, shown, strict=True)],
        mode="text",
        textposition=["middle center" if text.centred else "middle right" for text in texts],
        textfont={"size": [text.size for text in texts], "color": [text.colour for text in texts]},
        hoverinfo="skip",
    )


def _points(sheet: Sheet) -> Scatter:
    boxes = sheet.layout.boxes
    return Scatter(
        x=[box.x + box.width / 2 for box in boxes.values()],
        y=[box.middle for box in boxes.values()],
        mode="markers",
        marker={"opacity": 0, "size": 20},
        hovertext=["<br>".join(escape(line, quote=False) for line in sheet.faces[cell].title) for cell in boxes],
        hoverinfo="text",
        customdata=list(boxes),
    )
