import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.definitions.catalogue import read_catalogue

EVERY_KEY = Path(__file__).parents[2] / "data" / "valid" / "every-key"
FILES = [
    "queries/failed_logins.yml",
    "scheduled_rules/failed_logins.yaml",
    "scheduled_rules/python/failed_logins.py",
    "global_helpers/accounts.yml",
]
SNIPPETS = st.sampled_from(
    [
        *b"""|\n|\t|  |: |- |[|]|{|}|'|\"|&a |*a|<<: |#|!!|>|~|1|-1|true|%|?|\r|\\""".split(b"|"),
        b"|",
        b"\n---\n",
        b"9" * 30,
        b"\xff",
        b"\x00",
        b"\xc3\xa4",
    ]
)
CHANGES = st.lists(st.tuples(st.integers(0, 1_500), st.integers(0, 12), SNIPPETS), min_size=1, max_size=3)


def changed(content, changes):
    for start, length, snippet in changes:
        place = start % (len(content) + 1)
        content = content[:place] + snippet + content[place + length :]
    return content


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), CHANGES)
def test_a_damaged_file_gives_located_errors_or_a_sound_reading_and_never_a_traceback(damaged, changes):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path in filter(Path.is_file, EVERY_KEY.rglob("*")):
            content = path.read_bytes()
            name = path.relative_to(EVERY_KEY)
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(changed(content, changes) if name.as_posix() == damaged else content)

        catalogue = read_catalogue(root)

        for found in (*catalogue.errors, *catalogue.warnings):
            assert found.code
            assert (root / found.location.path).exists()
            lines = (root / found.location.path).read_bytes().count(b"\n") + 2
            assert 1 <= found.location.line <= lines + 60  # a carriage return alone ends a line, too
