"""What rules import from `panther_core`: the class of their events."""

from runner.detections.provided.panther_core import enriched_event, exceptions, immutable
from runner.detections.provided.panther_core.enriched_event import PantherEvent

__all__ = ["PantherEvent", "enriched_event", "exceptions", "immutable"]
