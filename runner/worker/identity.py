"""Which rows are the same event: what makes an event count once.

A row is an event if it has a `p_row_id`, or a `p_event_time` (then its content tells it apart), or the
columns that the settings name for its rule. Any other row, such as an aggregate, counts once in every run:
it is told apart by the run and the dedup string, so that running the same due time again adds nothing.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import orjson

from runner.detections.event import unwrapped

if TYPE_CHECKING:
    from runner.detections.event import Event
    from runner.worker.job import Job, RuleJob

_SIZE = 16
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


class Identities:
    """The identities of one run's matches for one rule."""

    def __init__(self, job: Job, rule: RuleJob) -> None:
        self._rule = rule
        self._run = f"{job.query}\x1f{job.reference.isoformat()}".encode("utf-8", "surrogatepass")

    def of_match(self, event: Event, dedup: str) -> bytes:
        """Return 16 bytes that are equal for the same event in another run.

        Columns are found in any case. Raises `RecursionError` for a row that is nested too deeply.
        """
        content = self._content(event)
        if content is None:
            return self.of_key("match", dedup)
        if self._rule.counts_again:
            return _digest(b"again", self._run, content)
        return _digest(b"event", content)

    def of_key(self, kind: str, dedup: str) -> bytes:
        """Return what tells the rows of one dedup string apart from those of any other run."""
        return _digest(b"run", self._run, kind.encode(), dedup.encode("utf-8", "surrogatepass"))

    def are_of_content(self, event: Event) -> bool:
        """Whether the whole row tells this event apart."""
        return not self._rule.identity and event.get("p_row_id") is None

    def _content(self, event: Event) -> bytes | None:
        named = self._named_columns(event)
        if named is not None:
            return named
        row_id = event.get("p_row_id")
        if row_id is not None:
            return json_of(unwrapped(row_id))
        return json_of(event.raw_view()) if event.get("p_event_time") is not None else None

    def _named_columns(self, event: Event) -> bytes | None:
        """Return the columns that the settings name; None if one is missing, or all are NULL.

        Were such rows taken for the same event, a slip in the settings would silence the rule.
        """
        names = self._rule.identity
        values = [unwrapped(event.get(name)) for name in names if name in event]
        if len(values) < len(names) or all(value is None for value in values):
            return None
        return json_of(values)


def json_of(value: Any) -> bytes:
    """Return a value as JSON with sorted keys; what JSON does not know is written as its text.

    Raises `RecursionError` for a value that is nested too deeply.
    """
    try:
        return orjson.dumps(value, default=str, option=_OPTIONS)
    except TypeError:  # an integer of more than 64 bits, text that is not Unicode, a nesting of more than 250
        return json.dumps(value, default=str, sort_keys=True).encode()


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
