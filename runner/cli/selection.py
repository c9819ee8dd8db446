"""Which detections a command is about: `--filter KEY=VALUE`, as Panther's tool understands it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from runner.definitions.policy import Policy
from runner.definitions.scheduled_rule import ScheduledRule

if TYPE_CHECKING:
    from runner.definitions.catalogue import Catalogue
    from runner.detections.content import Judged

_ATTRIBUTES: Final = {
    "AnalysisType": "",
    **dict.fromkeys(("DataModelID", "GlobalID", "LookupName", "PackID", "QueryName"), ""),
    "RuleID": "rule_id",
    "PolicyID": "policy_id",
    "DisplayName": "display_name",
    "Enabled": "enabled",
    "Severity": "severity",
    "Description": "description",
    "Runbook": "runbook",
    "Reference": "reference",
    "Tags": "tags",
    "Reports": "reports",
    "Status": "status",
    "CreatedBy": "created_by",
    "LogTypes": "log_types",
    "ScheduledQueries": "queries",
    "ResourceTypes": "resource_types",
    "Suppressions": "suppressions",
    "OutputIds": "output_ids",
    "SummaryAttributes": "summary_attributes",
    "DedupPeriodMinutes": "dedup_period_minutes",
    "Threshold": "threshold",
    "CreateAlert": "create_alert",
    "BaseDetection": "base_id",
    "Filename": "python",
}
"""Key of a definition's YAML → where its value is kept; the ids of what is no detection are in none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFilter:
    """A key of the YAML, and the values (in lower case) of which it must, or must not, have one."""

    key: str
    values: frozenset[str]
    excludes: bool = False

    def admits(self, definition: Judged) -> bool:
        """Tell whether a definition has one of the values; case does not matter, and a missing key is empty."""
        found = {text.lower() for text in _texts_of(definition, self.key)} or {""}
        return found.isdisjoint(self.values) is self.excludes


def read_filter(text: str) -> KeyFilter:
    """Read `KEY=V1,V2` or `KEY!=V1,V2`.

    Raises:
        click.UsageError: it is neither, or the key is none of a rule's or a policy's.
    """
    key, _, values = text.partition("=")
    excludes = key.endswith("!")
    key = key.removesuffix("!").strip()
    if text.count("=") != 1:
        raise click.UsageError(f"--filter takes KEY=VALUE or KEY!=VALUE, found {text!r}")
    if key not in _ATTRIBUTES:
        near = difflib.get_close_matches(key, _ATTRIBUTES, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise click.UsageError(f"--filter: neither rules nor policies have the key {key!r}{hint}")
    return KeyFilter(
        key=key, values=frozenset(value.strip().lower() for value in values.split(",")), excludes=excludes
    )


def detections_in(catalogue: Catalogue) -> list[Judged]:
    """Return every rule and policy of a catalogue."""
    return [*catalogue.rules.values(), *catalogue.stream_rules.values(), *catalogue.policies.values()]


def type_of(definition: Judged) -> str:
    """Return what a definition's `AnalysisType` says."""
    if isinstance(definition, Policy):
        return "policy"
    return "scheduled_rule" if isinstance(definition, ScheduledRule) else "rule"


def _texts_of(definition: Judged, key: str) -> list[str]:
    """Return the values of a key as texts: several, if it holds a list."""
    if key == "AnalysisType":
        return [type_of(definition)]
    value: Any = getattr(definition, _ATTRIBUTES[key], "") if _ATTRIBUTES[key] else ""
    if key == "Filename":
        return [value.path.name] if value else []
    if isinstance(value, (tuple, list, Mapping)):
        return [str(one) for one in value]
    return [str(value)]
