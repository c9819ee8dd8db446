"""Matches into the state database: all of a run at once, beside one row at a time."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

from figures import Figure
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from stopwatch import cpu_of, medians
from workplace import REFERENCE, RULES, NoWorkers, job_for, put_together

from runner.alerts.alert import AlertRules
from runner.runs.query_run import RunCounts, RunKey, RunPurpose, RunState
from runner.store.state import RunResult
from runner.worker.beat import Beat
from runner.worker.execution import execute
from runner.worker.spool import MatchSpool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workplace import Workplace

    from runner.alerts.match import Match

SECTION = "storing"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoringSize:
    """How many matches are stored: of a run with few for each alert, and one at a time; and rounds.

    The run with many matches for each alert is the end-to-end run over the table `every`, all of it.
    """

    matches: int
    one_at_a_time: int
    rounds: int


def figures(workplace: Workplace, size: StoringSize) -> Iterator[Figure]:
    """Store the same matches both ways, each into a database of its own: many for each alert, and few."""
    yield from _of_shape(workplace, size, limit=None, must=30)
    yield from _of_shape(workplace, size, limit=size.matches, must=None)


def _of_shape(
    workplace: Workplace, size: StoringSize, *, limit: int | None, must: float | None
) -> Iterator[Figure]:
    with MatchSpool() as spool:
        _make_matches(workplace, spool, limit)
        matches, keys = _count(spool)
        sample = _sample(spool, max(1, matches // size.one_at_a_time))
        seconds = medians(
            {
                "together": lambda: _together(workplace, spool),
                "single": lambda: _one_at_a_time(workplace, sample),
            },
            size.rounds,
        )
    together, single = seconds["together"] / matches, seconds["single"] / len(sample)
    shape = f"{matches / keys:.1f} matches for each alert"
    yield _figure(f"{shape}: a run of {matches:,} at once", together * 1e6, "us/match")
    yield _figure(f"{shape}: one row at a time", single * 1e6, "us/match")
    yield Figure(
        section=SECTION,
        name=f"{shape}: one row at a time / a run at once",
        measured=single / together,
        unit="x",
        must=must,
        goal=30,
        more_is_better=True,
    )


def _make_matches(workplace: Workplace, spool: MatchSpool, limit: int | None) -> None:
    """Have the rules make matches, and hand them over on disk, as a worker does."""
    job = job_for(workplace, "every")
    sql = job.sql if limit is None else f"{job.sql} LIMIT {limit}"
    engine = workplace.engine()
    execute(replace(job, sql=sql), engine, Beat(), lambda batch: spool.add(pickle.dumps(batch, protocol=5)))
    engine.close()


def _count(spool: MatchSpool) -> tuple[int, int]:
    """Return how many matches there are, and how many alerts they make."""
    keys = Counter((match.rule_id, match.dedup) for batch in spool for match in batch)
    return keys.total(), len(keys)


def _sample(spool: MatchSpool, parts: int) -> list[Match]:
    """Take the matches of one in so many alerts: as many for each as in the whole, and as many whole rows."""
    return [match for batch in spool for match in batch if crc32(match.dedup.encode()) % parts == 0]


def _together(workplace: Workplace, spool: MatchSpool) -> float:
    with workplace.fresh_state() as state, put_together(workplace, state, NoWorkers()) as parts:
        claim = parts.store.claim(
            RunKey(query="benchmark", scheduled_for=REFERENCE, purpose=RunPurpose.MANUAL)
        )
        result = RunResult(
            state=RunState.SUCCEEDED,
            counts=RunCounts(),
            query_hash="",
            rule_hashes={},
            matches=spool,
            rules=dict.fromkeys(RULES, AlertRules(period_minutes=60, threshold=1, create_alert=True)),
        )
        return cpu_of(lambda: parts.store.finish(claim, result))


class _Base(DeclarativeBase):
    pass


class _AlertRow(_Base):
    __tablename__ = "alerts"
    alert_id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[str] = mapped_column(index=True)
    dedup: Mapped[str] = mapped_column(index=True)
    details: Mapped[str]
    match_count: Mapped[int]


class _MatchRow(_Base):
    __tablename__ = "matches"
    match_id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.alert_id"), index=True)
    identity: Mapped[bytes] = mapped_column(unique=True)
    event: Mapped[str | None]


def _one_at_a_time(workplace: Workplace, matches: Sequence[Match]) -> float:
    """Store matches the naive way: look for the alert, make it or count it up, add the match, commit."""
    with workplace.fresh_state() as state:
        return cpu_of(lambda: _store_singly(state, matches))


def _store_singly(state: Path, matches: Sequence[Match]) -> None:
    engine = create_engine(f"sqlite:///{state}")
    event.listen(engine, "connect", _configure)
    _Base.metadata.create_all(engine)
    with Session(engine) as session:
        for match in matches:
            _store_one(session, match)
    engine.dispose()


def _store_one(session: Session, match: Match) -> None:
    wanted = select(_AlertRow).where(_AlertRow.rule_id == match.rule_id, _AlertRow.dedup == match.dedup)
    alert = session.scalars(wanted).first()
    if alert is None:
        alert = _AlertRow(rule_id=match.rule_id, dedup=match.dedup, details=match.details, match_count=0)
        session.add(alert)
        session.flush()
    alert.match_count += 1
    session.add(_MatchRow(alert_id=alert.alert_id, identity=match.identity, event=match.event))
    session.commit()


def _configure(connection: Any, _record: object) -> None:
    """Set what the program's own database has: else the naive way would be slower than it must be."""
    for pragma in ("page_size=8192", "journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _figure(name: str, measured: float, unit: str) -> Figure:
    return Figure(section=SECTION, name=name, measured=measured, unit=unit)
