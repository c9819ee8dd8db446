"""Content: a catalogue's detections with all that they ask for: helpers, data models and lookup tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.policy import Policy
from runner.definitions.scheduled_rule import ScheduledRule
from runner.definitions.stream_rule import StreamRule
from runner.detections.event import Event, plain_copy
from runner.detections.loading import Namespace
from runner.detections.lookups import LookupTables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.data_model import DataModel
    from runner.definitions.lookup_table import LookupTable
    from runner.definitions.python_source import PythonSource
    from runner.detections.cache import Cache
    from runner.detections.conditions import Predicate
    from runner.detections.data_model import LoadedDataModel
    from runner.detections.detection import Detection

Judged: TypeAlias = ScheduledRule | StreamRule | Policy
"""The definitions that are put to events, or to resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSources:
    """What detections ask for, as it was written; plain data that can be handed to another process."""

    root: Path
    """The project folder: what the paths of Python and of tables are relative to."""
    helpers: Mapping[str, PythonSource] = field(default_factory=FrozenMapping)
    data_models: tuple[DataModel, ...] = ()
    lookup_tables: tuple[LookupTable, ...] = ()

    @classmethod
    def of(cls, catalogue: Catalogue) -> ContentSources:
        """Return what the detections of a catalogue ask for."""
        return cls(
            root=catalogue.root,
            helpers=catalogue.helper_sources(),
            data_models=tuple(catalogue.data_models.values()),
            lookup_tables=tuple(catalogue.lookup_tables.values()),
        )


class Content:
    """Loads detections, and makes the events that they are asked about.

    Helpers and data models run once for all detections. What rules keep with the caching helpers goes to `cache`;
    without one it is gone with this object.
    """

    def __init__(self, sources: ContentSources, cache: Cache | None = None) -> None:
        self.namespace = Namespace(sources.helpers, root=sources.root, cache=cache)
        self.lookups = LookupTables(sources.lookup_tables, sources.root)
        self._models = {
            log_type: model for model in sources.data_models if model.enabled for log_type in model.log_types
        }
        self._loaded: dict[str, LoadedDataModel] = {}

    def load(self, definition: Judged) -> Detection:
        """Return a definition ready to be asked.

        Raises:
            DetectionError: its Python cannot be run, or has no matcher.
        """
        if isinstance(definition, Policy):
            return self.namespace.load(
                definition.python,
                rule_id=definition.policy_id,
                severity=definition.severity,
                display_name=definition.display_name,
                is_policy=True,
            )
        if isinstance(definition, StreamRule):
            return self._load_stream_rule(definition)
        return self.namespace.load(
            definition.python,
            rule_id=definition.rule_id,
            severity=definition.severity,
            display_name=definition.display_name,
        )

    def event(self, definition: Judged, log: Mapping[str, Any]) -> Any:
        """Return what a detection is asked about, made of a log, a row or a resource, and sharing nothing with it.

        A policy gets a plain dict. A rule on log types gets an event with the data model of its `p_log_type`, and with
        the rows that lookup tables have for it; a scheduled rule's event is the row alone.

        Raises:
            DetectionError: the data model cannot be loaded.
        """
        copied: dict[str, Any] = plain_copy(dict(log))
        if isinstance(definition, Policy):
            return copied
        if isinstance(definition, ScheduledRule):
            return Event(copied, None, self.lookups)
        log_type = copied.get("p_log_type")
        model = self.data_model(log_type) if isinstance(log_type, str) else None
        return Event(self.lookups.enriched(copied), model, self.lookups)

    def data_model(self, log_type: str) -> LoadedDataModel | None:
        """Return the data model of a log type, loaded when it is first asked for; None if there is none.

        Raises:
            DetectionError: it cannot be loaded.
        """
        model = self._models.get(log_type)
        if model is None:
            return None
        if model.model_id not in self._loaded:
            self._loaded[model.model_id] = self.namespace.load_data_model(model)
        return self._loaded[model.model_id]

    def _load_stream_rule(self, rule: StreamRule) -> Detection:
        filters = _filters(rule)
        if rule.python is None:
            if rule.simple is None:
                raise ValueError(f"{rule.rule_id}: a rule has Python or conditions")
            from runner.detections import simple  # noqa: PLC0415  few rules are written as conditions

            return simple.load(rule, rule.simple, filters)
        return self.namespace.load(
            rule.python,
            rule_id=rule.rule_id,
            severity=rule.severity,
            display_name=rule.display_name,
            filters=filters,
        )


def _filters(rule: StreamRule) -> Predicate | None:
    """Return a rule's inline filters as one function; None if there are none."""
    if not rule.inline_filters:
        return None
    from runner.detections.conditions import predicate_of  # noqa: PLC0415  few rules have filters

    members = [predicate_of(expression) for expression in rule.inline_filters]
    return lambda event: all(member(event) for member in members)
