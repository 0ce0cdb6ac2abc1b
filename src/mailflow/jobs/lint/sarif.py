"""Findings as SARIF 2.1.0, which GitHub, GitLab and editors show beside the lines (OASIS, sarif-v2.1.0)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mailflow import __version__
from mailflow.jobs.lint.findings import Finding
from mailflow.templates.lint.checks import CHECKS, Severity
from mailflow.templates.source import SHIPPED

_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")  # a message may hold links as [words](address), section 3.11.6: ours never do
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def log(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return a whole SARIF log of one run; files are seen from the workspace."""
    codes = list(CHECKS)
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mailflow lint",
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes.index(finding.check.code)) for finding in findings],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    check = CHECKS[code]
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in check.name.split("-")),
        "shortDescription": {"text": check.about},
        "help": {"text": check.remedy},
        "defaultConfiguration": {"level": _level(check.severity)},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    people = f" ({finding.people:,} of {finding.of:,} people, such as {finding.example})" if finding.people else ""
    return {
        "ruleId": finding.check.code,
        "ruleIndex": index,
        "level": _level(finding.check.severity),
        "message": {"text": _LINK.sub(r"\\[", f"{finding.message}{people}. {finding.remedy}.")},
        "locations": [{"physicalLocation": _location(finding)}],
        "properties": {"people": finding.people, "of": finding.of, "example": finding.example},
    }


def _location(finding: Finding) -> dict[str, Any]:
    place = finding.place
    if place.file.startswith(SHIPPED):  # inside the package: no file of the repository that is checked
        return {"artifactLocation": {"uri": place.file}}
    found: dict[str, Any] = {
        "artifactLocation": {"uri": quote(place.file)}
    }  # a URI, section 3.4.3: no blanks, no umlauts
    if place.line is not None:
        column = {} if place.column is None else {"startColumn": place.column}
        found["region"] = {"startLine": place.line, **column}
    return found


def _level(severity: Severity) -> str:
    return str(severity)
