"""One export for all tests that only read it."""

from pathlib import Path

import pytest

from tests.nas.export.networks import two_levels, write


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small exported network."""
    out = tmp_path_factory.mktemp("export") / "net"
    write(two_levels(), out)
    return out
