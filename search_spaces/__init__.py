"""What can be chosen: blocks, encoders, decoders, the published networks and the spaces made of them."""

from collections.abc import Mapping
from types import MappingProxyType

from nas.architecture import Architecture, from_json
from nas.derivation import fixed
from nas.space import SearchSpace
from search_spaces.catalog import rule_named
from search_spaces.grammars.unet import unet
from search_spaces.networks import amsunet, hardnet, hardnet_mseg
from search_spaces.networks.unet import BN32_NAMES, unet_bilinear32, unet_bn32
from search_spaces.weights import Renames

__all__ = ["load", "published", "published_names", "spaces"]

published: Mapping[str, Architecture] = MappingProxyType(
    {
        "unet_bilinear32": fixed(unet_bilinear32),
        "unet_bn32": fixed(unet_bn32),
        "amsunet": fixed(amsunet.amsunet),
        "hardnet39ds": fixed(hardnet.hardnet39ds),
        "hardnet68": fixed(hardnet.hardnet68),
        "hardnet68ds": fixed(hardnet.hardnet68ds),
        "hardnet85": fixed(hardnet.hardnet85),
        "hardnet_mseg": fixed(hardnet_mseg.hardnet_mseg),
    }
)
"""Networks of the papers by the keys of the reference counts."""

published_names: Mapping[str, Renames] = MappingProxyType(
    {
        "unet_bn32": BN32_NAMES,
        "amsunet": amsunet.NAMES,
        "hardnet39ds": hardnet.names(hardnet.hardnet39ds),
        "hardnet68": hardnet.names(hardnet.hardnet68),
        "hardnet68ds": hardnet.names(hardnet.hardnet68ds),
        "hardnet85": hardnet.names(hardnet.hardnet85),
        "hardnet_mseg": hardnet_mseg.NAMES,
    }
)
"""From our parameter names to those of the published code, by key of `published`; see `search_spaces/weights.py`."""

spaces: Mapping[str, SearchSpace] = MappingProxyType({space.name: space for space in (unet,)})
"""Search spaces by name."""


def load(text: str) -> Architecture:
    """Return the architecture that `Architecture.to_json` wrote. Raises SpaceError for a damaged or unknown one."""
    return from_json(text, rule_named)
