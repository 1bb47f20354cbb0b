"""The tests for a CI system that reads JUnit: one case each, and one for the verdict on what they recorded."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from gradlaws.records.outcomes import Test
from gradlaws.records.report import Report

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {"failed": "failure", "crashed": "error", "hung": "error", "error": "error", "idle": "failure",
         "skipped": "skipped"}  # fmt: skip


def junit(report: Report) -> str:
    """The report as JUnit XML, without the time of day: the same report gives the same text."""
    suites = ElementTree.Element("testsuites", name="gradlaws")
    _suite(suites, "tests", [_case(row) for row in report["tests"]["all"]])
    verdict = ElementTree.Element("testcase", classname="gradlaws", name="verdict", time="0.000")
    if report["reasons"]:
        found = ElementTree.SubElement(verdict, "failure", message=_clean(f"{report['outcome']}: {report['sentence']}"))
        found.text = _clean("\n".join(report["reasons"]))
    _suite(suites, "verdict", [verdict])
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: ElementTree.Element, name: str, cases: list[ElementTree.Element]) -> None:
    tags = [child.tag for case in cases for child in case]
    seconds = sum(float(case.attrib["time"]) for case in cases)
    counts = {f"{tag}s" if tag != "skipped" else tag: str(tags.count(tag)) for tag in ("failure", "error", "skipped")}
    attributes = {"name": name, "tests": str(len(cases)), "time": f"{seconds:.3f}", **counts}
    suite = ElementTree.SubElement(suites, "testsuite", attributes)
    suite.extend(cases)


def _case(row: Test) -> ElementTree.Element:
    path, _, name = row["nodeid"].partition("::")
    where = path.removesuffix(".py").replace("/", ".")
    case = ElementTree.Element("testcase", classname=_clean(where), name=_clean(name), time=f"{row['seconds']:.3f}")
    if row["outcome"] in _TAGS:
        ElementTree.SubElement(case, _TAGS[row["outcome"]], message=_clean(f"{row['outcome']}: {row['message']}"))
    return case


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
