"""For any value and any path, an event answers as a slow and obvious model of Panther's event does."""

from hypothesis import given
from hypothesis import strategies as st
from thoroughness import examples

from runner.detections.data_model import LoadedDataModel
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


def walked_through_lists(value, path, default):
    """Return what a case-sensitive walk finds, lists entered: several distinct leaves as a list."""
    if not path:
        return default if is_empty(value) else value
    if isinstance(value, dict):
        step = value.get(path[0])
        return default if step is None else walked_through_lists(step, path[1:], default)
    if not isinstance(value, list):
        return default
    leaves = []
    for item in value:
        leaf = walked_through_lists(item, path, default)
        leaves += leaf if isinstance(leaf, list) else [] if leaf is None else [leaf]
    distinct = [leaf for place, leaf in enumerate(leaves) if leaf not in leaves[:place]]
    if not distinct:
        return default
    return distinct[0] if len(distinct) == 1 else distinct


def is_empty(value):
    return isinstance(value, list) and all(map(is_empty, value))


def has_mappings_in_lists(value, path):
    """Tell whether a walk comes upon mappings at the end of a list: they cannot be told apart."""
    if isinstance(value, list):
        return any(has_mappings_in_lists(item, path) or ends_at_mapping(item, path) for item in value)
    if isinstance(value, dict) and path:
        return value.get(path[0]) is not None and has_mappings_in_lists(value[path[0]], path[1:])
    return False


def ends_at_mapping(value, path):
    if not path:
        return isinstance(value, dict) or (
            isinstance(value, list) and any(ends_at_mapping(item, []) for item in value)
        )
    if isinstance(value, list):
        return any(ends_at_mapping(item, path) for item in value)
    return isinstance(value, dict) and ends_at_mapping(value.get(path[0]), path[1:])


def exactly(row, path):
    """Return what lies at the end of a path whose keys are matched as they are written."""
    value = row
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return ABSENT
        value = value[key]
    return value


@examples(40)
@given(ROWS, KEYS)
def test_lookups_agree_with_the_model(row, key):
    event = Event(row)

    expected = looked_up(row, key)

    assert (key in event) == (expected is not ABSENT)
    assert event.get(key, "default") == ("default" if expected is ABSENT else expected)
    if expected is not ABSENT:
        assert type(unwrapped(event[key])) is type(expected)


@examples(40)
@given(ROWS, PATHS)
def test_deep_get_agrees_with_the_model(row, path):
    event = Event(row)

    found = event.deep_get(*path, default="default")

    assert found == walked(row, path, "default")
    assert type(unwrapped(found)) is type(walked(row, path, "default"))


@examples(40)
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


@examples(40)
@given(ROWS, PATHS.filter(bool), st.sampled_from([None, "default"]))
def test_deep_walk_finds_what_the_model_finds(row, path, default):
    if not has_mappings_in_lists(row, path):
        found = Event(row).deep_walk(*path, default=default)

        expected = walked_through_lists(row, path, default)
        assert found == expected
        assert type(found) is type(expected)


@examples(40)
@given(ROWS, st.lists(st.sampled_from("aAbB"), min_size=1, max_size=3))
def test_a_mapped_name_is_what_lies_at_the_end_of_its_path(row, path):
    event = Event(row, LoadedDataModel("Model", paths={"name": ".".join(path)}, methods={}))

    expected = exactly(row, path)
    found = event.udm("name", default="default")

    assert found == ("default" if expected is ABSENT else expected)
    assert type(unwrapped(found)) is (str if expected is ABSENT else type(expected))
    assert event.udm_path("name") == (None if expected is ABSENT else ".".join(path))


@examples(40)
@given(ROWS, ROWS, PATHS.filter(bool))
def test_any_other_name_is_the_first_that_is_truthy(row, of_udm, path):
    whole = {**row, "p_udm": of_udm}

    found = Event(whole).udm(*path, default="default")

    assert found == (walked(of_udm, path, None) or walked(whole, path, None) or "default")


@examples(30)
@given(ROWS)
def test_copies_equal_the_row_and_share_nothing(row):
    event = Event(row)

    copied = event.to_dict()

    assert copied == row
    assert all(copied[key] is not row[key] for key in row if isinstance(row[key], (dict, list)))
