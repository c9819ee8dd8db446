"""An S3-compatible object store: how it is reached, and the client of this process for it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from runner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEME = "s3://"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectStore:
    """How an object store is reached; what is empty is what the AWS tools would take, from the environment or the host."""

    endpoint: str = ""
    region: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)

    def client(self) -> Any:
        """Return this process's s3fs file system. Raises `SettingsError` if s3fs is not installed."""
        return _client(self)


@contextmanager
def reaching() -> Iterator[None]:
    """Let a fault on the way to the store be an `OSError`, as a fault of a disk is."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415  of an extra, and slow to import

    try:
        yield
    except BotoCoreError as error:
        raise OSError(str(error)) from error


@lru_cache(maxsize=8)
def _client(store: ObjectStore) -> Any:
    try:
        import s3fs  # noqa: PLC0415  of an extra, and slow to import
    except ImportError as error:
        raise SettingsError("s3:// needs s3fs: install runner with its extra, runner[s3]") from error
    places = {"endpoint_url": store.endpoint, "region_name": store.region}
    return s3fs.S3FileSystem(
        key=store.access_key or None,
        secret=store.secret_key or None,
        token=store.session_token or None,
        client_kwargs={name: value for name, value in places.items() if value},
        # buckets of other stores than Amazon's seldom have host names of their own
        config_kwargs={"s3": {"addressing_style": "path"}} if store.endpoint else {},
        # with its cache of listings, a new object is not found for as long as the cache lives
        use_listings_cache=False,
        skip_instance_cache=True,
    )
