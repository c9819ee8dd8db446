import hashlib

from runner.ingest import row_ids
from runner.ingest.row_ids import RowIds


def test_the_order_of_keys_does_not_matter():
    assert row_ids.digest("X", {"a": 1, "b": {"c": 2, "d": 3}}) == row_ids.digest(
        "X", {"b": {"d": 3, "c": 2}, "a": 1}
    )


def test_content_and_log_type_matter():
    digests = {row_ids.digest("X", {"a": 1}), row_ids.digest("X", {"a": "1"}), row_ids.digest("Y", {"a": 1})}

    assert len(digests) == 3


def test_the_same_event_has_the_same_name_in_two_files():
    digests = [row_ids.digest("X", {"a": number}) for number in range(3)]

    assert RowIds().of(digests)[2] == RowIds().of(digests[2:])[0]


def test_identical_records_of_a_file_have_names_of_their_own_and_the_same_ones_each_time():
    digests = [row_ids.digest("X", {"a": 1})] * 3

    first, second = RowIds().of(digests), RowIds().of(digests)

    assert len(set(first)) == 3
    assert first == second


def test_repeats_are_counted_across_batches():
    one = row_ids.digest("X", {"a": 1})
    at_once, in_turn = RowIds(), RowIds()

    expected = at_once.of([one, one])
    actual = in_turn.of([one]) + in_turn.of([one])

    assert actual == expected


def test_many_records_do_not_take_each_other_for_repeats():
    digests = [hashlib.sha256(b"%d" % number).digest()[:16] for number in range(200_000)]

    assert RowIds().of(digests) == [digest.hex() for digest in digests]


def test_a_name_found_across_the_border_of_two_others_is_no_repeat():
    first, second, across = b"ab" + b"11112222", b"ab" + b"33334444", b"ab" + b"22223333"

    assert RowIds().of([first, second, across]) == [first.hex(), second.hex(), across.hex()]
