"""From a deployed graph with weights to a folder that stands alone, and back. Importing this package loads no torch."""

from nas.export.preprocess import Preprocess
from nas.export.sides import Sides, sides_of

__all__ = ["Preprocess", "Sides", "sides_of"]
