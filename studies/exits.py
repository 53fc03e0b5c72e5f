"""How commands end: faults as one line with an exit code, and signals that ask a command to stop and save."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

from nas.errors import NasError

__all__ = ["FAILURE", "NOTHING_FEASIBLE", "USAGE", "one_line_faults", "signals"]

FAILURE, USAGE, NOTHING_FEASIBLE, UNREACHABLE, BY_SIGNAL = 1, 2, 3, 4, 128  # a signal's number is added to the last

_EXIT_CODES = {"StorageUnreachable": UNREACHABLE, "DiskFull": FAILURE}


@contextmanager
def one_line_faults(caught: Sequence[int] = ()) -> Iterator[None]:
    """Turn a fault the user can mend into its line and an exit code; anything else keeps its traceback (exit 1)."""
    from evaluators.faults import Interrupted

    try:
        yield
    except Interrupted as stop:
        typer.echo(f"{stop}; the same command goes on from here", err=True)
        raise typer.Exit(BY_SIGNAL + caught[0]) from None
    except NasError as fault:
        typer.echo(f"nas: {fault}", err=True)
        raise typer.Exit(_EXIT_CODES.get(type(fault).__name__, USAGE)) from None


@contextmanager
def signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM: the first asks the search to stop and save, the second ends the process at once."""
    caught: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, signal.SIG_DFL)
        print("stopping: saving the state; once more ends at once", file=sys.stderr, flush=True)

    old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
