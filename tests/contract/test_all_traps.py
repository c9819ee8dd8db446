"""Panther behaves otherwise than one would guess in fifty places that we know of: each has a test."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
TRAPS = 50


def traps_of(file):
    """Return the numbers of the traps that the tests of a file are marked with."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "trap":
            yield ast.literal_eval(node.args[0])


def test_every_trap_has_a_test():
    found = {number for file in HERE.rglob("test_*.py") for number in traps_of(file)}

    assert found == set(range(1, TRAPS + 1))
