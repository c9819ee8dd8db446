"""Calls of the functions of our own table, kept out of SQLGlot's hands: it would read many as something else.

Their names are marked before the text is parsed, so that no parser knows them, and unmarked in the tree: a call of each
is a plain call of that name. (A parser of our own would do the same, but SQLGlot's compiled ones cannot be extended.)
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from runner.lake.dialect.functions import FUNCTIONS, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable

_OURS = frozenset({*FUNCTIONS, *REFUSED})
_MARK = "__plain__"
_NO_NAMES = (TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER)
_BEFORE_A_TYPE = (TokenType.ALIAS, TokenType.DCOLON)
"""What stands before the name of a type: `x::time(3)` calls nothing."""


def mark(tokens: list[Token]) -> list[Token]:
    """Mark the name of every call of a function of our table."""
    marked = list(tokens)
    for place, (token, next_) in enumerate(pairwise(tokens)):
        if (
            next_.token_type == TokenType.L_PAREN
            and token.token_type not in _NO_NAMES
            and token.text.upper() in _OURS
            and not (place and tokens[place - 1].token_type in _BEFORE_A_TYPE)
        ):
            text = f"{_MARK}{token.text}"
            marked[place] = Token(TokenType.VAR, text, token.line, token.col, token.start, token.end)
    return marked


def unmark(nodes: Iterable[exp.Expr]) -> None:
    """Give every call among the nodes of a tree its name back. In place."""
    for node in nodes:
        name = node.this if isinstance(node, exp.Anonymous | exp.Identifier) else None
        if isinstance(name, str) and name.lower().startswith(_MARK):
            node.set("this", name[len(_MARK) :])
