"""Writes the parts of the reference that mirror tables in the code; with `--check`, only tells which are stale."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner import errors
from runner.cli.main import EXIT_CODES, cli
from runner.daemon import fleet_metrics
from runner.daemon.fleet_metrics import DEATHS
from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.condition_names import CONDITIONS, CONSTANTS, LIST_CONDITIONS
from runner.definitions.fields import models_in
from runner.definitions.key_help import KEY_HELP
from runner.definitions.schema import KEYS
from runner.destinations.kinds import KINDS, REQUIRED, SHARED_OPTIONS
from runner.destinations.maintenance import OPTIONS as MAINTENANCE_OPTIONS
from runner.ingest import schema
from runner.ingest.indicators import SCANNERS
from runner.lake.log_types import table_name
from runner.metrics import Metrics
from runner.options import OPTIONS, RULE_OPTIONS, Option
from runner.store import schema as store_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prometheus_client import Metric
    from pydantic import BaseModel

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BROKEN = ROOT / "tests" / "data"
_MARKED = re.compile(
    r"(<!-- begin (?P<name>[a-z-]+): written by docs/generate.py -->\n).*?(<!-- end (?P=name) -->)", re.DOTALL
)
_CONSOLE = re.compile(r"^```console\n\$ (?P<command>.*?)\n(?:.*?)^```", re.DOTALL | re.MULTILINE)

LAKE_EXAMPLES: Mapping[Code, str] = {
    Code.UNREADABLE_FILE: "queries/logins.yml:1:1: E001 cannot be read: Permission denied",
    Code.NO_LONGER_A_DEFINITION: "queries/logins.yml:1:1: E005 the file has no `AnalysisType`; it held a definition before "
    "(to end that, delete the file)",
    Code.UNKNOWN_DESTINATION: "rules/login.yml:9:5: W309 there is no destination 'pager'; did you mean `pagers`?",
    Code.UNSENT_RESULT: "queries/logins.yml:2:12: W311 EmailConfig: there is no destination of kind email that could "
    "mail the rows",
    Code.UNQUALIFIED_TABLE: "queries/logins.yml:5:3: E403 Panther's tool wants database.public.table, found okta_systemlog",
    Code.REFUSED_SQL: "queries/logins.yml:5:3: E301 a scheduled query is one SELECT, and this is DROP",
    Code.UNKNOWN_TABLE: "queries/logins.yml:5:3: E302 there is no table panther_logs.public.okta_log in the lake: "
    "did you mean panther_logs.public.okta_systemlog?",
    Code.UNBOUND_SQL: "queries/logins.yml:6:5: E303 there is no column acter: did you mean actor?",
    Code.VOLATILE_SQL: "queries/logins.yml:5:3: W506 LIMIT without ORDER BY keeps arbitrary rows",
    Code.TIMELESS_TABLE: "queries/logins.yml:5:3: W507 company.public.employees has no time column: "
    "it is read as it is now",
    Code.APPROXIMATE_SQL: "queries/logins.yml:7:10: W508 HASH() gives other numbers than Snowflake's, "
    "though equal values have equal ones",
    Code.UNWATCHED_TIME: "queries/logins.yml:5:3: W509 looks back 30 minutes, and runs every 1 hour: "
    "what lies between is never seen",
    Code.UNBOUNDED_TABLE: "queries/logins.yml:5:3: W510 reads the whole table panther_logs.public.okta_systemlog",
}
"""Examples for the codes that only a lake, a setting or a locked file can show."""

TABLES: Mapping[str, str] = {
    "attempts": "Every attempt at a run.",
}
"""What tables hold, where the code says nothing below them."""


def commands() -> Iterator[str]:
    """Yield every command with its arguments and options."""
    yield from _command(cli, ["runner"])


def _command(command: click.Command, names: list[str], parent: click.Context | None = None) -> Iterator[str]:
    context = click.Context(command, info_name=names[-1], parent=parent, **command.context_settings)
    yield f"## {' '.join(names)}\n"
    yield f"```text\n{' '.join(command.get_usage(context).removeprefix('Usage: ').split())}\n```\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    rows = [_option(option, context) for option in command.get_params(context)]
    yield _table(("Option", "Default", "Meaning"), [row for row in rows if row[2]])
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name  # noqa: S101  the group has just listed it
            yield from _command(found, [*names, name], context)


def _option(option: click.Parameter, context: click.Context) -> tuple[str, str, str]:
    if not isinstance(option, click.Option):
        return "", "", ""
    names, text = option.get_help_record(context) or ("", "")
    default = "" if option.is_flag or option.multiple or not option.show_default else f"`{option.default}`"
    meaning = re.sub(r"\s*\[[^]]*default: [^]]*\]", "", text)
    return f"`{names}`".replace("|", "\\|"), default, meaning


def options() -> Iterator[str]:
    """Yield the table of all settings."""
    rows = [(f"`{option.name}`", f"`{option.variable}`", _default(option), option.help) for option in OPTIONS]
    yield _table(("Option", "Variable", "Default", "Meaning"), rows)


def rule_options() -> Iterator[str]:
    """Yield the table of what can be set for one rule."""
    yield _table(("Key", "Meaning"), [(f"`{name}`", text) for name, text in RULE_OPTIONS.items()])


def pages() -> Iterator[str]:
    """Yield every page below its room, by its title."""
    for room in ("tutorial", "how-to", "reference", "explanation"):
        yield f"## {room.capitalize()}\n"
        yield "".join(
            f"- [{_title(page)}]({page.relative_to(DOCS)})\n" for page in sorted((DOCS / room).rglob("*.md"))
        )


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").split("\n", maxsplit=1)[0].removeprefix("# ")


def destination_options() -> Iterator[str]:
    """Yield what can be set for every destination."""
    yield _table(("Key", "Default", "Meaning"), _option_rows(SHARED_OPTIONS))


def maintenance_options() -> Iterator[str]:
    """Yield what can be set for a maintenance window."""
    yield _table(("Key", "Default", "Meaning"), _option_rows(MAINTENANCE_OPTIONS))


def destination_kinds() -> Iterator[str]:
    """Yield every kind of destination with its own options."""
    for name, kind in KINDS.items():
        yield f"### `{name}`\n"
        yield f"{kind.help}\n"
        if kind.options:
            yield _table(("Key", "Default", "Meaning"), _option_rows(kind.options))
        for key, why in kind.unfit.items():
            yield f"`{key}` is refused: {why}.\n"


def _option_rows(options: Sequence[Option]) -> list[tuple[str, str, str]]:
    return [
        (f"`{option.name}`", "must be given" if option.default is REQUIRED else _default(option), option.help)
        for option in options
    ]


_DEFAULTS: Mapping[str, str] = {
    "http.listen": "`off`",
    "heartbeat.url": "`off`",
    "workers.count": "the number of processors",
}
"""How defaults are told that their value does not tell."""


def _default(option: Option) -> str:
    if option.name in _DEFAULTS:
        return _DEFAULTS[option.name]
    if option.default in (None, "", {}, ()):
        return "none"
    if isinstance(option.default, tuple):
        return ", ".join(f"`{value}`" for value in option.default)
    if isinstance(option.default, bool):
        return f"`{str(option.default).lower()}`"
    if option.name == "workers.memory":
        return f"`{option.default // 2**30}GiB`"
    return f"`{option.default}`"


def codes() -> Iterator[str]:
    """Yield every code with its meaning, its remedy and an example."""
    for code in Code:
        yield f"### {code} {code.title}\n"
        yield f"{code.meaning} {code.remedy}\n"
        yield f"```text\n{_example(code)}\n```\n"


def _example(code: Code) -> str:
    if code in LAKE_EXAMPLES:
        return LAKE_EXAMPLES[code]
    kind = "strict" if code.startswith("E4") else "invalid" if code.startswith("E") else "valid"
    catalogue = read_catalogue(BROKEN / kind / code.title)
    found = (*catalogue.errors, *catalogue.refused)
    errors_found = [str(error) for error in found if error.code == code]
    return [*errors_found, *(str(notice) for notice in catalogue.warnings if notice.code == code)][0]


def definition_keys() -> Iterator[str]:
    """Yield a table of keys for each type of definition, and for each of their parts."""
    for kind, model in KEYS.items():
        yield f"### {kind}\n"
        yield f"{inspect.cleandoc(model.__doc__ or '')}\n"
        yield _key_table(model)
    yield "## Parts\n"
    for name, part in _parts().items():
        yield f"### {name}\n"
        yield f"{inspect.cleandoc(part.__doc__ or '')}\n"
        yield _key_table(part)


def _key_table(model: type[BaseModel]) -> str:
    rows = [
        (f"`{field.alias}`", "required" if field.is_required() else "", KEY_HELP[str(field.alias)])
        for field in sorted(model.model_fields.values(), key=lambda field: not field.is_required())
    ]
    return _table(("Key", "", "What it holds"), rows)


def _parts() -> dict[str, type[BaseModel]]:
    """Return the models within the definitions' keys, by the key that holds them."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[tuple[str, type[BaseModel]]] = list(KEYS.items())
    while waiting:
        kind, model = waiting.pop(0)
        for field in model.model_fields.values():
            for part in models_in(field.annotation):
                if part not in found.values():
                    waiting.append((kind, part))
                    found[f"{field.alias} ({kind})" if field.alias in found else str(field.alias)] = part
    return found


def condition_names() -> Iterator[str]:
    """Yield the names of the conditions, by what they come down to."""
    names: dict[str, list[str]] = {}
    for name, condition in CONDITIONS.items():
        names.setdefault(condition.operator.value.replace("_", " "), []).append(f"`{name}`")
    names["elements of a list"] = [f"`{name}`" for name in LIST_CONDITIONS]
    names["constants"] = [f"`{name}`" for name in CONSTANTS]
    yield _table(("What", "Names"), [(what, ", ".join(written)) for what, written in names.items()])


def error_tree() -> Iterator[str]:
    """Yield the tree of errors, as the module draws it."""
    tree = inspect.cleandoc(errors.__doc__ or "").partition("\n\n")[2]
    yield f"```text\n{tree}\n```\n"


def exit_codes() -> Iterator[str]:
    """Yield the table of exit codes."""
    yield _table(("Code", "Meaning"), [(f"`{code}`", meaning) for code, meaning in EXIT_CODES.items()])


def state_tables() -> Iterator[str]:
    """Yield the tables of the state database."""
    notes = _notes_below(inspect.getsource(store_schema))
    for table in store_schema.metadata.tables.values():
        yield f"## {table.name}\n"
        yield f"{notes.get(table.name) or TABLES[table.name]}\n"
        yield _table(
            ("Column", "Type", ""),
            [
                (
                    f"`{column.name}`",
                    str(column.type).lower(),
                    _constraints(column.primary_key, column.nullable),
                )
                for column in table.columns
            ],
        )


def _notes_below(source: str) -> dict[str, str]:
    """Return the text that stands below each assignment of a module, by the name that is assigned."""
    body = ast.parse(source).body
    return {
        above.targets[0].id: inspect.cleandoc(below.value.value)
        for above, below in pairwise(body)
        if isinstance(above, ast.Assign) and isinstance(above.targets[0], ast.Name)
        if isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _constraints(is_key: bool, may_be_null: bool | None) -> str:  # noqa: FBT001  as SQLAlchemy has them
    return "key" if is_key else "may be null" if may_be_null else ""


def schemas() -> Iterator[str]:
    """Yield the log types whose columns are declared."""
    found = [schema.find(log_type) for log_type in schema.provided()]
    yield _table(
        ("Log type", "Table", "What it holds"),
        [
            (
                f"`{one.log_type}`",
                f"`panther_logs.public.{table_name(one.log_type)}`",
                one.description,
            )
            for one in found
            if one
        ],
    )


def indicators() -> Iterator[str]:
    """Yield the indicators that a schema may name, and the columns that they fill."""
    yield _table(
        ("Indicator", "Columns"),
        [
            (f"`{name}`", ", ".join(f"`{column}`" for column in scanner.columns))
            for name, scanner in SCANNERS.items()
        ],
    )


def own_metrics() -> Iterator[str]:
    """Yield the metrics of one daemon: what it has counted, and how it stands."""
    rows = [
        (f"`{_sample_name(family)}`", family.type, family.documentation)
        for family in Metrics().registry.collect()
    ]
    rows += [(f"`{DEATHS[0]}_total`", "counter", DEATHS[1])]
    yield _table(("Metric", "Type", "Meaning"), [*rows, *_gauges(fleet_metrics.OWN)])


def _sample_name(family: Metric) -> str:
    suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
    return f"{family.name}{suffix}"


def _gauges(texts: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(f"`{name}`", "gauge", text) for name, text in texts.items()]


def all_metrics() -> Iterator[str]:
    """Yield the metrics of all queries together."""
    yield _table(("Metric", "Type", "Meaning"), _gauges(fleet_metrics.FLEET))


def query_metrics() -> Iterator[str]:
    """Yield the metrics of single queries."""
    yield _table(("Metric", "Type", "Meaning"), _gauges(fleet_metrics.PER_QUERY))


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands": commands,
    "pages": pages,
    "options": options,
    "rule-options": rule_options,
    "destination-options": destination_options,
    "destination-kinds": destination_kinds,
    "maintenance-options": maintenance_options,
    "codes": codes,
    "definition-keys": definition_keys,
    "condition-names": condition_names,
    "error-tree": error_tree,
    "exit-codes": exit_codes,
    "state-tables": state_tables,
    "schemas": schemas,
    "indicators": indicators,
    "own-metrics": own_metrics,
    "all-metrics": all_metrics,
    "query-metrics": query_metrics,
}


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


def rendered(page: str) -> str:
    """Return a page with its marked parts written anew. Raises KeyError for a part that nobody writes."""
    return _MARKED.sub(lambda found: "\n".join((found[1], *PARTS[found["name"]](), found[3])), page)


def readme_command(number: int) -> str:
    """Return the first, second, … command of the README, in one line as it is to be typed."""
    found = [
        match["command"] for match in _CONSOLE.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
    ]
    return found[number - 1].split("\n", maxsplit=1)[0]


def main() -> int:
    """Write the pages, or check them, or print a command of the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a page is stale")
    parser.add_argument(
        "--readme-command", type=int, metavar="N", help="print the N-th command of the README"
    )
    arguments = parser.parse_args()
    if arguments.readme_command:
        print(readme_command(arguments.readme_command))
        return 0
    stale = []
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = rendered(before)
        if after != before:
            stale.append(page)
            if not arguments.check:
                page.write_text(after, encoding="utf-8")
    for page in stale:
        print(f"{page.relative_to(ROOT)}: {'is stale: run `make docs`' if arguments.check else 'written'}")
    return int(arguments.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
