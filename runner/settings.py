"""Settings: `runner.toml` in the project folder, `RUNNER_*` variables over it, flags over both.

What may be set stands in `options.py`; here it is read, put together, and refused where it is wrong.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runner.errors import SettingsError
from runner.options import OPTIONS, PANTHERS_FOLDERS, QUERY_OPTIONS, RULE_OPTIONS, TABLE_OPTIONS, texts
from runner.references import References, secrets_of_url
from runner.storage import SCHEME, ObjectPath, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FILE_NAME = "runner.toml"

_BY_NAME = {option.name: option for option in OPTIONS}


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleOverride:
    """What `[rules."<RuleID>"]` may set: how the events of one rule are told apart."""

    identity: tuple[str, ...] = ()
    """The columns that make a row the same event; empty for the usual way."""
    rematch: str = "once"
    """`once`: an event counts once. `count`: it counts in every run that returns it, as in Panther."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The options as they hold, with the project folder they belong to."""

    root: Path
    values: Mapping[str, Any] = field(repr=False)
    rules: Mapping[str, RuleOverride]
    queries: Mapping[str, Mapping[str, Any]]
    tags: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, Mapping[str, Any]]
    destinations: Mapping[str, Mapping[str, Any]] = field(repr=False)
    """The tables of `[destinations.<name>]`, with what they refer to; `runner.destinations.reading` reads them."""
    maintenance: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The tables of `[maintenance.<name>]`; `runner.destinations.maintenance` reads them."""
    engines: Mapping[str, str] = field(default_factory=dict)
    """The URLs of `[engines.<name>]`: databases that answer queries."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """What is never to be shown: what references stand for, and passwords in URLs."""

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def lake(self) -> Path:
        """The lake's folder, absolute; or its place in a bucket."""
        location: str = self["lake.location"]
        return self.place(location)

    @property
    def has_lake(self) -> bool:
        """Whether there is a lake. Raises `SettingsError` if its bucket cannot be reached."""
        try:
            return self.lake.is_dir()
        except OSError as error:
            raise SettingsError(f"{self.lake} cannot be reached: {error}") from error

    def place(self, written: str) -> Path:
        """Return what a path or an `s3://` URL means; a relative path is taken from the root."""
        return ObjectPath.of(self.storage, written) if written.startswith(SCHEME) else self.root / written

    @property
    def storage(self) -> ObjectStore:
        """The store that `s3://` stands for."""
        return ObjectStore(
            endpoint=self["storage.endpoint"],
            region=self["storage.region"],
            access_key=self["storage.access_key"],
            secret_key=self["storage.secret_key"],
            session_token=self["storage.session_token"],
        )

    @property
    def not_definitions(self) -> tuple[str, ...]:
        """The folders, relative to the root, in which no definitions are looked for: those named, and the lake's."""
        excluded: tuple[str, ...] = self["definitions.exclude"]
        if self.lake == self.root or not self.lake.is_relative_to(self.root):
            return excluded
        return (*excluded, self.lake.relative_to(self.root).as_posix())

    @property
    def definition_folders(self) -> tuple[str, ...]:
        """The patterns of the folders in which definitions are looked for; none means everywhere.

        So it is where nobody has said and no folder is called as Panther's are: somebody's folder of rules, say.
        """
        patterns: tuple[str, ...] = self["definitions.folders"]
        if patterns != PANTHERS_FOLDERS or (self.root / FILE_NAME).is_file():
            return patterns
        folders = [f"./{path.name}" for path in _listed(self.root) if path.is_dir()]
        named = any(fnmatchcase(folder, pattern) for folder in folders for pattern in patterns)
        return patterns if named else ()

    @property
    def state_url(self) -> str:
        """The state database as an SQLAlchemy URL."""
        url: str = self["state.url"]
        return url if "://" in url else f"sqlite:///{self.root / url}"

    @property
    def spill(self) -> Path:
        """The folder for what a query cannot hold in memory."""
        folder: str = self["workers.spill"]
        return self.root / folder

    @property
    def lake_index(self) -> Path:
        """The folder of the index of the lake: each lake has its own."""
        lake = hashlib.sha256(str(self.lake.resolve()).encode()).hexdigest()[:12]
        return self.root / ".runner" / "lake-index" / lake

    def database_of(self, name: str, tags: Iterable[str]) -> tuple[str, str] | None:
        """Return the engine's name and the URL of the database that a query goes to; None for the lake."""
        engine: str = self.of_query(name, tags, "engine")
        return None if engine == DUCKDB else (engine, self.engines[engine])

    def rule(self, rule_id: str) -> RuleOverride:
        """Return what is set for a rule."""
        return self.rules.get(rule_id, RuleOverride())

    def of_query(self, name: str, tags: Iterable[str], option: str) -> Any:
        """Return a `QUERY_OPTIONS` option for a query: its own, else its first tag's, else the general one."""
        own = self.of_query_itself(name, tags, option)
        return self[QUERY_OPTIONS[option]] if own is None else own

    def of_query_itself(self, name: str, tags: Iterable[str], option: str) -> Any:
        """Return a `QUERY_OPTIONS` option as it is set for a query or its tags; None if it is not."""
        tables = [self.queries.get(name, {}), *(self.tags.get(tag, {}) for tag in tags)]
        return next((table[option] for table in tables if option in table), None)


def _listed(folder: Path) -> list[Path]:
    """Return what a folder holds; nothing if it cannot be looked into, which reading it will tell."""
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def find_root(start: Path) -> Path:
    """Return the nearest folder, from `start` upward, that has a `runner.toml`; else `start`."""
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / FILE_NAME).is_file()), start)


def load(root: Path, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Settings:
    """Put the options together for a project folder.

    `flags` are by option name; None values in them are left out. Texts may refer to secrets, see
    `runner.references`; those in `environment` are its variables. Raises `SettingsError` naming every wrong
    option, with the nearest known one.
    """
    faults: list[str] = []
    document = _document(root / FILE_NAME)
    rules = dict(_rule_overrides(document.pop("rules", {}), faults))
    queries = dict(_overrides("queries", document.pop("queries", {}), QUERY_OPTIONS, faults))
    tags = dict(_overrides("tags", document.pop("tags", {}), QUERY_OPTIONS, faults))
    tables = dict(_overrides("tables", document.pop("tables", {}), TABLE_OPTIONS, faults))
    references = References(environment, root)
    destinations = {
        name: _resolved(references, f'{FILE_NAME}: destinations."{name}"', table, faults)
        for name, table in _tables("destinations", _without_options(document, "destinations"), faults)
    }
    maintenance = dict(_tables("maintenance", document.pop("maintenance", {}), faults))
    engines = dict(_engines(references, document.pop("engines", {}), faults))
    written = dict(_flattened(document, faults))
    given = {
        **{name: (f"{FILE_NAME}: {name}", value) for name, value in written.items()},
        **dict(_from_environment(environment, faults)),
        **{name: (f"--{name}", value) for name, value in (flags or {}).items() if value is not None},
    }
    values = {option.name: option.default for option in OPTIONS}
    for name, (place, value) in given.items():
        option = _BY_NAME[name]
        try:
            values[name] = option.read(references.resolved(value))
        except ValueError as error:
            found = "" if option.is_secret else f", found {value!r}"
            faults.append(f"{place}: {error}{found}")
    faults += _unknown_engines(values["lake.engine"], {"queries": queries, "tags": tags}, engines)
    if faults:
        raise SettingsError("\n".join(faults))
    return Settings(
        root=root.resolve(),
        values=MappingProxyType(values),
        rules=MappingProxyType(rules),
        queries=MappingProxyType(queries),
        tags=MappingProxyType(tags),
        tables=MappingProxyType(tables),
        destinations=MappingProxyType(destinations),
        maintenance=MappingProxyType(maintenance),
        engines=MappingProxyType(engines),
        secrets=frozenset({*references.secrets, *_plain_secrets(values), *_passwords(engines.values())}),
    )


def _without_options(document: dict[str, Any], section: str) -> Any:
    """Take the tables of a section out of the document, and leave those of its keys that are options."""
    content = document.pop(section, {})
    if not isinstance(content, dict):
        return content
    options = {key: value for key, value in content.items() if f"{section}.{key}" in _BY_NAME}
    document[section] = options
    return {key: value for key, value in content.items() if key not in options}


def _resolved(references: References, place: str, table: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    try:
        resolved: dict[str, Any] = references.resolved(table)
    except ValueError as error:
        faults.append(f"{place}: {error}")
        return table
    return resolved


def _plain_secrets(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is secret in options even if it stands there as it is."""
    for option in OPTIONS:
        value = values[option.name]
        if option.is_secret and value:
            yield value
        if isinstance(value, str):
            yield from secrets_of_url(value)


def _passwords(urls: Iterable[str]) -> Iterator[str]:
    for url in urls:
        yield from secrets_of_url(url)


DUCKDB = "duckdb"
"""The engine over the lake's files."""


def _engines(references: References, section: Any, faults: list[str]) -> Iterator[tuple[str, str]]:
    """Read the tables `[engines.<name>]`: each has the URL of a database."""
    for name, table in _tables("engines", section, faults):
        place = f'{FILE_NAME}: engines."{name}"'
        faults += [
            f"{place}.{key}: there is no such option (the options: url)" for key in table if key != "url"
        ]
        url = _resolved(references, place, table, faults).get("url")
        if name == DUCKDB:
            faults.append(f"{place}: this name is that of the engine over the lake's files")
        elif not isinstance(url, str) or not url.startswith(("postgresql://", "postgresql+psycopg://")):
            faults.append(
                f"{place}.url: expected a SQLAlchemy URL of PostgreSQL, such as postgresql://host/database"
            )
        else:
            yield name, url


def _unknown_engines(
    general: str, sections: Mapping[str, Mapping[str, Mapping[str, Any]]], engines: Mapping[str, str]
) -> Iterator[str]:
    named = [(f"{FILE_NAME}: lake.engine", general)]
    named += [
        (f'{FILE_NAME}: {section}."{name}".engine', table["engine"])
        for section, tables in sections.items()
        for name, table in tables.items()
        if "engine" in table
    ]
    known = {DUCKDB: DUCKDB, **engines}
    for place, name in named:
        if name not in known:
            yield f"{place}: there is no engine {name!r}{_suggestion(name, known)}"


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


def _tables(section: str, tables: Any, faults: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tables of a section that has one for each name."""
    for name, content in tables.items() if isinstance(tables, dict) else [("", tables)]:
        if isinstance(content, dict):
            yield name, content
        else:
            # the value is not shown: it may be a secret
            faults.append(f'{FILE_NAME}: {section}."{name}": expected a table, such as [{section}.<name>]')


def _overrides(
    section: str, tables: Any, known: Mapping[str, str], faults: list[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read tables such as `[queries."<QueryName>"]`, whose `known` keys take the places of options."""
    for name, content in _tables(section, tables, faults):
        place = f'{FILE_NAME}: {section}."{name}"'
        found: dict[str, Any] = {}
        for key, value in content.items():
            if key not in known:
                faults.append(f"{place}.{key}: there is no such option{_suggestion(key, known)}")
                continue
            try:
                found[key] = _BY_NAME[known[key]].read(value)
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
        return RuleOverride(identity=texts(written), rematch=rematch)
    except ValueError as error:
        raise ValueError(f".identity: {error}, found {written!r}") from None


def _suggestion(name: str, known: Mapping[str, object] = _BY_NAME) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else f" (the options: {', '.join(known)})"
