"""The words of a source file: what each class does, what the network is and costs."""

import textwrap
from collections import Counter

from nas.cost import cost
from nas.graph import Graph
from nas.node import Node
from nas.ops import Conv
from nas.source.families import Families, Family
from nas.source.items import Chain, Dense, Item, Join, Part, Unit

__all__ = ["class_text", "file_text", "map_text"]

_WORDS = {
    "Conv": "convolution", "ConvTranspose": "transposed convolution", "Linear": "linear layer",
    "InstanceNorm": "instance norm", "MaxPool": "max pooling", "AvgPool": "average pooling",
    "GlobalAvgPool": "global average", "Concat": "concatenation", "Add": "sum", "Multiply": "product",
    "ResizeTo": "resizing", "PadTo": "padding", "Upsample": "upsampling", "Slice": "slice", "Scale": "scaling",
    "ChannelScale": "channel scale", "Sigmoid": "sigmoid", "Tanh": "tanh", "Flatten": "flattening", "Dropout": "dropout",
}  # fmt: skip


def map_text(node: Node, graph: Graph) -> str:
    """Return a shape as (N, 64, H/4, W/4); as (N, 64) without sides; empty where a side does not divide the image's."""
    channels, *sides = node.shape
    terms = [f"N, {channels}"]
    for letter, side, whole in zip(("H", "W"), sides, graph.image_shape[1:], strict=False):
        if whole % side:
            return ""
        if side == 1 and whole > 1 or len(sides) > 2:
            terms.append("1")
        else:
            terms.append(letter if whole == side else f"{letter}/{whole // side}")
    return f"({', '.join(terms)})"


def class_text(family: Family, families: Families, graph: Graph) -> str:
    """Return the docstring of a class: what it does and where it stands."""
    unit = family.units[0]
    if not unit.scope.path:
        outputs = ", ".join(map_text(x, graph) or f"{x.channels} channels" for x in graph.outputs)
        return f"The network: {map_text(graph.nodes()[0], graph)} -> logits {outputs}."
    return f"{_sentence(unit, families)}."


def _sentence(unit: Unit, families: Families) -> str:
    words = [_word(item, families) for item in unit.items]
    told = [word for word in words if word]
    text = ", ".join(told)
    if len(text) > 80:
        counted = Counter(told)
        text = ", ".join(f"{n} x {word}" if n > 1 else word for word, n in counted.items())
    if len(text) > 84:
        text = f"{len(told)} steps of {', '.join(sorted(set(told), key=told.index)[:3])} and others"
    return text[:1].upper() + text[1:]


def _word(item: Item, families: Families) -> str:
    if isinstance(item, Part):
        return families.of[id(item.unit)].name
    if isinstance(item, Chain):
        return f"{len(item.items)} layers" if len(item.items) > 1 else _word(item.items[0], families)
    if isinstance(item, Dense):
        return f"{families.of[id(item.items[0].unit)].name} layers that each read some of the maps before them"
    if isinstance(item, Join):
        return ""
    op = item.made[0].op
    if isinstance(op, Conv):
        depthwise = op.groups > 1 and op.groups == item.inputs[0].channels
        return "depthwise convolution" if depthwise else "1x1 convolution" if op.kernel == 1 else "convolution"
    return _WORDS.get(type(op).__name__, type(op).__name__)


def file_text(graph: Graph, title: str) -> str:
    """Return the docstring of the file."""
    fused = cost(graph)
    c, *sides = graph.image_shape
    size = " x ".join(map(str, sides))
    outputs = ", ".join(map_text(x, graph) or str(x.shape) for x in graph.outputs)
    several = len(graph.outputs) > 1
    which = "the mean of all" if graph.prediction == "mean" else f"number {graph.prediction}"
    lines = [
        f"{title}: a network of {len(graph)} operators.",
        "",
        *_stages(graph),
        "",
        f"Input: (N, {c}, {', '.join('HW'[: len(sides)])}). Output: logits {outputs}"
        + (f"; the prediction is {which}." if several else "."),
        "",
        f"Costs of one image of {size} in fp32: {fused.params:,} parameters, {fused.macs / 1e9:.3f} G multiply-accumulates,",
        f"{fused.traffic_bytes / 1e6:.1f} MB moved through memory and {fused.peak_memory_bytes / 1e6:.1f} MB at most held in it",
        f"(counted, layers fused). Key {graph.key()}.",
    ]
    if graph.initialisation != "torch":
        lines += ["", f"Weights begin as torch draws them, not by the scheme '{graph.initialisation}' of the architecture."]
    return "\n".join(lines) + "\n"


def _stages(graph: Graph) -> list[str]:
    """Return a line per part of the network: the scopes one and two levels down, with what they give."""
    last: dict[tuple[str, ...], Node] = {}
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        path = tuple(name.split(".")[:-1])[:2]
        if path:
            last[path] = node
    parts: dict[str, list[str]] = {}
    for path, node in last.items():
        parts.setdefault(path[0], []).append(f"{path[-1]} {map_text(node, graph) or node.shape}")
    lines = []
    for part, told in parts.items():
        lines += textwrap.wrap(f"{part}: {', '.join(told)}.", 98, subsequent_indent="    ", break_long_words=False)
    return lines
