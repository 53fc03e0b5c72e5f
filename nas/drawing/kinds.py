"""What a cell is to its reader: the role of its resolution, and its main operators in a few words."""

from collections import Counter
from collections.abc import Collection, Sequence

from nas.graph import Node
from nas.ops import Conv, ConvTranspose, Image, Linear, Shape

__all__ = ["KINDS", "content_of", "kind_of", "shape_text"]

KINDS = {
    "image": "image",
    "coarser": "takes finer maps",
    "same": "keeps the resolution",
    "finer": "takes coarser maps",
    "exchange": "takes finer and coarser maps",
    "weightless": "without weights",
    "output": "output",
}
"""Kinds of cells and what they say in the legend."""


def kind_of(nodes: Sequence[Node], level: int, input_levels: Collection[int], output: bool) -> str:
    """Return the kind of a cell of these nodes at `level` (0: the image's), which reads cells at `input_levels`."""
    if any(isinstance(node.op, Image) for node in nodes):
        return "image"
    if output:
        return "output"
    if not any(node.facts.params for node in nodes):
        return "weightless"
    finer, coarser = any(x < level for x in input_levels), any(x > level for x in input_levels)
    if finer and coarser:
        return "exchange"
    return "coarser" if finer else "finer" if coarser else "same"


def content_of(nodes: Sequence[Node]) -> str:
    """Return the operators that do most of the work, such as `2 conv 3×3 …` (dots: there are others)."""
    work: Counter[str] = Counter()
    number: Counter[str] = Counter()
    for node in nodes:
        if node.facts.op.convolution:
            work[_convolution(node)] += node.facts.macs
            number[_convolution(node)] += 1
    if work:
        most = max(work, key=lambda text: (work[text], text))
        return _counted(number[most], most) + (" …" if len(work) > 1 else "")
    kinds = Counter(type(node.op).__name__ for node in nodes if not isinstance(node.op, Image))
    if not kinds:
        return "input"
    return _counted(*max((n, kind) for kind, n in kinds.items())[:2]) + (" …" if len(kinds) > 1 else "")


def shape_text(shape: Shape) -> str:
    """Return a shape as `64×88×88`, channels first."""
    return "×".join(map(str, shape))


def _counted(number: int, text: str) -> str:
    return text if number == 1 else f"{number} {text}"


def _convolution(node: Node) -> str:
    op = node.op
    if not isinstance(op, Conv | ConvTranspose):
        return "linear" if isinstance(op, Linear) else type(op).__name__
    axes = len(node.shape) - 1
    kernel = (op.kernel,) * axes if isinstance(op.kernel, int) else op.kernel
    text = "×".join(map(str, kernel))
    if isinstance(op, ConvTranspose):
        return f"up-conv {text}"
    depthwise = 1 < op.groups == node.inputs[0].channels
    stride = "" if op.stride in (1, (1,) * axes) else f" /{op.stride}"
    dilation = "" if op.dilation in (1, (1,) * axes) else f" d{op.dilation}"
    return f"{'depthwise' if depthwise else 'conv'} {text}{stride}{dilation}"
