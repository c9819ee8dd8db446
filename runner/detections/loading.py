"""The Python of a detection or a data model, and the helpers it imports → something that can be asked."""

from __future__ import annotations

import builtins
import contextlib
import difflib
import importlib
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from runner.detections.content_sys import ContentSys
from runner.detections.data_model import LoadedDataModel
from runner.detections.detection import Detection
from runner.detections.failures import failure
from runner.detections.functions import OPTIONAL_FUNCTIONS, Standing
from runner.detections.provided_modules import OF_THE_EXTRA, ProvidedModules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from runner.definitions.data_model import DataModel
    from runner.definitions.python_source import PythonSource
    from runner.definitions.severity import Severity
    from runner.detections.cache import Cache

_RULE: Final = "rule"
_POLICY: Final = "policy"
_ON_IMPORT: Final = "import"
"""What stands for the function at fault when the module itself cannot be run."""


class Namespace:
    """Where rules are loaded: their imports find the team's global helpers, and the program sees none of it.

    An import asks in turn the global helpers by id, the modules that this program provides under Panther's
    names, and Python itself. A helper runs once for all rules of the namespace; a rule's module is its own.
    """

    def __init__(
        self,
        helpers: Mapping[str, PythonSource],
        *,
        root: Path = Path(),
        cache: Cache | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the global helpers by id, and where the caching helpers keep what they are given.

        Without a `cache` that is gone with the namespace. `now` gives the time in seconds since 1970.
        """
        self._helpers = dict(helpers)
        self._root = root
        self._provided = ProvidedModules(cache, now)
        self._modules: dict[str, ModuleType] = {}
        self._builtins = {**vars(builtins), "__import__": self._import}
        self._sys = ContentSys(self._modules)

    def load(
        self,
        source: PythonSource,
        *,
        rule_id: str,
        severity: Severity,
        display_name: str = "",
        destinations: Mapping[str, str] | None = None,
        is_policy: bool = False,
        filters: Callable[[Any], bool] | None = None,
    ) -> Detection:
        """Run a rule's or a policy's module and find its functions.

        Args:
            source: the rule's Python; its path is relative to the root of the namespace.
            rule_id: also the name of the module.
            severity: the rule's static severity.
            display_name: stands in for the title, if there is one.
            destinations: name → id of the known destinations; None when none are known.
            is_policy: its function is `policy`, and alerts where that returns False.
            filters: its inline filters.

        Raises:
            DetectionError: of the function "import", the module cannot be run; of "rule" (or "policy"), it has no
                such function.
        """
        standing = Standing(
            rule_id=rule_id, severity=severity, display_name=display_name, destinations=destinations
        )
        filename = self._filename(source)
        module = self._run_for(rule_id, source)
        found, matcher = vars(module), _POLICY if is_policy else _RULE
        if matcher not in found:
            error = AttributeError(
                f"the module does not define {matcher}({'resource' if is_policy else 'event'})"
            )
            raise failure(error, rule_id=rule_id, function=matcher, filename=filename)
        return Detection(
            standing=standing,
            filename=filename,
            module=module,
            matcher=found[matcher],
            matcher_name=matcher,
            alerts_on=not is_policy,
            functions=tuple(
                (entry, found[entry.name]) for entry in OPTIONAL_FUNCTIONS if entry.name in found
            ),
            filters=filters,
        )

    def load_data_model(self, model: DataModel) -> LoadedDataModel:
        """Run a data model's module, if it has one, and find its methods. Paths are compiled when they are followed.

        Raises:
            DetectionError: the module cannot be run, or lacks a method.
        """
        paths = {mapping.name: mapping.path for mapping in model.mappings if mapping.path is not None}
        named = {mapping.name: mapping.method for mapping in model.mappings if mapping.method is not None}
        if not named:
            return LoadedDataModel(model.model_id, paths=paths, methods={})
        module = self._run_for(model.model_id, model.python) if model.python else None
        found = {} if module is None else vars(module)
        for method in named.values():
            if method not in found:
                error = AttributeError(f"the data model's Python does not define {method}(event)")
                raise failure(error, rule_id=model.model_id, function=method, filename="")
        methods = {name: found[method] for name, method in named.items()}
        return LoadedDataModel(model.model_id, paths=paths, methods=methods)

    def _run_for(self, definition_id: str, source: PythonSource) -> ModuleType:
        """Return the module of a definition; raise `DetectionError` if it cannot be run."""
        try:
            return self._executed(definition_id, source)
        except BaseException as error:  # foreign code: a rule may even exit
            filename = self._filename(source)
            raise failure(error, rule_id=definition_id, function=_ON_IMPORT, filename=filename) from error

    def _executed(self, name: str, source: PythonSource) -> ModuleType:
        """Return a fresh module in which a source has been run."""
        module = self._blank(name, source)
        self._run(module, source)
        return module

    def _blank(self, name: str, source: PythonSource) -> ModuleType:
        module = ModuleType(name)
        module.__file__ = self._filename(source)
        module.__package__ = ""
        vars(module)["__builtins__"] = self._builtins
        return module

    def _run(self, module: ModuleType, source: PythonSource) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in a rule is no business of the program
            code = compile(source.text, self._filename(source), "exec", dont_inherit=True)
        with _registered(module):
            exec(code, vars(module))  # noqa: S102 - to run the team's own rules is what the program is for

    def _filename(self, source: PythonSource) -> str:
        return str(self._root / source.path)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - Python's own names for an __import__
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - as above
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as the content of this namespace does; the signature is that of `builtins.__import__`."""
        top = name.partition(".")[0]
        if level:
            raise ImportError("rules and helpers are in no package: import by the name alone, without dots")
        if name in self._helpers:
            return self._helper(name)
        if top in self._helpers:
            raise ModuleNotFoundError(f"{top!r} is a global helper and no package: no {name!r}", name=name)
        if top in self._provided.names:
            return self._provided.imported(name, whole=bool(fromlist))
        try:
            found = builtins.__import__(name, globals, locals, fromlist or ())
        except ModuleNotFoundError as error:
            if error.name == top:
                error.add_note(self._remedy(top))
            raise
        if found is sys:
            return self._sys
        return self._importlib() if found is importlib else found

    def _importlib(self) -> ModuleType:
        """Return Python's `importlib` as content sees it: its `import_module` finds what `import` finds."""
        module = ModuleType(importlib.__name__)
        vars(module).update(vars(importlib), import_module=self._import_module)
        return module

    def _import_module(self, name: str, package: str | None = None) -> ModuleType:
        """Import by a name that is told at run time; the signature is that of `importlib.import_module`."""
        if name.startswith("."):
            return importlib.import_module(name, package)
        return self._import(name, fromlist=("__name__",))

    def _helper(self, name: str) -> ModuleType:
        """Return a global helper, run at its first import; in a cycle it may be half run, as in Python."""
        if name in self._modules:
            return self._modules[name]
        source = self._helpers[name]
        module = self._modules[name] = self._blank(name, source)
        try:
            self._run(module, source)
        except BaseException as error:
            del self._modules[name]
            error.add_note(f"while importing the global helper {name!r} from {source.path.name}")
            raise
        return module

    def _remedy(self, name: str) -> str:
        if name in OF_THE_EXTRA:
            return f"Panther provides {name}, and here it comes with an extra: pip install 'runner[content]'"
        near = difflib.get_close_matches(name, [*self._helpers, *self._provided.names], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"there is no global helper {name!r}, and no Python package of that name is installed{hint}"


@contextlib.contextmanager
def _registered(module: ModuleType) -> Iterator[None]:
    """Let Python see a module under its name while it is run: dataclasses look their annotations up there."""
    name = module.__name__
    if name in sys.modules:
        yield
        return
    sys.modules[name] = module
    try:
        yield
    finally:
        sys.modules.pop(name, None)
