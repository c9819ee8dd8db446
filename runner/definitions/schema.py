"""The types of definition that editors can be told about, and the keys of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.definitions.keys import (
    DerivedRuleKeys,
    GlobalHelperKeys,
    Keys,
    PolicyKeys,
    SavedQueryKeys,
    ScheduledQueryKeys,
    ScheduledRuleKeys,
    StreamRuleKeys,
)
from runner.definitions.set_keys import CorrelationRuleKeys, DataModelKeys, LookupTableKeys, PackKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

KEYS: Mapping[str, type[Keys]] = {
    "scheduled_query": ScheduledQueryKeys,
    "saved_query": SavedQueryKeys,
    "scheduled_rule": ScheduledRuleKeys,
    "rule": StreamRuleKeys,
    "derived": DerivedRuleKeys,
    "policy": PolicyKeys,
    "global": GlobalHelperKeys,
    "datamodel": DataModelKeys,
    "lookup_table": LookupTableKeys,
    "correlation_rule": CorrelationRuleKeys,
    "pack": PackKeys,
}
"""By `AnalysisType`; a rule with `BaseDetection` has the keys of `derived`."""
