"""Faults a user can mend, one class per kind.

The text of each is one line: where it happened, what was needed, what came, what to do.
"""

__all__ = ["DecisionError", "DrawingError", "ExportError", "GraphError", "NasError", "RuleError", "ShapeError"]
__all__ += ["SpaceError", "WeightsError"]


class NasError(Exception):
    """Base of every fault that the command line reports as one line instead of a traceback."""


class ShapeError(NasError):
    """An operator was given inputs whose shapes it cannot take."""

    _located = False
    _ruled = False

    def locate(self, address: str) -> None:
        """Put the address of the scope in front, once: the innermost scope knows best."""
        if not self._located:
            self._located = True
            self.args = (f"{address}: {self}",)

    def of_rule(self, where: str) -> None:
        """Put behind it which rule of a person's met it, once: the innermost rule knows best."""
        if not self._ruled:
            self._ruled = True
            self.args = (f"{self} (in {where})",)


class GraphError(NasError):
    """A graph or its stored form breaks a rule of legal graphs."""


class DrawingError(NasError):
    """A drawing cannot be made or written as asked."""


class ExportError(NasError):
    """A folder for deployment cannot be written as asked, or is not what an export writes."""


class DecisionError(NasError):
    """Recorded decisions do not fit the space: one is unknown, missing or has no such option."""


class SpaceError(NasError):
    """A rule or a space is written wrongly, or an architecture is not one of its members."""


class RuleError(NasError):
    """A person's own rule cannot be read, or does not do what its kind of rule must."""


class WeightsError(NasError):
    """A checkpoint cannot be read or does not fit the network."""
