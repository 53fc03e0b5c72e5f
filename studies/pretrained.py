"""The published weights that encoders of a study begin with: read and checked before the first trial, told of each."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from nas.errors import WeightsError
from nas.graph import Graph
from search_spaces.encoder_weights import PublishedEncoder
from search_spaces.weights import load_file
from studies.config import StudyConfig
from studies.errors import ConfigError
from studies.folder import write_atomic
from studies.proposing import members
from studies.screening import Screen

__all__ = ["Pretrained", "load_pretrained"]


@dataclass(frozen=True)
class Pretrained:
    """A published encoder with its weights, and the file that they are from."""

    file: Path
    sha256: str
    encoder: PublishedEncoder

    def record(self, folder: Path, graph: Graph) -> dict[str, int]:
        """Write what the network in a trial's folder begins with, and return the numbers that its row shows."""
        report = self.encoder.match(graph)
        head = {"as": self.encoder.key, "file": str(self.file), "sha256": self.sha256}
        write_atomic(folder / "encoder_weights.json", json.dumps(head | report._asdict(), indent=1))
        return {"pretrained_tensors": len(report.used), "encoder_tensors": report.encoder_tensors}

    def said(self, screen: Screen) -> str:
        """Return the line that says what was read and which published members begin with how much of it."""
        shares = []
        for name, architecture in members(screen):
            report = self.encoder.match(screen.candidate(architecture, "reference").graph)
            shares.append(f"{name} {len(report.used)} of its {report.encoder_tensors}")
        begin = f" · published members begin with: {', '.join(shares)}" if shares else ""
        return f"encoder weights: {len(self.encoder)} tensors of {self.encoder.key} in {self.file}{begin}"


def load_pretrained(config: StudyConfig) -> Pretrained | None:
    """Return the encoder weights that a study names, if it does.

    Raises ConfigError for a file that cannot be read or does not hold the encoder it is said to hold.
    """
    named = config.train.encoder_weights
    if named is None:
        return None
    try:
        encoder = PublishedEncoder(named.network, load_file(named.file), config.data.input_channels)
    except WeightsError as fault:
        raise ConfigError(
            f"train.encoder_weights: needs a checkpoint of {named.network} in {named.file}; {fault}"
        ) from None
    with named.file.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Pretrained(named.file, digest.hexdigest(), encoder)
