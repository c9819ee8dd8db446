"""What all tests share."""

import os
import signal
import sys

import pytest
import structlog
from hypothesis import settings
from receivers import certificate_in

# How long an example takes depends on what else the machine does: it says nothing about the program.
settings.register_profile("runner", deadline=None)
settings.load_profile("runner")

# Whatever the surroundings say, compiled modules are kept: else every process of the tests, and every process that a
# test starts, compiles the program anew, which takes longer than most of what they do.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Where the tests run in the background, Ctrl-C is ignored, and would be by what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    """Return a state database at the newest schema, to be copied: to make one takes twenty times as long."""
    from runner.store.database import Database  # noqa: PLC0415  SQLAlchemy takes 0.4 s, and most tests never need it

    file = tmp_path_factory.mktemp("migrated") / "state.db"
    Database(f"sqlite:///{file}").close()
    return file


@pytest.fixture(autouse=True)
def _logs_as_they_were():
    """Undo what a command under test has set up: structlog's configuration is one for the whole process."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certificate_in(tmp_path_factory.mktemp("certificate"))
