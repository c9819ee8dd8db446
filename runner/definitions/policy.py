"""A policy: what decides whether a resource is as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.definitions.frozen_mapping import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.definitions.location import Location
    from runner.definitions.python_source import PythonSource
    from runner.definitions.severity import Severity
    from runner.definitions.unit_test import UnitTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy over resources. Its function `policy` returns True for a resource that complies; False is the alert."""

    policy_id: str
    enabled: bool
    severity: Severity
    python: PythonSource
    location: Location
    resource_types: tuple[str, ...] = ()
    """The types of resource it is about; none means all."""
    suppressions: tuple[str, ...] = ()
    """Shell-style patterns of resource ids that raise no alert."""
    description: str = ""
    display_name: str = ""
    runbook: str = ""
    reference: str = ""
    tags: tuple[str, ...] = ()
    reports: Mapping[str, tuple[str | int | float, ...]] = field(default_factory=FrozenMapping)
    output_ids: tuple[str, ...] = ()
    status: str = ""
    created_by: str = ""
    action_delay_seconds: int = 0
    auto_remediation_id: str = ""
    auto_remediation_parameters: Any = None
    """As the file writes them: a mapping, as a rule."""
    tests: tuple[UnitTest, ...] = ()
    """Their `log` is the resource."""
