"""Each kind of sender against a real receiver: what arrives, and what is said when it does not."""

import hashlib
import hmac
import io
import json
import os
import socket
import socketserver
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from aiosmtpd.smtp import SMTP
from receivers import Answer, MailServer, Receiver

from runner.clock import FrozenClock
from runner.destinations.destination import Receipt
from runner.destinations.lines import StreamSender
from runner.destinations.message import Message, MessageKind, Notice
from runner.destinations.reading import read_destinations
from runner.errors import DeliveryError, SettingsError

MOMENT = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
NOTICE = Notice(
    alert_id="a" * 32,
    rule_id="Okta.BruteForce",
    name="Okta brute force",
    type="SCHEDULED_RULE",
    title="Failed logins <of> ada & bob",
    severity="HIGH",
    status="OPEN",
    created_at=MOMENT,
    first_match_at=MOMENT,
    last_match_at=MOMENT,
    match_count=12,
    dedup="ada",
    description="Somebody guesses passwords.",
    runbook="Ask ada.",
    link="https://runner.example.org/alerts/aaaa",
    tags=("Okta",),
    context={"user": "ada", "tries": [1, 2]},
)
NEW = Message(key="k1", kind=MessageKind.NEW, notice=NOTICE)


PATIENCE = 10.0
"""Far less than what the dripping server has to say takes."""


@pytest.fixture
def dripping():
    """Give the port of a server that says a byte every now and then, and never a line."""
    ended = threading.Event()

    class Dripping(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(OSError):
                for _ in range(600):
                    self.request.sendall(b"2")
                    if ended.wait(0.1):
                        return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Dripping)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_address[1]
    ended.set()
    server.shutdown()
    server.server_close()
    thread.join(PATIENCE)


@pytest.fixture
def sender_of(tmp_path):
    made = []

    def make(kind, **options):
        tables = {"it": {"kind": kind, "timeout_seconds": 2, **options}}
        (found,) = read_destinations(tables, root=tmp_path, clock=FrozenClock(MOMENT))
        made.append(found.sender)
        return found.sender

    yield make
    for sender in made:
        sender.close()


def changed(**changes) -> Message:
    notice = {name: getattr(NOTICE, name) for name in Notice.__slots__}
    return Message(key="k2", kind=MessageKind.STATUS, notice=Notice(**{**notice, **changes}), actor="ada")


def refused(sender, message=NEW) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        sender.send(message)
    return caught.value


def test_a_webhook_gets_the_fields_of_panther_and_a_key(receiver, sender_of):
    sender_of("webhook", url=receiver.url, headers={"Authorization": "Bearer b"}).send(NEW)

    (received,) = receiver.received
    assert received.headers["Idempotency-Key"] == "k1"
    assert received.headers["Authorization"] == "Bearer b"
    panthers = {
        "id": "Okta.BruteForce",
        "createdAt": "2026-01-15T12:00:00Z",
        "severity": "HIGH",
        "type": "SCHEDULED_RULE",
        "link": "https://runner.example.org/alerts/aaaa",
        "title": "New Alert: Failed logins <of> ada & bob",
        "name": "Okta brute force",
        "alertId": "a" * 32,
        "alertContext": {"user": "ada", "tries": [1, 2]},
        "description": "Somebody guesses passwords.",
        "runbook": "Ask ada.",
        "tags": ["Okta"],
        "version": "1",
    }
    assert received.document.items() >= panthers.items()


def test_a_webhook_is_signed_over_its_time_and_body(receiver, sender_of):
    sender_of("webhook", url=receiver.url, secret="s3cret").send(NEW)

    (received,) = receiver.received
    at, digest = (part.partition("=")[2] for part in received.headers["X-Runner-Signature"].split(","))
    assert int(at) == int(MOMENT.timestamp())
    assert digest == hmac.new(b"s3cret", at.encode() + b"." + received.body, hashlib.sha256).hexdigest()


def test_a_message_that_is_sent_again_is_the_same_to_the_byte(receiver, sender_of):
    sender = sender_of("webhook", url=receiver.url, secret="s3cret")

    sender.send(NEW)
    sender.send(NEW)

    first, second = receiver.received
    assert (first.body, first.headers) == (second.body, second.headers)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503])
def test_refusals_that_may_pass_are_not_final(receiver, sender_of, status):
    receiver.answers.append(Answer(status=status, body=b"not now"))

    error = refused(sender_of("webhook", url=receiver.url))

    assert not error.is_final
    assert str(error) == f"refused with status {status}: not now"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refusals_of_this_very_message_are_final(receiver, sender_of, status):
    receiver.answers.append(Answer(status=status))

    assert refused(sender_of("webhook", url=receiver.url)).is_final


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        ("Thu, 15 Jan 2026 12:01:30 GMT", 90.0),
        ("soon", None),
        ("9" * 400, float("inf")),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(receiver, sender_of, asked, seconds):
    receiver.answers.append(Answer(status=429, headers={"Retry-After": asked}))

    assert refused(sender_of("webhook", url=receiver.url)).retry_after == seconds


def test_a_redirect_is_not_followed(receiver, sender_of):
    receiver.answers.append(Answer(status=302, headers={"Location": receiver.url}))

    assert not refused(sender_of("webhook", url=receiver.url)).is_final
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(breaks_off=True), Answer(hangs=True), Answer(drips=True, body=b"x" * 10_000)],
    ids=["closes in mid-answer", "hangs", "drips"],
)
def test_a_server_that_does_not_answer_whole_and_in_time_has_not_taken_it(receiver, sender_of, answer):
    receiver.answers.append(answer)

    error = refused(sender_of("webhook", url=receiver.url, timeout_seconds=0.2))

    assert not error.is_final
    assert str(error).startswith("no answer: ")


SECONDS = 0.3


@pytest.mark.parametrize(
    "kind", ["webhook", "slack", "apprise", "pagerduty", "email"], ids=lambda kind: f"{kind} in time"
)
def test_a_server_that_keeps_saying_a_little_is_not_waited_for(dripping, sender_of, kind):
    address = f"127.0.0.1:{dripping}"
    options = {
        "webhook": {"url": f"http://{address}/"},
        "slack": {"webhook_url": f"http://{address}/"},
        "apprise": {"url": f"json://{address}/"},
        "pagerduty": {"routing_key": "r" * 32, "url": f"https://{address}"},
        "email": {"host": "127.0.0.1", "port": dripping, "tls": "none", "from": "a@b.org", "to": ["c@d.org"]},
    }
    sender = sender_of(kind, timeout_seconds=SECONDS, **options[kind])

    started = time.monotonic()
    error = refused(sender)

    assert time.monotonic() - started < PATIENCE
    assert not error.is_final
    assert str(error).startswith("no answer")


def test_nobody_listening_is_told(sender_of):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"

    assert str(refused(sender_of("webhook", url=url))).startswith("no answer: ")


@pytest.fixture
def pager(certificate):
    receiver = Receiver(certificate)
    receiver.takes = b'{"status": "success", "dedup_key": "it"}'
    yield receiver
    receiver.close()


@pytest.fixture
def pagerduty(sender_of, pager, certificate):
    return sender_of("pagerduty", routing_key="r" * 32, url=pager.address, ca_file=str(certificate.file))


def test_pagerduty_is_triggered_acknowledged_and_resolved_under_the_alerts_id(pager, pagerduty):
    for message in (NEW, changed(status="TRIAGED"), changed(status="RESOLVED"), changed(status="OPEN")):
        pagerduty.send(message)

    events = [received.document for received in pager.received]
    assert {received.path for received in pager.received} == {"/v2/enqueue"}
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve", "trigger"]
    assert {event["dedup_key"] for event in events} == {"a" * 32}
    assert {event["routing_key"] for event in events} == {"r" * 32}
    assert events[0]["payload"]["summary"] == NOTICE.title
    assert events[0]["payload"]["severity"] == "error"
    assert events[0]["links"] == [{"href": NOTICE.link, "text": "The alert"}]
    assert "payload" not in events[2]


def test_pagerduty_resolves_the_incident_of_an_alert_that_has_no_matches_left(pager, pagerduty):
    moved = Message(key="k2", kind=MessageKind.UPDATE, notice=replace(NOTICE, match_count=0))

    pagerduty.send(moved)

    assert pager.received[0].document["event_action"] == "resolve"


@pytest.mark.parametrize(
    "message",
    [
        Message(key="k2", kind=MessageKind.COMMENT, notice=NOTICE, actor="ada", comment="mine"),
        Message(key="k2", kind=MessageKind.NEW, notice=replace(NOTICE, status="RESOLVED")),
        Message(key="k2", kind=MessageKind.UPDATE, notice=replace(NOTICE, status="RESOLVED")),
        Message(key="k2", kind=MessageKind.UPDATE, notice=replace(NOTICE, status="CLOSED")),
    ],
    ids=["comment", "new and resolved", "grown when resolved", "grown when closed"],
)
def test_pagerduty_is_not_told_what_changes_nothing_about_an_incident(pager, pagerduty, message):
    receipt = pagerduty.send(message)

    assert pager.received == []
    assert receipt == Receipt(was_sent=False)


@pytest.mark.parametrize("status", ["OPEN", "TRIAGED"])
def test_growth_of_an_alert_that_somebody_still_has_to_do_with_reaches_its_incident(pager, pagerduty, status):
    pagerduty.send(Message(key="k2", kind=MessageKind.UPDATE, notice=replace(NOTICE, status=status)))

    assert [one.document["event_action"] for one in pager.received] == ["trigger"]


@pytest.mark.parametrize("large", [{"context": {"row": "x" * 600_000}}, {"description": "x" * 600_000}])
def test_pagerduty_gets_no_more_than_it_takes(pager, pagerduty, large):
    pagerduty.send(changed(status="OPEN", **large))

    assert len(pager.received[0].body) < 512 * 1024
    assert "left out" in pager.received[0].body.decode()


def test_trying_pagerduty_leaves_no_incident_open(pager, pagerduty):
    pagerduty.send(replace(NEW, kind=MessageKind.TEST))

    events = [received.document for received in pager.received]
    assert [event["event_action"] for event in events] == ["trigger", "resolve"]
    assert len({event["dedup_key"] for event in events}) == 1


@pytest.mark.parametrize(
    ("answer", "is_final", "said"),
    [
        (Answer(status=400, body=b'{"errors": ["no such key"]}'), True, "refused with status 400: "),
        (Answer(status=429, headers={"Retry-After": "7"}), False, "refused with status 429: "),
        (Answer(status=401), False, "refused with status 401: "),
        (Answer(status=302, headers={"Location": "/"}), False, "refused with status 302: "),
        (Answer(status=503), False, "refused with status 503: "),
        (Answer(breaks_off=True), False, "no answer: "),
        (Answer(body=b"hello"), False, "no answer: "),
    ],
)
def test_what_pagerduty_refuses_is_tried_again_by_the_outbox_alone(pager, pagerduty, answer, is_final, said):
    pager.answers.append(answer)

    error = refused(pagerduty)

    assert len(pager.received) == 1
    assert error.is_final is is_final
    assert str(error).startswith(said)
    assert error.retry_after == (7.0 if answer.status == 429 else None)


def test_pagerduty_has_to_show_a_certificate_that_is_trusted(pager, sender_of):
    error = refused(sender_of("pagerduty", routing_key="r" * 32, url=pager.address))

    assert "certificate verify failed" in str(error).lower()
    assert pager.received == []


def test_pagerdutys_key_goes_over_tls_only(sender_of):
    with pytest.raises(SettingsError, match="expected an https URL"):
        sender_of("pagerduty", routing_key="r" * 32, url="http://127.0.0.1:1")


def slack_of(sender_of, receiver):
    return sender_of("slack", token="xoxb-1", channel="C1", url=receiver.url.replace("hook", "api/"))


def test_slack_posts_blocks_to_a_channel_and_remembers_the_thread(receiver, sender_of):
    receiver.answers.append(
        Answer(body=b'{"ok": true, "ts": "1700.1"}', headers={"Content-Type": "application/json"})
    )

    receipt = slack_of(sender_of, receiver).send(NEW)

    (received,) = receiver.received
    assert received.path == "/api/chat.postMessage"
    assert received.headers["Authorization"] == "Bearer xoxb-1"
    (attachment,) = received.document["attachments"]
    assert attachment["blocks"][0]["text"]["text"] == NOTICE.heading
    assert "thread_ts" not in received.document
    assert receipt.thread == "1700.1"


def test_slacks_own_marks_are_escaped_in_texts(receiver, sender_of):
    receiver.answers.append(
        Answer(body=b'{"ok": true, "ts": "1"}', headers={"Content-Type": "application/json"})
    )
    message = changed(name="<!channel> & co")

    slack_of(sender_of, receiver).send(message)

    assert "<!channel>" not in json.dumps(receiver.received[0].document)


def test_what_follows_goes_into_the_thread(receiver, sender_of):
    receiver.answers.append(
        Answer(body=b'{"ok": true, "ts": "1700.2"}', headers={"Content-Type": "application/json"})
    )
    message = Message(key="k2", kind=MessageKind.UPDATE, notice=NOTICE, thread="1700.1")

    receipt = slack_of(sender_of, receiver).send(message)

    assert receiver.received[0].document["thread_ts"] == "1700.1"
    assert receipt.thread == "1700.1"


def test_no_text_that_slack_reads_for_marks_has_those_of_a_log(receiver, sender_of):
    evil = "<!channel> <https://example.org|click>"
    message = replace(changed(title=evil), comment=f"{evil}```", actor="<@U1>")

    sender_of("slack", webhook_url=receiver.url).send(message)

    (received,) = receiver.received
    plain = [block for block in blocks_in(received) if block["type"] in {"header", "context"}]
    marked = json.dumps([received.document["text"], [b for b in blocks_in(received) if b not in plain]])
    assert "<" not in marked.replace(f"<{NOTICE.link}|Open the alert>", "")
    assert "&lt;!channel&gt;" in received.document["text"]


def test_slack_gets_no_longer_texts_than_it_takes(receiver, sender_of):
    long = "x" * 5000
    notice = replace(NOTICE, title=long, description=long, tags=(long,), context={"a": long})
    message = Message(key="k", kind=MessageKind.NEW, notice=notice, comment=f"{long}```", actor="ada")

    sender_of("slack", webhook_url=receiver.url).send(message)

    (received,) = receiver.received
    sections = [block for block in blocks_in(received) if block["type"] == "section"]
    fields = [field for section in sections for field in section.get("fields", [])]
    texts = [section["text"] for section in sections if "text" in section]
    assert max(len(field["text"]) for field in fields) <= 2000
    assert max(len(text["text"]) for text in texts) <= 3000
    assert [text["text"][-3:] for text in texts if text["text"].startswith("*Context*")] == ["```"]


def blocks_in(received):
    (attachment,) = received.document["attachments"]
    return attachment["blocks"]


def test_slack_that_is_busy_says_when_to_come_again(receiver, sender_of):
    receiver.answers.append(
        Answer(
            status=429,
            body=b'{"ok": false, "error": "ratelimited"}',
            headers={"Retry-After": "30", "Content-Type": "application/json"},
        )
    )

    error = refused(slack_of(sender_of, receiver))

    assert (error.is_final, error.retry_after) == (False, 30.0)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(("said", "is_final"), [("invalid_blocks", True), ("channel_not_found", False)])
def test_slack_says_no_in_a_good_answer(receiver, sender_of, said, is_final):
    body = json.dumps({"ok": False, "error": said}).encode()
    receiver.answers.append(Answer(body=body, headers={"Content-Type": "application/json"}))

    error = refused(slack_of(sender_of, receiver))

    assert error.is_final is is_final
    assert said in str(error)


def test_a_slack_webhook_needs_no_token(receiver, sender_of):
    receiver.answers += [Answer(body=b"ok"), Answer(status=404, body=b"no_service")]
    sender = sender_of("slack", webhook_url=receiver.url)

    assert sender.send(NEW).thread == ""
    assert "no_service" in str(refused(sender))


def test_slack_that_hangs_has_not_taken_it(receiver, sender_of):
    receiver.answers.append(Answer(hangs=True))

    sender = sender_of("slack", webhook_url=receiver.url, timeout_seconds=1)

    assert str(refused(sender)).startswith("no answer: ")


def email_of(sender_of, port, **options):
    addresses = {"from": "runner@example.org", "to": ["soc@example.org", "desk@example.org"]}
    return sender_of("email", port=port, **{"host": "127.0.0.1", "tls": "none", **addresses, **options})


def mail_in(envelope):
    return message_from_bytes(envelope.content, policy=policy.default)


def test_a_mail_says_it_as_text_and_as_html(mailbox, mail_server, sender_of):
    email_of(sender_of, mail_server).send(NEW)

    (envelope,) = mailbox.mails
    mail = mail_in(envelope)
    assert envelope.rcpt_tos == ["soc@example.org", "desk@example.org"]
    assert mail["Subject"] == "[HIGH] New Alert: Failed logins <of> ada & bob"
    assert "Runbook:\nAsk ada." in mail.get_body(["plain"]).get_content().replace("\r\n", "\n")
    assert "&lt;of&gt; ada &amp; bob" in mail.get_body(["html"]).get_content()


def test_mails_on_one_alert_form_a_thread(mailbox, mail_server, sender_of):
    sender = email_of(sender_of, mail_server)

    thread = sender.send(NEW).thread
    sender.send(Message(key="k2", kind=MessageKind.UPDATE, notice=NOTICE, thread=thread))

    first, second = map(mail_in, mailbox.mails)
    assert first["Message-ID"] == thread
    assert second["In-Reply-To"] == thread
    assert second["Message-ID"] != thread


def test_the_most_frequent_values_are_told_to_programs_and_to_people(
    receiver, mailbox, mail_server, sender_of
):
    summary = {"client:ipAddress": [{"value": "203.0.113.7", "count": 1200}, {"value": "<b>", "count": 1}]}
    message = replace(NEW, notice=replace(NOTICE, summary=summary))
    receiver.answers += [Answer(), Answer(body=b"ok")]

    sender_of("webhook", url=receiver.url).send(message)
    sender_of("slack", webhook_url=receiver.url).send(message)
    email_of(sender_of, mail_server).send(message)

    webhook, slack = (received.document for received in receiver.received)
    text = mail_in(mailbox.mails[0]).get_body(["plain"]).get_content().replace("\r\n", "\n")
    assert webhook["summary"] == summary
    assert "client:ipAddress: 203.0.113.7 (1,200), &lt;b&gt; (1)" in json.dumps(slack)
    assert "Most frequent values:\nclient:ipAddress: 203.0.113.7 (1,200), <b> (1)" in text


def test_a_title_with_line_ends_makes_no_headers(mailbox, mail_server, sender_of):
    email_of(sender_of, mail_server).send(changed(title="a\r\nBcc: x@example.org"))

    assert mail_in(mailbox.mails[0])["Bcc"] is None


@pytest.mark.parametrize(
    ("reply", "is_final"),
    [("451 try again", False), ("554 looks like spam", True), ("550 no such box", False)],
)
def test_a_mail_servers_refusal_is_told(mailbox, mail_server, sender_of, reply, is_final):
    mailbox.refuses_with = reply

    error = refused(email_of(sender_of, mail_server))

    assert error.is_final is is_final
    assert str(error) == f"the mail server refused with {reply[:3]}: {reply[4:]}"


def test_no_mail_server_is_told(sender_of):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    assert str(refused(email_of(sender_of, port))).startswith("no answer of the mail server: ")


def test_a_mail_that_was_taken_is_sent_however_the_server_says_goodbye(mailbox, sender_of):
    class Rude(SMTP):
        async def smtp_QUIT(self, _arg):  # noqa: N802  the name that aiosmtpd calls
            await self.push("421 go away")

    server = MailServer(mailbox, hostname="127.0.0.1", port=0)
    server.factory = lambda: Rude(mailbox)
    server.start()
    try:
        email_of(sender_of, server.port).send(NEW)
    finally:
        server.stop()

    assert len(mailbox.mails) == 1


def test_starttls_checks_the_servers_certificate(mailbox, certificate, sender_of):
    context = certificate.for_server()
    server = MailServer(mailbox, hostname="127.0.0.1", port=0, tls_context=context, require_starttls=True)
    server.start()
    port = server.port
    try:
        trusting = email_of(sender_of, port, host="localhost", tls="starttls", ca_file=str(certificate.file))
        trusting.send(NEW)
        error = refused(email_of(sender_of, port, host="localhost", tls="starttls"))
    finally:
        server.stop()

    assert len(mailbox.mails) == 1
    assert "certificate verify failed" in str(error).lower()


def test_implicit_tls_checks_the_servers_certificate_too(mailbox, certificate, sender_of):
    context = certificate.for_server()
    server = MailServer(mailbox, hostname="127.0.0.1", port=0, ssl_context=context)
    server.start()
    options = {"port": server.port, "host": "localhost", "tls": "implicit"}
    try:
        email_of(sender_of, ca_file=str(certificate.file), **options).send(NEW)
        error = refused(email_of(sender_of, **options))
    finally:
        server.stop()

    assert len(mailbox.mails) == 1
    assert "certificate verify failed" in str(error).lower()


def test_a_file_gets_a_line_for_each_message(sender_of, tmp_path):
    sender = sender_of("file", path="alerts.jsonl")

    sender.send(NEW)
    sender.send(changed(status="RESOLVED"))

    lines = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [(line["kind"], line["status"]) for line in lines] == [("new", "OPEN"), ("status", "RESOLVED")]


def test_a_file_that_cannot_be_written_is_told(sender_of):
    assert "No such file or directory" in str(refused(sender_of("file", path="nowhere/alerts.jsonl")))


def test_a_pipe_is_no_file_to_send_to_before_and_after_the_start(sender_of, tmp_path):
    before = sender_of("file", path="alerts.jsonl")
    os.mkfifo(tmp_path / "alerts.jsonl")

    assert "No such device or address" in str(refused(before))
    reader = os.open(tmp_path / "alerts.jsonl", os.O_RDONLY | os.O_NONBLOCK)
    assert "it is no regular file" in str(refused(before))
    os.close(reader)
    with pytest.raises(SettingsError, match="is no regular file"):
        sender_of("file", path="alerts.jsonl")


def test_standard_output_gets_a_line(sender_of, capsys):
    sender_of("stdout").send(NEW)

    assert json.loads(capsys.readouterr().out)["alertId"] == "a" * 32


def test_an_output_that_is_closed_is_told():
    closed = io.StringIO()
    closed.close()

    assert "the output is closed" in str(refused(StreamSender(closed)))


def test_other_services_are_reached_through_apprise(receiver, sender_of):
    sender = sender_of("apprise", url=receiver.url.replace("http://", "json://"))
    receiver.answers += [Answer(), Answer(status=500)]

    sender.send(NEW)
    error = refused(sender)

    assert receiver.received[0].document["title"] == NOTICE.heading
    assert "did not take the message" in str(error)
