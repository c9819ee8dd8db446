"""What a mail with the result of a query says."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.destinations.report import Report

_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
_NAME_CHARACTERS = 60


def subject_of(report: Report) -> str:
    """Return the mail's subject."""
    again = "Corrected: " if report.corrects else ""
    return f"{again}{report.query}: {_count(report)} for {_moment(report)}"


def text_of(report: Report) -> str:
    """Return the mail as plain text."""
    lines = [*_sentences(report)]
    if not report.as_attachment:
        lines += ["", *("\t".join(row) for row in report.result.head)]
    return "\n".join(lines) + "\n"


def html_of(report: Report) -> str:
    """Return the mail as HTML."""
    parts = [f"<h2>{escape(report.query)}</h2>", *(f"<p>{escape(one)}</p>" for one in _sentences(report))]
    if report.result.head and not report.as_attachment:
        parts.append(f"<table border='1' cellpadding='4' cellspacing='0'>{_html_rows(report)}</table>")
    return f"<html><body>{''.join(parts)}</body></html>"


def file_name(report: Report) -> str:
    """Return the attached file's name, such as `failed-logins-20260115T090000Z.csv`."""
    name = _NO_WORD.sub("-", report.query).strip("-").lower()[:_NAME_CHARACTERS]
    return f"{name or 'result'}-{report.scheduled_for:%Y%m%dT%H%M%SZ}.csv"


def _sentences(report: Report) -> Iterator[str]:
    result = report.result
    yield f"The query {report.query!r} returned {_count(report)} for {_moment(report)}."
    if report.corrects:
        yield "This takes the place of an earlier mail: logs that came late have changed the result."
    if result.is_partial:
        yield "The run was ended early by a limit: there may be more rows."
    if result.kept < result.rows:
        yield f"The attached file has the first {result.kept:,} of them (reports.rows, reports.size)."
    shown = len(result.head) - 1
    if not report.as_attachment and 0 <= shown < result.kept:
        yield f"The table shows the first {shown:,}."


def _count(report: Report) -> str:
    number = report.result.rows
    return "1 row" if number == 1 else f"{number:,} rows" if number else "no rows"


def _moment(report: Report) -> str:
    return f"{report.scheduled_for:%Y-%m-%d %H:%M:%S} UTC"


def _html_rows(report: Report) -> str:
    head, *others = report.result.head
    lines = ["".join(f"<th align='left'>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in others]
    return "".join(f"<tr>{line}</tr>" for line in lines)
