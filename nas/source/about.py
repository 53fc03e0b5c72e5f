"""The words of a source file: what each class does, what the network is and costs."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

from nas.cost import cost
from nas.graph import Graph
from nas.node import Node
from nas.ops import Conv, Image
from nas.source.families import Families, Family
from nas.source.items import Chain, Dense, Item, Join, Part, Unit

__all__ = ["LINKS_TEXT", "class_text", "file_text", "map_text"]

LINKS_TEXT = "Which maps each layer of a block reads: 0 is the block's input, i what its i-th layer makes."

_WIDTH = 96
_WORDS = {
    "Conv": "convolution", "ConvTranspose": "transposed convolution", "Linear": "linear layer",
    "InstanceNorm": "instance norm", "MaxPool": "max pooling", "AvgPool": "average pooling",
    "GlobalAvgPool": "global average", "Concat": "concatenation", "Add": "sum", "Multiply": "product",
    "ResizeTo": "resizing", "PadTo": "padding", "Upsample": "upsampling", "Slice": "slice", "Scale": "scaling",
    "ChannelScale": "channel scale", "Sigmoid": "sigmoid", "Tanh": "tanh", "Flatten": "flattening",
    "Dropout": "dropout",
}  # fmt: skip


def map_text(node: Node, graph: Graph) -> str:
    """Return a shape as (N, 64, H/4, W/4), a vector as (N, 64); empty where a side does not divide the image's."""
    channels, *sides = node.shape
    terms = [f"N, {channels}"]
    letters, image = "DHW"[3 - len(sides) :], graph.image_shape[1 : 1 + len(sides)]
    for letter, side, whole in zip(letters, sides, image, strict=True):
        if whole % side:
            return ""
        terms.append("1" if side == 1 < whole else letter if whole == side else f"{letter}/{whole // side}")
    return f"({', '.join(terms)})"


def class_text(family: Family, families: Families, graph: Graph) -> str:
    """Return the docstring of a class: what it does."""
    unit = family.units[0]
    if not unit.scope.path:
        return f"The network: an image {map_text(graph.nodes()[0], graph)} to logits {_outputs(graph)}."
    if family.dense < 0:
        return _sentence(unit, families)
    layer = next(families.of[id(item.items[0].unit)].name for item in unit.items if isinstance(item, Dense))
    told = f"Map 0 is the input, map i the output of the i-th {layer}. widths: their channels."
    if any(isinstance(item, Join) for item in unit.items):
        told += " kept: the maps joined at the end."
    lines = textwrap.wrap(told, _WIDTH - 4)
    head = "Linked layers: each reads the maps that `links` lists for it, joined.\n"
    return "\n    ".join([head, *lines, ""])


def _sentence(unit: Unit, families: Families) -> str:
    """Return what a unit does, in order where that is short."""
    alike = families.of[id(unit)].units
    words = [word for i, _ in enumerate(unit.items) if (word := _shared_word([u.items[i] for u in alike], families))]
    text = ", ".join(_times(word, len(list(same))) for word, same in groupby(words))
    if len(text) > 80 or len(words) > 8:
        text = ", ".join(_times(word, n) for word, n in Counter(words).items())
    while len(text) > _WIDTH - 15:
        text = text.removesuffix(" and more").rpartition(", ")[0] + " and more"
    return text[:1].upper() + text[1:] + "."


def _shared_word(items: Sequence[Item], families: Families) -> str:
    """Return the word for one item of all units of a class."""
    words = {_word(item, families) for item in items}
    return words.pop() if len(words) == 1 else _WORDS.get(type(items[0].made[0].op).__name__, _word(items[0], families))


def _times(word: str, count: int) -> str:
    return word if count == 1 else f"{count} x ({word})" if " x " in word or " then " in word else f"{count} x {word}"


def _word(item: Item, families: Families) -> str:
    if isinstance(item, Part):
        return families.of[id(item.unit)].name
    if isinstance(item, Chain):
        return " then ".join(
            _times(word, len(list(same))) for word, same in groupby(_word(x, families) for x in item.items)
        )
    if isinstance(item, Dense | Join):
        return ""
    op = item.made[0].op
    if isinstance(op, Conv):
        depthwise = op.groups > 1 and op.groups == item.inputs[0].channels
        return "depthwise convolution" if depthwise else "1x1 convolution" if op.kernel == 1 else "convolution"
    return _WORDS.get(type(op).__name__, type(op).__name__)


def _outputs(graph: Graph) -> str:
    """Return the shapes of the outputs, equal ones once."""
    told = [map_text(x, graph) or f"of {x.channels} channels" for x in graph.outputs]
    return ", ".join(_times(text, len(list(same))) for text, same in groupby(told))


def file_text(graph: Graph, top: Unit, families: Families) -> str:
    """Return the docstring of the file: the network's parts, what goes in and comes out, costs and key."""
    c, *sides = graph.image_shape
    axes = ", ".join("DHW"[-len(sides) :])
    title = families.of[id(top)].name
    paragraphs = [
        _wrapped(f"{title}, a network of {_operators(graph)}."),
        *_parts(top, families, graph),
        _wrapped(f"Input: an image (N, {c}, {axes}). Output: logits {_outputs(graph)}. {_counts(graph)}"),
        _wrapped(_costs(graph)),
    ]
    if graph.initialisation != "torch":
        scheme = f"the architecture states the scheme '{graph.initialisation}', which this file does not have"
        paragraphs.append(_wrapped(f"Weights begin as torch draws them; {scheme}."))
    paragraphs.append(f"Key of the architecture: {graph.key()}.")
    return "\n\n".join(paragraphs) + "\n"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _counts(graph: Graph) -> str:
    if len(graph.outputs) == 1:
        return ""
    return f"The prediction is {'their mean' if graph.prediction == 'mean' else f'output {graph.prediction}'}."


def _operators(graph: Graph) -> str:
    kinds = Counter(type(node.op).__name__ for node in graph.nodes() if not isinstance(node.op, Image))
    layers = sum(kinds[kind] for kind in ("Conv", "ConvTranspose", "Linear"))
    return (
        f"{layers} convolutions{' and linear layers' if kinds['Linear'] else ''} among {sum(kinds.values())} operators"
    )


def _costs(graph: Graph) -> str:
    found = cost(graph)
    size = " x ".join(map(str, graph.image_shape[1:]))
    return (
        f"Costs of one image of {size}: {found.params:,} parameters, {found.macs / 1e9:.3g} G multiply-accumulates; "
        f"in fp32 with pointwise layers fused, {found.traffic_bytes / 1e6:.4g} MB moved through memory and at most "
        f"{found.peak_memory_bytes / 1e6:.3g} MB held in it."
    )


def _parts(top: Unit, families: Families, graph: Graph) -> list[str]:
    """Return a paragraph per part of the network: the parts in it, their classes and what they give."""
    found = []
    for item in top.items:
        if isinstance(item, Part):
            rows = _rows(item.unit.items, families, graph)
            head = f"{item.path[-1]}: {_sentence(item.unit, families)}"
            found.append("\n".join([_wrapped(head), *(_aligned(rows) if len(rows) > 1 else [])]))
    return found


def _rows(items: Iterable[Item], families: Families, graph: Graph) -> list[tuple[str, str, str]]:
    return [
        (".".join(item.path), families.of[id(item.unit)].name, ", ".join(map_text(x, graph) for x in item.made))
        for item in items
        if isinstance(item, Part)
    ]


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    """Return rows as a table; what is too wide goes on below, between two shapes."""
    wide = [max(len(row[i]) for row in rows) for i in (0, 1)]
    indent = " " * (4 + wide[0] + 2 + wide[1] + 2)
    lines: list[str] = []
    for name, family, shapes in rows:
        first = f"    {name:{wide[0]}}  {family:{wide[1]}}  "
        held = shapes.replace(", ", ",\0").replace("),\0", "), ") or "-"
        room = max(_WIDTH, len(indent) + 30)
        lines += textwrap.wrap(held, room, initial_indent=first, subsequent_indent=indent, break_long_words=False)
    return [line.replace("\0", " ") for line in lines]
