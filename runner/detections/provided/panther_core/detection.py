"""What an evaluation gives, under Panther's name, for content that annotates with it."""

from runner.detections.evaluate import DetectionResult

__all__ = ["DetectionResult"]
