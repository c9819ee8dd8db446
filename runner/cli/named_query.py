"""The scheduled query that somebody names on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.wording import did_you_mean

if TYPE_CHECKING:
    from runner.definitions.catalogue import Catalogue
    from runner.definitions.scheduled_query import ScheduledQuery


def query_named(catalogue: Catalogue, name: str) -> ScheduledQuery:
    """Return a scheduled query by its name. Raises `click.UsageError` with the nearest name if there is none."""
    if name in catalogue.queries:
        return catalogue.queries[name]
    raise click.UsageError(f"there is no scheduled query {name!r}{did_you_mean(name, catalogue.queries)}")
