"""The modules that every rule can import by the names they have with Panther, and none of the program can."""

from __future__ import annotations

import importlib
import pkgutil
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from runner.detections import provided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.detections.cache import Cache

_STATIC: Final = frozenset(module.name for module in pkgutil.iter_modules(provided.__path__))
_PACKAGE: Final = "panther_detection_helpers"
_LEGACY: Final = ("panther_oss_helpers", "panther")
"""What the caching helpers were called before."""
OF_THE_EXTRA: Final = frozenset({"boto3", "botocore", "policyuniverse", "pycountry", "requests"})
"""Modules that Panther has, and that come with the extra `content` here."""


class ProvidedModules:
    """The provided modules of one namespace: those that remember something do so in its cache.

    Without a cache, what is remembered is gone with the namespace.
    """

    names: Final = frozenset({*_STATIC, _PACKAGE, *_LEGACY})
    """The first parts of their names."""

    def __init__(self, cache: Cache | None = None, now: Callable[[], float] = time.time) -> None:
        self._cache = cache
        self._now = now
        self._made: dict[str, ModuleType] = {}

    def imported(self, name: str, *, whole: bool) -> ModuleType:
        """Return a module: `a.b` itself if it is `whole`, else `a`, as Python's imports want it.

        Raises:
            ModuleNotFoundError: there is no such module within the package.
        """
        found = self._found(name)
        return found if whole else self._found(name.partition(".")[0])

    def _found(self, name: str) -> ModuleType:
        return _static(name) if name.partition(".")[0] in _STATIC else self._of_cache(name)

    def _of_cache(self, name: str) -> ModuleType:
        if not self._made:
            self._made = {module.__name__: module for module in self._make()}
        if name not in self._made:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return self._made[name]

    def _make(self) -> list[ModuleType]:
        # imported for the first rule that remembers something
        from runner.detections.cache import MemoryCache  # noqa: PLC0415
        from runner.detections.caching_functions import NAMES, CachingFunctions  # noqa: PLC0415

        functions = CachingFunctions(self._cache or MemoryCache(self._now), self._now)
        caching = {name: getattr(functions, name) for name in NAMES}
        inner = [
            _module(f"{_PACKAGE}.caching", caching),
            _module(f"{_PACKAGE}.mocking", {"is_mock": _is_mock}),
        ]
        package = _module(
            _PACKAGE, {"__path__": [], **{module.__name__.rpartition(".")[2]: module for module in inner}}
        )
        return [package, *inner, *(_module(name, caching) for name in _LEGACY)]


def _static(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"{provided.__name__}.{name}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name) from error


def _module(name: str, members: Mapping[str, Any]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def _is_mock(value: object) -> bool:
    """Tell whether a value is a mock of a unit test."""
    from unittest.mock import Mock  # noqa: PLC0415  it takes 50 ms, and nobody asks but in tests with mocks

    return isinstance(value, Mock)
