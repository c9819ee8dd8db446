"""The definitions as the daemon uses them: whole catalogues, swapped between runs."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import structlog

from runner.checkpoints import NO_CHECKPOINTS, Checkpoint
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.scheduled_query import ScheduledQuery
from runner.definitions.scheduled_rule import ScheduledRule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.checkpoints import Checkpoints
    from runner.definitions.catalogue import Catalogue

_log = structlog.get_logger(__name__)

D = TypeVar("D", ScheduledQuery, ScheduledRule)


class CurrentDefinitions:
    """The newest catalogue in which every definition is sound.

    A definition that has become faulty keeps its last good version until it is mended or deleted.
    """

    def __init__(self, read: Callable[[], Catalogue], checkpoints: Checkpoints = NO_CHECKPOINTS) -> None:
        self._read = read
        self._reached = checkpoints.reached
        self._lock = Lock()
        self._catalogue = read()
        self._tell(self._catalogue)

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue to use for a run that begins now."""
        with self._lock:
            return self._catalogue

    def reload(self) -> bool:
        """Read all definitions again; return whether anything that counts has changed."""
        fresh = self._read()
        with self._lock:
            before = self._catalogue
            kept = with_last_good(fresh, before)
            changed = kept.fingerprints != before.fingerprints or _faults(kept) != _faults(before)
            if changed:
                self._reached(Checkpoint.RELOAD_BEGINS)
                self._catalogue = kept
        if changed:
            self._tell(kept)
        return changed

    def _tell(self, catalogue: Catalogue) -> None:
        _log.info(
            "definitions_loaded",
            queries=len(catalogue.queries),
            rules=len(catalogue.rules),
            faults=[str(error) for error in catalogue.errors],
        )


def with_last_good(fresh: Catalogue, before: Catalogue) -> Catalogue:
    """Put the last good version of every definition whose file is faulty now into a fresh catalogue."""
    faulty = {error.location.path for error in fresh.errors}
    queries = _kept(fresh.queries, before.queries, lambda query: query.location.path in faulty)
    rules = _kept(
        fresh.rules,
        before.rules,
        lambda rule: rule.location.path in faulty or rule.python.path in faulty,
    )
    if len(queries) == len(fresh.queries) and len(rules) == len(fresh.rules):
        return fresh
    fingerprints = {**_only(before.fingerprints, {*queries, *rules}), **fresh.fingerprints}
    return replace(
        fresh,
        queries=queries,
        rules=rules,
        fingerprints=FrozenMapping(fingerprints),
        listeners=_listeners(rules),
    )


def _kept(
    fresh: Mapping[str, D], before: Mapping[str, D], is_faulty: Callable[[D], bool]
) -> FrozenMapping[str, D]:
    lost = {name: one for name, one in before.items() if name not in fresh and is_faulty(one)}
    return FrozenMapping({**fresh, **lost})


def _only(fingerprints: Mapping[str, str], names: set[str]) -> dict[str, str]:
    return {name: fingerprint for name, fingerprint in fingerprints.items() if name in names}


def _listeners(rules: Mapping[str, ScheduledRule]) -> FrozenMapping[str, tuple[str, ...]]:
    queries = {query for rule in rules.values() for query in rule.queries}
    return FrozenMapping(
        {
            query: tuple(sorted(rule_id for rule_id, rule in rules.items() if query in rule.queries))
            for query in queries
        }
    )


def _faults(catalogue: Catalogue) -> list[str]:
    return [str(error) for error in catalogue.errors]
