"""A decoder's feature, and beside it the encoder's levels as they are, for a head that refines level by level.

Source: PraNet, Fan et al., MICCAI 2020, arXiv:2006.11392, figure 2: the aggregated RFBs give a coarse map, which
reverse attention refines with the encoder's own features.
"""

from nas.build import Outputs
from nas.grammar import Block, rule
from nas.graph import GraphBuilder
from search_spaces.decoders.dense_aggregation import dense_aggregation
from search_spaces.necks.every import every
from search_spaces.pyramid import Pyramid

__all__ = ["coarse_and_levels"]


@rule("decoder", neck=every, decoder=dense_aggregation, levels=3)
def coarse_and_levels(g: GraphBuilder, pyramid: Pyramid, *, neck: Block, decoder: Block, levels: int) -> Outputs:
    """Append both. Shapes: pyramid -> the decoder's feature that counts, then the deepest `levels`, deepest first.

    neck: between encoder and decoder; the levels are those before it. The last counts.
    """
    found = decoder(g, neck(g, pyramid))
    nodes, prediction, _ = found if isinstance(found, Outputs) else Outputs(found)
    coarse = nodes[0 if prediction == "mean" else int(prediction)]
    made = [coarse, *pyramid.features[::-1][:levels]]
    return Outputs(made, prediction=len(made) - 1)
