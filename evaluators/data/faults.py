"""What is wrong with images, masks or their folder."""

from collections.abc import Sequence

from nas.errors import NasError

__all__ = ["DataError", "listed"]


class DataError(NasError):
    """Images, masks, their folder or their split are not what is needed.

    Attributes:
        kind: Of a fault in a file, what `nas data check` lists it under.
    """

    def __init__(self, message: str, kind: str = "faults"):
        super().__init__(message)
        self.kind = kind


def listed(names: Sequence[str]) -> str:
    """Return the first 20 names for a message, and how many more there are."""
    rest = len(names) - 20
    return ", ".join(names[:20]) + (f" and {rest} more" if rest > 0 else "")
