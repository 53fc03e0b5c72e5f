"""No decoder: the encoder's finest feature (HRNetV1, whose branches have exchanged all there is).

Source: Sun et al., CVPR 2019, arXiv:1902.09212. What only makes the other features is not computed.
"""

from nas.grammar import rule
from nas.graph import GraphBuilder, Node
from search_spaces.pyramid import Pyramid

__all__ = ["finest"]


@rule("decoder")
def finest(g: GraphBuilder, pyramid: Pyramid) -> list[Node]:
    """Return the feature. Shapes: pyramid -> [(C, h, w) of its first]."""
    return list(pyramid.features[:1])
