"""A drawing as one page that works offline: the plotly figure, and the operators of the cell that is clicked."""

import json
from html import escape

from nas.drawing.figure import to_figure
from nas.drawing.sheet import Sheet

__all__ = ["to_html"]

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px Helvetica, Arial, sans-serif; color: #1f2933; margin: 0 }}
#drawing {{ overflow-x: auto }}
#inside {{ margin: 12px }}
table {{ border-collapse: collapse; font-size: 12px }}
td, th {{ padding: 3px 10px; border-bottom: 1px solid #d8dee4; text-align: left; font-variant-numeric: tabular-nums }}
</style>
</head>
<body>
<script type="application/json" id="cells">{cells}</script>
<div id="drawing">{figure}</div>
<div id="inside"><p>Click a cell to list what it holds.</p></div>
</body>
</html>
"""

CLICK = """
const cells = JSON.parse(document.getElementById("cells").textContent);
const row = (parent, tag, texts) => {
  const line = parent.appendChild(document.createElement("tr"));
  for (const text of texts) line.appendChild(document.createElement(tag)).textContent = text;
};
document.getElementById("{plot_id}").on("plotly_click", (event) => {
  const cell = cells.faces[event.points[0].customdata];
  const inside = document.getElementById("inside");
  inside.replaceChildren();
  inside.appendChild(document.createElement("h3")).textContent = cell.title[0];
  inside.appendChild(document.createElement("p")).textContent = cell.title.slice(1).join(" · ");
  const table = inside.appendChild(document.createElement("table"));
  row(table, "th", cells.columns);
  for (const texts of cell.inside) row(table, "td", texts);
});
"""
"""Names go into the page as text, never as markup."""


def to_html(sheet: Sheet) -> str:
    """Return the page; plotly's script is in it."""
    figure = to_figure(sheet).to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id="figure",
        post_script=CLICK,
        config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
    )
    faces = {cell: {"title": face.title, "inside": face.inside} for cell, face in sheet.faces.items()}
    stored = json.dumps({"columns": sheet.columns, "faces": faces}).replace("<", "\\u003c")
    return PAGE.format(title=escape(sheet.heading), figure=figure, cells=stored)
