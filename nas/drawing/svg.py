"""A drawing as SVG, written without a browser: plotly's static images need one, which servers do not have."""

from xml.etree.ElementTree import Element, SubElement, tostring

from nas.drawing.sheet import BOTTOM, TOP, Sheet

__all__ = ["FONT", "to_svg"]

FONT = "Helvetica, Arial, sans-serif"


def to_svg(sheet: Sheet) -> str:
    """Return the drawing as an SVG document; a browser shows the title of the cell under the pointer."""
    width, height = f"{sheet.layout.width:.0f}", f"{sheet.layout.height + TOP + BOTTOM:.0f}"
    size = {"width": width, "height": height, "viewBox": f"0 {-TOP} {width} {height}"}
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "font-family": FONT, "role": "img"})
    SubElement(svg, "title").text = sheet.heading
    SubElement(svg, "rect", {"y": str(-TOP), "width": "100%", "height": "100%", "fill": "white"})
    for stroke in sheet.strokes():
        dash = {"stroke-dasharray": "4 3"} if stroke.dashed else {}
        path = SubElement(
            svg, "path", {"d": stroke.path, "fill": stroke.fill or "none", "stroke": stroke.border, **dash}
        )
        if stroke.title:
            SubElement(path, "title").text = "\n".join(stroke.title)
    for text in sheet.texts():
        style = {"font-weight": "bold"} if text.bold else {}
        style |= {"text-anchor": "middle"} if text.centred else {}
        place = {"x": f"{text.x:.1f}", "y": f"{text.y + 0.35 * text.size:.1f}"}
        size = {"font-size": f"{text.size:g}", "fill": text.colour, "pointer-events": "none"}
        SubElement(svg, "text", place | size | style).text = text.text
    return tostring(svg, encoding="unicode")
