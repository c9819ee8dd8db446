"""The verdicts of `runner test` as JUnit's XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import click

if TYPE_CHECKING:
    from runner.cli.verdicts import Outcome, Verdict
    from runner.detections.unit_tests import TestResult

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitReport:
    """For the many programs that read JUnit's XML: a suite for each detection, a case for each of its tests."""

    def tell(self, verdict: Verdict) -> None:
        """Wait for the end."""

    def end(self, outcome: Outcome) -> None:
        """Print the document."""
        root = ET.Element("testsuites", name="runner test")
        for verdict in outcome.verdicts:
            root.append(_suite(verdict))
        if outcome.errors:
            suite = ET.SubElement(root, "testsuite", name="definitions", errors=str(len(outcome.errors)))
            for error in outcome.errors:
                case = ET.SubElement(suite, "testcase", classname="definitions", name=str(error.location))
                ET.SubElement(case, "error", message=_xml_text(error.message)).text = _xml_text(str(error))
        ET.indent(root)
        click.echo(ET.tostring(root, encoding="unicode", xml_declaration=True))


def _suite(verdict: Verdict) -> ET.Element:
    failed = sum(not result.passed for result in verdict.results)
    suite = ET.Element(
        "testsuite",
        name=_xml_text(verdict.detection_id),
        tests=str(len(verdict.results)),
        failures=str(failed),
        errors=str(len(verdict.faults)),
        time=f"{sum(result.seconds for result in verdict.results):.4f}",
    )
    for fault in verdict.faults:
        case = ET.SubElement(suite, "testcase", classname=_xml_text(verdict.detection_id), name="detection")
        ET.SubElement(case, "error", message=_xml_text(fault))
    suite.extend(_case(verdict, result) for result in verdict.results)
    return suite


def _case(verdict: Verdict, result: TestResult) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=_xml_text(verdict.detection_id),
        name=_xml_text(result.name),
        time=f"{result.seconds:.4f}",
    )
    if result.location is not None:
        case.set("file", result.location.path.as_posix())
        case.set("line", str(result.location.line))
    if not result.passed:
        message = _xml_text("; ".join(result.failures))
        ET.SubElement(case, "failure", message=message).text = _xml_text("\n".join(result.failures))
    if result.printed:
        ET.SubElement(case, "system-out").text = _xml_text(result.printed)
    return case


def _xml_text(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("?", text)
