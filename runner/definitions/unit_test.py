"""The tests that a detection carries in its YAML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.definitions.location import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Mock:
    """A name of the detection's module that is replaced, during one test, by a call that returns `return_value`."""

    object_name: str
    return_value: str | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTest:
    """One test of a detection: an event, and whether the detection should match it.

    `log` is the event (of a policy: the resource) as the file writes it: a mapping, unless the author made a mistake
    that the test then shows. It is shared and must not be changed. `expected_destinations` is None when the test
    says nothing about them.
    """

    name: str
    expected_result: bool
    log: Any
    location: Location
    mocks: tuple[Mock, ...] = ()
    expected_destinations: tuple[str, ...] | None = None
