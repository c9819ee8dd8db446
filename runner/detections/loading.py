"""A scheduled rule and the helpers it imports → a Detection that can be asked."""

from __future__ import annotations

import builtins
import contextlib
import difflib
import importlib
import pkgutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from runner.detections import provided
from runner.detections.failures import failure
from runner.detections.functions import OPTIONAL_FUNCTIONS, OptionalFunction, RuleFunction, Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.definitions.python_source import PythonSource
    from runner.definitions.severity import Severity

_PROVIDED: Final = frozenset(module.name for module in pkgutil.iter_modules(provided.__path__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A rule with its Python loaded, ready to be asked about rows.

    `functions` holds the optional functions that its module defines, in the order in which they are called.
    `filename` is the rule's own file, as tracebacks name it.
    """

    standing: Standing
    filename: str
    module: ModuleType
    rule: RuleFunction
    functions: tuple[tuple[OptionalFunction, RuleFunction], ...]

    @property
    def rule_id(self) -> str:
        """The rule's id."""
        return self.standing.rule_id


class Namespace:
    """Where rules are loaded: their imports find the team's global helpers, and the program sees none of it.

    An import asks in turn the global helpers by id, the modules that this program provides under Panther's
    names, and Python itself. A helper runs once for all rules of the namespace; a rule's module is its own.
    """

    def __init__(self, helpers: Mapping[str, PythonSource], *, root: Path = Path()) -> None:
        self._helpers = dict(helpers)
        self._root = root
        self._modules: dict[str, ModuleType] = {}
        self._builtins = {**vars(builtins), "__import__": self._import}

    def load(
        self,
        source: PythonSource,
        *,
        rule_id: str,
        severity: Severity,
        display_name: str = "",
        destinations: Mapping[str, str] | None = None,
    ) -> Detection:
        """Run a rule's module and find its functions.

        Args:
            source: the rule's Python; its path is relative to the root of the namespace.
            rule_id: also the name of the module.
            severity: the rule's static severity.
            display_name: stands in for the title, if there is one.
            destinations: name → id of the known destinations; None when none are known.

        Raises:
            DetectionError: of the function "import", the module cannot be run; of "rule", it has no `rule`.
        """
        standing = Standing(
            rule_id=rule_id, severity=severity, display_name=display_name, destinations=destinations
        )
        filename = self._filename(source)
        try:
            module = self._executed(rule_id, source)
        except BaseException as error:  # foreign code: a rule may even exit
            raise failure(error, rule_id=rule_id, function="import", filename=filename) from error
        return self._detection(module, standing, filename)

    def _detection(self, module: ModuleType, standing: Standing, filename: str) -> Detection:
        found = vars(module)
        if "rule" not in found:
            error = AttributeError("the module does not define rule(event)")
            raise failure(error, rule_id=standing.rule_id, function="rule", filename=filename)
        functions = tuple((entry, found[entry.name]) for entry in OPTIONAL_FUNCTIONS if entry.name in found)
        return Detection(
            standing=standing, filename=filename, module=module, rule=found["rule"], functions=functions
        )

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
        if top in _PROVIDED:
            return _provided(name, whole=bool(fromlist))
        try:
            return builtins.__import__(name, globals, locals, fromlist or ())
        except ModuleNotFoundError as error:
            if error.name == top:
                error.add_note(self._remedy(top))
            raise

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
        near = difflib.get_close_matches(name, [*self._helpers, *_PROVIDED], n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"there is no global helper {name!r}, and no Python package of that name is installed{hint}"


def _provided(name: str, *, whole: bool) -> ModuleType:
    """Return a module that this program provides: `a.b` itself if it is `whole`, else `a`, as imports want it."""
    here = f"{provided.__name__}."
    try:
        module = importlib.import_module(here + name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name) from error
    return module if whole else importlib.import_module(here + name.partition(".")[0])


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
