"""A Python file as its syntax tree shows it: which names it defines, imports and uses. Nothing is run."""

from __future__ import annotations

import ast
import warnings
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

from runner.definitions.codes import Code
from runner.definitions.location import Location
from runner.errors import UnreadableDefinition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runner.definitions.python_source import PythonSource

N = TypeVar("N", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
_DYNAMIC_IMPORTS = ("__import__", "import_module", "exec", "eval")


class PythonModule:
    """The syntax tree of a Python source."""

    def __init__(self, source: PythonSource) -> None:
        self.source = source

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree, parsed when it is first asked for.

        Raises:
            UnreadableDefinition: with the place, if the source is not Python.
        """
        return _parse(self.source)

    def location(self, node: ast.AST) -> Location:
        """Return where a node of the tree stands."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        text = self.source.text.split("\n")[line - 1] if column else ""
        return Location(self.source.path, line, len(text.encode()[:column].decode(errors="replace")) + 1)

    @cached_property
    def bindings(self) -> dict[str, list[ast.AST]]:
        """What each name at the top level is bound to: functions, imports, and the values that are assigned."""
        found: dict[str, list[ast.AST]] = {}
        for statement in top_level(self.tree.body):
            for name, value in _bound(statement):
                found.setdefault(name, []).append(value)
        return found

    @cached_property
    def _by_type(self) -> dict[type[ast.AST], list[ast.AST]]:
        """Every node of the tree by its type, without the marks that say whether a name is read or bound."""
        found: dict[type[ast.AST], list[ast.AST]] = {}
        nodes: list[ast.AST] = [self.tree]
        for node in nodes:  # grows while it is walked
            found.setdefault(type(node), []).append(node)
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    nodes.extend(item for item in value if isinstance(item, ast.AST))
                elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                    nodes.append(value)
        return found

    def nodes_of(self, *types: type[N]) -> Iterator[N]:
        """Yield the nodes of some types, anywhere in the tree."""
        for type_ in types:
            yield from cast("list[N]", self._by_type.get(type_, []))

    @cached_property
    def used_names(self) -> frozenset[str]:
        """The names and attributes that the code reads or calls anywhere."""
        names = {node.id for node in self.nodes_of(ast.Name) if isinstance(node.ctx, ast.Load)}
        return frozenset(names | {node.attr for node in self.nodes_of(ast.Attribute)})

    @cached_property
    def imported_modules(self) -> frozenset[str]:
        """The first parts of the names of the modules that the code imports, at the top or within functions."""
        whole = {alias.name for node in self.nodes_of(ast.Import) for alias in node.names}
        parts = {node.module for node in self.nodes_of(ast.ImportFrom) if node.module}
        return frozenset(name.partition(".")[0] for name in whole | parts)

    @property
    def imports_by_name(self) -> bool:
        """Whether the code may import modules whose names only running it would show."""
        return not self.used_names.isdisjoint(_DYNAMIC_IMPORTS)


def _parse(source: PythonSource) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text, source.path.as_posix())
            compile(tree, source.path.as_posix(), "exec", dont_inherit=True)
    except SyntaxError as error:
        where = Location(source.path, max(error.lineno or 1, 1), max(error.offset or 1, 1))
        raise UnreadableDefinition(f"not Python: {error.msg}", where, Code.NOT_PYTHON) from error
    except (ValueError, RecursionError, MemoryError) as error:
        said = str(error) or "it is nested too deeply"
        raise UnreadableDefinition(f"not Python: {said}", Location(source.path), Code.NOT_PYTHON) from error
    return tree


def top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when the module is loaded, also those within `if`, `try`, `with` and loops."""
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for inner in _inner_bodies(statement):
                yield from top_level(inner)


def _inner_bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _bound(statement: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """Yield each name that a statement binds, with what it is bound to."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name, statement
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0], statement
    else:
        value = getattr(statement, "value", None) or statement
        for target in _targets(statement):
            yield target, value


def _targets(statement: ast.stmt) -> Iterator[str]:
    targets = [*getattr(statement, "targets", ()), getattr(statement, "target", None)]
    targets += [item.optional_vars for item in getattr(statement, "items", ())]
    for target in targets:
        if target is not None and not isinstance(statement, ast.Delete):
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
