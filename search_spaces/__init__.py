"""What can be chosen: blocks, encoders, decoders, the published networks and the spaces made of them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nas.architecture import Architecture, from_json
from nas.derivation import fixed
from nas.grammar import Rule
from nas.space import SearchSpace
from search_spaces.catalog import rule_named
from search_spaces.grammars.amse import amse
from search_spaces.grammars.compact import compact
from search_spaces.grammars.decoders import decoders
from search_spaces.grammars.hardblock import hardblock
from search_spaces.grammars.medseg import medseg
from search_spaces.grammars.skips import skips
from search_spaces.grammars.unet import unet as unet_space
from search_spaces.networks import (
    amsunet,
    convunext,
    doubleunet,
    fc_hardnet,
    hardnet,
    hardnet_mseg,
    hrnet,
    pranet,
    resunet,
    unet,
    unet3plus,
    unetpp,
    unext,
)
from search_spaces.own import load_rules, names_of, with_rules
from search_spaces.weights import Renames

__all__ = ["load", "load_rules", "published", "published_names", "spaces", "with_rules"]

published: Mapping[str, Architecture] = MappingProxyType(
    {
        "unet_bilinear32": fixed(unet.unet_bilinear32),
        "unet_bn32": fixed(unet.unet_bn32),
        "unet_bn64": fixed(unet.unet_bn64),
        "attunet_bn64": fixed(unet.attunet_bn64),
        "unet_keras": fixed(unetpp.unet_keras),
        "wunet_keras": fixed(unetpp.wunet_keras),
        "unetpp_keras": fixed(unetpp.unetpp_keras),
        "unetpp_keras_ds": fixed(unetpp.unetpp_keras_ds),
        **{f"unetpp_keras_L{level}": fixed(network) for level, network in unetpp.unetpp_keras_pruned.items()},
        "unetpp_bn32": fixed(unetpp.unetpp_bn32),
        "unetpp_bn32_ds": fixed(unetpp.unetpp_bn32_ds),
        "unetpp_nnunet": fixed(unetpp.unetpp_nnunet),
        "unet3plus": fixed(unet3plus.unet3plus),
        "unet3plus_ds": fixed(unet3plus.unet3plus_ds),
        "unext": fixed(unext.unext),
        "unext_s": fixed(unext.unext_s),
        "resunet": fixed(resunet.resunet),
        "amsunet": fixed(amsunet.amsunet),
        "convunext": fixed(convunext.convunext),
        "hrnetv2_w18": fixed(hrnet.hrnetv2_w18),
        "hrnetv2_w32": fixed(hrnet.hrnetv2_w32),
        "hrnetv2_w48": fixed(hrnet.hrnetv2_w48),
        "hrnetv2_w48_ocr": fixed(hrnet.hrnetv2_w48_ocr),
        "hrnetv1_pose_w32": fixed(hrnet.hrnetv1_pose_w32),
        "hrnetv1_pose_w48": fixed(hrnet.hrnetv1_pose_w48),
        "hrnet_w18_cls": fixed(hrnet.hrnet_w18_cls),
        "hrnet_w32_cls": fixed(hrnet.hrnet_w32_cls),
        "hrnet_w48_cls": fixed(hrnet.hrnet_w48_cls),
        "hardnet39ds": fixed(hardnet.hardnet39ds),
        "hardnet68": fixed(hardnet.hardnet68),
        "hardnet68ds": fixed(hardnet.hardnet68ds),
        "hardnet85": fixed(hardnet.hardnet85),
        "hardnet_mseg": fixed(hardnet_mseg.hardnet_mseg),
        "pranet": fixed(pranet.pranet),
        "doubleunet": fixed(doubleunet.doubleunet),
        "fc_hardnet70": fixed(fc_hardnet.fc_hardnet70),
    }
)
"""Networks of the papers by the keys of the reference counts."""

published_names: Mapping[str, Renames] = MappingProxyType(
    {
        "unet_bn32": unet.BN32_NAMES,
        "amsunet": amsunet.NAMES,
        "hardnet39ds": hardnet.names(hardnet.hardnet39ds),
        "hardnet68": hardnet.names(hardnet.hardnet68),
        "hardnet68ds": hardnet.names(hardnet.hardnet68ds),
        "hardnet85": hardnet.names(hardnet.hardnet85),
        "hardnet_mseg": hardnet_mseg.NAMES,
        "pranet": pranet.NAMES,
        "fc_hardnet70": fc_hardnet.NAMES,
        "unet_bn64": unet.BN64_NAMES,
        "attunet_bn64": unet.ATTENTION_NAMES,
        "unet_keras": unetpp.keras_names("output"),
        "wunet_keras": unetpp.keras_names("output"),
        "unetpp_keras": unetpp.keras_names("output_4"),
        "unetpp_keras_ds": unetpp.KERAS_DS_NAMES,
        **{f"unetpp_keras_L{level}": unetpp.keras_names(f"output_{level}") for level in unetpp.unetpp_keras_pruned},
        "unetpp_bn32": unetpp.BN32_NAMES,
        "unetpp_bn32_ds": unetpp.BN32_DS_NAMES,
        "unetpp_nnunet": unetpp.NNUNET_NAMES,
        "unet3plus": unet3plus.NAMES,
        "unet3plus_ds": unet3plus.DS_NAMES,
        "convunext": convunext.NAMES,
        **dict.fromkeys(("unext", "unext_s"), unext.NAMES),
        **dict.fromkeys(("hrnetv2_w18", "hrnetv2_w32", "hrnetv2_w48"), hrnet.NAMES),
        "hrnetv2_w48_ocr": hrnet.OCR_NAMES,
        **dict.fromkeys(("hrnetv1_pose_w32", "hrnetv1_pose_w48"), hrnet.POSE_NAMES),
        **dict.fromkeys(("hrnet_w18_cls", "hrnet_w32_cls", "hrnet_w48_cls"), hrnet.CLASSIFIER_NAMES),
    }
)
"""From our parameter names to those of the published code, by key of `published`; see `search_spaces/weights.py`."""

spaces: Mapping[str, SearchSpace] = MappingProxyType(
    {space.name: space for space in (unet_space, medseg, hardblock, amse, compact, skips, decoders)}
)
"""Search spaces by name."""


def load(text: str, rules: Iterable[Rule] = ()) -> Architecture:
    """Return the architecture that `Architecture.to_json` wrote. Raises SpaceError for a damaged or unknown one.

    rules: a person's own that it may have.
    """
    own = names_of(rules)
    return from_json(text, lambda name: own[name] if name in own else rule_named(name))
