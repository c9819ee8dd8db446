"""The modules that rules import by Panther's names; served to them by `runner.detections.provided_modules`."""
