"""Summaries of alerts, counted in the matches that are stored: so no re-run and no re-fold counts anything twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from runner.alerts.summary import VALUES, Summary, ValueCount
from runner.store.schema import alerts, match_contents, matches

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from runner.alerts.alert import Alert


def summary_of(connection: Connection, alert: Alert) -> Summary:
    """Return the most frequent values of each summary attribute, by attribute in the order of the alphabet.

    Empty if the rule had no summary attributes when the alert's first match was found. The database counts,
    and hands over no more than is shown.
    """
    if not alert.match_count or not _has_summary(connection, alert.alert_id):
        return {}
    found: dict[str, list[ValueCount]] = {}
    for row in connection.execute(_most_frequent(_counted(connection, alert))):
        found.setdefault(row.attribute, []).append(ValueCount(value=row.value, count=row.number))
    return found


def _has_summary(connection: Connection, alert_id: str) -> bool:
    query = (
        sa.select(match_contents.c.match_id)
        .join_from(alerts, match_contents, alerts.c.first_match == match_contents.c.match_id)
        .where(alerts.c.alert_id == alert_id, match_contents.c.summary.is_not(None))
    )
    return connection.scalar(query) is not None


def _counted(connection: Connection, alert: Alert) -> sa.Subquery:
    """Select every value of every attribute, with the number of matches that have it."""
    attribute, value, tables = _unfolded(connection)
    return (
        sa.select(attribute.label("attribute"), value.label("value"), sa.func.count().label("number"))
        .join_from(matches, match_contents, matches.c.match_id == match_contents.c.match_id)
        .join(tables[0], sa.true())
        .join(tables[1], sa.true())
        .where(
            matches.c.rule_id == alert.key.rule_id,
            matches.c.kind == alert.key.kind,
            matches.c.dedup == alert.key.dedup,
            matches.c.matched_at.between(alert.first_match_at, alert.last_match_at),
            match_contents.c.summary.is_not(None),
        )
        .group_by(attribute, value)
        .subquery("counted")
    )


def _unfolded(
    connection: Connection,
) -> tuple[sa.ColumnElement[str], sa.ColumnElement[str], tuple[Any, Any]]:
    """Return the attribute and one value of it, and the functions that yield them from the JSON of a match."""
    summary = match_contents.c.summary
    if connection.dialect.name == "postgresql":
        each = sa.func.json_each(sa.cast(summary, sa.JSON)).table_valued("key", "value").lateral("attributes")
        texts = sa.func.json_array_elements_text(each.c.value).table_valued("value").lateral("texts")
    else:
        each = sa.func.json_each(summary).table_valued("key", "value", name="attributes")
        texts = sa.func.json_each(each.c.value).table_valued("value", name="texts")
    return each.c.key, texts.c.value, (each, texts)


def _most_frequent(counted: sa.Subquery) -> sa.Select[Any]:
    order = (counted.c.number.desc(), counted.c.value)
    place = sa.func.row_number().over(partition_by=counted.c.attribute, order_by=order).label("place")
    ranked = sa.select(counted, place).subquery("ranked")
    return (
        sa.select(ranked.c.attribute, ranked.c.value, ranked.c.number)
        .where(ranked.c.place <= VALUES)
        .order_by(ranked.c.attribute, ranked.c.place)
    )
