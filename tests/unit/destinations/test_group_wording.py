"""What a grouped message says: how many alerts there are, and the most severe of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from notices import notice_at

from runner.destinations import wording
from runner.destinations.message import Message, MessageKind, payload_of

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
WORST = notice_at(NOON, title="Root logged in", severity="CRITICAL")


def group(others, count) -> Message:
    mild = tuple(replace(WORST, title=f"Login {number}", severity="INFO") for number in range(others))
    return Message(key="k", kind=MessageKind.GROUP, notice=WORST, others=mild, count=count)


def test_the_subject_counts_all_and_names_the_most_severe():
    assert wording.subject_of(group(4, 700)) == "700 new alerts, the most severe (CRITICAL): Root logged in"


@pytest.mark.parametrize(
    ("others", "count", "shown", "last"),
    [
        (1, 2, 2, "INFO Login 0"),
        (19, 20, 20, "INFO Login 18"),
        (20, 21, 21, "and 1 more"),
        (499, 700, 21, "and 680 more"),
    ],
)
def test_twenty_are_named_and_the_others_counted(others, count, shown, last):
    lines = wording.members_of(group(others, count))

    assert (lines[0], len(lines), lines[-1]) == ("CRITICAL Root logged in", shown, last)


def test_the_text_goes_from_the_subject_to_the_most_severe_alert():
    assert wording.text_of(group(1, 2)).startswith(
        "2 new alerts, the most severe (CRITICAL): Root logged in\n\nCRITICAL "
    )


def test_a_webhook_gets_the_true_number_and_the_highest_severity():
    document = payload_of(group(499, 700))

    assert (document["groupCount"], len(document["group"]), document["severity"]) == (700, 500, "CRITICAL")
