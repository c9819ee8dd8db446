"""All definitions under a folder, looked up by id and never changed; a reload makes a new catalogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.definitions import checks
from runner.definitions.derivation import with_derived
from runner.definitions.findings import errors_in, notices_in
from runner.definitions.fingerprint import HelperImports, definition_fingerprint, digest
from runner.definitions.frozen_mapping import FrozenMapping
from runner.definitions.git_commit import git_commit as commit_checked_out
from runner.definitions.kind import Kind
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_folder
from runner.definitions.reading import python_of
from runner.garbage import without_collecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from runner.definitions.correlation_rule import CorrelationRule
    from runner.definitions.data_model import DataModel
    from runner.definitions.findings import Finding
    from runner.definitions.fingerprint import Imports
    from runner.definitions.global_helper import GlobalHelper
    from runner.definitions.lookup_table import LookupTable
    from runner.definitions.notice import Notice
    from runner.definitions.pack import Pack
    from runner.definitions.policy import Policy
    from runner.definitions.python_source import PythonSource
    from runner.definitions.reading import Reading
    from runner.definitions.saved_query import SavedQuery
    from runner.definitions.scheduled_query import ScheduledQuery
    from runner.definitions.scheduled_rule import ScheduledRule
    from runner.definitions.stream_rule import StreamRule
    from runner.errors import DefinitionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Every sound definition under `root`, and what is wrong with the others.

    A definition with an error of its own is left out. A rule that names an unknown query is in, since it can be
    tested and may listen to other queries, and the error is in `errors`.
    """

    root: Path
    queries: Mapping[str, ScheduledQuery]
    rules: Mapping[str, ScheduledRule]
    helpers: Mapping[str, GlobalHelper]
    stream_rules: Mapping[str, StreamRule]
    """The rules over log types, derived ones too."""
    policies: Mapping[str, Policy]
    data_models: Mapping[str, DataModel]
    saved_queries: Mapping[str, SavedQuery]
    lookup_tables: Mapping[str, LookupTable]
    correlation_rules: Mapping[str, CorrelationRule]
    packs: Mapping[str, Pack]
    counts: Mapping[Kind, int]
    """How many files of each kind were seen, sound or not."""
    kinds: Mapping[Path, Kind]
    """What kind of definition each file is, sound or not; paths are relative to the root."""
    errors: tuple[DefinitionError, ...]
    warnings: tuple[Notice, ...]
    refused: tuple[DefinitionError, ...]
    """What Panther's own tool refuses and we do not; not among the errors."""
    fingerprints: Mapping[str, str]
    """For each id, the SHA-256 of the definition's YAML, its Python and the helpers that it imports."""
    fingerprint: str
    """The SHA-256 over the fingerprints of all definitions: equal if and only if nothing that counts has changed."""
    listeners: Mapping[str, tuple[str, ...]]
    """For each query name, the ids of the rules that listen to it, sorted."""
    kept: frozenset[str] = frozenset()
    """The ids of the definitions whose files are faulty now, and that stand here in their last good version."""
    git_commit: str = ""
    """The commit that was checked out when the files were read; empty outside a git checkout."""

    def rules_for(self, query_name: str) -> tuple[ScheduledRule, ...]:
        """Return the rules that listen to a query, enabled or not, sorted by id."""
        return tuple(self.rules[rule_id] for rule_id in self.listeners.get(query_name, ()))

    def data_model_for(self, log_type: str) -> DataModel | None:
        """Return the enabled data model of a log type; there is at most one."""
        models = (model for model in self.data_models.values() if model.enabled)
        return next((model for model in models if log_type in model.log_types), None)

    def library(self) -> Mapping[str, str]:
        """Return the text of each saved query, by the name that templates import it by."""
        return {name: query.sql.text for name, query in self.saved_queries.items()}

    def helper_sources(self) -> Mapping[str, PythonSource]:
        """Return the Python of each global helper, by the name that rules import."""
        return _sources(self.helpers)


def read_catalogue(
    root: Path,
    *,
    exclude: tuple[str, ...] = (),
    folders: tuple[str, ...] = (),
    destinations: tuple[str, ...] = (),
) -> Catalogue:
    """Read every definition under `root`.

    `exclude` and `folders` say where to look, as in `contents_of`. `destinations` are the names and ids that
    `OutputIds` may hold; if there are none, any will do.
    Never raises for what files hold: all that is wrong with them is in the catalogue's `errors`.
    """
    files = PythonFiles(root)
    with without_collecting():
        readings = tuple(read_folder(root, files, exclude=exclude, folders=folders))
    return catalogue_of(
        root, readings, files.imports, destinations=destinations, git_commit=commit_checked_out(root)
    )


def catalogue_of(
    root: Path,
    readings: Iterable[Reading],
    imports: Callable[[PythonSource], Imports],
    *,
    kept: frozenset[str] = frozenset(),
    destinations: tuple[str, ...] = (),
    git_commit: str = "",
) -> Catalogue:
    """Make one catalogue of the readings of single files, and check what only the set can show.

    `imports` says what a Python source imports; `kept` are the ids whose readings are last good versions.
    """
    readings = tuple(readings)
    findings = [found for reading in readings for found in reading.findings]
    unique, of_set = _as_a_set(readings)
    findings += of_set
    findings += checks.unknown_destinations(unique, destinations) if destinations else ()
    rules: Mapping[str, ScheduledRule] = _of_kind(unique, Kind.SCHEDULED_RULE)
    helpers: Mapping[str, GlobalHelper] = _of_kind(unique, Kind.GLOBAL)
    fingerprints = _fingerprints(unique, HelperImports(_sources(helpers), imports))
    return Catalogue(
        root=root,
        queries=_of_kind(unique, Kind.SCHEDULED_QUERY),
        rules=rules,
        helpers=helpers,
        stream_rules=_of_kind(unique, Kind.RULE),
        policies=_of_kind(unique, Kind.POLICY),
        data_models=_of_kind(unique, Kind.DATA_MODEL),
        saved_queries=_of_kind(unique, Kind.SAVED_QUERY),
        lookup_tables=_of_kind(unique, Kind.LOOKUP_TABLE),
        correlation_rules=_of_kind(unique, Kind.CORRELATION_RULE),
        packs=_of_kind(unique, Kind.PACK),
        counts=FrozenMapping(Counter(reading.kind for reading in readings if reading.kind)),
        kinds=FrozenMapping(
            (reading.location.path, reading.kind) for reading in readings if reading.kind is not None
        ),
        errors=errors_in(findings),
        warnings=notices_in(findings),
        refused=errors_in(found for reading in readings for found in reading.refused),
        fingerprints=fingerprints,
        fingerprint=digest(*(part for item in sorted(fingerprints.items()) for part in item)),
        listeners=_listeners(rules.values()),
        kept=kept,
        git_commit=git_commit,
    )


def _as_a_set(readings: Iterable[Reading]) -> tuple[list[Reading], list[Finding]]:
    """Return the readings that can stand beside each other, and what only the set shows to be wrong."""
    kept, duplicates = checks.without_duplicates(readings)
    kept, second_models = checks.second_data_models(kept)
    findings: list[Finding] = [
        *duplicates,
        *second_models,
        *checks.unknown_queries(kept),
        *checks.unheard_queries(kept),
        *checks.unknown_pack_items(kept),
        *checks.unknown_subrules(kept),
    ]
    kept, without_base = with_derived(kept)
    return kept, [*findings, *without_base]


def _of_kind(readings: Iterable[Reading], kind: Kind) -> FrozenMapping[str, Any]:
    """Return the sound definitions of a kind by id. The derived ones are rules by now."""
    return FrozenMapping(
        (reading.definition_id, reading.definition)
        for reading in readings
        if reading.kind is kind and reading.definition_id and reading.definition
    )


def _sources(helpers: Mapping[str, GlobalHelper]) -> FrozenMapping[str, PythonSource]:
    return FrozenMapping((helper_id, helper.python) for helper_id, helper in helpers.items())


def _fingerprints(readings: Iterable[Reading], imports: HelperImports) -> FrozenMapping[str, str]:
    return FrozenMapping(
        (reading.definition_id, definition_fingerprint(reading.text, python_of(reading), imports))
        for reading in readings
        if reading.definition_id and reading.definition
    )


def _listeners(rules: Iterable[ScheduledRule]) -> FrozenMapping[str, tuple[str, ...]]:
    listeners: dict[str, list[str]] = {}
    for rule in sorted(rules, key=lambda rule: rule.rule_id):
        for name in rule.queries:
            listeners.setdefault(name, []).append(rule.rule_id)
    return FrozenMapping({name: tuple(ids) for name, ids in listeners.items()})
