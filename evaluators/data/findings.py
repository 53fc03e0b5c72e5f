"""What is wrong, or worth knowing, in a data set: one finding for each place."""

from collections.abc import Sequence
from typing import NamedTuple

from evaluators.data.samples import DataError

__all__ = ["SHOWN", "Finding", "raise_faults"]

SHOWN = 20


class Finding(NamedTuple):
    """One offender: the kind of fault, the file or id it is about, and the whole message."""

    kind: str
    where: str
    text: str


def raise_faults(faults: Sequence[str], heading: str) -> None:
    """Raise DataError if there are faults: one as it is, several as a list under `heading`, the first 20 of them."""
    if len(faults) == 1:
        raise DataError(faults[0])
    if faults:
        rest = len(faults) - SHOWN
        more = [f"and {rest} more"] if rest > 0 else []
        raise DataError("\n  ".join([f"{heading}:", *faults[:SHOWN], *more]))
