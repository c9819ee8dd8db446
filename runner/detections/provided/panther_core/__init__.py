"""What rules import from `panther_core`: the class of their events."""

from runner.detections.provided.panther_core import detection, enriched_event, exceptions, immutable, rule
from runner.detections.provided.panther_core.enriched_event import PantherEvent

__all__ = ["PantherEvent", "detection", "enriched_event", "exceptions", "immutable", "rule"]
