"""Checks as the XML that continuous integration systems read."""

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from evaluators.drift.report.markup import visible
from watchkeeper.commands.gate import Check, summary

_KINDS = {"failed": "failure", "error": "error", "skipped": "skipped"}


def junit_xml(checks: Sequence[Check], *, seconds: float, timestamp: str) -> bytes:
    """One test suite a group, one test case a check.

    Args:
        seconds: how long all of it took; it stands on the first suite, since checks share their work.
        timestamp: when it began, RFC 3339.
    """
    root = ElementTree.Element("testsuites", {"name": "watchkeeper check", **_counts(checks), "time": f"{seconds:.3f}"})
    for place, (group, found) in enumerate(groupby(checks, key=lambda check: check.group)):
        members = list(found)
        name = f"watchkeeper.{group}"
        time = f"{0 if place else seconds:.3f}"
        told = {"name": name, **_counts(members), "time": time, "timestamp": timestamp}
        suite = ElementTree.SubElement(root, "testsuite", told)
        for check in members:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=_clean(check.name), time="0")
            message = _clean(check.message)
            if check.state in _KINDS:
                verdict = ElementTree.SubElement(case, _KINDS[check.state], message=message)
                if check.state != "skipped":
                    verdict.set("type", check.name)
                    verdict.text = message
            else:
                ElementTree.SubElement(case, "system-out").text = message
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _counts(checks: Sequence[Check]) -> dict[str, str]:
    n = summary(checks)
    return {
        "tests": str(len(checks)), "failures": str(n["failed"]), "errors": str(n["error"]), "skipped": str(n["skipped"])
    }  # fmt: skip


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return visible(text)
