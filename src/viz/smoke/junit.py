"""Checks as JUnit XML, which every CI service reads."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from viz.smoke.check import Check

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


def junit_xml(checks: Sequence[Check], suite: str) -> str:
    """A whole document: one test suite, one test case for each check, named `viz.smoke.SUBJECT` and the check."""
    root = Xml.Element("testsuites", _totals(checks))
    inner = Xml.SubElement(root, "testsuite", {"name": _text(suite), **_totals(checks)})
    for one in checks:
        names = {"classname": f"viz.smoke.{_text(one.subject)}", "name": _text(one.name)}
        case = Xml.SubElement(inner, "testcase", {**names, "time": f"{one.seconds:.3f}"})
        if one.outcome != "passed":
            element = "failure" if one.outcome == "failed" else "skipped"
            Xml.SubElement(case, element, {"message": _text(one.detail)}).text = _text(one.detail)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _totals(checks: Sequence[Check]) -> dict[str, str]:
    failed, skipped = (sum(one.outcome == outcome for one in checks) for outcome in ("failed", "skipped"))
    seconds = sum(one.seconds for one in checks)
    counts = {"tests": str(len(checks)), "failures": str(failed), "errors": "0", "skipped": str(skipped)}
    return {**counts, "time": f"{seconds:.3f}"}


def _text(text: str) -> str:
    """Text without the characters that XML cannot hold, even escaped."""
    return _NOT_IN_XML.sub("\ufffd", text)
