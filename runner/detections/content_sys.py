"""Python's `sys` as content sees it: its `modules` has the global helpers too, which the program never sees."""

from __future__ import annotations

import sys
from collections import ChainMap
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class ContentSys(ModuleType):
    """Everything is that of `sys` itself, whatever is set too, but for `modules`."""

    modules: MutableMapping[str, ModuleType]

    def __init__(self, helpers: MutableMapping[str, ModuleType]) -> None:
        """Take the global helpers that have been imported, by name: others may come later."""
        super().__init__(sys.__name__, sys.__doc__)
        vars(self)["modules"] = _Modules(helpers, sys.modules)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)


class _Modules(ChainMap[str, ModuleType]):
    """The helpers, then Python's modules. What content adds or takes away is one of Python's, as it would be there."""

    def __setitem__(self, name: str, module: ModuleType) -> None:
        self.maps[1][name] = module

    def __delitem__(self, name: str) -> None:
        del self.maps[1][name]
