"""Print the due times around every change of the clocks of the process's zone, from 2020 to 2035."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta

from runner.definitions.scheduled_query import Schedule
from runner.schedule.agenda import Agenda
from runner.schedule.due import due_times, next_due
from runner.schedule.ledger import Epoch, owed, window_of

HOUR = timedelta(hours=1)
SCHEDULES = [Schedule(cron=cron, timeout_minutes=1) for cron in ("30 2 * * *", "*/30 * * * *", "0 3 * * 0")]
SCHEDULES += [Schedule(rate_minutes=rate, timeout_minutes=1) for rate in (7, 60, 1320)]


def offset(moment):
    return time.localtime(moment.timestamp()).tm_gmtoff


def changes():
    """Return the hours after which the local time's distance from UTC differs."""
    moment, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
    found = []
    while moment < end:
        if offset(moment) != offset(moment + HOUR):
            found.append(moment)
        moment += HOUR
    return found


def seen(start, end):
    """Return what the program makes of a stretch of time, as text."""
    for schedule in SCHEDULES:
        due = list(due_times(schedule, after=start, until=end))
        assert due == list(owed([Epoch(start=start, schedule=schedule)], after=start, until=end))
        agenda = Agenda()
        agenda.set({"q": schedule}, start)
        assert agenda.next_moment() == next_due(schedule, start)
        yield [f"{moment.isoformat()} {window_of(schedule, moment).start.isoformat()}" for moment in due]


if __name__ == "__main__":
    moments = [datetime.fromisoformat(text) for text in json.load(sys.stdin)] or changes()
    around = {moment.isoformat(): list(seen(moment - 13 * HOUR, moment + 13 * HOUR)) for moment in moments}
    sys.stdout.write(json.dumps(around))
