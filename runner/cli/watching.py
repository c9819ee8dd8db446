"""`runner test --watch`: what a saved file touches is tested again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.wording import counted
from runner.definitions.catalogue import catalogue_of
from runner.definitions.folder import stamp_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.definition_files import DefinitionFiles, Sight

    Test = Callable[[Catalogue, Collection[str] | None], int]
    """Tests what was asked for, or of it some ids; returns the exit code."""

_SETTLE_MILLISECONDS = 50
"""How long a file is left alone after a change: editors write in several steps."""
_LOOK_MILLISECONDS = 1_000


def retest_on_change(
    files: DefinitionFiles, test: Test, changes: Callable[[], Iterable[Any]] | None = None
) -> int:
    """Test everything, and after each change what it touches; returns the last exit code when changes end.

    `changes` yields whenever files may have changed; by default, when the file system says so, and every second.
    """
    catalogue, sight = _read(files)
    tables = _table_stamps(catalogue)
    code = test(catalogue, None)
    click.echo("Watching for changes; Ctrl-C ends.", err=True)
    for _ in (changes or (lambda: _saved(files)))():
        if files.look() == sight and _table_stamps(catalogue) == tables:
            continue
        before, tables_before = catalogue, tables
        catalogue, sight = _read(files)
        tables = _table_stamps(catalogue)
        touched = touched_by(before, catalogue) | _of_tables(catalogue, tables_before, tables)
        if touched or _faults(before) != _faults(catalogue):
            click.echo(f"Changed: {counted(len(touched), 'definition')}.", err=True)
            code = test(catalogue, touched)
    return code


def _read(files: DefinitionFiles) -> tuple[Catalogue, Sight]:
    """Read the definitions as they are; only what has changed is read again."""
    snapshot = None
    while snapshot is None:  # a file was being written
        snapshot = files.read(files.look())
    imports = snapshot.imports
    return catalogue_of(files.root, snapshot.readings, imports.__getitem__), snapshot.sight


def _faults(catalogue: Catalogue) -> list[str]:
    return [str(error) for error in catalogue.errors]


def touched_by(before: Catalogue, now: Catalogue) -> set[str]:
    """Return the ids of definitions that are not what they were.

    Its YAML, its Python, the helpers it imports, or the data model of one of its log types may have changed.
    """
    changed = {
        name for name, fingerprint in now.fingerprints.items() if before.fingerprints.get(name) != fingerprint
    }
    gone = before.fingerprints.keys() - now.fingerprints.keys()
    models = [
        model
        for catalogue in (before, now)
        for name, model in catalogue.data_models.items()
        if name in changed or name in gone
    ]
    log_types = {log_type for model in models for log_type in model.log_types}
    of_models = {name for name, rule in now.stream_rules.items() if log_types.intersection(rule.log_types)}
    return changed | of_models


def _table_stamps(catalogue: Catalogue) -> dict[str, object]:
    """Return the state of each lookup table's file: the definition's fingerprint says nothing of it."""
    tables = catalogue.lookup_tables.items()
    return {name: table.data_file and stamp_of(catalogue.root / table.data_file) for name, table in tables}


def _of_tables(catalogue: Catalogue, before: dict[str, object], now: dict[str, object]) -> set[str]:
    """Return every rule, if a lookup table's file has changed: any of them may look something up."""
    changed = before.keys() == now.keys() and before != now
    return {*catalogue.stream_rules, *catalogue.rules} if changed else set()


def _saved(files: DefinitionFiles) -> Iterator[object]:
    """Yield when files under the root were saved, and every second: not every file system tells of changes."""
    from watchfiles import watch  # noqa: PLC0415  needed by nobody else

    yield from watch(
        files.root,
        step=_SETTLE_MILLISECONDS,
        debounce=4 * _SETTLE_MILLISECONDS,
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,
    )
