"""What can be chosen: blocks, encoders, decoders, the published networks and the spaces made of them."""

from collections.abc import Mapping
from types import MappingProxyType

from nas.architecture import Architecture, from_json
from nas.derivation import fixed
from nas.space import SearchSpace
from search_spaces.catalog import rule_named
from search_spaces.grammars.unet import unet
from search_spaces.networks.amsunet import amsunet
from search_spaces.networks.convunext import convunext
from search_spaces.networks.hrnet import hrnetv2_w18, hrnetv2_w32, hrnetv2_w48
from search_spaces.networks.unet import unet_bilinear32, unet_bn32, unet_bn64
from search_spaces.networks.unetpp import (
    unet_keras,
    unetpp_bn32,
    unetpp_bn32_ds,
    unetpp_keras,
    unetpp_keras_ds,
    unetpp_keras_pruned,
    unetpp_nnunet,
    wunet_keras,
)

__all__ = ["load", "published", "spaces"]

published: Mapping[str, Architecture] = MappingProxyType(
    {
        "unet_bilinear32": fixed(unet_bilinear32),
        "unet_bn32": fixed(unet_bn32),
        "unet_bn64": fixed(unet_bn64),
        "unet_keras": fixed(unet_keras),
        "wunet_keras": fixed(wunet_keras),
        "unetpp_keras": fixed(unetpp_keras),
        "unetpp_keras_ds": fixed(unetpp_keras_ds),
        **{f"unetpp_keras_L{level}": fixed(network) for level, network in unetpp_keras_pruned.items()},
        "unetpp_bn32": fixed(unetpp_bn32),
        "unetpp_bn32_ds": fixed(unetpp_bn32_ds),
        "unetpp_nnunet": fixed(unetpp_nnunet),
        "amsunet": fixed(amsunet),
        "convunext": fixed(convunext),
        "hrnetv2_w18": fixed(hrnetv2_w18),
        "hrnetv2_w32": fixed(hrnetv2_w32),
        "hrnetv2_w48": fixed(hrnetv2_w48),
    }
)
"""Networks of the papers by the keys of the reference counts."""

spaces: Mapping[str, SearchSpace] = MappingProxyType({space.name: space for space in (unet,)})
"""Search spaces by name."""


def load(text: str) -> Architecture:
    """Return the architecture that `Architecture.to_json` wrote. Raises SpaceError for a damaged or unknown one."""
    return from_json(text, rule_named)
