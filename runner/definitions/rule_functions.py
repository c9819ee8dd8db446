"""Whether a rule's Python defines the functions that Panther calls, and by their right names."""

from __future__ import annotations

import ast
import difflib
import re
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.definitions.notice import Notice
from runner.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.python_module import PythonModule
    from runner.errors import DefinitionError

AUXILIARY = (
    "title",
    "description",
    "reference",
    "severity",
    "runbook",
    "destinations",
    "dedup",
    "alert_context",
    "unique",
)
"""The functions that Panther calls with the event besides `rule` or `policy`, if the module defines them."""
_NEAR = 0.75
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_LITERALS = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.Set)


def missing_function(module: PythonModule, wanted: str) -> Iterator[DefinitionError]:
    """Yield an error if the module does not define `wanted`: Panther then cannot load the detection at all."""
    if wanted not in module.bindings and "*" not in module.bindings:
        where = Location(module.source.path)
        near = [name for name in module.bindings if _almost(name, wanted) == wanted]
        hint = f"; `{near[0]}` is not called, did you mean `{wanted}`?" if near else ""
        yield InvalidField(f"the function `{wanted}` is missing{hint}", where, Code.NO_RULE_FUNCTION)


def function_notices(module: PythonModule, wanted: str = "rule") -> Iterator[Notice]:
    """Yield a warning for each top-level name that looks like a mistake about the functions Panther calls.

    `wanted` is the function that decides: `rule`, or of a policy `policy`.
    """
    for name, values in module.bindings.items():
        last = values[-1]
        if name == wanted or name in AUXILIARY:
            yield from _not_a_function(module, name, last)
        elif isinstance(last, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _lookalike(module, last, wanted)


def _not_a_function(module: PythonModule, name: str, value: ast.AST) -> Iterator[Notice]:
    if isinstance(value, ast.AsyncFunctionDef):
        message = f"`{name}` is an async function; its result is not awaited, so define it with `def`"
    elif isinstance(value, _LITERALS):
        message = f"`{name}` is a value and will be called as a function, which fails"
    else:
        return
    yield Notice(Code.NOT_A_FUNCTION, message, module.location(value))


def _lookalike(
    module: PythonModule, function: ast.FunctionDef | ast.AsyncFunctionDef, wanted: str
) -> Iterator[Notice]:
    meant = _almost(function.name, wanted)
    if meant and _required_arguments(function) == 1 and function.name not in module.used_names:
        message = f"nothing calls the function `{function.name}`; did you mean `{meant}`?"
        yield Notice(Code.LOOKALIKE_FUNCTION, message, module.location(function))


def _required_arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    return len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)


def _almost(name: str, wanted: str) -> str | None:
    """Return the function whose name `name` almost is: one misspelt, or one with a word added."""
    squeezed = {called.replace("_", ""): called for called in (wanted, *AUXILIARY)}
    near = difflib.get_close_matches(name.replace("_", "").lower(), squeezed, n=1, cutoff=_NEAR)
    if near:
        return squeezed[near[0]]
    words = [word.lower() for word in _WORDS.findall(name)]
    return next((called for called in (wanted, *AUXILIARY) if called in words), None)
