"""Options: every setting there is, each once, with its place in the file, its default and its help."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SIZE = re.compile(r"(\d+)\s*(B|[KMGT]i?B)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]\s/]+)):(?P<port>\d{1,5})")
_WEB_ADDRESS = re.compile(r"https?://[^/\s]+\S*")
_LAST_PORT = 65_535
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
    is_secret: bool = False
    """Its value is never shown, however it was given."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "RUNNER_" + self.name.replace(".", "_").upper()


def text(value: Any) -> str:
    """Read a text that is not empty. Raises ValueError."""
    if not isinstance(value, str) or not value:
        raise ValueError("expected some text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Read a list of texts; in a variable they are separated by commas. Raises ValueError."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("expected a list of texts (in a variable: separated by commas)")
    return tuple(item.strip() for item in items if item.strip())


def count(value: Any) -> int:
    """Read a whole number of 1 or more. Raises ValueError."""
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ValueError("expected a whole number of 1 or more")
    return number


def seconds(value: Any) -> float:
    """Read a number of seconds above 0. Raises ValueError."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("expected a number of seconds") from None
    if isinstance(value, bool) or not 0 < number < float("inf"):
        raise ValueError("expected a number of seconds above 0")
    return number


def hours(value: Any) -> float:
    """Read a number of hours above 0. Raises ValueError."""
    try:
        return seconds(value)
    except ValueError:
        raise ValueError("expected a number of hours above 0") from None


def _hours_or_none(value: Any) -> float:
    """Read a number of hours that may be 0."""
    return 0.0 if value in (0, 0.0, "0") and not isinstance(value, bool) else hours(value)


def flag(value: Any) -> bool:
    """Read true or false; in a variable they are words. Raises ValueError."""
    words = {"true": True, "false": False}
    found = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise ValueError("expected true or false")  # noqa: TRY004  as all readers of options do
    return found


def _seconds_or_none(value: Any) -> float:
    """Read a number of seconds that may be 0."""
    return 0.0 if value in (0, 0.0, "0") and not isinstance(value, bool) else seconds(value)


def _count_or_none(value: Any) -> int:
    """Read a whole number that may be 0."""
    return 0 if value in (0, "0") and not isinstance(value, bool) else count(value)


def _integer(value: Any) -> int:
    """Read a whole number, which may be negative. Raises ValueError."""
    is_written = isinstance(value, str) and value.removeprefix("-").isdecimal()
    number = int(value) if is_written else value
    if isinstance(number, bool) or not isinstance(number, int) or abs(number) > _MOST_PRIORITY:
        raise ValueError("expected a whole number from -1000000 to 1000000")
    return number


_MOST_PRIORITY = 1_000_000


def _catch_up(value: Any) -> str:
    if value not in ("all", "latest", "none"):
        raise ValueError("expected 'all', 'latest' or 'none'")
    return str(value)


def _dialect(value: Any) -> str:
    if value not in ("snowflake", "trino", "duckdb"):
        raise ValueError("expected 'snowflake', 'trino' or 'duckdb'")
    return str(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _one_of(*words: str) -> Callable[[Any], str]:
    """Return what reads one of a few words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"expected {', '.join(map(repr, words[:-1]))} or {words[-1]!r}")
        return str(value)

    return read


def _web_address(value: Any) -> str | None:
    """Read a URL of the web, or None for `off`."""
    if value == "off":
        return None
    if not isinstance(value, str) or not _WEB_ADDRESS.fullmatch(value):
        raise ValueError("expected 'off', or a URL that begins with http:// or https://")
    return value


def _store_endpoint(value: Any) -> str:
    if not isinstance(value, str) or not _WEB_ADDRESS.fullmatch(value):
        raise ValueError("expected a URL that begins with http:// or https://")
    return value


def _address(value: Any) -> Address | None:
    """Read `host:port`, or None for `off`. An IPv6 host stands in brackets; port 0 is any free one."""
    if value == "off":
        return None
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > _LAST_PORT:
        raise ValueError("expected 'off', or an address such as '127.0.0.1:9464'")
    return Address(host=match["v6"] or match["host"], port=int(match["port"]))


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


PANTHERS_FOLDERS = (
    "*data_models*",
    "*/global_helpers",
    "*lookup_tables*",
    "*rules*",
    "*/packs",
    "*policies*",
    "*queries*",
    "*scheduled_prompts*",
)
"""The folders of a repository in which Panther's own tool looks; paths begin with `./`, and `*` crosses slashes."""

OPTIONS: tuple[Option, ...] = (
    Option(
        name="definitions.exclude",
        read=texts,
        default=(),
        help="Folders, relative to the project folder, in which no definitions are looked for; nor are they in the lake's.",
    ),
    Option(
        name="definitions.folders",
        read=texts,
        default=PANTHERS_FOLDERS,
        help="Shell-style patterns of the folders in which definitions are looked for, besides the project folder "
        "itself; `*` alone means everywhere. The defaults are Panther's.",
    ),
    Option(
        name="definitions.destinations",
        read=texts,
        default=(),
        help="Names and ids that OutputIds may hold besides the destinations set up here; if there are none of either, "
        "any will do.",
    ),
    Option(
        name="lake.location",
        read=text,
        default="datalake",
        help="The folder of the data lake; a relative one is taken from the project folder. Or `s3://bucket/prefix`.",
    ),
    Option(
        name="storage.endpoint",
        read=_store_endpoint,
        default="",
        help="The URL of the S3-compatible store that `s3://` stands for; without one it is Amazon's.",
    ),
    Option(
        name="storage.region",
        read=text,
        default="",
        help="The region of that store; without one, what the environment or the host says.",
    ),
    Option(
        name="storage.access_key",
        read=text,
        default="",
        help="The access key id for that store; without one, what the AWS tools would take: the environment, a profile, "
        "the role of the host.",
    ),
    Option(
        name="storage.secret_key",
        read=text,
        default="",
        is_secret=True,
        help="The secret that belongs to the access key; best as a reference, `${env:NAME}` or `${file:/path}`.",
    ),
    Option(
        name="storage.session_token",
        read=text,
        default="",
        is_secret=True,
        help="The token that belongs to keys which hold for a while only.",
    ),
    Option(
        name="lake.query_dialect",
        read=_dialect,
        default="snowflake",
        help="Whose SQL stands under the key `Query`: 'snowflake', 'trino' (Athena) or 'duckdb'.",
    ),
    Option(
        name="lake.engine",
        read=text,
        default="duckdb",
        help="What answers queries: 'duckdb' over the lake's files, or a name of `[engines.<name>]`.",
    ),
    Option(
        name="ingest.schemas",
        read=text,
        default="schemas",
        help="The folder, relative to the project folder, with YAML schemas of your own log types; one for a log type that "
        "comes with a schema goes before that.",
    ),
    Option(
        name="state.url",
        read=text,
        default=".runner/state.db",
        help="The state database: a path of a SQLite file, or a SQLAlchemy URL.",
    ),
    Option(
        name="state.events_per_alert",
        read=count,
        default=10,
        help="How many whole rows are kept for an alert; every match is counted, whatever this is.",
    ),
    Option(
        name="state.files_per_run",
        read=_count_or_none,
        default=100,
        help="How many of the files that a run has read are named with it, of each table, if it found something.",
    ),
    Option(
        name="workers.count",
        read=count,
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
        name="workers.spill",
        read=text,
        default=".runner/spill",
        help="The folder for what a query cannot hold in memory; a relative one is taken from the project folder.",
    ),
    Option(
        name="limits.evaluation_seconds",
        read=seconds,
        default=15.0,
        help="How long a rule may take over one row before that is an error of the rule.",
    ),
    Option(
        name="limits.rows",
        read=count,
        default=10_000_000,
        help="How many rows of a query are put to its rules; at this limit the run ends as truncated.",
    ),
    Option(
        name="limits.matches",
        read=count,
        default=1_000_000,
        help="How many matches of one rule a run may store; beyond it the run ends as truncated.",
    ),
    Option(
        name="limits.alerts_per_run",
        read=count,
        default=1_000,
        help="How many new alerts of one rule a run may raise; one more alert stands for the others, which are stored.",
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
        read=count,
        default=100,
        help="How many missed due times of a query are run at most, the newest ones; the others are gaps.",
    ),
    Option(
        name="schedule.overlap",
        read=_one_of("wait", "skip"),
        default="wait",
        help="What a due time does that comes while the run before it goes on: wait, or skip, which leaves a gap.",
    ),
    Option(
        name="schedule.priority",
        read=_integer,
        default=0,
        help="What goes first among the runs that may start: the higher number; what falls due now goes before what is caught up with.",
    ),
    Option(
        name="late_data.reopen_hours",
        read=_hours_or_none,
        default=24.0,
        help="For how long after a due time it is evaluated again if logs land in its window; 0: never.",
    ),
    Option(
        name="late_data.wait_minutes",
        read=count,
        default=10,
        help="How long after an evaluation its window is evaluated again at the earliest; it doubles with each.",
    ),
    Option(
        name="log.level",
        read=_one_of("debug", "info", "warning", "error"),
        default="info",
        help="What the daemon logs at least: debug, info, warning or error.",
    ),
    Option(
        name="log.format",
        read=_one_of("auto", "json", "text"),
        default="auto",
        help="How the daemon logs: json, text, or auto, which is text on a terminal and JSON elsewhere.",
    ),
    Option(
        name="heartbeat.url",
        read=_web_address,
        default=None,
        help="A URL that is called with GET as long as the whole chain works; or off. It is treated as a secret.",
        is_secret=True,
    ),
    Option(
        name="heartbeat.seconds",
        read=seconds,
        default=60.0,
        help="How often the heartbeat URL is called.",
    ),
    Option(
        name="http.listen",
        read=_address,
        default=None,
        help="Where the daemon answers /healthz, /readyz and /metrics, such as 127.0.0.1:9464; or off.",
    ),
    Option(
        name="metrics.query_series",
        read=count,
        default=1000,
        help="How many queries have metrics of their own at most, those that need attention most.",
    ),
    Option(
        name="health.overdue_seconds",
        read=seconds,
        default=900.0,
        help="A query that waits longer than this for a run that should have begun is overdue.",
    ),
    Option(
        name="health.undelivered_seconds",
        read=seconds,
        default=1800.0,
        help="An alert that waits longer than this for a destination to take it is a trouble of the whole chain.",
    ),
    Option(
        name="retention.runs_days",
        read=_count_or_none,
        default=90,
        help="How many days runs, and gaps, are kept; 0: for ever.",
    ),
    Option(
        name="retention.matches_days",
        read=_count_or_none,
        default=90,
        help="How many days matches are kept, longer than any query looks back; 0: for ever.",
    ),
    Option(
        name="retention.alerts_days",
        read=_count_or_none,
        default=365,
        help="How many days alerts are kept that are resolved or closed, and whose matches are gone; 0: for ever.",
    ),
    Option(
        name="freshness.stale_after_minutes",
        read=_count_or_none,
        default=0,
        help="How old the newest data of a table may be before a run over it is stale; 0: any age will do.",
    ),
    Option(
        name="failures.give_up_after",
        read=count,
        default=4,
        help="With how many failures that may pass a run is given up; before, it is tried again after 30 seconds, then later.",
    ),
    Option(
        name="failures.pause_after",
        read=_count_or_none,
        default=5,
        help="How many failures in a row that will not pass by themselves pause a query; 0: never.",
    ),
    Option(
        name="failures.probe_minutes",
        read=count,
        default=60,
        help="How often a paused query is tried all the same, at its due times: it may have mended.",
    ),
    Option(
        name="delivery.retry_seconds",
        read=seconds,
        default=5.0,
        help="How long after a refusal a message is tried again; the wait doubles with each, to 15 minutes.",
    ),
    Option(
        name="delivery.give_up_hours",
        read=hours,
        default=24.0,
        help="A message that was not taken for so long is given up; a system error tells the other destinations.",
    ),
    Option(
        name="delivery.page_max_age_hours",
        read=hours,
        default=24.0,
        help="An alert whose run was for a time longer ago is stored, and no destination is told.",
    ),
    Option(
        name="delivery.alerts_per_hour",
        read=count,
        default=1000,
        help="Of one rule, so many alerts within an hour are told; further ones are stored, with a system error.",
    ),
    Option(
        name="delivery.link",
        read=text,
        default="",
        help="The address of an alert's page, with `{alert_id}` in it, for messages.",
    ),
    Option(
        name="reports.destination",
        read=text,
        default="",
        help="The destination of kind email that mails the results of queries with an EmailConfig; empty: the first.",
    ),
    Option(
        name="reports.rows",
        read=count,
        default=10_000,
        help="How many rows of a result are mailed at most; the mail says if there are more.",
    ),
    Option(
        name="reports.size",
        read=_bytes,
        default=5 * 2**20,
        help="How large the CSV of a mailed result may be; the mail says if rows are missing.",
    ),
    Option(
        name="daemon.reload_seconds",
        read=seconds,
        default=5.0,
        help="How often the daemon looks at all definition files; where the file system tells of changes, it looks at once too.",
    ),
    Option(
        name="daemon.drain_seconds",
        read=seconds,
        default=60.0,
        help="How long the daemon lets runs end when it is told to stop; then it gives them back.",
    ),
    Option(
        name="daemon.lease_seconds",
        read=seconds,
        default=60.0,
        help="How long a due time stays with a daemon that is not heard of any more.",
    ),
)
"""Every option, in the order in which the reference lists them."""

RULE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "identity": "Columns that tell the events of this rule apart, where `p_row_id` is not selected.",
        "rematch": "`once` (default): an event counts once. `count`: once in every run, as in Panther.",
    }
)


QUERY_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        name.partition(".")[2]: name
        for name in (
            "schedule.settle_seconds",
            "schedule.skew_seconds",
            "schedule.catch_up",
            "schedule.catch_up_limit",
            "schedule.overlap",
            "schedule.priority",
            "lake.engine",
            "late_data.reopen_hours",
            "late_data.wait_minutes",
            "failures.pause_after",
            "failures.probe_minutes",
            "freshness.stale_after_minutes",
        )
    }
)
"""What `[queries."<QueryName>"]` and `[tags."<tag>"]` may set: each key, and the option whose place it takes.

A query's own table goes over its tags'.
"""

TABLE_OPTIONS: Mapping[str, str] = MappingProxyType({"stale_after_minutes": "freshness.stale_after_minutes"})
"""What `[tables."<table>"]` may set: as `QUERY_OPTIONS`."""
