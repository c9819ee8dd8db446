"""For any value and any path, an event answers as a slow and obvious model of Panther's event does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.detections.event import Event, unwrapped

KEYS = st.sampled_from(["a", "A", "b", "B", "ab", "aB", "É", "é", "ß", "İ", "K", "k", ""])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.floats(allow_nan=False), st.text(max_size=2)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)
ROWS = st.dictionaries(KEYS, VALUES, max_size=5)
PATHS = st.lists(KEYS, max_size=4)
ABSENT = object()


def looked_up(mapping, key):
    """Return the value of the exact key, else of the first that is the same in lower case."""
    if key in mapping:
        return mapping[key]
    for name, value in mapping.items():
        if name.lower() == key.lower():
            return value
    return ABSENT


def walked(row, path, default):
    value = row
    for key in path:
        value = looked_up(value, key) if isinstance(value, dict) else ABSENT
        if value is ABSENT or value is None:
            return default
    return value


def gathered(value, path):
    """Return the set of leaves in order (as a list) of a case-sensitive walk, lists entered."""
    if not path:
        return [value]
    if isinstance(value, dict):
        return [] if value.get(path[0]) is None else gathered(value[path[0]], path[1:])
    if isinstance(value, list):
        return [leaf for item in value for leaf in gathered(item, path)]
    return []


@settings(deadline=None, database=None, max_examples=150)
@given(ROWS, KEYS)
def test_lookups_agree_with_the_model(row, key):
    event = Event(row)

    expected = looked_up(row, key)

    assert (key in event) == (expected is not ABSENT)
    assert event.get(key, "default") == ("default" if expected is ABSENT else expected)
    if expected is not ABSENT:
        assert type(unwrapped(event[key])) is type(expected)


@settings(deadline=None, database=None, max_examples=150)
@given(ROWS, PATHS)
def test_deep_get_agrees_with_the_model(row, path):
    event = Event(row)

    found = event.deep_get(*path, default="default")

    assert found == walked(row, path, "default")
    assert type(unwrapped(found)) is type(walked(row, path, "default"))


@settings(deadline=None, database=None, max_examples=150)
@given(ROWS, PATHS)
def test_steps_taken_one_by_one_agree_with_the_model(row, path):
    value = Event(row)
    model = row
    for key in path:
        if not isinstance(model, dict) or looked_up(model, key) is ABSENT:
            break
        value, model = value[key], looked_up(model, key)

    assert value == model
    assert str(unwrapped(value)) == str(model)


@settings(deadline=None, database=None, max_examples=150)
@given(ROWS, PATHS.filter(bool))
def test_deep_walk_finds_what_the_model_finds(row, path):
    leaves = gathered(row, path)
    scalars = all(not isinstance(leaf, (dict, list)) for leaf in leaves)

    if scalars and leaves:
        found = Event(row).deep_walk(*path)

        distinct = list(dict.fromkeys(leaf for leaf in leaves if leaf is not None))
        assert found == (distinct[0] if len(distinct) == 1 else distinct or None)


@settings(deadline=None, database=None, max_examples=100)
@given(ROWS)
def test_copies_equal_the_row_and_share_nothing(row):
    event = Event(row)

    copied = event.to_dict()

    assert copied == row
    assert all(copied[key] is not row[key] for key in row if isinstance(row[key], (dict, list)))
