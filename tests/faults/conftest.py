"""A study of many short trials, started as a person would start it."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MANY = """\
name: many
objectives: [dice, traffic_bytes]
constraints: {macs: "<= 60 M"}
data: {kind: generated, images: 40, size: 64}
train: {size: 64, epochs: 9, batch: 4, threads: 1}
deploy: {size: 64}
sampler: {name: random}
budget: {trials: 24}
start: {published: false}
workers: 2
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """The folder of a study with two workers."""
    (tmp_path / "study.yaml").write_text(MANY)
    return tmp_path


@pytest.fixture
def start(many: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begin a search there, or go on with it; what still runs at the end of the test is killed."""
    begun: list[subprocess.Popen[str]] = []

    def search(*overrides: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*before, sys.executable, "-m", "studies.cli", "search", "study.yaml", "--dir", "run", *overrides]
        process = subprocess.Popen(command, cwd=many, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        begun.append(process)
        return process

    yield search
    for process in begun:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server of its own, on a free port, whose files are removed afterwards."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs and shutil.which("initdb") is None:
        pytest.fail("PostgreSQL is needed: apt-get install postgresql")
    bin_ = programs[-1] if programs else Path(str(shutil.which("initdb"))).parent
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    place = Path(
        subprocess.run([*as_postgres, "mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    )
    user = "postgres" if as_postgres else pwd.getpwuid(os.geteuid()).pw_name
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    subprocess.run(
        [*as_postgres, bin_ / "initdb", "-D", place / "data", "-A", "trust"], check=True, capture_output=True
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place} -c fsync=off"
    control = [*as_postgres, bin_ / "pg_ctl", "-D", place / "data", "-w"]
    subprocess.run([*control, "-o", options, "-l", place / "log", "start"], check=True, capture_output=True)
    yield f"postgresql://{user}@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True)
    shutil.rmtree(place)
