"""What a destination's table holds in secret is in no error, however it got there."""

from datetime import UTC, datetime

import pytest

from runner.clock import FrozenClock
from runner.destinations.kinds import KINDS
from runner.destinations.reading import read_destinations
from runner.destinations.secrecy import MaskedSender, secrets_of
from runner.errors import DeliveryError, SettingsError

SECRET_OPTIONS = {
    "webhook": {"url", "secret", "headers"},
    "slack": {"token", "webhook_url"},
    "pagerduty": {"routing_key"},
    "email": {"password"},
    "file": set(),
    "stdout": set(),
    "apprise": {"url"},
}


class Failing:
    def __init__(self, error):
        self.error = error
        self.is_closed = False

    def send(self, _message):
        raise self.error

    def close(self):
        self.is_closed = True


def refused(error, *secrets) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        MaskedSender(Failing(error), secrets).send(None)
    return caught.value


def test_every_kind_says_which_of_its_options_are_secret():
    found = {name: {one.name for one in kind.options if one.is_secret} for name, kind in KINDS.items()}

    assert found == SECRET_OPTIONS


@pytest.mark.parametrize(
    ("table", "secrets"),
    [
        ({"kind": "pagerduty", "routing_key": "r0uting"}, {"r0uting"}),
        ({"kind": "email", "password": "pass word", "user": "ada"}, {"pass word"}),
        (
            {"kind": "webhook", "url": "https://u:hunter22@example.org/in/T000000000?key=abcdefgh&n=1"},
            {"https://u:hunter22@example.org/in/T000000000?key=abcdefgh&n=1", "hunter22", "T000000000", "abcdefgh"},
        ),
        (
            {"kind": "webhook", "headers": {"Authorization": "Bearer t0ken-t0ken", "Accept": "application/json"}},
            {"Bearer t0ken-t0ken", "t0ken-t0ken"},
        ),
        ({"kind": "webhok", "url": "https://example.org"}, set()),  # which the reading of the table tells
        ({"kind": "file", "path": "alerts.jsonl"}, set()),
    ],
)  # fmt: skip
def test_secrets_are_found_where_they_stand_plainly(table, secrets):
    assert set(secrets_of([table])) == secrets


def test_an_error_keeps_its_meaning_and_loses_its_secrets():
    error = refused(DeliveryError("no: s3cret!", is_final=True, retry_after=7.0), "s3cret")

    assert (str(error), error.is_final, error.retry_after) == ("no: ***!", True, 7.0)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_whatever_a_client_raises_is_masked_too():
    error = refused(ValueError("bad url https://h/s3cret"), "s3cret")

    assert (str(error), error.is_final) == ("ValueError('bad url https://h/***')", False)


def test_a_secret_is_masked_also_as_python_shows_it():
    error = refused(ValueError("bad url https://h/s3cret\x01"), "s3cret\x01")

    assert str(error) == "ValueError('bad url https://h/***')"


def test_a_masked_sender_closes_what_it_wraps():
    sender = Failing(None)

    MaskedSender(sender, []).close()

    assert sender.is_closed


def test_no_wrong_table_shows_its_secrets(tmp_path):
    tables = {
        "a": {"kind": "apprise", "url": "nonsense-t0ken"},
        "b": {"kind": "webhook", "url": "ftp://t0ken", "secret": ["t0ken"]},
        "c": {"kind": "slack", "token": "t0ken", "webhook_url": "https://example.org/t0ken"},
    }

    with pytest.raises(SettingsError) as caught:
        read_destinations(tables, root=tmp_path, clock=FrozenClock(datetime(2026, 1, 1, tzinfo=UTC)))

    assert "t0ken" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 4
