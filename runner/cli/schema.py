"""`runner schema`: JSON Schemas of definitions, for editors."""

from __future__ import annotations

import click

from runner.cli import output
from runner.definitions.schema import KEYS, schema_of, schema_of_all

_ALL = "all"


@click.command(name="schema")
@click.argument("type_", metavar="[TYPE]", required=False, default=_ALL, type=click.Choice([_ALL, *KEYS]))
def command(type_: str) -> int:
    """Print the JSON Schema of a TYPE of definition, or of all of them together.

    TYPE is an AnalysisType, or derived for rules with BaseDetection. Editors that know the schema complete keys and
    show what they are for. It is of draft 2020-12, and made from the keys that `runner check` uses.
    """
    output.print_json(schema_of_all() if type_ == _ALL else schema_of(type_))
    return 0
