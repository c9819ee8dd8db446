"""What in a rule's Python can give the same row another answer later."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from runner.definitions.codes import Code
from runner.definitions.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.definitions.python_module import PythonModule

_NETWORK = [
    "aiohttp",
    "boto3",
    "botocore",
    "ftplib",
    "http.client",
    "httpx",
    "imaplib",
    "paramiko",
    "poplib",
    "requests",
    "smtplib",
    "socket",
    "ssl",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "xmlrpc.client",
]
_CACHES = ["panther_detection_helpers.caching", "panther_oss_helpers", "panther", "shelve", "dbm", "sqlite3"]
_CLOCKS = [
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.localtime",
    "time.gmtime",
    "time.ctime",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
]
_CHANCE = ["random", "secrets", "uuid.uuid1", "uuid.uuid4", "os.urandom", "numpy.random"]
_TABLE = (
    (Code.NETWORK_USE, _NETWORK, "reaches the network"),
    (Code.CACHE_USE, _CACHES, "remembers values between rows and runs"),
    (Code.CLOCK_USE, _CLOCKS, "asks for the present time"),
    (Code.RANDOM_USE, _CHANCE, "gives another value each time"),
)
_LISTED = {name: (code, name, verb) for code, names, verb in _TABLE for name in names}


def reproducibility_notices(module: PythonModule) -> Iterator[Notice]:
    """Yield a warning for each module and function used that breaks "the same time gives the same answer".

    Each is named once, where it is first seen.
    """
    names = _imported_names(module)
    seen: set[str] = set()
    telling = module.nodes_of(ast.Global, ast.Import, ast.ImportFrom, ast.Attribute, ast.Name)
    for node in sorted(telling, key=_place):
        if isinstance(node, ast.Global):
            yield _module_state(module, node)
        for used in _uses(node, names):
            found = _entry(used)
            if found and found[1] not in seen:
                seen.add(found[1])
                yield Notice(found[0], f"`{found[1]}` {found[2]}", module.location(node))


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _module_state(module: PythonModule, node: ast.Global) -> Notice:
    message = f"`global {', '.join(node.names)}` keeps state from one row to the next"
    return Notice(Code.MODULE_STATE, message, module.location(node))


def _entry(used: str) -> tuple[Code, str, str] | None:
    """Return what the table says of a full name, or of what it is a part of."""
    while used and used not in _LISTED:
        used = used.rpartition(".")[0]
    return _LISTED.get(used)


def _imported_names(module: PythonModule) -> dict[str, str]:
    """Return what each imported name stands for: `dt` for `datetime.datetime`, say."""
    names: dict[str, str] = {}
    for node in module.nodes_of(ast.Import):
        names |= {alias.asname or alias.name.partition(".")[0]: _whole(alias) for alias in node.names}
    for source in module.nodes_of(ast.ImportFrom):
        if source.module and not source.level:
            names |= {alias.asname or alias.name: f"{source.module}.{alias.name}" for alias in source.names}
    return names


def _whole(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _uses(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """Yield the full names of what a node imports or refers to."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, (ast.Attribute, ast.Name)):
        dotted = _dotted(node, names)
        if dotted:
            yield dotted


def _dotted(node: ast.expr, names: dict[str, str]) -> str | None:
    """Return the full name that an expression such as `dt.now` stands for, if it begins with an import."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return None
    return ".".join([names[node.id], *reversed(parts)])
