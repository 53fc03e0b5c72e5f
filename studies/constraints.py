"""Upper limits on costs, as a study writes them: `latency_ms: "<= 50"`, `traffic_bytes: "<= 20 MB"`."""

import math
import re
from dataclasses import dataclass

from studies.errors import ConfigError, shown

__all__ = ["LEARNED", "Constraint", "parse_constraint"]

LEARNED = "dice"  # the one metric that is not known before training

_LIMIT = re.compile(r"<=\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]*)")
_COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9}
_BYTES = {"B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}


@dataclass(frozen=True)
class Constraint:
    """A member fits if `metric`, in the unit its name states, is at most `limit`."""

    metric: str
    limit: float


def parse_constraint(metric: str, text: str) -> Constraint:
    """Read `<= 50`, `<= 2e9`, `<= 1.5 G`; `<= 20 MB` or `<= 20 MiB` of bytes, `<= 50 ms` of a latency.

    Raises:
        ConfigError: The metric is `dice`, the text is something else, or its unit is not the metric's.
    """
    if metric == LEARNED:
        raise ConfigError(f"'{LEARNED}' cannot be limited, it is what the search learns; limit a cost, or remove this")
    units = _units(metric)
    match = _LIMIT.fullmatch(text.strip())
    if not match:
        raise ConfigError(f"needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came {shown(text)}")
    number, unit = match.groups()
    if unit not in units:
        known = ", ".join(name for name in units if name)
        raise ConfigError(f"needs a number of {metric} in one of the units {known} or none; came {shown(text)}")
    limit = float(number) * units[unit]
    if not 0 < limit < math.inf:
        raise ConfigError(f"needs a limit above 0 and below infinity; came {shown(text)}")
    return Constraint(metric, limit)


def _units(metric: str) -> dict[str, float]:
    if metric.endswith("_bytes"):
        return {**_COUNTS, **_BYTES}
    return {"": 1.0, "ms": 1.0} if metric.endswith("_ms") else _COUNTS
