"""What all tests share."""

import os
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


@pytest.fixture(autouse=True)
def _logs_as_they_were():
    """Undo what a command under test has set up: structlog's configuration is one for the whole process."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return certificate_in(tmp_path_factory.mktemp("certificate"))
