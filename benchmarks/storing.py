"""Matches into the state database: all of a run at once, beside one row at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workplace import Workplace

    from runner.alerts.match import Match

SECTION = "storing"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoringSize:
    """How many matches are stored: of a run at once, and one at a time; and rounds."""

    matches: int
    one_at_a_time: int
    rounds: int


def figures(workplace: Workplace, size: StoringSize) -> Iterator[Figure]:
    """Store the same matches both ways, each into a database of its own."""
    batches = _match_batches(workplace, size.matches)
    matches = [match for batch in batches for match in batch]
    seconds = medians(
        {
            "together": lambda: _together(workplace, batches),
            "single": lambda: _one_at_a_time(workplace, matches[: size.one_at_a_time]),
        },
        size.rounds,
    )
    together, single = seconds["together"] / len(matches), seconds["single"] / size.one_at_a_time
    keys = len({(match.rule_id, match.dedup) for match in matches})
    yield _figure(f"a run of {len(matches):,} matches of {keys:,} alerts", together * 1e6, "us/match")
    yield _figure("one row at a time", single * 1e6, "us/match")
    yield Figure(
        section=SECTION,
        name="one row at a time / a run at once",
        measured=single / together,
        unit="x",
        must=30,
        more_is_better=True,
    )


def _match_batches(workplace: Workplace, count: int) -> list[list[Match]]:
    """Have the rules make matches, as a worker does."""
    job = job_for(workplace, "every")
    found: list[list[Match]] = []
    engine = workplace.engine()
    execute(replace(job, sql=f"{job.sql} LIMIT {count}"), engine, Beat(), found.append)
    engine.close()
    return found


def _together(workplace: Workplace, batches: Sequence[Sequence[Match]]) -> float:
    with workplace.fresh_state() as state, put_together(workplace, state, NoWorkers()) as parts:
        claim = parts.store.claim(
            RunKey(query="benchmark", scheduled_for=REFERENCE, purpose=RunPurpose.SCHEDULED)
        )
        result = RunResult(
            state=RunState.SUCCEEDED,
            counts=RunCounts(),
            query_hash="",
            rule_hashes={},
            matches=batches,
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
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _figure(name: str, measured: float, unit: str) -> Figure:
    return Figure(section=SECTION, name=name, measured=measured, unit=unit)
