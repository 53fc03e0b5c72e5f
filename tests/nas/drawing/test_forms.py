"""What is written: SVG without a browser, a page that works offline, a plotly figure; names from files stay text."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import plotly.io
import pytest

import nas
from nas.drawing import Drawing, fold
from nas.drawing.colours import NEUTRAL, ink_on, shade
from nas.errors import DrawingError
from nas.graph import Graph
from search_spaces import published

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "]]></title></svg><b>",
    "</script><script>alert(2)</script>",
    "a\x00b\x1b[31m\ud800\u202e",
    "{plot_id} %{x} &lt;i&gt; <b>bold</b> $x$",
)


def graph() -> Graph:
    return nas.build(published["unet_bn32"], (3, 64, 64))


def hostile_graph() -> Graph:
    """A stored graph whose scopes and operators have names that someone chose to do harm."""
    stored = json.loads(graph().to_json())
    for number, row in enumerate(stored["nodes"][1:]):
        name = HOSTILE[number % len(HOSTILE)]
        row["name"] = row["name"].replace("encoder.", f"encoder.{name}").replace("conv1", name).replace("head", name)
    return Graph.from_json(json.dumps(stored))


def opened(graph: Graph, heading: str = "") -> Drawing:
    """Every operator is a cell and shows its name."""
    return nas.draw(graph, open=[cell.id for cell in fold(graph).cells], heading=heading)


class Tags(HTMLParser):
    """Every tag of a page, every attribute's name, and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str | None]] = {}
        self.texts: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value)

    def handle_data(self, data: str) -> None:
        self.texts[self.tags[-1] if self.tags else ""] = data


def svg_texts(drawing: Drawing) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(drawing.to_svg()).iter(f"{SVG}text")]


def test_the_svg_shows_every_cell(graph: Graph) -> None:
    picture, drawing = fold(graph), nas.draw(graph, heading="a network")
    root = ElementTree.fromstring(drawing.to_svg())
    titles = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert titles[0] == "a network"
    assert sorted(title.splitlines()[0] for title in titles[1:]) == sorted(cell.id for cell in picture.cells)
    for cell in picture.cells:
        assert any(cell.id in title and f"{cell.macs:,} MACs" in title for title in titles)
    assert len(svg_texts(drawing)) >= 3 * len(picture.cells)


def test_every_arrow_has_a_head(graph: Graph) -> None:
    picture, sheet = fold(graph), nas.draw(graph).sheet
    heads = [stroke for stroke in sheet.strokes() if stroke.fill == NEUTRAL]
    assert len(heads) == len(picture.arrows)


@pytest.mark.parametrize(("colour", "cost"), [("macs", "macs"), ("params", "params"), ("traffic", "traffic_bytes")])
def test_a_cost_is_shown_as_shares(colour: str, cost: str) -> None:
    drawing = nas.draw(graph(), colour=colour)
    total = getattr(nas.cost(graph()), cost)
    cells = fold(graph()).cells
    wanted = [f"{getattr(cell, cost) / total:.1%}" for cell in cells]
    assert [face.texts[2] for face in drawing.sheet.faces.values()] == wanted
    most = max(cells, key=lambda cell: getattr(cell, cost))
    assert drawing.sheet.faces[most.id].fill == shade(1.0)
    assert drawing.sheet.faces["image"].fill == shade(0.0) or colour == "traffic"


def test_text_is_legible_on_every_shade() -> None:
    """At least 4.5 to 1, the contrast that WCAG 2.1 asks of small text."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for fill in [shade(step / 50) for step in range(51)]:
        bright, dark = sorted((luminance(fill), luminance(ink_on(fill))), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) > 4.5, fill


def test_another_colour_is_refused() -> None:
    with pytest.raises(DrawingError, match=r"colour='flops'; give one of kind, params, macs, cio, traffic"):
        nas.draw(graph(), colour="flops")


def test_hostile_names_stay_text_in_svg() -> None:
    heading = " ".join(HOSTILE)
    for drawing in (
        opened(hostile_graph(), heading),
        nas.draw_diff(graph(), hostile_graph(), heading=heading),
    ):
        root = ElementTree.fromstring(drawing.to_svg().encode())
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {"svg", "title", "rect", "path", "text"}
        assert not [name for element in root.iter() for name in element.attrib if name.startswith("on")]


def test_hostile_names_stay_text_on_the_page() -> None:
    harmless = Tags(opened(graph(), "network").to_html())
    page = opened(hostile_graph(), " ".join(HOSTILE)).to_html()
    page.encode()
    hostile = Tags(page)
    assert hostile.tags == harmless.tags
    assert hostile.attributes.keys() == harmless.attributes.keys()


def test_plotly_reads_no_tags_in_names() -> None:
    texts, points = opened(hostile_graph(), " ".join(HOSTILE)).to_figure().data
    assert any("script" in text for text in texts.text)
    assert any("&lt;img src=x" in text for text in points.hovertext)
    for text in (*texts.text, *points.hovertext):
        bare = re.sub(r"^<b>(.*)</b>$", r"\1", text.replace("<br>", ""))
        assert "<" not in bare
        assert ">" not in bare


def test_the_page_needs_no_network() -> None:
    page = nas.draw(graph()).to_html()
    tags = Tags(page)
    assert "src" not in tags.attributes
    assert "href" not in tags.attributes
    assert len(page) > 1_000_000  # plotly's script is in it


def test_the_page_lists_what_each_cell_holds() -> None:
    drawing = nas.draw(graph())
    page = drawing.to_html()
    found = re.search(r'<script type="application/json" id="cells">(.*?)</script>', page, re.DOTALL)
    assert found
    assert page.index('id="cells"') < page.index('on("plotly_click"')
    stored = json.loads(found[1])
    picture = fold(graph())
    assert set(stored["faces"]) == {cell.id for cell in picture.cells} == set(drawing.to_figure().data[1].customdata)
    for cell in picture.cells:
        rows = stored["faces"][cell.id]["inside"]
        assert [row[0] for row in rows] == [operator.name for operator in cell.operators]
        assert {len(row) for row in rows} == {len(stored["columns"])}


def test_the_figure_is_the_svg() -> None:
    drawing = nas.draw(graph(), heading="a network")
    figure = drawing.to_figure()
    root = ElementTree.fromstring(drawing.to_svg())
    assert [shape.path for shape in figure.layout.shapes] == [path.get("d") for path in root.iter(f"{SVG}path")]
    assert [re.sub("</?b>", "", text) for text in figure.data[0].text] == svg_texts(drawing)
    assert (str(figure.layout.width), str(figure.layout.height)) == (root.get("width"), root.get("height"))
    assert plotly.io.from_json(figure.to_json()) == figure


def test_the_ending_decides_the_form(tmp_path: Path) -> None:
    drawing = nas.draw(graph())
    drawing.write(tmp_path / "a.svg")
    drawing.write(str(tmp_path / "a.html"))
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == drawing.to_svg() == drawing._repr_svg_()
    assert (tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(DrawingError, match=r"a\.png: a drawing is written as \.svg or \.html, not '\.png'"):
        drawing.write(tmp_path / "a.png")
    with pytest.raises(DrawingError, match=r"there/a\.svg: the drawing cannot be written: No such file"):
        drawing.write(tmp_path / "there" / "a.svg")


def test_an_svg_needs_neither_torch_nor_plotly() -> None:
    code = (
        "import nas, sys; from search_spaces import published\n"
        "assert 'nas.drawing' not in sys.modules\n"
        "nas.draw(nas.build(published['unet_bn32'], (3, 64, 64))).to_svg()\n"
        "print(sorted({'torch', 'plotly', 'pandas'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert said.strip() == "[]"


@pytest.mark.parametrize("key", ["unetpp_bn32", "hrnetv2_w18", "hardnet_mseg"])
def test_the_examples_are_what_is_drawn_now(key: str) -> None:
    stored = ROOT / "docs" / "examples" / f"{key}.svg"
    drawn = nas.draw(nas.build(published[key], (3, 352, 352)), heading=key).to_svg()
    assert stored.read_text(encoding="utf-8") == drawn, "run python docs/examples/draw.py and look at the pictures"
