import pickle

import pytest

from runner.definitions.frozen_mapping import FrozenMapping


def test_a_frozen_mapping_reads_like_a_dictionary():
    mapping = FrozenMapping({"a": 1, "b": 2})

    assert mapping == {"a": 1, "b": 2}
    assert (mapping["a"], list(mapping), len(mapping), "c" in mapping) == (1, ["a", "b"], 2, False)


def test_a_frozen_mapping_cannot_be_changed_neither_directly_nor_by_its_source():
    source = {"a": 1}
    mapping = FrozenMapping(source)

    source["a"] = 2

    assert mapping["a"] == 1
    with pytest.raises(TypeError, match="does not support item assignment"):
        mapping["a"] = 3


def test_a_frozen_mapping_can_be_sent_to_another_process():
    mapping = FrozenMapping({"a": 1})

    arrived = pickle.loads(pickle.dumps(mapping))  # noqa: S301 - our own bytes

    assert arrived == mapping
