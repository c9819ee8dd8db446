from collections.abc import Callable
from pathlib import Path

import pytest

from runner.definitions.python_source import PythonSource
from runner.definitions.severity import Severity
from runner.detections.detection import Detection
from runner.detections.loading import Namespace


def source_of(text: str, path: str = "scheduled_rules/example.py") -> PythonSource:
    return PythonSource(path=Path(path), text=text)


@pytest.fixture
def detection() -> Callable[..., Detection]:
    """Return a function that loads a rule from its Python text."""

    def load(text, *, helpers=None, **standing):
        sources = {
            name: source_of(body, f"global_helpers/{name}.py") for name, body in (helpers or {}).items()
        }
        facts = {"rule_id": "Example.Rule", "severity": Severity.MEDIUM, **standing}
        return Namespace(sources).load(source_of(text), **facts)

    return load
