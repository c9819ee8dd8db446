"""The limits and words of rules, under Panther's names, for content that keeps to them."""

from runner.definitions.severity import Severity
from runner.detections.functions import (
    MAX_CONTEXT,
    MAX_DESTINATIONS,
    MAX_TEXT,
    FunctionReturnTypeError,
    UnknownDestinationError,
)

MAX_DEDUP_STRING_SIZE = MAX_TEXT
MAX_GENERATED_FIELD_SIZE = MAX_TEXT
MAX_DESTINATIONS_SIZE = MAX_DESTINATIONS
MAX_ALERT_CONTEXT_SIZE = MAX_CONTEXT
SEVERITY_TYPES = [severity.value for severity in Severity]
SEVERITY_DEFAULT = "DEFAULT"

__all__ = [
    "MAX_ALERT_CONTEXT_SIZE",
    "MAX_DEDUP_STRING_SIZE",
    "MAX_DESTINATIONS_SIZE",
    "MAX_GENERATED_FIELD_SIZE",
    "SEVERITY_DEFAULT",
    "SEVERITY_TYPES",
    "FunctionReturnTypeError",
    "UnknownDestinationError",
]
