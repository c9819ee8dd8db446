"""The read-only containers found within events, for rules that test for them."""

from runner.detections.event import ImmutableCaseInsensitiveDict, ImmutableList

__all__ = ["ImmutableCaseInsensitiveDict", "ImmutableList"]
