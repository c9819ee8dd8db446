"""Cron expressions in the form that Panther documents: five fields, in UTC, without names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CronField:
    """One of the five fields: its name, and its least and greatest number."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = (
    CronField(name="minute", least=0, greatest=59),
    CronField(name="hour", least=0, greatest=23),
    CronField(name="day of month", least=1, greatest=31),
    CronField(name="month", least=1, greatest=12, names=_MONTHS),
    CronField(name="day of week", least=0, greatest=7, names=_DAYS),
)
_SPELT_OUT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(
    r"(?P<first>\*|[0-9]{1,4})(?:-(?P<last>[0-9]{1,4}))?(?:/(?P<step>[0-9]{1,4}))?\Z", re.ASCII
)
_CHANCE = re.compile(r"[rh](?:\W|\Z)")
_YEARS = 40
"""29 February on one day of the week is at most forty years away; what has not come by then never comes."""
_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def cron_fault(expression: str) -> str | None:
    """Return what is wrong with an expression, as a sentence that names the field, or None if nothing is."""
    words = expression.split()
    if words and words[0].startswith("@"):
        answer = _SPELT_OUT.get(expression.strip().lower())
        return f"{words[0]} is not supported" + (f"; write `{answer}`" if answer else "; write five fields")
    if len(words) != len(FIELDS):
        return _wrong_count(len(words))
    for word, field in zip(words, FIELDS, strict=True):
        fault = next(filter(None, (_part_fault(part, field) for part in word.split(","))), None)
        if fault:
            return f"{field.name} field `{word}`: {fault}"
    return None if words[2] == "*" else _never_fires(" ".join(words))


def _wrong_count(count: int) -> str:
    names = ", ".join(field.name for field in FIELDS)
    message = f"expected five fields ({names}), found {count}"
    return message + ("; there is no field for seconds" if count == len(FIELDS) + 1 else "")


def _part_fault(part: str, field: CronField) -> str | None:
    """Return what is wrong with one member of a field's list."""
    match = _PART.match(part)
    if match is None:
        return _unsupported(part, field)
    first, last, step = match["first"], match["last"], match["step"]
    if first == "*" and last is not None:
        return "`*` cannot begin a range"
    outside = [number for number in (first, last) if number not in (None, "*") and not _within(number, field)]
    if outside:
        return f"{outside[0]} is not between {field.least} and {field.greatest}"
    if last is not None and int(first) > int(last):
        return f"the range {first}-{last} runs backwards; write `{first}-{_end(field)},{field.least}-{last}`"
    return None if step is None else _step_fault(first, last, int(step), field)


def _step_fault(first: str, last: str | None, step: int, field: CronField) -> str | None:
    if first != "*" and last is None:
        return f"a step needs a range; write `{first}-{_end(field)}/{step}`"
    span = max(int(last) - int(first), 1) if last else _end(field) - field.least
    if not 1 <= step <= span:
        return f"a step of {step} is not between 1 and {span}"
    return None


def _end(field: CronField) -> int:
    return 6 if field.name == "day of week" else field.greatest


def _within(number: str, field: CronField) -> bool:
    return field.least <= int(number) <= field.greatest


def _unsupported(part: str, field: CronField) -> str:
    lowered = part.lower()
    numbered = lowered
    for number, name in enumerate(field.names, start=field.least):
        numbered = numbered.replace(name, str(number))
    if numbered != lowered and _PART.match(numbered):
        return f"names are not supported; write `{numbered}`"
    if part == "?":
        return "`?` is not supported; write `*`"
    if _CHANCE.match(lowered):
        return "random and hashed times are not supported; write a number"
    if "#" in part or "l" in lowered or "w" in lowered:
        return "L, W and # are not supported; write days as numbers"
    return f"`{part}` is not a number, a range, `*`, or a step of these"


def _never_fires(expression: str) -> str | None:
    # imported where it is needed: it takes 25 ms, and few schedules are cron expressions
    from croniter import CroniterBadDateError, CroniterError, croniter  # noqa: PLC0415

    try:
        croniter(expression, _ANY_DAY, max_years_between_matches=_YEARS, implement_cron_bug=True).get_next(
            datetime
        )
    except CroniterBadDateError:
        return "it names a date that never comes"
    except (CroniterError, ValueError) as error:
        return f"not a cron expression: {error}"
    return None
