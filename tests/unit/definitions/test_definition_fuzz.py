"""Whatever a definition file holds, reading it ends with a located error or a sound reading."""

from __future__ import annotations

import pickle
from pathlib import Path
from random import Random

import pytest
from definition_mutations import mutated

from runner.definitions.catalogue import catalogue_of
from runner.definitions.codes import Code
from runner.definitions.findings import errors_in
from runner.definitions.lookup_rows import read_rows
from runner.definitions.python_files import PythonFiles
from runner.definitions.reader import read_content, read_folder
from runner.definitions.reading import python_of
from runner.errors import DefinitionError

VALID = Path(__file__).parents[2] / "data" / "valid"
ROOTS = [VALID / "every-type", VALID / "every-key"]
CODES = {str(code) for code in Code}


class Corpus:
    """The files of a folder of sound definitions, to be changed one at a time in memory."""

    def __init__(self, root):
        self.root = root
        paths = [path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file()]
        self.files = {path: (root / path).read_bytes() for path in paths if path.suffix != ".txt"}
        files = PythonFiles(root)
        self.readings = {reading.location.path: reading for reading in read_folder(root, files)}
        self.imports = files.imports
        self.users = {
            python.path: path for path, reading in self.readings.items() if (python := python_of(reading))
        }

    def change(self, random):
        """Return a file's path, its changed bytes, and what reading them gives."""
        path = random.choice([path for path in self.files if path.suffix != ".csv"])
        raw = mutated(self.files[path], list(self.files.values()), path, random)
        if path.suffix != ".py":
            return path, raw, read_content(raw, path, PythonFiles(self.root))
        user = self.users[path]
        files = PythonFiles(self.root, {path: raw.decode(errors="replace")})
        return path, raw, read_content(self.files[user], user, files)


def assert_told_or_sound(path, raw, reading, corpus):
    """Assert that a reading is sound or has an error, and that all it tells has a code and a place in a file."""
    if reading is None:
        return
    assert reading.definition is not None or reading.findings
    assert reading.definition is None or not errors_in(reading.findings)
    for found in (*reading.findings, *reading.refused):
        assert str(found.code) in CODES
        assert found.message
        text = raw if found.location.path == path else corpus.files.get(found.location.path, raw)
        lines = len(text.decode(errors="replace").replace("\r", "\n").splitlines()) + 2
        assert 1 <= found.location.line <= lines
        assert found.location.column >= 1


def fuzz(corpus, count, seed):
    """Change files `count` times; return how many readings were sound, faulty, and no definitions."""
    random = Random(seed)
    sound = faulty = 0
    for number in range(count):
        path, raw, reading = corpus.change(random)
        assert_told_or_sound(path, raw, reading, corpus)
        sound += reading is not None and reading.definition is not None
        faulty += reading is not None and reading.definition is None
        if number % 20 == 0 and reading is not None:
            assert_fits_into_a_set(corpus, reading)
    return sound, faulty, count - sound - faulty


def assert_fits_into_a_set(corpus, reading):
    """Assert that a catalogue can be made with the changed definition, and sent to another process."""
    python = python_of(reading)
    files = PythonFiles(corpus.root, {python.path: python.text}) if python else None
    readings = {**corpus.readings, reading.location.path: reading}

    def imports(source):
        if source is python:
            files.named(source.path.name, source.path, reading.location)
            return files.imports(source)
        return corpus.imports(source)

    catalogue = catalogue_of(corpus.root, readings.values(), imports, destinations=("chat",))

    assert pickle.loads(pickle.dumps(catalogue)).fingerprint == catalogue.fingerprint  # noqa: S301 - our own bytes


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_a_changed_file_gives_located_errors_or_a_sound_reading_and_never_a_traceback(root):
    sound, faulty, others = fuzz(Corpus(root), 600, seed=2026)

    assert min(sound, faulty, others) >= 10  # the changes are neither harmless nor all fatal


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_a_hundred_thousand_changed_files_give_located_errors_or_sound_readings(root, seed):
    sound, faulty, others = fuzz(Corpus(root), 5_000, seed)

    assert sound + faulty + others == 5_000
    assert min(sound, faulty, others) >= 100


def rows_or_error(root, table):
    try:
        return read_rows(root, table), None
    except DefinitionError as error:
        return (), error


def test_changed_rows_of_a_lookup_table_are_read_or_refused_at_a_line(tmp_path):
    random = Random(7)
    corpus = Corpus(ROOTS[0])
    (table,) = (one.definition for one in corpus.readings.values() if one.definition_id == "offices")
    (tmp_path / table.data_file).parent.mkdir(parents=True)
    sound = corpus.files[table.data_file]
    refused = 0

    for _ in range(200):
        raw = mutated(sound, [sound], table.data_file, random)
        (tmp_path / table.data_file).write_bytes(raw)
        rows, error = rows_or_error(tmp_path, table)
        assert all(table.primary_key in row for row in rows)
        assert error is None or error.location.path == table.data_file
        assert error is None or 1 <= error.location.line <= raw.count(b"\n") + raw.count(b"\r") + 2
        refused += error is not None

    assert 10 <= refused <= 190
