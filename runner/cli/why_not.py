"""`runner why-not`: why there is no alert for a row at a due time."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.text import Text

from runner import app, logs
from runner.cli import output
from runner.cli.named_query import query_named
from runner.cli.options import (
    Moment,
    format_option,
    lake_option,
    load_settings,
    mask,
    project_option,
    state_option,
    written,
)
from runner.clock import SystemClock
from runner.definitions.catalogue import read_catalogue
from runner.destinations.maintenance import read_windows, windows_at
from runner.errors import SettingsError
from runner.inquiry.answer import Reason
from runner.inquiry.inquiry import Inquiry, Question
from runner.lake.duckdb_engine import DuckDBEngine, EngineLimits
from runner.lake.index.lake_index import LakeIndex
from runner.pipeline import Pipeline
from runner.worker.pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from runner.definitions.catalogue import Catalogue
    from runner.inquiry.answer import Answer
    from runner.settings import Settings


@click.command(name="why-not")
@click.argument("query")
@click.option(
    "--row", "row_text", required=True, help="The row as a JSON object; or @FILE, or @- for the input."
)
@click.option("--at", type=Moment(), required=True, help="The due time, such as 2026-01-15T09:30:00Z.")
@click.option("--table", default="", help="Which table the row is of, if the query reads several.")
@click.option("--result", "is_result", is_flag=True, help="The row is one that the query returned.")
@lake_option
@state_option
@project_option
@format_option("text", "json")
def command(
    query: str,
    row_text: str,
    at: datetime,
    table: str,
    is_result: bool,  # noqa: FBT001  click passes options by name
    lake: str | None,
    state: str | None,
    project: Path | None,
    output_format: str,
) -> int:
    """Say why there is no alert for a row of the lake at a due time of QUERY, or which one there is.

    The query is run over the row alone, and its rules are asked, as the daemon does it; then it is looked up what the
    state database knows of the match. Nothing is stored. The answer is one reason for each rule: the row is outside the
    window, the query does not return it, the rule filters it, it is below the threshold, joined an alert, was told to
    nobody, and so on. The exit code is 0 for any answer, and 1 if the query or a rule fails.
    """
    logs.configure(as_json=True, mask=mask().masked)
    settings = load_settings(project, lake__location=lake, state__url=state)
    if not settings.has_lake:
        raise SettingsError(f"there is no data lake at {settings.lake}: ingest some logs, or give --lake")
    row = _row(row_text)
    catalogue = read_catalogue(
        settings.root, exclude=settings.not_definitions, folders=settings.definition_folders
    )
    output.complain(catalogue.errors)
    asked = Question(query=query_named(catalogue, query), row=row, at=at, table=table, is_result=is_result)
    with _inquiry(settings, catalogue) as inquiry:
        answer = inquiry.answer(asked)
    if output_format == "json":
        output.print_json(_fields(answer))
    else:
        _show(answer)
    reasons = {answer.of_query.reason, *(rule.reason for rule in answer.rules)}
    return int(bool(reasons & {Reason.QUERY_FAILS, Reason.RULE_FAILS}))


@contextmanager
def _inquiry(settings: Settings, catalogue: Catalogue) -> Iterator[Inquiry]:
    """Put the parts together; what rules remember while they are asked is forgotten with them."""
    clock = SystemClock()
    store = app.open_store(settings, clock)
    limits = EngineLimits(memory=settings["workers.memory"] // 2, spill=Path(tempfile.gettempdir()))
    engine = DuckDBEngine(settings.lake, limits, LakeIndex(settings.lake, settings.lake_index, clock))
    try:
        with WorkerPool(1) as workers:
            pipeline = Pipeline(
                catalogue=catalogue, settings=settings, store=store, workers=workers, clock=clock
            )
            yield Inquiry(
                catalogue=catalogue,
                pipeline=pipeline,
                workers=workers,
                engine=engine,
                store=store.inquiries,
                clock=clock,
                silences=(
                    *store.outbox.silences(),
                    *windows_at(read_windows(settings.maintenance), clock.now()),
                ),
            )
    finally:
        engine.close()
        store.close()


def _row(text: str) -> dict[str, Any]:
    """Read the row. Raises `click.UsageError`."""
    try:
        row = orjson.loads(_content(text))
    except OSError as error:
        raise click.UsageError(f"--row: {error.filename}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f"--row: not JSON: {error}") from error
    if not isinstance(row, dict) or not row:
        raise click.UsageError("--row: expected a JSON object with the columns of the row")
    return row


def _content(text: str) -> bytes:
    if text == "@-":
        return sys.stdin.buffer.read()
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()


def _show(answer: Answer) -> None:
    place = output.console()
    place.print(Text(f"{answer.query} at {written(answer.at)}", style="bold"))
    query = answer.of_query
    click.echo(f"Due time: {answer.due.sentence}.")
    click.echo(f"Query: {f'{query.reason.value}: ' if query.reason else ''}{query.sentence}.")
    for note in query.notes:
        click.echo(f"Note: {note}.")
    for rule in answer.rules:
        click.echo()
        place.print(Text(rule.rule_id, style="bold"))
        click.echo(f"{rule.reason.value}: {rule.sentence}.")
        if rule.title:
            click.echo(f"Title: {rule.title}. Dedup string: {rule.dedup}.")


def _fields(answer: Answer) -> dict[str, Any]:
    def moment(value: datetime | None) -> str | None:
        return written(value) if value else None

    query = answer.of_query
    return {
        "query": answer.query,
        "at": written(answer.at),
        "due": {
            "state": answer.due.due.value,
            "sentence": answer.due.sentence,
            "run_id": answer.due.run_id or None,
        },
        "returned": {
            "reason": query.reason.value if query.reason else None,
            "sentence": query.sentence,
            "rows": query.rows,
            "row_time": moment(query.row_time),
            "window_since": moment(query.since),
            "window_until": moment(query.until),
            "notes": list(query.notes),
        },
        "rules": [
            {
                "rule_id": rule.rule_id,
                "reason": rule.reason.value,
                "sentence": rule.sentence,
                "alert_id": rule.alert_id or None,
                "dedup": rule.dedup or None,
                "title": rule.title or None,
            }
            for rule in answer.rules
        ],
    }
