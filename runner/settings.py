"""Settings: `runner.toml` in the project folder, `RUNNER_*` variables over it, flags over both.

Every option stands once, in `OPTIONS`: its place in the file, its default and its help.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

FILE_NAME = "runner.toml"
_SIZE = re.compile(r"(\d+)\s*(B|[KMGT]i?B)", re.IGNORECASE)
_LEAST_MEMORY = 256 * 2**20
"""What a worker needs before it has read a row: the engine and Python themselves take 130 MiB."""
_UNIT_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_BINARY_BYTES = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One setting: `section.key` in the file, `RUNNER_SECTION_KEY` in the environment."""

    name: str
    read: Callable[[Any], Any]
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "RUNNER_" + self.name.replace(".", "_").upper()


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected some text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("expected a list of texts (in a variable: separated by commas)")
    return tuple(item.strip() for item in items if item.strip())


def _count(value: Any) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("expected a whole number of 1 or more")
    return number


def _seconds(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        raise ValueError("expected a number of seconds") from None
    if isinstance(value, bool) or not 0 < seconds < float("inf"):
        raise ValueError("expected a number of seconds above 0")
    return seconds


def _seconds_or_none(value: Any) -> float:
    """Read a number of seconds that may be 0."""
    return 0.0 if value in (0, 0.0, "0") and not isinstance(value, bool) else _seconds(value)


def _catch_up(value: Any) -> str:
    if value not in ("all", "latest", "none"):
        raise ValueError("expected 'all', 'latest' or 'none'")
    return str(value)


def _bytes(value: Any) -> int:
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise ValueError("expected a size such as '2GiB' or '500MB'")
    return int(match[1]) * {**_UNIT_BYTES, **_BINARY_BYTES}[match[2].lower()]


def _worker_memory(value: Any) -> int:
    size = _bytes(value)
    if size < _LEAST_MEMORY:
        raise ValueError(f"expected at least {_LEAST_MEMORY // 2**20}MiB")
    return size


OPTIONS: tuple[Option, ...] = (
    Option(
        name="definitions.exclude",
        read=_texts,
        default=(),
        help="Folders, relative to the project folder, in which no definitions are looked for.",
    ),
    Option(
        name="lake.location",
        read=_text,
        default="datalake",
        help="The folder of the data lake; a relative one is taken from the project folder.",
    ),
    Option(
        name="state.url",
        read=_text,
        default=".runner/state.db",
        help="The state database: a path of a SQLite file, or a SQLAlchemy URL.",
    ),
    Option(
        name="state.events_per_alert",
        read=_count,
        default=10,
        help="How many whole rows are kept for an alert; every match is counted, whatever this is.",
    ),
    Option(
        name="workers.count",
        read=_count,
        default=max(1, os.cpu_count() or 1),
        help="How many queries run at the same time, each in a process of its own.",
    ),
    Option(
        name="workers.memory",
        read=_worker_memory,
        default=4 * 2**30,
        help="The memory that one worker process may use; half of it is the query's.",
    ),
    Option(
        name="limits.evaluation_seconds",
        read=_seconds,
        default=15.0,
        help="How long a rule may take over one row before that is an error of the rule.",
    ),
    Option(
        name="limits.rows",
        read=_count,
        default=10_000_000,
        help="How many rows of a query are put to its rules; at this limit the run ends as truncated.",
    ),
    Option(
        name="limits.matches",
        read=_count,
        default=1_000_000,
        help="How many matches of one rule a run may store; beyond it the run ends as truncated.",
    ),
    Option(
        name="schedule.settle_seconds",
        read=_seconds_or_none,
        default=0.0,
        help="How long after its due time a run waits for late data; the window does not move.",
    ),
    Option(
        name="schedule.skew_seconds",
        read=_seconds_or_none,
        default=0.0,
        help="The most by which a query starts later still, by its name, so that not all start at once.",
    ),
    Option(
        name="schedule.catch_up",
        read=_catch_up,
        default="all",
        help="Which missed due times are run after an outage: all, latest or none.",
    ),
    Option(
        name="schedule.catch_up_limit",
        read=_count,
        default=100,
        help="How many missed due times of a query are run at most, the newest ones; the others are gaps.",
    ),
    Option(
        name="daemon.reload_seconds",
        read=_seconds,
        default=5.0,
        help="How often the daemon looks whether definitions have changed.",
    ),
    Option(
        name="daemon.drain_seconds",
        read=_seconds,
        default=60.0,
        help="How long the daemon lets runs end when it is told to stop; then it gives them back.",
    ),
    Option(
        name="daemon.lease_seconds",
        read=_seconds,
        default=60.0,
        help="How long a due time stays with a daemon that is not heard of any more.",
    ),
)
"""Every option, in the order in which the reference lists them."""

_BY_NAME = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleOverride:
    """What `[rules."<RuleID>"]` may set: how the events of one rule are told apart."""

    identity: tuple[str, ...] = ()
    """The columns that make a row the same event; empty for the usual way."""
    rematch: str = "once"
    """`once`: an event counts once. `count`: it counts in every run that returns it, as in Panther."""


RULE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "identity": "Columns that tell the events of this rule apart, where `p_row_id` is not selected.",
        "rematch": "`once` (default): an event counts once. `count`: once in every run, as in Panther.",
    }
)


QUERY_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "settle_seconds": "As `schedule.settle_seconds`, for these queries.",
        "skew_seconds": "As `schedule.skew_seconds`, for these queries.",
        "catch_up": "As `schedule.catch_up`, for these queries.",
        "catch_up_limit": "As `schedule.catch_up_limit`, for these queries.",
    }
)
"""What `[queries."<QueryName>"]` and `[tags."<tag>"]` may set; a query's own table goes over its tags'."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The options as they hold, with the project folder they belong to."""

    root: Path
    values: Mapping[str, Any]
    rules: Mapping[str, RuleOverride]
    queries: Mapping[str, Mapping[str, Any]]
    tags: Mapping[str, Mapping[str, Any]]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def lake(self) -> Path:
        """The lake's folder, absolute."""
        location: str = self["lake.location"]
        return self.root / location

    @property
    def state_url(self) -> str:
        """The state database as an SQLAlchemy URL."""
        url: str = self["state.url"]
        return url if "://" in url else f"sqlite:///{self.root / url}"

    @property
    def spill(self) -> Path:
        """The folder for what a query cannot hold in memory."""
        return self.root / ".runner" / "spill"

    def rule(self, rule_id: str) -> RuleOverride:
        """Return what is set for a rule."""
        return self.rules.get(rule_id, RuleOverride())

    def of_query(self, name: str, tags: Iterable[str], option: str) -> Any:
        """Return a `QUERY_OPTIONS` option for a query: its own, else its first tag's, else the general one."""
        tables = [self.queries.get(name, {}), *(self.tags.get(tag, {}) for tag in tags)]
        return next((table[option] for table in tables if option in table), self[f"schedule.{option}"])


def find_root(start: Path) -> Path:
    """Return the nearest folder, from `start` upward, that has a `runner.toml`; else `start`."""
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / FILE_NAME).is_file()), start)


def load(root: Path, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Settings:
    """Put the options together for a project folder.

    `flags` are by option name; None values in them are left out. Raises `SettingsError` naming every wrong
    option, with the nearest known one.
    """
    faults: list[str] = []
    document = _document(root / FILE_NAME)
    rules = dict(_rule_overrides(document.pop("rules", {}), faults))
    queries = dict(_query_overrides("queries", document.pop("queries", {}), faults))
    tags = dict(_query_overrides("tags", document.pop("tags", {}), faults))
    written = dict(_flattened(document, faults))
    given = {
        **{name: (f"{FILE_NAME}: {name}", value) for name, value in written.items()},
        **dict(_from_environment(environment, faults)),
        **{name: (f"--{name}", value) for name, value in (flags or {}).items() if value is not None},
    }
    values = {option.name: option.default for option in OPTIONS}
    for name, (place, value) in given.items():
        try:
            values[name] = _BY_NAME[name].read(value)
        except ValueError as error:
            faults.append(f"{place}: {error}, found {value!r}")
    if faults:
        raise SettingsError("\n".join(faults))
    return Settings(
        root=root.resolve(),
        values=MappingProxyType(values),
        rules=MappingProxyType(rules),
        queries=MappingProxyType(queries),
        tags=MappingProxyType(tags),
    )


def _document(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file.name}: not TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"{file.name}: cannot be read: {error.strerror}") from error


def _flattened(document: Mapping[str, Any], faults: list[str]) -> Iterator[tuple[str, Any]]:
    for section, content in document.items():
        options = content.items() if isinstance(content, dict) else [("", content)]
        for key, value in options:
            name = f"{section}.{key}" if key else section
            if name in _BY_NAME:
                yield name, value
            else:
                faults.append(f"{FILE_NAME}: there is no option {name}{_suggestion(name)}")


def _from_environment(
    environment: Mapping[str, str], faults: list[str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    by_variable = {option.variable: option for option in OPTIONS}
    for variable, value in environment.items():
        if variable in by_variable:
            yield by_variable[variable].name, (variable, value)
        elif variable.startswith("RUNNER_"):
            near = difflib.get_close_matches(variable, by_variable, n=1, cutoff=_NEARLY)
            if near or variable.startswith(_SECTION_VARIABLES):
                hint = f": did you mean {near[0]}?" if near else ""
                faults.append(f"the variable {variable} sets no option{hint}")


_SECTION_VARIABLES = tuple({"RUNNER_" + option.name.partition(".")[0].upper() + "_" for option in OPTIONS})
_NEARLY = 0.85
"""From here on a variable is taken for one of ours, misspelt. CI systems set others that begin with RUNNER_."""


def _rule_overrides(section: Any, faults: list[str]) -> Iterator[tuple[str, RuleOverride]]:
    if not isinstance(section, dict):
        faults.append(f'{FILE_NAME}: rules: expected a table for each rule, such as [rules."My.Rule"]')
        return
    for rule_id, content in section.items():
        try:
            yield rule_id, _rule_override(content)
        except ValueError as error:
            faults.append(f'{FILE_NAME}: rules."{rule_id}"{error}')


def _query_overrides(section: str, tables: Any, faults: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read the tables of `[queries."<QueryName>"]` or `[tags."<tag>"]`."""
    for name, content in tables.items() if isinstance(tables, dict) else [("", tables)]:
        place = f'{FILE_NAME}: {section}."{name}"'
        if not isinstance(content, dict):
            faults.append(f"{place}: expected a table, found {content!r}")
            continue
        found: dict[str, Any] = {}
        for key, value in content.items():
            if key not in QUERY_OPTIONS:
                faults.append(f"{place}.{key}: there is no such option{_suggestion(key, QUERY_OPTIONS)}")
                continue
            try:
                found[key] = _BY_NAME[f"schedule.{key}"].read(value)
            except ValueError as error:
                faults.append(f"{place}.{key}: {error}, found {value!r}")
        yield name, MappingProxyType(found)


def _rule_override(content: Any) -> RuleOverride:
    """Read what is set for one rule. Raises ValueError, whose text goes on from the rule's name."""
    if not isinstance(content, dict):
        raise ValueError(f": expected a table, found {content!r}")  # noqa: TRY004  as all readers of options do
    for key in content:
        if key not in RULE_OPTIONS:
            raise ValueError(f".{key}: there is no such option{_suggestion(key, RULE_OPTIONS)}")
    rematch = content.get("rematch", "once")
    if rematch not in ("once", "count"):
        raise ValueError(f".rematch: expected 'once' or 'count', found {rematch!r}")
    written = content.get("identity", [])
    try:
        return RuleOverride(identity=_texts(written), rematch=rematch)
    except ValueError as error:
        raise ValueError(f".identity: {error}, found {written!r}") from None


def _suggestion(name: str, known: Mapping[str, object] = _BY_NAME) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else f" (the options: {', '.join(known)})"
