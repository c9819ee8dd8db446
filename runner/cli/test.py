"""`runner test`: the unit tests that detections carry in their YAML."""

from __future__ import annotations

import functools
import gc
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli import verdicts
from runner.cli.options import Scope, find_scope, format_option
from runner.cli.selection import KeyFilter, detections_in, read_filter, type_of
from runner.cli.verdicts import Outcome, Verdict
from runner.cli.wording import counted, did_you_mean
from runner.definitions.catalogue import read_catalogue
from runner.definitions.codes import Code
from runner.definitions.kind import Kind
from runner.definitions.partial import everything, read_part
from runner.definitions.stream_rule import StreamRule
from runner.detections.content import ContentSources
from runner.worker.detection_tests import DetectionTests, id_of, run_tests
from runner.worker.side_reading import read_side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from runner.cli.verdicts import Report
    from runner.definitions.catalogue import Catalogue
    from runner.detections.content import Judged
    from runner.errors import DefinitionError
    from runner.worker.detection_tests import DetectionReport

_LEAVING_OUT = frozenset({Code.BAD_CONDITION, Code.NOT_PYTHON_RULE, Code.UNKNOWN_BASE})
"""Why a detection cannot be judged here, which Panther's own tool does not find either: it is named as skipped."""
_NOT_OF_TESTS = frozenset(
    {
        Code.UNKNOWN_QUERY,
        Code.UNSUPPORTED_DIALECT,
        Code.BAD_CRON,
        Code.BAD_TIMEOUT,
        Code.BAD_CORRELATION,
        *_LEAVING_OUT,
    }
)
"""What `runner check` is for, and no test depends on. Panther's own tool passes over it too."""
_NOT_OF_TESTS_IN = {
    Kind.CORRELATION_RULE: frozenset({Code.BAD_SCHEDULE, Code.BAD_RATE}),
    Kind.LOOKUP_TABLE: frozenset({Code.MISSING_FILE, Code.BAD_LOOKUP}),
    Kind.SCHEDULED_QUERY: frozenset({Code.EMPTY_QUERY}),
    Kind.SAVED_QUERY: frozenset({Code.EMPTY_QUERY}),
}
"""The same, of one kind of definition only."""
_ID_KEYS = ("RuleID", "PolicyID")
_OF_THE_WHOLE = frozenset({Code.UNKNOWN_PACK_ITEM})
"""What cannot be told by a part of the definitions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What was asked for on the line."""

    scope: Scope
    ids: tuple[str, ...]
    filters: tuple[KeyFilter, ...]
    names: frozenset[str]
    minimum: int
    skips_disabled: bool
    destinations: tuple[str, ...]
    workers: int
    conditions: bool
    """Whether conditions written in YAML may fail a test."""

    @property
    def is_whole(self) -> bool:
        """Whether every definition of the project is read, so that what is wrong with them is told."""
        return self.scope.is_whole and not _wished_ids(self)


@click.command(name="test")
@click.argument("path", required=False, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--path",
    "path_option",
    type=click.Path(path_type=Path, exists=True),
    help="The same as PATH, as Panther's tool has it.",
)
@click.option("--rule", "ids", multiple=True, help="Only the rule or policy with this id; may be repeated.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=V1,V2",
    help="Only detections whose YAML has one of the values, or with != none of them; may be repeated: all must hold.",
)
@click.option(
    "--test-names",
    "names",
    multiple=True,
    help="Only tests of this name; may be repeated, or separated by commas.",
)
@click.option(
    "--minimum-tests",
    "minimum",
    type=click.IntRange(min=0),
    default=0,
    help="Fail a detection with fewer tests; from 2 on it also needs one that alerts and one that does not.",
)
@click.option(
    "--skip-disabled-tests", "skips_disabled", is_flag=True, help="Leave out detections that are disabled."
)
@click.option(
    "--available-destination",
    "destinations",
    multiple=True,
    help="A destination that rules may name; may be repeated. Without any, every name will do.",
)
@click.option("--show-failures-only", "failures_only", is_flag=True, help="Print only the tests that failed.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="How many processes test at once. Default: one for each core.",
)
@click.option(
    "--conditions",
    is_flag=True,
    help="Let conditions written in YAML fail tests: inline filters, and rules without Python. "
    "Panther's own tool does so only with access to Panther's service.",
)
@click.option("--watch", is_flag=True, help="Stay, and test again what a saved file touches.")
@format_option("text", "json", "junit", "github")
def command(
    path: Path | None,
    path_option: Path | None,
    ids: tuple[str, ...],
    filters: tuple[str, ...],
    names: tuple[str, ...],
    minimum: int,
    skips_disabled: bool,  # noqa: FBT001  click passes options by name
    destinations: tuple[str, ...],
    failures_only: bool,  # noqa: FBT001  as above
    workers: int | None,
    conditions: bool,  # noqa: FBT001  as above
    watch: bool,  # noqa: FBT001  as above
    output_format: str,
) -> int:
    """Run the unit tests of the rules and policies under PATH (default: the project folder).

    PATH is a folder, or the YAML file of one detection. A folder within a project is tested as a part of it: its rules
    find the helpers that lie elsewhere. Each detection is judged by the same code that evaluates it in a run. What fails
    by conditions written in YAML alone is named, and counts with --conditions only. The exit code is 1 if a
    test fails, a detection cannot be loaded, or a definition is wrong.
    """
    if path and path_option:
        raise click.UsageError("give PATH or --path, not both")
    wishes = Wishes(
        scope=find_scope(path or path_option, apart=False),
        ids=ids,
        filters=tuple(read_filter(text) for text in filters),
        names=frozenset(name.strip() for text in names for name in text.split(",")),
        minimum=minimum,
        skips_disabled=skips_disabled,
        destinations=destinations,
        workers=workers or os.cpu_count() or 1,
        conditions=conditions,
    )

    def test(catalogue: Catalogue, touched: Collection[str] | None = None) -> int:
        report = verdicts.report_in(output_format, failures_only=failures_only)
        return _test(catalogue, wishes, report, touched)

    if not watch:
        return test(_read(wishes))
    # needed for nothing else
    from runner.cli import watching  # noqa: PLC0415
    from runner.definitions.definition_files import DefinitionFiles  # noqa: PLC0415

    settings = wishes.scope.settings
    files = DefinitionFiles(settings.root, exclude=wishes.scope.exclude, folders=wishes.scope.folders)
    return watching.retest_on_change(files, test)


def _read(wishes: Wishes) -> Catalogue:
    """Read what is needed to test what was asked for."""
    settings, scope = wishes.scope.settings, wishes.scope
    lies_within = scope.holder()
    naming = [_naming(ids) for ids in _wished_ids(wishes)]

    def wanted(path: str, raw: bytes) -> bool:
        return lies_within(path) and all(names_one(raw) for names_one in naming)

    gc.disable()  # all that is made here stays until the end: looking for what does not takes a fifth of the time
    try:
        return read_part(
            settings.root,
            everything if wishes.is_whole else wanted,
            exclude=scope.exclude,
            folders=scope.folders,
            read_all=functools.partial(read_side_by_side, processes=wishes.workers),
        )
    finally:
        gc.enable()


def _wished_ids(wishes: Wishes) -> list[Collection[str]]:
    """Return the ids that were asked for, in any case: of each collection a detection has to have one."""
    filters = [wish.values for wish in wishes.filters if wish.key in _ID_KEYS and not wish.excludes]
    return [ids for ids in (wishes.ids, *filters) if ids]


def _naming(ids: Collection[str]) -> Callable[[bytes], bool]:
    """Return what tells whether the bytes of a file name one of the ids, for itself and not within a longer name."""
    if not all(one.isascii() for one in ids):
        return lambda _: True  # bytes know the case of ASCII only
    lowered = [one.lower().encode() for one in ids]
    whole = re.compile(rb"(?<![\w.-])(?:" + b"|".join(map(re.escape, lowered)) + rb")(?![\w.-])")

    def names_one(raw: bytes) -> bool:
        text = raw.lower()
        return any(one in text for one in lowered) and whole.search(text) is not None

    return names_one


def _test(catalogue: Catalogue, wishes: Wishes, report: Report, touched: Collection[str] | None) -> int:
    """Test what was asked for (of it, what was touched, if that is said), and tell; returns the exit code."""
    chosen = _chosen(catalogue, wishes)
    if touched is not None:
        chosen = [one for one in chosen if id_of(one) in touched]
    skipped = [one for one in chosen if wishes.skips_disabled and not one.enabled]
    tested = [one for one in chosen if one not in skipped]
    found: list[Verdict] = []
    passed_over: list[str] = []
    for definition, verdict in zip(tested, _verdicts(tested, catalogue, wishes), strict=True):
        counted_ones = [verdict]
        if not verdict.passed and not wishes.conditions:
            counted_ones, why = _by_python(definition, verdict, catalogue, wishes)
            passed_over += why
        for one in counted_ones:
            found.append(one)
            report.tell(one)
    outcome = Outcome(
        verdicts=tuple(found),
        errors=_errors(catalogue, wishes),
        skipped=tuple(_skipped(skipped, catalogue, wishes)),
        passed_over=tuple(passed_over),
    )
    report.end(outcome)
    return int(not outcome.passed)


def _by_python(
    definition: Judged, verdict: Verdict, catalogue: Catalogue, wishes: Wishes
) -> tuple[list[Verdict], list[str]]:
    """Return what counts of a detection that fails: what its Python says, as Panther's own tool asks nothing else.

    That is nothing, if it has no Python. With it comes the name of what fails by its conditions alone.
    """
    if isinstance(definition, StreamRule) and definition.simple is not None and not verdict.faults:
        return [], [f"{verdict.detection_id} (its conditions fail tests)"]
    if isinstance(definition, StreamRule) and definition.inline_filters:
        (again,) = _verdicts([replace(definition, inline_filters=())], catalogue, wishes)
        if again.passed:
            return [again], [f"{verdict.detection_id} (its inline filters fail tests)"]
    return [verdict], []


def _chosen(catalogue: Catalogue, wishes: Wishes) -> list[Judged]:
    """Return the detections that were asked for, sorted by id. Raises `click.UsageError` for an id that is not there."""
    there = {id_of(one): one for one in detections_in(catalogue) if wishes.scope.holds(one.location)}
    for wished in wishes.ids:
        if wished not in there:
            hint = did_you_mean(wished, _all_ids(wishes))
            raise click.UsageError(f"there is no rule or policy {wished!r}{hint}")
    return [
        one
        for one_id, one in sorted(there.items())
        if (not wishes.ids or one_id in wishes.ids) and all(wish.admits(one) for wish in wishes.filters)
    ]


def _all_ids(wishes: Wishes) -> list[str]:
    """Return the ids of all detections in the scope, for a suggestion."""
    settings = wishes.scope.settings
    whole = read_catalogue(settings.root, exclude=wishes.scope.exclude, folders=wishes.scope.folders)
    return [id_of(one) for one in detections_in(whole)]


def _verdicts(tested: Sequence[Judged], catalogue: Catalogue, wishes: Wishes) -> Iterator[Verdict]:
    tests = DetectionTests(
        definitions=tuple(tested),
        sources=ContentSources.of(catalogue),
        seconds=wishes.scope.settings["limits.evaluation_seconds"],
        destinations=wishes.destinations,
        names=wishes.names,
    )
    for definition, report in zip(tested, run_tests(tests, workers=wishes.workers), strict=True):
        yield _verdict(definition, report, wishes.minimum)


def _verdict(definition: Judged, report: DetectionReport, minimum: int) -> Verdict:
    faults = [] if report.fault is None else [report.fault]
    return Verdict(
        detection_id=report.detection_id,
        kind=type_of(definition),
        location=definition.location,
        results=report.results,
        faults=(*faults, *_missing_tests(definition, minimum)),
    )


def _missing_tests(definition: Judged, minimum: int) -> Iterator[str]:
    """Say what a detection lacks of the tests that were demanded."""
    tests = definition.tests
    if len(tests) < minimum:
        yield f"has {counted(len(tests), 'test')}, and --minimum-tests demands {minimum}"
    elif minimum > 1 and len({test.expected_result for test in tests}) == 1:
        yield "its tests all expect the same, and --minimum-tests demands one that alerts and one that does not"


def _errors(catalogue: Catalogue, wishes: Wishes) -> tuple[DefinitionError, ...]:
    """Return what is wrong with definitions in the scope, but for what tests do not depend on."""
    ignored = _NOT_OF_TESTS if wishes.is_whole else _NOT_OF_TESTS | _OF_THE_WHOLE
    return tuple(
        error
        for error in catalogue.errors
        if error.code not in ignored
        and error.code not in _of_no_test(catalogue.kinds.get(error.location.path))
        and wishes.scope.holds(error.location)
    )


def _of_no_test(kind: Kind | None) -> frozenset[Code]:
    """Return the codes that do not matter for tests in definitions of a kind."""
    return frozenset() if kind is None else _NOT_OF_TESTS_IN.get(kind, frozenset())


def _skipped(disabled: Sequence[Judged], catalogue: Catalogue, wishes: Wishes) -> Iterator[str]:
    """Yield what is not tested: disabled detections, if that was wished, correlation rules, and what nobody can judge."""
    yield from (id_of(one) for one in disabled)
    yield from (
        f"{error.location} ({error.code} {error.message})"
        for error in catalogue.errors
        if error.code in _LEAVING_OUT and wishes.scope.holds(error.location)
    )
    if not wishes.ids and not wishes.filters:
        yield from (
            f"{rule_id} (correlation rule)"
            for rule_id, rule in sorted(catalogue.correlation_rules.items())
            if wishes.scope.holds(rule.location)
        )
