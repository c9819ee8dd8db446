"""System errors in the state database: one alert for each fault that stands, until it is mended."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import orjson
import sqlalchemy as sa

from runner.alerts.alert import AlertKey, AlertStatus, AlertType, alert_id
from runner.alerts.system_fault import SYSTEM_ACTOR, SYSTEM_KIND, SYSTEM_SEVERITY
from runner.destinations.message import MessageKind
from runner.store.announcements import Announcement, announce
from runner.store.database import take_turns
from runner.store.schema import alert_history, alerts, standing_errors

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection, RowMapping

    from runner.alerts.system_fault import SystemFault, SystemFaultKind

_UNRESOLVED = (AlertStatus.OPEN.value, AlertStatus.TRIAGED.value)


def stand(
    connection: Connection,
    fault: SystemFault,
    *,
    now: datetime,
    run_id: str = "",
    as_of: datetime | None = None,
) -> str | None:
    """Raise a fault, or count it once more on the alert that stands for it; returns the id of a new alert.

    What was seen for an earlier time than the last (`as_of`, default: now) says nothing about the present,
    and changes nothing.
    """
    seen = as_of or now
    before = _standing(connection, fault.kind, fault.subject)
    if before is not None and before["as_of"] > seen:
        return None
    if before is not None and before["alert_id"] is not None:
        _count_again(connection, before["alert_id"], fault, now=now, run_id=run_id)
        _note(connection, fault.kind, fault.subject, seen, before["alert_id"])
        return None
    new_id = _insert_alert(connection, fault, now=now, run_id=run_id)
    announce(connection, [Announcement(alert_id=new_id, kind=MessageKind.NEW, at=now)])
    _note(connection, fault.kind, fault.subject, seen, new_id)
    return new_id


def stand_anew(connection: Connection, fault: SystemFault, *, now: datetime, quiet: timedelta) -> str | None:
    """Raise a fault that is a loss each time, or count it once more; returns the id of a new alert.

    Unlike one that lasts, it is raised anew once a person has resolved its alert; and if it comes again after it had
    been `quiet` for so long, those who know of the alert are told.
    """
    before = _standing(connection, fault.kind, fault.subject)
    if before is not None and before["alert_id"] is not None:
        found = connection.execute(
            sa.select(alerts.c.status, alerts.c.window_last).where(alerts.c.alert_id == before["alert_id"])
        ).first()
        if found is None or found.status not in _UNRESOLVED:
            _note(connection, fault.kind, fault.subject, before["as_of"], None)
        elif now - found.window_last >= quiet:
            announce(connection, [Announcement(alert_id=before["alert_id"], kind=MessageKind.UPDATE, at=now)])
    return stand(connection, fault, now=now)


def mend(
    connection: Connection,
    kind: SystemFaultKind,
    subject: str,
    *,
    now: datetime,
    comment: str,
    as_of: datetime | None = None,
) -> bool:
    """Resolve the alert of a fault that is mended, unless a person has; returns whether one stood."""
    seen = as_of or now
    if not is_known(connection, kind, subject):
        return False  # nearly always: no turn has to be waited for
    before = _standing(connection, kind, subject)
    if before is None or before["as_of"] > seen:
        return False
    _note(connection, kind, subject, seen, None)
    if before["alert_id"] is None:
        return False
    _resolve(connection, before["alert_id"], now, comment)
    return True


def take_turn(connection: Connection, kind: SystemFaultKind, subject: str) -> None:
    """Keep all others from raising or mending a fault until the end of the transaction."""
    take_turns(connection, [f"{kind.value} {subject}"])


def is_known(connection: Connection, kind: SystemFaultKind, subject: str) -> bool:
    """Tell whether a fault ever stood."""
    row = sa.select(standing_errors.c.kind).where(*_at(kind, subject))
    return connection.execute(row).first() is not None


def stands_so(connection: Connection, fault: SystemFault) -> bool:
    """Tell whether a fault stands already, with the same particulars."""
    row = (
        sa.select(alerts.c.context)
        .join_from(standing_errors, alerts, standing_errors.c.alert_id == alerts.c.alert_id)
        .where(*_at(fault.kind, fault.subject))
    )
    return connection.scalar(row) == _context(fault)


def standing_subjects(connection: Connection, kind: SystemFaultKind) -> list[str]:
    """Return what a kind of fault stands for now, sorted."""
    chosen = (
        sa.select(standing_errors.c.subject)
        .where(standing_errors.c.kind == kind.value, standing_errors.c.alert_id.is_not(None))
        .order_by(standing_errors.c.subject)
    )
    return list(connection.scalars(chosen))


def _at(kind: SystemFaultKind, subject: str) -> tuple[sa.ColumnElement[bool], ...]:
    return standing_errors.c.kind == kind.value, standing_errors.c.subject == subject


def _standing(connection: Connection, kind: SystemFaultKind, subject: str) -> RowMapping | None:
    """Return what is known of a fault; until the end of the transaction nobody else may change it."""
    take_turn(connection, kind, subject)
    return connection.execute(sa.select(standing_errors).where(*_at(kind, subject))).mappings().first()


def _note(
    connection: Connection, kind: SystemFaultKind, subject: str, as_of: datetime, standing: str | None
) -> None:
    values = {"as_of": as_of, "alert_id": standing}
    changed = connection.execute(sa.update(standing_errors).where(*_at(kind, subject)).values(values))
    if not changed.rowcount:
        connection.execute(sa.insert(standing_errors), {"kind": kind.value, "subject": subject, **values})


def _insert_alert(connection: Connection, fault: SystemFault, *, now: datetime, run_id: str) -> str:
    key = AlertKey(rule_id=fault.kind.value, kind=SYSTEM_KIND, dedup=fault.subject)
    new_id = next(
        free for turn in itertools.count() if not _is_taken(connection, free := alert_id(key, now, turn))
    )
    row = {
        "alert_id": new_id,
        "rule_id": key.rule_id,
        "kind": key.kind,
        "dedup": key.dedup,
        "window_start": now,
        "window_last": now,
        "match_count": 1,
        "first_match": 0,
        "created_at": now,
        "type": AlertType.SYSTEM_ERROR.value,
        "title": fault.title,
        "severity": SYSTEM_SEVERITY,
        "status": AlertStatus.OPEN.value,
        "description": fault.description(now),
        "runbook": fault.remedy,
        "reference": "",
        "context": _context(fault),
        "destinations": None,
        "run_id": run_id,
        "holds_matches": False,
    }
    connection.execute(sa.insert(alerts), row)
    return new_id


def _context(fault: SystemFault) -> str:
    return orjson.dumps(dict(fault.context)).decode()


def _is_taken(connection: Connection, candidate: str) -> bool:
    return connection.scalar(sa.select(alerts.c.alert_id).where(alerts.c.alert_id == candidate)) is not None


def _count_again(
    connection: Connection, standing: str, fault: SystemFault, *, now: datetime, run_id: str
) -> None:
    """Count a fault that lasts, in the words of its newest appearance; a person's status stays."""
    since = connection.scalar(sa.select(alerts.c.window_start).where(alerts.c.alert_id == standing))
    connection.execute(
        sa.update(alerts)
        .where(alerts.c.alert_id == standing)
        .values(
            window_last=now,
            match_count=alerts.c.match_count + 1,
            description=fault.description(since or now),
            runbook=fault.remedy,
            context=_context(fault),
            run_id=run_id,
        )
    )


def _resolve(connection: Connection, standing: str, now: datetime, comment: str) -> None:
    resolved = AlertStatus.RESOLVED.value
    changed = connection.execute(
        sa.update(alerts)
        .where(alerts.c.alert_id == standing, alerts.c.status.in_(_UNRESOLVED))
        .values(status=resolved)
    )
    if changed.rowcount:
        entry = {
            "alert_id": standing,
            "at": now,
            "actor": SYSTEM_ACTOR,
            "status": resolved,
            "comment": comment,
        }
        connection.execute(sa.insert(alert_history), entry)
        told = Announcement(
            alert_id=standing, kind=MessageKind.STATUS, at=now, actor=SYSTEM_ACTOR, comment=comment
        )
        announce(connection, [told])
