"""Upkeep: what the daemon sees to between runs, so that nobody has to clean up after it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from runner.alerts.system_fault import SystemFaultKind, definition_faulty
from runner.errors import StoreError
from runner.runs.failure_policy import fingerprint_of
from runner.store.retention import Pruned

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from runner.alerts.system_fault import SystemFault
    from runner.definitions.catalogue import Catalogue
    from runner.settings import Settings
    from runner.store.query_health import AilingQuery
    from runner.store.state import StateStore

_log = structlog.get_logger(__name__)


class Upkeep:
    """System errors of definitions, and paused queries whose cause may be gone.

    `catalogue` gives the definitions as they are used now; `may_exist` tells whether one that is not among them
    may be in a file that cannot be read; `stopping` is set when the daemon is to end. Trouble with the state database is logged, and
    what was to be done is done the next time.
    """

    def __init__(
        self,
        store: StateStore,
        settings: Settings,
        catalogue: Callable[[], Catalogue],
        *,
        may_exist: Callable[[str], bool],
        stopping: threading.Event,
    ) -> None:
        self._store = store
        self._settings = settings
        self._catalogue = catalogue
        self._may_exist = may_exist
        self._stopping = stopping
        self._is_told = False

    def definitions_loaded(self, catalogue: Catalogue) -> None:
        """Let what is wrong with the definitions stand as system errors, and resolve what is mended or gone."""
        self._is_told = False
        self._try(lambda: self._tell(catalogue))

    def look(self) -> None:
        """Let queries go on whose definition, or lake, is no longer what they were paused with."""
        if not self._is_told:
            self._try(lambda: self._tell(self._catalogue()))
        self._try(self._resume_changed)

    def prune(self) -> None:
        """Remove what is old, a little at a time, and leave others as much time in between."""
        self._try(self._prune)

    def _prune(self) -> None:
        retention = self._store.retention
        cutoffs, total, has_more = retention.cutoffs(self._settings), Pruned(), True
        while has_more and not self._stopping.is_set():
            began = time.monotonic()
            portion, has_more = retention.prune_portion(cutoffs)
            total += portion
            if has_more:
                self._stopping.wait(time.monotonic() - began)
        if total.total:
            _log.info(
                "state_pruned", runs=total.runs, gaps=total.gaps, matches=total.matches, alerts=total.alerts
            )

    def _tell(self, catalogue: Catalogue) -> None:
        health = self._store.health
        mended = "the file is sound, or gone"
        health.set_faults(SystemFaultKind.DEFINITION_FAULTY, faults_of(catalogue), mended=mended)
        health.keep_only(lambda name: self._may_run(name, catalogue))
        self._is_told = True
        self._resume_changed()

    def _may_run(self, name: str, catalogue: Catalogue) -> bool:
        query = catalogue.queries.get(name)
        return self._may_exist(name) if query is None else query.enabled

    def _resume_changed(self) -> None:
        catalogue = self._catalogue()
        for ailing in self._store.health.paused_queries():
            if self._has_changed(ailing, catalogue):
                reason = "its definition or the lake's tables have changed"
                self._store.health.resume(ailing.query, reason=reason)
                _log.info("query_resumed", query=ailing.query, reason=reason)

    def _has_changed(self, ailing: AilingQuery, catalogue: Catalogue) -> bool:
        return ailing.query in catalogue.queries and (
            fingerprint_of(catalogue, ailing.query, self._settings.lake) != ailing.fingerprint
        )

    def _try(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except StoreError as error:
            _log.error("state_unavailable", fault=str(error))


def faults_of(catalogue: Catalogue) -> list[SystemFault]:
    """Return one fault for each file of a catalogue in which something is wrong."""
    messages: dict[str, list[str]] = {}
    for error in catalogue.errors:
        messages.setdefault(error.location.path.as_posix(), []).append(str(error))
    return [definition_faulty(path, tuple(found)) for path, found in sorted(messages.items())]
