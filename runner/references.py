"""References: secrets that settings name instead of holding them, and keeping them out of what is shown.

`${env:NAME}` stands for a variable of the environment, `${file:/path}` for the text of a file without the line ends at
its end. Either may be a part of a longer text, such as a password within a URL.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_REFERENCE = re.compile(r"\$\{(?P<kind>env|file):(?P<name>[^}]*)\}")
_MASK = "***"
_LEAST = 4
"""Shorter texts are not masked: everything that is shown would be full of holes, and they are no secrets."""


class References:
    """Puts in what settings refer to, and remembers it. Relative paths are taken from `root`."""

    def __init__(self, environment: Mapping[str, str], root: Path) -> None:
        self._environment = environment
        self._root = root
        self.secrets: set[str] = set()
        """The texts that were put in."""

    def resolved(self, value: Any) -> Any:
        """Return a value with every reference in its texts replaced, however deep they are in it.

        Raises ValueError if there is no such variable, or if the file cannot be read.
        """
        if isinstance(value, str):
            return _REFERENCE.sub(self._text_of, value)
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if isinstance(value, dict):
            return {key: self.resolved(item) for key, item in value.items()}
        return value

    def _text_of(self, match: re.Match[str]) -> str:
        text = self._variable(match["name"]) if match["kind"] == "env" else self._file(match["name"])
        self.secrets.add(text)
        return text

    def _variable(self, name: str) -> str:
        text = self._environment.get(name)
        if not text:
            raise ValueError(f"the variable {name} is not set")
        return text

    def _file(self, name: str) -> str:
        try:
            text = (self._root / Path(name)).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise ValueError(f"the file {name} cannot be read: {reason}") from None
        if not text:
            raise ValueError(f"the file {name} is empty")
        return text


def secrets_of_url(url: str) -> Iterator[str]:
    """Yield the password in a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))


class Mask:
    """Takes secrets out of what is shown; more of them may be told at any time."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Take these out too, also as Python shows them. A longer one goes before one that is a part of it."""
        told = set(self._secrets)
        for secret in secrets:
            if len(secret) >= _LEAST:
                told |= {secret, repr(secret)[1:-1]}
        self._secrets = sorted(told, key=len, reverse=True)

    def masked(self, value: Any) -> Any:
        """Return a value without secrets in its texts, however deep they are in it."""
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _MASK)
            return value
        if isinstance(value, list | tuple):
            return [self.masked(item) for item in value]
        if isinstance(value, dict):
            return {key: self.masked(item) for key, item in value.items()}
        return value
