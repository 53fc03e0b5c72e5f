"""Published weights for the encoders of other networks: what is the same there begins as it was trained.

Encoders are compared stage by stage. A stage is what has one name below `encoder`: `stem0`, `blocks2` with its
transition, `down2`. It matches where each of its operators has the name, the weights' shapes and the computation, from
the image on, that it has in the published network. Names and shapes alone would not do: dilation, activation and
pooling have no tensors, and weights behind another activation are not what was trained. So a stage behind one that
differs differs as well, and of a chain of stages the beginning is loaded. Dropout does not count: inference leaves it
out. Nor does how a map is enlarged, bilinear or by nearest neighbours: HRNet's own code starts its segmentation with
weights of the other. Heads, decoders and everything else outside of the encoder are never loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.build import build
from nas.errors import WeightsError
from nas.graph import Graph, Node
from nas.ops import Dropout, Image, Op, ResizeTo, Shape
from search_spaces.weights import check_names, fitting, names_of, published_name, tensors_in

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["EncoderReport", "PublishedEncoder", "load_encoder"]

_SIDE = 64  # pixels; every published network takes it, and no weight depends on it
_RGB, _GREY = 3, 1  # channels
_OTHER = -1  # the number of every value that the published network does not compute

_Nodes = dict[str, Node]  # by name
_Expression = tuple[Op | str | int, ...]  # operator, name where it has weights, numbers of its inputs


class EncoderReport(NamedTuple):
    """What became of an encoder's stages and of the tensors in the file.

    loaded: stages with published weights. fresh: the other stages that have weights, left as they were.
    used: published names of what was loaded. encoder_tensors: how many the network's encoder has, running statistics
    included. unused: names of the published encoder that found no place. dropped: the file's other tensors, its head
    above all.
    """

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    used: tuple[str, ...]
    encoder_tensors: int
    unused: tuple[str, ...]
    dropped: tuple[str, ...]


class PublishedEncoder:
    """The encoder of a published network with the weights of a checkpoint, for images of `channels` channels."""

    def __init__(self, key: str, state_dict: Mapping[str, Any], channels: int = _RGB):
        """Take the encoder's tensors out of a checkpoint.

        key: of `search_spaces.published_names`. state_dict: as for `load_published`. channels: for 1, what reads the
        image has its weights summed over RGB: on a grey image they give what they gave on three copies of it.
        Raises WeightsError for a checkpoint that lacks some of this encoder, is of images with other channels, or
        holds weights that are not finite.
        """
        from search_spaces import published  # the package imports `weights` for the maps' type

        renames = names_of(key)
        graph = build(published[key], (channels, _SIDE, _SIDE))
        wanted = {name: found for stage in _stages(graph).values() for name, found in _tensors_of(stage).items()}
        found, _ = tensors_in(state_dict)
        self.key = key
        self._names = {name: published_name(name, renames) for name in wanted}
        check_names(f"{key} encoder", self._names, found)
        self._tensors = {
            name: _taken(name, self._names[name], found[self._names[name]], shape, node)
            for name, (node, shape) in wanted.items()
        }
        encoder = set(self._names.values())
        self._dropped = tuple(name for name in found if name not in encoder)
        known: dict[_Expression, int] = {}
        _numbers(graph, lambda expression: known.setdefault(expression, len(known)))
        self._known = known

    def __len__(self) -> int:
        """Return how many tensors it has."""
        return len(self._tensors)

    def match(self, graph: Graph) -> EncoderReport:
        """Return what `load` would do for a network."""
        return self._compared(graph)[1]

    def load(self, module: "nn.Module", graph: Graph) -> EncoderReport:
        """Load what matches into `module`, which is `to_module(graph)`, and leave the rest as it is.

        Raises WeightsError for the module of another graph.
        """
        names, report = self._compared(graph)
        mine = module.state_dict()
        wrong = [n for n in names if n not in mine or mine[n].shape != self._tensors[n].shape]
        if wrong:
            raise WeightsError(f"the module is not of this graph, which has {wrong[0]}; give to_module(graph)")
        module.load_state_dict({name: self._tensors[name] for name in names}, strict=False)
        return report

    def _compared(self, graph: Graph) -> tuple[list[str], EncoderReport]:
        """Return our names of the tensors that match, and the report."""
        numbers = _numbers(graph, lambda expression: self._known.get(expression, _OTHER))
        loaded, fresh, names, count = [], [], list[str](), 0
        for stage, nodes in _stages(graph).items():
            tensors = _tensors_of(nodes)
            count += len(tensors)
            if tensors and all(numbers[name] != _OTHER for name in nodes):
                loaded.append(stage)
                names += tensors
            elif tensors:
                fresh.append(stage)
        taken = set(names)
        used = tuple(self._names[name] for name in names)
        unused = tuple(name for ours, name in self._names.items() if ours not in taken)
        return names, EncoderReport(tuple(loaded), tuple(fresh), used, count, unused, self._dropped)


def load_encoder(module: "nn.Module", graph: Graph, key: str, state_dict: Mapping[str, Any]) -> EncoderReport:
    """Load into the encoder of `module`, which is `to_module(graph)`, what it has in common with a published one.

    key: of `search_spaces.published_names`. state_dict: as for `load_published`; RGB is summed for grey images.
    Raises WeightsError as `PublishedEncoder`. To have nothing in common is no error; the report says it.
    """
    return PublishedEncoder(key, state_dict, graph.image_shape[0]).load(module, graph)


def _stages(graph: Graph) -> dict[str, _Nodes]:
    """Return the encoder's nodes by stage, both in canonical order."""
    stages: dict[str, _Nodes] = {}
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        scope, _, inside = name.partition(".")
        if scope == "encoder":
            stages.setdefault(inside.partition(".")[0], {})[name] = node
    return stages


def _tensors_of(nodes: _Nodes) -> dict[str, tuple[Node, Shape]]:
    """Return the weights and running statistics of nodes: whose and of which shape."""
    return {
        f"{name}.{tensor}": (node, shape)
        for name, node in nodes.items()
        for tensor, shape in {**node.facts.weights, **node.op.buffers(*node.facts.in_shapes)}.items()
    }


def _numbers(graph: Graph, number: Callable[[_Expression], int]) -> dict[str, int]:
    """Return by name the number of what each node computes from the image, as `number` gives it."""
    found: list[int] = []
    for node, name in zip(graph.nodes(), graph.names, strict=True):
        inputs = [found[x.index] for x in node.inputs]
        if isinstance(node.op, Dropout):
            found.append(inputs[0])
            continue
        own = name if node.facts.weights else ""  # equal operators on one value still have weights of their own
        found.append(number((_computation(node.op), own, *(sorted(inputs) if node.op.commutative else inputs))))
    return dict(zip(graph.names, found, strict=True))


def _computation(op: Op) -> Op:
    """Return what tells operators apart here: how a map is enlarged does not."""
    return replace(op, mode="linear", align_corners=False) if isinstance(op, ResizeTo) else op


def _taken(name: str, published: str, theirs: "Tensor", shape: Shape, node: Node) -> "Tensor":
    """Return the file's tensor in the shape that `node` needs."""
    if not theirs.is_floating_point() or not theirs.float().isfinite().all():
        raise WeightsError(f"{published} in the file needs finite floating-point numbers; give another checkpoint")
    if isinstance(node.inputs[0].op, Image):
        theirs = _for_channels(published, theirs, shape)
    return fitting(name, published, theirs, shape)


def _for_channels(published: str, theirs: "Tensor", shape: Shape) -> "Tensor":
    """Return weights (out, channels, ...) that read the image for its channels, where only these differ."""
    came = tuple(theirs.shape)
    if len(came) != len(shape) or came == shape or (came[0], came[2:]) != (shape[0], shape[2:]):
        return theirs
    if (came[1], shape[1]) == (_RGB, _GREY):
        return theirs.float().sum(1, keepdim=True)
    others = " or grey ones" if came[1] == _RGB else ""
    raise WeightsError(
        f"{published} in the file reads images of {came[1]} channels, these have {shape[1]}; "
        f"give images of {came[1]} channels{others}"
    )
