"""A study small enough to run in seconds."""

from pathlib import Path

import pytest

TINY = """\
name: tiny
objectives: [dice, traffic_bytes]
constraints:
  macs: "<= 60 M"
data:
  kind: generated
  images: 24
  size: 64
train:
  size: 64
  epochs: 2
  batch: 4
  threads: 1
deploy:
  size: 64
sampler:
  startup: 2
rungs: {promote: "off"}
workers: 0
budget:
  trials: 4
start:
  published: false
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a tiny study; runs/ goes to a fresh folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path
