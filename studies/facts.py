"""What is fixed when a study starts, stored with it, and checked when it goes on."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, cast
from uuid import uuid4

from evaluators.device import describe_device, pick_device
from evaluators.faults import OutOfMemory
from nas.architecture import Architecture
from studies.config import StudyConfig
from studies.errors import ConfigError
from studies.families import RefusedFamily, refused_families
from studies.folder import StudyFolder, read_json, versions, write_atomic
from studies.front import Reference
from studies.material import Material
from studies.opening import Opening
from studies.pretrained import Pretrained
from studies.proposing import members
from studies.rungs import rungs_of
from studies.screening import Screen

__all__ = ["Fixed", "fixed"]

REFERENCE_DRAWS = 20


@dataclass(frozen=True)
class Fixed:
    """What a study is held to.

    rungs: epochs at which trials are compared, the last one included. refused: families that no draw could make
    feasible. identity: what tells this study from all others.
    """

    reference: Reference
    rungs: tuple[int, ...]
    opening: Opening
    refused: list[RefusedFamily]
    identity: str


def fixed(
    config: StudyConfig, folder: StudyFolder, screen: Screen, material: Material, pretrained: Pretrained | None
) -> Fixed:
    """Return what the study is held to: decided and stored at its start, checked when it goes on.

    Raises ConfigError if it would go on with something else.
    """
    device = describe_device(pick_device(config.deploy.place))
    weights = pretrained.sha256 if pretrained is not None else None
    stored = read_json(folder.facts_file)
    if not stored:
        opening = Opening.plan(config, screen, material)
        stored = {
            "identity": uuid4().hex,
            "space": screen.space.label,
            "reference": _reference(config, screen, material).values,
            "rungs": rungs_of(config, len(material.training)),
            "opening": opening.stored(),
            "infeasible_families": [family._asdict() for family in refused_families(screen.sampler)],
            "baselines": material.baselines,
            "images": {"training": len(material.training), "validation": len(material.validation)},
            "deploy_device": device,
            "encoder_weights": weights,
            "versions": versions(),
        }
        write_atomic(folder.facts_file, json.dumps(stored, indent=1))
    else:
        _check(stored, config, folder, screen, device)
        _check_weights(stored, folder, pretrained, weights)
    return Fixed(
        Reference(_mapping(stored["reference"])),
        tuple(cast(list[int], stored["rungs"])),
        Opening.of(_mapping(stored["opening"])),
        [RefusedFamily(**family) for family in cast(list[dict[str, Any]], stored["infeasible_families"])],
        str(stored["identity"]),
    )


def _mapping(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def _check(stored: Mapping[str, object], config: StudyConfig, folder: StudyFolder, screen: Screen, device: str) -> None:
    missing = [name for name in ("identity", "rungs", "opening", "infeasible_families") if name not in stored]
    if missing:
        raise ConfigError(
            f"{folder.facts_file}: an earlier version began this study and stored no {', '.join(missing)}; "
            f"go on with that version, or give the study a new name"
        )
    if stored["space"] != screen.space.label:
        raise ConfigError(f"{folder.root}: began in {stored['space']}, this version has {screen.space.label}")
    if "latency_ms" in config.objectives and stored["deploy_device"] != device:
        raise ConfigError(
            f"{folder.root}: latencies were measured on '{stored['deploy_device']}', this is '{device}'; "
            f"they do not compare: go on there, or give the study a new name"
        )


def _check_weights(
    stored: Mapping[str, object], folder: StudyFolder, pretrained: Pretrained | None, now: str | None
) -> None:
    was = stored.get("encoder_weights")
    if pretrained is not None and was != now:
        raise ConfigError(
            f"{folder.root}: train.encoder_weights.file: {pretrained.file} has changed since the "
            f"study began: SHA-256 {was}, now {now}; put the old file back, or give the study a new name"
        )


def _measurable(screen: Screen, known: Sequence[Architecture]) -> Iterator[dict[str, float]]:
    """Yield the costs of those that the device can hold. Raises OutOfMemory if it can hold none."""
    too_large = []
    for architecture in known:
        try:
            yield screen.cost_of(architecture)
        except OutOfMemory as fault:
            too_large.append(fault)
    if len(too_large) == len(known):
        raise too_large[0]


def _reference(config: StudyConfig, screen: Screen, material: Material) -> Reference:
    """Return Dice of the best trivial prediction and, per cost, its limit or twice the dearest member's."""
    limits = {limit.metric: limit.limit for limit in config.limits()}
    known = [architecture for _, architecture in members(screen)]
    if not known:  # a space without published members: what it typically offers
        known = [screen.space.sample(Random(i)) for i in range(REFERENCE_DRAWS)]
    costs = list(_measurable(screen, known))
    values = {"dice": max(material.baselines.values())}
    for name in config.objectives:
        if name != "dice":
            values[name] = limits[name] if name in limits else 2 * max(cost[name] for cost in costs)
    return Reference({name: values[name] for name in config.objectives})
