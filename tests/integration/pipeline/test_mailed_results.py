"""`EmailConfig`: the rows of a query reach a real mail server."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from receivers import Mailbox, MailServer
from structlog.testing import capture_logs

from runner import app, settings
from runner.delivery.assembly import post_office
from runner.delivery.backoff import Backoff
from runner.delivery.courier import Courier, Persistence

HOUR = timedelta(hours=1)
EMAIL = "EmailConfig:\n  Recipients: [soc@example.org, 'Ada <ada@example.org>']\n"
DESK = """
[destinations.desk]
kind = "email"
host = "127.0.0.1"
port = {port}
tls = "none"
from = "runner@example.org"
to = ["nobody@example.org"]
[reports]
rows = {rows}
"""


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the program runs after it."""


class Deadly:
    """A sender whose process is killed as soon as the mail server has the mail."""

    def __init__(self, sender):
        self.sender = sender

    def send(self, message):
        self.sender.send(message)
        raise Killed


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def mail_server(mailbox):
    server = MailServer(mailbox, hostname="127.0.0.1", port=0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mailing(project, mail_server):
    """Write a query whose rows are mailed, and settings that name the mail server."""

    def make(email=EMAIL, rows=100, settings_text=DESK):
        project.write_query()
        file = project.root / "queries" / "failed_logins.yml"
        file.write_text(file.read_text() + email)
        project.write_settings(settings_text.format(port=mail_server.port, rows=rows))
        return project

    return make


@contextmanager
def opened(project):
    """Open the application as `runner once --notify` does, with its post office."""
    loaded = settings.load(project.root, {"RUNNER_WORKERS_COUNT": "1", "RUNNER_WORKERS_MEMORY": "1GiB"})
    with app.build(loaded, project.clock, notifies=True) as parts:
        post = post_office(
            parts.settings,
            parts.store.outbox,
            clock=project.clock,
            owner="me",
            catalogue=lambda: parts.catalogue,
            random=lambda: 0.5,
        )
        yield parts, post


def run_and_send(project, times=1):
    with opened(project) as (parts, post):
        for _ in range(times):
            project.run_in(parts, project.clock.now())
        post.send_due()


def mail_in(envelope):
    return message_from_bytes(envelope.content, policy=policy.default)


def csv_in(mail):
    (attached,) = mail.iter_attachments()
    return attached.get_filename(), attached.get_content_type(), attached.get_content()


def test_a_result_is_mailed_as_a_table_with_its_rows_as_csv(mailing, mailbox):
    project = mailing()
    project.add_logins(-1, user="ada <x>")

    run_and_send(project)

    (envelope,) = mailbox.mails
    mail = mail_in(envelope)
    name, kind, text = csv_in(mail)
    assert envelope.rcpt_tos == ["soc@example.org", "ada@example.org"]
    assert mail["Subject"] == "Failed Logins: 1 row for 2026-01-15 09:00:00 UTC"
    assert "<td>ada &lt;x&gt;</td>" in mail.get_body(["html"]).get_content()
    assert "ada <x>" in mail.get_body(["plain"]).get_content()
    assert (name, kind) == ("failed-logins-20260115T090000Z.csv", "text/csv")
    assert text.splitlines()[0] == "p_event_time,user_name,p_row_id"
    assert "ada <x>" in text.splitlines()[1]


def test_who_prefers_the_attachment_gets_no_table(mailing, mailbox):
    project = mailing(f"{EMAIL}  PreferAttachment: true\n")
    project.add_logins(-1)

    run_and_send(project)

    mail = mail_in(mailbox.mails[0])
    assert "ann" not in mail.get_body(["plain"]).get_content() + mail.get_body(["html"]).get_content()
    assert "ann" in csv_in(mail)[2]


@pytest.mark.parametrize(("send_empty", "mails"), [("false", 0), ("true", 1)])
def test_that_there_was_no_row_is_told_to_those_who_ask_for_it(mailing, mailbox, send_empty, mails):
    project = mailing(f"{EMAIL}  SendEmpty: {send_empty}\n")
    project.add_logins(-5)

    run_and_send(project)

    subjects = [mail_in(envelope)["Subject"] for envelope in mailbox.mails]
    assert subjects == ["Failed Logins: no rows for 2026-01-15 09:00:00 UTC"] * mails


def test_a_mail_says_what_it_leaves_out(mailing, mailbox):
    project = mailing(rows=2)
    project.add_logins(-1, -1, -1)

    run_and_send(project)

    mail = mail_in(mailbox.mails[0])
    assert "returned 3 rows" in mail.get_body(["plain"]).get_content()
    assert "The attached file has the first 2 of them" in mail.get_body(["plain"]).get_content()
    assert len(csv_in(mail)[2].splitlines()) == 3


def test_running_again_for_the_same_time_mails_nothing_more(mailing, mailbox):
    project = mailing()
    project.add_logins(-1)

    run_and_send(project, times=2)
    project.add_logins(-1, user="late")
    run_and_send(project)

    first, second = map(mail_in, mailbox.mails)
    assert second["Subject"] == "Corrected: Failed Logins: 2 rows for 2026-01-15 09:00:00 UTC"
    assert second["In-Reply-To"] == first["Message-ID"]


def test_killed_between_sending_and_marking_it_is_mailed_again_under_the_same_id(mailing, mailbox):
    project = mailing()
    project.add_logins(-1)

    with opened(project) as (parts, post):
        project.run_in(parts, project.clock.now())
        (desk,) = post.destinations
        backoff = Backoff(first=HOUR, longest=HOUR, random=lambda: 0.5)
        doomed = Courier(
            replace(desk, sender=Deadly(desk.sender)),
            parts.store.outbox,
            clock=project.clock,
            owner="doomed",
            persistence=Persistence(message=backoff, destination=backoff, give_up_after=HOUR),
        )
        with pytest.raises(Killed):
            doomed.send_due()
    with opened(project) as (parts, post):
        parts.store.outbox.release_all()  # as the daemon does when it starts
        assert post.send_due() == 1

    first, again = map(mail_in, mailbox.mails)
    assert first["Message-ID"] == again["Message-ID"]
    assert csv_in(first) == csv_in(again)


def test_a_server_that_is_down_gets_it_once_it_is_back(mailing, mailbox):
    project = mailing()
    project.add_logins(-1)
    mailbox.refuses_with = "451 try again later"

    run_and_send(project)
    assert mailbox.mails == []
    mailbox.refuses_with = ""
    project.clock.advance(HOUR)
    with opened(project) as (_, post):
        post.send_due()

    assert len(mailbox.mails) == 1


def test_without_a_mail_destination_the_run_goes_well_and_the_log_says_so(mailing, mailbox):
    project = mailing(settings_text="")
    project.add_logins(-1)

    with capture_logs() as logs:
        run_and_send(project)

    assert [one["event"] for one in logs if one["event"] == "report_not_sent"] == ["report_not_sent"]
    assert mailbox.mails == []
