"""`runner debug`: one test of one detection, in this process, so that a debugger can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.options import Scope, find_scope, project_option
from runner.cli.selection import detections_in, type_of
from runner.cli.verdicts import TextReport, Verdict
from runner.cli.wording import complain, did_you_mean
from runner.definitions.partial import read_files, read_part
from runner.detections.content import Content, ContentSources
from runner.detections.unit_tests import Bench, run_test
from runner.errors import DetectionError
from runner.worker.detection_tests import id_of

if TYPE_CHECKING:
    from pathlib import Path

    from runner.definitions.catalogue import Catalogue
    from runner.definitions.unit_test import UnitTest
    from runner.detections.content import Judged


@click.command(name="debug")
@click.argument("rule_id")
@click.argument("test_name", required=False)
@project_option
def command(rule_id: str, test_name: str | None, project: Path | None) -> int:
    """Run the test TEST_NAME of the rule or policy RULE_ID in this process, without a limit of time.

    What the detection prints is shown as it comes, and `breakpoint()` stops in it. Without TEST_NAME, the names of its
    tests are listed.
    """
    scope = find_scope(project, apart=False)
    catalogue = _read(scope, rule_id)
    definition = _definition(catalogue, scope, rule_id)
    if test_name is None:
        for test in definition.tests:
            click.echo(test.name)
        return 0
    test = _test(definition, test_name)
    content = Content(ContentSources.of(catalogue))
    try:
        detection = content.load(definition)
    except DetectionError as error:
        complain([f"{rule_id}: {error.kind}: {error.message}"])
        return 1
    result = run_test(Bench(content=content, definition=definition, detection=detection, prints=True), test)
    TextReport(failures_only=False).tell(
        Verdict(
            detection_id=rule_id,
            kind=type_of(definition),
            location=definition.location,
            results=(result,),
        )
    )
    return int(not result.passed)


def _read(scope: Scope, rule_id: str) -> Catalogue:
    """Read the detection, and what it may ask for."""
    settings = scope.settings
    wanted = rule_id.encode()
    return read_part(
        settings.root,
        lambda _, raw: wanted in raw,
        exclude=scope.exclude,
        folders=scope.folders,
        read_all=read_files,
    )


def _definition(catalogue: Catalogue, scope: Scope, rule_id: str) -> Judged:
    found = {id_of(one): one for one in detections_in(catalogue)}
    if rule_id in found:
        return found[rule_id]
    complain(error for error in catalogue.errors if scope.holds(error.location))
    raise click.UsageError(f"there is no sound rule or policy {rule_id!r}{did_you_mean(rule_id, found)}")


def _test(definition: Judged, name: str) -> UnitTest:
    """Return the test of a name; of several that share it, the first."""
    found: dict[str, UnitTest] = {}
    for test in definition.tests:
        found.setdefault(test.name, test)
    if name not in found:
        listed = ", ".join(map(repr, found)) or "none"
        raise click.UsageError(f"there is no test {name!r}{did_you_mean(name, found)} (its tests: {listed})")
    return found[name]
