"""Panther's templates: a query that says `-- pragma: template` is expanded before it is SQL.

The language is Jinja with two spellings of its own: `{% macro f(a) export %}` in a saved query, and
`{% import 'Saved Query' f %}` where it is used. Both are read as tokens; the rest is Jinja's sandbox, with nothing in
it but macros, variables, conditions, loops and a few filters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import lexer, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.errors import RefusedQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PRAGMA = re.compile(r"^[^\S\n]*--\s*pragma:\s*template\b", re.IGNORECASE | re.MULTILINE)
"""The comment that makes a query a template."""

_FILTERS = frozenset("default first int join last length lower replace safe string title trim upper".split())
_TESTS = frozenset("defined undefined none odd even eq ne lt gt le ge in string number".split())
_MOST_CHARACTERS = 1_000_000


def is_template(text: str) -> bool:
    """Tell whether a query's text is a template."""
    return bool(PRAGMA.search(text))


@dataclass(frozen=True, kw_only=True, slots=True)
class Expanded:
    """A template's SQL, and the text that it was made from."""

    text: str
    source: str

    def line_in_source(self, line: int) -> int | None:
        """Return the line of the template that became a line of the SQL, if exactly one reads the same."""
        made = self.text.splitlines()
        if not 1 <= line <= len(made):
            return None
        same = [
            number
            for number, written in enumerate(self.source.splitlines(), start=1)
            if written.strip() == made[line - 1].strip()
        ]
        return same[0] if len(same) == 1 else None


def expand(text: str, library: Mapping[str, str]) -> Expanded:
    """Expand a template; `library` holds the texts of the saved queries that it may import from, by name.

    Raises `RefusedQuery`, with the line where that is known, for what is no template or cannot be expanded.
    """
    environment = _environment(library)
    try:
        parts = environment.from_string(text).generate()
        return Expanded(text=_limited(parts), source=text)
    except jinja2.TemplateNotFound as error:
        raise RefusedQuery(
            f"the template imports from a saved query that is not there: {error.name}"
        ) from error
    except jinja2.TemplateSyntaxError as error:
        raise RefusedQuery(f"not a template: {error.message}", line=error.lineno) from error
    except jinja2.UndefinedError as error:
        raise RefusedQuery(f"the template uses what is not there: {error.message}") from error
    except (SecurityError, jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise RefusedQuery(f"the template cannot be expanded: {error}") from error


def _limited(parts: Iterator[str]) -> str:
    made: list[str] = []
    length = 0
    for part in parts:
        length += len(part)
        if length > _MOST_CHARACTERS:
            raise RefusedQuery(f"the template makes more than {_MOST_CHARACTERS:,} characters of SQL")
        made.append(part)
    return "".join(made)


def _environment(library: Mapping[str, str]) -> jinja2.Environment:
    environment = _Sandbox(
        loader=jinja2.DictLoader(library),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        extensions=[_PanthersSpelling],
        keep_trailing_newline=True,
    )
    environment.globals.clear()
    environment.filters = {name: filter_ for name, filter_ in environment.filters.items() if name in _FILTERS}
    environment.tests = {name: test for name, test in environment.tests.items() if name in _TESTS}
    return environment


_OF_A_LOOP = frozenset({"first", "last", "index", "index0", "length"})


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attributes, no methods, and no operator that makes much of little."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002  the sandbox's own form
        return isinstance(obj, LoopContext) and attr in _OF_A_LOOP

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002  as above
        if not (isinstance(left, int | float) and isinstance(right, int | float)) or operator == "**":
            raise SecurityError(f"{operator} is not allowed here")
        return left * right if operator == "*" else left % right


class _PanthersSpelling(Extension):
    """Reads Panther's two spellings as Jinja's own."""

    def filter_stream(self, stream: lexer.TokenStream) -> Iterator[lexer.Token]:
        block: list[lexer.Token] = []
        for token in stream:
            if token.type == lexer.TOKEN_BLOCK_BEGIN or block:
                block.append(token)
                if token.type == lexer.TOKEN_BLOCK_END:
                    yield from _respelt(block)
                    block = []
            else:
                yield token
        yield from block

    def parse(self, parser: Any) -> nodes.Node:
        raise NotImplementedError  # there are no tags of our own: they were respelt


def _respelt(block: list[lexer.Token]) -> list[lexer.Token]:
    words = [(token.type, token.value) for token in block]
    if words[1] == (lexer.TOKEN_NAME, "macro") and words[-2] == (lexer.TOKEN_NAME, "export"):
        return [*block[:-2], block[-1]]
    is_import = len(words) > 3 and words[1] == (lexer.TOKEN_NAME, "import")  # noqa: PLR2004  a source and a name follow
    if is_import and words[2][0] == lexer.TOKEN_STRING and words[3][1] != "as":
        begin, word, source, *names = block
        line = word.lineno
        from_ = lexer.Token(line, lexer.TOKEN_NAME, "from")
        return [begin, from_, source, lexer.Token(line, lexer.TOKEN_NAME, "import"), *names]
    return block
