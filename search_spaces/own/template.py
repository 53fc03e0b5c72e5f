"""The file that `nas rules new` writes: a commented rule of the kind that is asked for, which passes the check."""

import builtins
import keyword

from nas.errors import RuleError
from search_spaces.catalog import catalog
from search_spaces.own.joining import INPUTS

__all__ = ["template"]

_HEAD = '''\
"""TODO: what {name} is, in a line.

Source: TODO: authors, venue, arXiv number, section; where paper and code differ, which of the two this follows.
"""

{imports}

__all__ = ["{name}"]  # the rules that a space offers


# The decorator states the kind, and each option with the paper's value. A Choice is opened: the search decides, in
# each place anew. `emit` may read nothing but its inputs' shapes, the width and the options.
{body}'''

_UNIT = '''\
@rule("{kind}", kernel=Choice((3, 5)))
def {name}(g: GraphBuilder, x: Node, width: int, *, kernel: int) -> Node:
    """Append convolution, norm and ReLU. Shapes: x (C, H, W) -> (width, {size}).

    kernel: the convolution's height and width.
    """
    # g.add(operator, node) appends an operator; its output shape, weights and costs follow from nas.ops.
    # The names are those of the torch module's layers, below the slot that the rule stands in.
    x = g.add(Conv(width, kernel=kernel{more}, bias=False), x, name="conv")
    return g.add(ReLU(), g.add(BatchNorm(), x, name="norm"))
'''

_ATTENTION = '''\
@rule("{kind}", reduction=Choice((4, 8)))
def {name}(g: GraphBuilder, x: Node, width: int, *, reduction: int) -> Node:
    """Append a gate for each channel and place. Shapes: x (C, H, W) -> (width, H, W).

    reduction: the gate is computed in width / reduction channels, at least one.
    """
    x = project(g, x, width)  # a 1x1 convolution where C is not `width`
    narrow = g.add(ReLU(), g.add(Conv(max(1, width // reduction), kernel=1), x, name="narrow"))
    return g.add(Multiply(), x, g.add(Sigmoid(), g.add(Conv(width, kernel=1), narrow, name="wide")))
'''

_UPSAMPLE = '''\
@rule("upsample", kernel=Choice((1, 3)))
def {name}(g: GraphBuilder, x: Node, reference: Node, width: int, *, kernel: int) -> Node:
    """Append a resize and a convolution. Shapes: x (C, H, W), reference (D, h, w) -> (width, h, w)."""
    # ResizeTo takes the size of the second node, so that odd sizes fit.
    return g.add(Conv(width, kernel=kernel), g.add(ResizeTo(), x, reference), name="conv")
'''

_SKIP = '''\
@rule("skip", kernel=Choice((1, 3)))
def {name}(g: GraphBuilder, feature: Node, upsampled: Node, *, kernel: int) -> Node:
    """Append a gate on the encoder's feature. Shapes: feature (C, H, W), upsampled (D, H, W) -> (C, H, W)."""
    gate = g.add(Sigmoid(), g.add(Conv(feature.channels, kernel=kernel), upsampled, name="gate"))
    return g.add(Multiply(), feature, gate)
'''

_FUSE = '''\
@rule("fuse", kernel=Choice((1, 3)))
def {name}(g: GraphBuilder, features: Sequence[Node], *, kernel: int) -> Node:
    """Append concatenation and a convolution. Shapes: (C_i, H, W) -> (C_0, H, W)."""
    return g.add(Conv(features[0].channels, kernel=kernel), g.add(Concat(), *features), name="conv")
'''

_ENCODER = '''\
# `gives` tells the parts behind how many features there are, and how the network's weights are drawn.
@rule(
    "encoder",
    gives={{"levels": "depth", "initialisation": "initialisation"}},
    base=Choice((16, 32)),
    depth=4,
    block=double_conv,
    initialisation="torch",
)
def {name}(g: GraphBuilder, image: Node, *, base: int, depth: int, block: Block, initialisation: str) -> Pyramid:
    """Append `depth` stages with pooling between. Shapes: image (C, H, W) -> level i of base * 2^i channels at 1 / 2^i.

    block: a slot; any rule with the signature of a block can stand in it.
    """
    x = block(g, image, base, name="stage0")
    features = [x]
    for i in range(1, depth):
        x = block(g, g.add(MaxPool(), x), base * 2**i, name=f"stage{{i}}")
        features.append(x)
    return Pyramid(image, tuple(features))
'''

_NECK = '''\
@rule("neck", kernel=Choice((1, 3)))
def {name}(g: GraphBuilder, pyramid: Pyramid, *, kernel: int) -> Pyramid:
    """Append a convolution to each feature. Shapes: (C_i, h_i, w_i) -> same."""
    features = [
        g.add(ReLU(), g.add(Conv(x.channels, kernel=kernel), x, name=f"level{{i}}"))
        for i, x in enumerate(pyramid.features)
    ]
    return Pyramid(pyramid.image, tuple(features))
'''

_DECODER = '''\
@rule("decoder", width=Choice((32, 64)))
def {name}(g: GraphBuilder, pyramid: Pyramid, *, width: int) -> list[Node]:
    """Append the sum of all features at the finest one's size. Shapes: pyramid -> [(width, h, w)]."""
    finest = pyramid.features[0]
    total = g.add(Conv(width, kernel=1), finest, name="level0")
    for i, x in enumerate(pyramid.features[1:], start=1):
        same = g.add(ResizeTo(), g.add(Conv(width, kernel=1), x, name=f"level{{i}}"), finest)
        total = g.add(Add(), total, same)
    return [g.add(ReLU(), total)]
'''

_HEAD_RULE = '''\
@rule("head", kernel=Choice((1, 3)))
def {name}(g: GraphBuilder, features: Sequence[Node], *, kernel: int) -> list[Node]:
    """Append a convolution to each feature. Shapes: (C, h, w) -> (classes, h, w)."""
    return [g.add(Conv(g.classes, kernel=kernel), x, name=f"logits{{i}}") for i, x in enumerate(features)]
'''

_GRAPH = "from nas.graph import GraphBuilder, Node"
_RULE = "from nas.grammar import Choice, rule"
_PYRAMID = "from search_spaces.pyramid import Pyramid"
_SEQUENCE = "from collections.abc import Sequence\n\n"

_BODIES = {
    **dict.fromkeys(
        ("block", "mixer", "context", "stage", "stem", "downsample"),
        (f"{_RULE}\n{_GRAPH}\nfrom nas.ops import BatchNorm, Conv, ReLU", _UNIT),
    ),
    "attention": (
        f"{_RULE}\n{_GRAPH}\nfrom nas.ops import Conv, Multiply, ReLU, Sigmoid\n"
        "from search_spaces.parts import project",
        _ATTENTION,
    ),
    "upsample": (f"{_RULE}\n{_GRAPH}\nfrom nas.ops import Conv, ResizeTo", _UPSAMPLE),
    "skip": (f"{_RULE}\n{_GRAPH}\nfrom nas.ops import Conv, Multiply, Sigmoid", _SKIP),
    "fuse": (f"{_SEQUENCE}{_RULE}\n{_GRAPH}\nfrom nas.ops import Concat, Conv", _FUSE),
    "encoder": (
        f"from nas.grammar import Block, Choice, rule\n{_GRAPH}\nfrom nas.ops import MaxPool\n"
        f"from search_spaces.blocks.double_conv import double_conv\n{_PYRAMID}",
        _ENCODER,
    ),
    "neck": (f"{_RULE}\n{_GRAPH}\nfrom nas.ops import Conv, ReLU\n{_PYRAMID}", _NECK),
    "decoder": (f"{_RULE}\n{_GRAPH}\nfrom nas.ops import Add, Conv, ReLU, ResizeTo\n{_PYRAMID}", _DECODER),
    "head": (f"{_SEQUENCE}{_RULE}\n{_GRAPH}\nfrom nas.ops import Conv", _HEAD_RULE),
}


def template(name: str, kind: str) -> str:
    """Return the text of a file with one rule. Raises RuleError for a name or a kind that cannot be."""
    if kind not in INPUTS:
        raise RuleError(f"--kind {kind}: the kinds are {', '.join(INPUTS)}")
    plain = name.isidentifier() and name.isascii() and not name.startswith("_")
    if not plain or keyword.iskeyword(name) or hasattr(builtins, name):
        raise RuleError(f"{name}: needs a plain Python name that is free, such as ghost_block")
    if name in catalog():
        raise RuleError(f"{name}: a built-in rule has that name; give another")
    imports, body = _BODIES[kind]
    smaller = kind == "downsample"
    size, more = ("ceil(H / 2), ceil(W / 2)", ", stride=2") if smaller else ("H, W", "")
    written = body.format(name=name, kind=kind, size=size, more=more)
    return _HEAD.format(name=name, imports=imports, body=written)
