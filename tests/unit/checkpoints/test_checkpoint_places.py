"""The named points and the places in the program are the same."""

import ast
from collections import Counter
from pathlib import Path

import runner
from runner.checkpoints import Checkpoint

PACKAGE = Path(runner.__file__).parent


def places() -> Counter[str]:
    """Count the calls that say that a point is reached, by the name of the point."""
    nodes = (node for file in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(file.read_text())))
    return Counter(
        call.args[0].attr
        for call in nodes
        if isinstance(call, ast.Call)
        if "reached" in ast.unparse(call.func)
        if isinstance(call.args[0], ast.Attribute)
    )


def test_every_named_point_stands_at_one_place_and_every_place_has_a_name():
    found = places()

    assert found == Counter([point.name for point in Checkpoint])


def test_there_are_enough_points_over_the_whole_life():
    assert len(Checkpoint) >= 30
