"""The errors that rules may meet, under Panther's names."""

from runner.detections.event import PantherError
from runner.detections.functions import FunctionReturnTypeError, UnknownDestinationError

__all__ = ["FunctionReturnTypeError", "PantherError", "UnknownDestinationError"]
