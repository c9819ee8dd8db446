"""Receivers of the tests, as fixtures."""

import pytest
from receivers import Mailbox, MailServer, Receiver


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def mail_server(mailbox):
    """Give the port of a mail server that puts its mails into the mailbox."""
    server = MailServer(mailbox, hostname="127.0.0.1", port=0)
    server.start()
    yield server.port
    server.stop()
