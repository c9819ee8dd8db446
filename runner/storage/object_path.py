"""The place of an object, or of what looks like a folder, in a bucket: a path that can do what the lake asks of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PosixPath, PurePosixPath
from typing import TYPE_CHECKING, Any

from runner.storage.object_store import SCHEME, ObjectStore, reaching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

_WILD = "*?["


class ObjectPath(PosixPath):
    """A path such as `s3://bucket/prefix/name`, with the store that it is in.

    There are no folders in a bucket: one is there as long as something is in it, and none need be made. An object
    appears as a whole, in place of an earlier one. What cannot be reached is an `OSError`.
    """

    __slots__ = ("_facts", "_store")

    _store: ObjectStore
    _facts: Mapping[str, Any] | None

    @classmethod
    def of(cls, store: ObjectStore, url: str, facts: Mapping[str, Any] | None = None) -> ObjectPath:
        """Return the path of a URL; `facts` are what a listing has said of it."""
        path = cls(url)
        path._store = store
        path._facts = facts
        return path

    @property
    def store(self) -> ObjectStore:
        """The store that the object is in."""
        return self._store

    def __str__(self) -> str:
        return SCHEME + self._key

    def __fspath__(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return ObjectPath.of, (self._store, str(self))

    @property
    def _key(self) -> str:
        return "/".join(self.parts[1:])

    def _beside(self, path: PurePosixPath) -> ObjectPath:
        return ObjectPath.of(self._store, "/".join(path.parts))

    def __truediv__(self, name: str | os.PathLike[str]) -> ObjectPath:
        return self._beside(PurePosixPath(*self.parts) / name)

    @property
    def parent(self) -> ObjectPath:
        """The folder that it is in."""
        return self._beside(PurePosixPath(*self.parts).parent)

    def relative_to(self, *other: Any, **options: Any) -> Any:
        """Return the rest of the path below another one, as a plain path. Raises ValueError if it is not below it."""
        return PurePosixPath(*self.parts).relative_to(PurePosixPath(*other[0].parts), **options)

    def resolve(self, strict: bool = False) -> ObjectPath:  # noqa: ARG002, FBT001, FBT002  as Path's
        """Return the path: there are no links in a bucket."""
        return self

    def absolute(self) -> ObjectPath:
        """Return the path."""
        return self

    def exists(self, **_options: Any) -> bool:
        """Tell whether there is an object, or something below it."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_file(self) -> bool:
        """Tell whether there is an object."""
        return self.exists() and stat.S_ISREG(self.stat().st_mode)

    def is_dir(self, **_options: Any) -> bool:
        """Tell whether something is below it."""
        return self.exists() and stat.S_ISDIR(self.stat().st_mode)

    def stat(self, **_options: Any) -> os.stat_result:
        """Return the size of an object, when it was put there, and as `st_ino` what differs if it was put there again.

        Raises `OSError`.
        """
        facts = self._facts
        if facts is None:
            with reaching():
                facts = self._client.info(self._key)
        return _status(facts)

    def iterdir(self) -> Iterator[ObjectPath]:  # type: ignore[override]  # typeshed: Self
        """Yield what is in the folder; of each it is known then what it is. Raises `OSError`."""
        with reaching():
            found = self._client.ls(self._key, detail=True)
        yield from self._listed(facts for facts in found if facts["name"] != self._key)

    def files(self) -> Iterator[ObjectPath]:
        """Yield the objects that are meant: the one of this name, those below it, or those that match its wildcards."""
        if any(sign in self._key for sign in _WILD):
            with reaching():
                found = self._client.glob(self._key, detail=True)
        else:
            with reaching():
                found = self._client.find(self._key, detail=True)
        yield from self._listed(facts for _, facts in sorted(found.items()) if facts["type"] == "file")

    def open(self, mode: str = "r", *_options: Any, **named: Any) -> Any:
        """Open an object; what is written appears when it is closed. Raises `OSError`."""
        with reaching():
            return self._client.open(self._key, mode, **{name: how for name, how in named.items() if how})

    def read_bytes(self) -> bytes:
        """Return an object. Raises `OSError`."""
        with reaching():
            content: bytes = self._client.cat_file(self._key)
        return content

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return an object as text. Raises `OSError`."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def write_bytes(self, data: Any) -> int:
        """Put an object there. Raises `OSError`."""
        with reaching():
            self._client.pipe_file(self._key, bytes(data))
        return len(data)

    def put(self, file: Path) -> None:
        """Put a file of this machine there. Raises `OSError`."""
        with reaching():
            self._client.put_file(str(file), self._key)

    def fetch(self, file: Path) -> None:
        """Copy the object to a file of this machine. Raises `OSError`."""
        with reaching():
            self._client.get_file(self._key, str(file))

    def unlink(self, missing_ok: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  as Path's
        """Remove the object; one that is not there is no fault. Raises `OSError`."""
        with reaching():
            self._client.rm_file(self._key)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:  # noqa: FBT001, FBT002  as Path's
        """Do nothing: folders need not be made."""

    @property
    def _client(self) -> Any:
        return self._store.client()

    def _listed(self, found: Any) -> Iterator[ObjectPath]:
        for facts in found:
            yield ObjectPath.of(self._store, SCHEME + facts["name"], facts)


def let_read(connection: duckdb.DuckDBPyConnection, place: Path) -> None:
    """Let a connection of DuckDB read what is at a place, if that is in a bucket."""
    if isinstance(place, ObjectPath):
        connection.register_filesystem(place.store.client())


def _status(facts: Mapping[str, Any]) -> os.stat_result:
    kind = stat.S_IFDIR if facts["type"] == "directory" else stat.S_IFREG
    moment = facts.get("LastModified")
    seconds = moment.timestamp() if moment else 0.0
    version = int.from_bytes(
        str(facts.get("ETag", "")).encode()[-8:]
    )  # the store tells times in whole seconds
    nanoseconds = round(seconds * 1_000_000) * 1_000
    times = [int(seconds)] * 3 + [seconds] * 3 + [nanoseconds] * 3
    return os.stat_result([kind, version >> 1, 0, 1, 0, 0, facts.get("size") or 0, *times])
