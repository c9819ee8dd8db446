"""The findings of a check, for people, for programs, for pull requests and for code scanning."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from runner import __version__
from runner.cli import output
from runner.cli.output import counted
from runner.definitions.codes import Code
from runner.runs.query_check import Exactness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from runner.definitions.kind import Kind
    from runner.definitions.notice import Notice
    from runner.errors import DefinitionError
    from runner.runs.query_check import Verdict

_CODES = {str(code): code for code in Code}
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Findings:
    """What was looked at, what is wrong, and what deserves a second look."""

    root: Path
    """The project folder, which the places of findings are relative to."""
    counts: Mapping[Kind, int]
    errors: Sequence[DefinitionError]
    notices: Sequence[Notice]
    verdicts: Sequence[Verdict] = ()
    """How exactly each query runs, as far as there is a lake to tell."""

    def in_order(self) -> Iterator[tuple[str, DefinitionError | Notice]]:
        """Yield each finding with its level, errors first."""
        yield from (("error", error) for error in self.errors)
        yield from (("warning", notice) for notice in self.notices)


def show_text(findings: Findings) -> None:
    """Print a line for each finding, and what was looked at."""
    for error in findings.errors:
        click.echo(f"{click.style('error', fg='red', bold=True)}   {error}")
    for notice in findings.notices:
        click.echo(f"{click.style('warning', fg='yellow')} {notice}")
    kinds = ", ".join(f"{count:,} {kind.value}" for kind, count in sorted(findings.counts.items()))
    click.echo(f"Checked {kinds or 'no definitions'}.")
    if findings.verdicts:
        click.echo(f"Queries: {_verdict_counts(findings.verdicts)}.")
    click.echo(f"{counted(len(findings.errors), 'error')}, {counted(len(findings.notices), 'warning')}.")


def _verdict_counts(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdict.exactness for verdict in verdicts)
    return ", ".join(f"{counts[exactness]:,} {exactness.value}" for exactness in Exactness)


def show_json(findings: Findings) -> None:
    """Print one JSON document."""
    output.print_json(
        {
            "counts": {kind.value: count for kind, count in sorted(findings.counts.items())},
            "errors": [_fields(error) for error in findings.errors],
            "warnings": [_fields(notice) for notice in findings.notices],
            "queries": [
                {
                    "query": verdict.query,
                    "verdict": verdict.exactness.value,
                    "reasons": list(verdict.reasons),
                }
                for verdict in findings.verdicts
            ],
        }
    )


def _fields(finding: DefinitionError | Notice) -> dict[str, Any]:
    return {
        "file": str(finding.location.path),
        "line": finding.location.line,
        "column": finding.location.column,
        "code": str(finding.code),
        "message": finding.message,
    }


def show_github(findings: Findings) -> None:
    """Print a workflow command for each finding: GitHub shows them beside the lines of a pull request."""
    for level, finding in findings.in_order():
        place = finding.location
        file = _property(_from_here(findings.root, place.path))
        title = _property(f"{finding.code} {_CODES[finding.code].title}")
        message = _escaped(finding.message)
        click.echo(f"::{level} file={file},line={place.line},col={place.column},title={title}::{message}")


def _from_here(root: Path, path: Path) -> str:
    """Return a path as it is seen from the current folder, which in a pipeline is the repository's."""
    return os.path.relpath(root / path).replace(os.sep, "/")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def show_sarif(findings: Findings) -> None:
    """Print a SARIF 2.1.0 log, which code scanning takes in."""
    output.print_json(sarif(findings))


def sarif(findings: Findings) -> dict[str, Any]:
    """Return the findings as a SARIF 2.1.0 log with one run."""
    found = list(findings.in_order())
    codes = sorted({str(finding.code) for _, finding in found})
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(codes)},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"PROJECT": {"uri": f"{findings.root.as_uri()}/"}},
                "results": [_result(level, finding, codes) for level, finding in found],
            }
        ],
    }


def _driver(codes: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "runner",
        "semanticVersion": __version__,
        "rules": [_rule(_CODES[code]) for code in codes],
    }


def _rule(code: Code) -> dict[str, Any]:
    return {
        "id": str(code),
        "name": "".join(word.capitalize() for word in code.title.split("-")),
        "shortDescription": {"text": code.meaning},
        "help": {"text": code.remedy},
        "defaultConfiguration": {"level": "error" if code.startswith("E") else "warning"},
    }


def _result(level: str, finding: DefinitionError | Notice, codes: Sequence[str]) -> dict[str, Any]:
    place = finding.location
    return {
        "ruleId": str(finding.code),
        "ruleIndex": codes.index(str(finding.code)),
        "level": level,
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.path.as_posix()), "uriBaseId": "PROJECT"},
                    "region": {"startLine": place.line, "startColumn": place.column},
                }
            }
        ],
    }


FORMATS: Mapping[str, Callable[[Findings], None]] = {
    "text": show_text,
    "json": show_json,
    "github": show_github,
    "sarif": show_sarif,
}
