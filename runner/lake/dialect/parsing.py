"""From text to one parse tree, or to an error that says where."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from runner.errors import RefusedQuery
from runner.lake.dialect import plain_calls
from runner.lake.dialect.trees import nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

TIME_MACROS = frozenset(
    {"p_occurs_since", "p_occurs_between", "p_occurs_around", "p_occurs_after", "p_occurs_before"}
)
_BARE_OFFSET = re.compile(r"\d+[A-Za-z]+")
_OPENING = re.compile(r"'|\"|`|/\*|\$\$")

# SQLGlot tells its own logger what it could not parse; our errors say it to the user.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def parse(text: str, dialect: str) -> exp.Query:
    """Parse SQL of the given dialect into the one query that it is.

    Raises `RefusedQuery`, with line and column within the text, if it is not SQL, not one statement,
    or not a query.
    """
    reader = sqlglot.Dialect.get_or_raise(dialect)
    is_snowflake = dialect == "snowflake"
    try:
        tokens = _without_stray_commas(_with_plain_macros(reader.tokenize(text)))
        if is_snowflake:
            tokens = plain_calls.mark(tokens)
        statements = reader.parser().parse(tokens, text)
    except ParseError as error:
        raise _located(error) from error
    except TokenError as error:
        raise _unclosed(text, reader) from error
    query = _one_query([statement for statement in statements if statement is not None])
    parts = nodes(query)
    if is_snowflake:
        plain_calls.unmark(parts)
    # Every place of the tree needs a node of its own: SQLGlot reads ZEROIFNULL(x) as two uses of one x.
    return query if len({id(part) for part in parts}) == len(parts) else query.copy()


def _one_query(written: list[exp.Expr]) -> exp.Query:
    statements = [
        one for one in written if not isinstance(one, exp.Semicolon)
    ]  # a comment after the last one
    if not statements:
        raise RefusedQuery("there is no statement")
    if len(statements) > 1:
        raise RefusedQuery(f"there are {len(statements)} statements: a scheduled query is one SELECT")
    statement = statements[0]
    if not isinstance(statement, exp.Select | exp.SetOperation | exp.Subquery):
        raise RefusedQuery(f"a scheduled query is one SELECT, and this is {_kind(statement)}")
    return statement


def _kind(statement: exp.Expr) -> str:
    if isinstance(statement, exp.Command):
        return str(statement.this).upper()
    if isinstance(statement, exp.Alias | exp.Column | exp.Condition):
        return "something else"
    return type(statement).__name__.upper()


def _located(error: ParseError) -> RefusedQuery:
    first = error.errors[0] if error.errors else {}
    found = f" at `{first['highlight']}`" if first.get("highlight") else ""
    return RefusedQuery(
        f"not SQL: {_sentence(first.get('description') or str(error))}{found}",
        line=first.get("line"),
        column=_column(first),
    )


def _sentence(description: str) -> str:
    """Take the library's own class names out of its message."""
    missing = re.match(r"Required keyword: '\w+' missing for <class '.*\.(\w+)'>", description)
    if missing:
        return f"something is missing after {missing[1].upper()}"
    return description[:1].lower() + description[1:].rstrip(".")


def _column(error: dict[str, object]) -> int | None:
    """SQLGlot counts to the end of the token; people look at its start."""
    end, token = error.get("col"), error.get("highlight")
    return max(1, end - len(token) + 1) if isinstance(end, int) and isinstance(token, str) else None


def _unclosed(text: str, reader: sqlglot.Dialect) -> RefusedQuery:
    """Find the last quote or comment mark up to which the text can be read: it opens what never ends."""
    for mark in reversed(list(_OPENING.finditer(text))):
        if _is_readable(text[: mark.start()], reader):
            before = text[: mark.start()]
            line, column = before.count("\n") + 1, mark.start() - before.rfind("\n")
            return RefusedQuery(f"not SQL: {mark[0]} is opened and never closed", line=line, column=column)
    return RefusedQuery("not SQL: it cannot be read")


def _is_readable(text: str, reader: sqlglot.Dialect) -> bool:
    try:
        reader.tokenize(text)
    except TokenError:
        return False
    return True


_AFTER_A_LIST = frozenset(
    {
        TokenType.FROM,
        TokenType.WHERE,
        TokenType.GROUP_BY,
        TokenType.ORDER_BY,
        TokenType.HAVING,
        TokenType.QUALIFY,
        TokenType.LIMIT,
        TokenType.SEMICOLON,
    }
)
"""What ends a list: a comma before it is a slip that Snowflake, and so people's content, tolerates."""


def _without_stray_commas(tokens: list[Token]) -> list[Token]:
    following = [*tokens[1:], None] if tokens else []
    return [
        token
        for token, next_ in zip(tokens, following, strict=True)
        if token.token_type != TokenType.COMMA or next_ is None or next_.token_type not in _AFTER_A_LIST
    ]


def _with_plain_macros(tokens: list[Token]) -> list[Token]:
    """Make the arguments of time macros SQL: `p_occurs_since(1 hour, , x)` has two that are not.

    Works on tokens, so that comments, string literals and the places of errors stay as they are.
    """
    plain: list[Token] = []
    copied = 0
    for first, last, replacement in _argument_repairs(tokens):
        plain += [*tokens[copied:first], replacement]
        copied = last
    return [*plain, *tokens[copied:]]


def _argument_repairs(tokens: list[Token]) -> Iterator[tuple[int, int, Token]]:
    for index, token in enumerate(tokens[:-1]):
        opens = tokens[index + 1].token_type == TokenType.L_PAREN
        if token.text.lower() in TIME_MACROS and token.token_type != TokenType.STRING and opens:
            yield from _repairs_of_call(tokens, index + 1)


def _repairs_of_call(tokens: list[Token], opening: int) -> Iterator[tuple[int, int, Token]]:
    """Yield the range of each argument that is not SQL, and the literal to stand in its place."""
    depth, start, commas = 0, opening, 0
    for index in range(opening, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
        closes = depth == 0
        if closes or (depth == 1 and kind == TokenType.COMMA):
            argument = tokens[start + 1 : index]
            offset = "".join(token.text for token in argument)
            commas += not closes
            if _BARE_OFFSET.fullmatch(offset) and len(argument) > 1:
                yield start + 1, index, _literal(TokenType.STRING, offset, argument[-1])
            elif not argument and commas:
                yield index, index, _literal(TokenType.NULL, "NULL", tokens[index])
            start = index
        if closes:
            return


def _literal(kind: TokenType, text: str, at: Token) -> Token:
    return Token(kind, text, at.line, at.col, at.start, at.end)
