"""The class of events, under the name by which rules know it."""

from runner.detections.event import Event as PantherEvent

__all__ = ["PantherEvent"]
