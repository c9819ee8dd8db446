"""Who may import whom: imports point down this list, and rooms on one line do not see each other."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "runner"
LAYERS = """
__main__
cli
app testing
web
daemon backfill inquiry
late_data
pipeline delivery
store
destinations worker
alerts ingest status
runs detections schedule
lake definitions
settings
options storage
errors clock checkpoints garbage logs metrics references
"""
HEIGHT = {room: -row for row, line in enumerate(LAYERS.split("\n")) for room in line.split()}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def modules() -> list[Path]:
    """Every module of the program; what `runner init` copies is the user's side."""
    return [path for path in PACKAGE.rglob("*.py") if "project_template" not in path.parts]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "runner":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("runner."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("runner.")}
    return found - {"__version__"}


def test_imports_point_down():
    wrong = [
        f"{path.relative_to(PACKAGE.parent)} ({room}) imports {other}"
        for path in modules()
        for room in [room_of(path)]
        if room != "__init__"
        for other in imports_of(path) - {room}
        # errors.py may name the type of a location in its annotations only
        if HEIGHT[other] >= HEIGHT[room] and (room, other) != ("errors", "definitions")
    ]

    assert wrong == []


def test_every_room_has_its_place_in_the_list():
    rooms = {room_of(path) for path in modules()} - {"__init__"}

    assert rooms - set(HEIGHT) == set()
