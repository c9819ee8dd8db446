"""Which due times a query owes, worked out minute by minute from what was told about it: slow, and plain to see.

Nothing of the program is used here: neither its reading of cron expressions nor its arithmetic of time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def numbers_of(field, least, greatest):
    """Return the numbers that one field of a cron expression names."""
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low, high = (least, greatest) if first == "*" else (int(first), int(last or first))
        found |= set(range(low, high + 1, int(step or 1)))
    return found


class SlowCron:
    """A cron expression by Vixie's rules: of two days that are restricted either is enough."""

    def __init__(self, expression):
        minute, hour, day, month, weekday = expression.split()
        self.minutes = sorted(numbers_of(minute, 0, 59))
        self.hours = sorted(numbers_of(hour, 0, 23))
        self.days = numbers_of(day, 1, 31)
        self.months = numbers_of(month, 1, 12)
        self.weekdays = {number % 7 for number in numbers_of(weekday, 0, 7)}
        self.either = not day.startswith("*") and not weekday.startswith("*")

    def is_day(self, date):
        named_day = date.day in self.days
        named_weekday = date.isoweekday() % 7 in self.weekdays
        is_named = (named_day or named_weekday) if self.either else (named_day and named_weekday)
        return date.month in self.months and is_named

    def due(self, after, until):
        date = after.date()
        while date <= until.date():
            if self.is_day(date):
                for hour in self.hours:
                    for minute in self.minutes:
                        moment = datetime(date.year, date.month, date.day, hour, minute, tzinfo=UTC)
                        if after < moment <= until:
                            yield moment
            date += timedelta(days=1)


class SlowRate:
    """A rate: the moments whose minutes since 1970 are a multiple of it."""

    def __init__(self, minutes):
        self.minutes = minutes

    def due(self, after, until):
        number = int((after - UNIX_EPOCH).total_seconds() // 60)
        moment = UNIX_EPOCH + number * MINUTE
        while moment <= until:
            if moment > after and number % self.minutes == 0:
                yield moment
            # from a multiple on, nothing is due before the next one
            leap = self.minutes if number % self.minutes == 0 else self.minutes - number % self.minutes
            number, moment = number + leap, moment + leap * MINUTE


class SlowHistory:
    """What was told about one query: since when which schedule held."""

    def __init__(self):
        self.told = []

    def tell(self, now, schedule):
        """Say what holds from now on; what held from a moment after `now` never did."""
        before = self.told[-1][1] if self.told else None
        if schedule != before:
            start = max(now, self.told[-1][0]) if self.told else now
            self.told.append((start, schedule))

    def clock_was_ahead(self, now):
        """Forget what was told at times that have not come."""
        self.told = [(start, schedule) for start, schedule in self.told if start <= now]

    def owed(self, until):
        """Return every due time up to `until`, in order."""
        ends = [start for start, _ in self.told[1:]] + [until] * bool(self.told)
        return [
            due
            for (start, schedule), end in zip(self.told, ends, strict=True)
            if schedule is not None
            for due in schedule.due(start, min(end, until))
        ]
