"""What a person sees while a search runs: one line kept up to date, or plain lines where there is no terminal."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.text import Text

__all__ = ["Progress", "Standing", "duration"]

_QUIET_S = 20.0  # plain lines come at least this far apart, except at the end of a trial


@dataclass(frozen=True)
class Standing:
    """Where the search stands: what every line repeats."""

    begun: int
    total: int
    outcomes: Mapping[str, int] = field(default_factory=Counter)
    screened: Mapping[str, int] = field(default_factory=Counter)
    front: int = 0
    hypervolume: float = 0.0
    seconds_left: float | None = None
    training: int = 0
    waiting: int = 0

    def text(self) -> str:
        """Return the line: trials, outcomes, proposals refused, front, hypervolume, time left."""
        counts = [*sorted(self.outcomes.items()), ("waiting", self.waiting), ("training", self.training)]
        ended = ", ".join(f"{name} {count}" for name, count in counts if count) or "none yet"
        refused = self.screened.get("infeasible", 0) + self.screened.get("duplicate", 0)
        left = "?" if self.seconds_left is None else duration(self.seconds_left)
        return (
            f"trials {self.begun}/{self.total} ({ended}) · refused {refused} · front {self.front} · "
            f"hypervolume {self.hypervolume:.4f} · left {left}"
        )


class Progress:
    """Shows the standing and what the running trial does. Use as a context manager."""

    def __init__(self, console: Console):
        self._console = console
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
        self._standing = Standing(0, 0)
        self._said_at = 0.0

    def __enter__(self) -> "Progress":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, standing: Standing, doing: str = "", *, important: bool = False) -> None:
        """Show the standing and what is being done. `important` lines stay."""
        self._standing = standing
        line = " · ".join(part for part in (standing.text() if standing.total else "", doing) if part)
        if self._live is not None:
            self._live.update(Text(line, overflow="fold"))
        elif important or time.monotonic() - self._said_at > _QUIET_S:
            self.say(line)

    def doing(self, what: str) -> None:
        """Show what is being done with the last standing."""
        self.update(self._standing, what)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._said_at = time.monotonic()
        self._console.print(Text(line), soft_wrap=True)


def duration(seconds: float) -> str:
    """Return a rounded duration: 45 s, 12 min, 3.4 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
