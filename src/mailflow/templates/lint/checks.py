"""The checks of `mailflow lint`, as checks.tsv lists them, and what one of them finds.

What finds them: fields.py in the sources of a template; wording.py, links.py, elements.py, looks.py, size in message.py
in what was rendered; wire.py in the bytes; files, offers and languages: jobs/lint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from types import MappingProxyType


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # the mail should not go out: exit code 1
    WARNING = "warning"  # it can, but some readers get less than was meant; exit code 1 with --strict
    NOTE = "note"  # nothing is wrong: good to know


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is looked for. `remedy` says what to do about it."""

    code: str
    name: str
    severity: Severity
    about: str
    remedy: str


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A fault in one message, before anybody knows where its line is.

    `near` are texts to look for in the files of the template: the first that stands in one is the place, and the last
    may merely be like it. `key` is the key of the front matter in which the fault is, where it is in one. `about` tells
    two faults of one kind in one place apart: the name of a field, a language. `remedy` takes the place of the check's.
    """

    code: str
    message: str
    near: tuple[str, ...] = ()
    key: str = ""
    about: str = ""
    remedy: str = ""


def _read() -> dict[str, Check]:
    text = (resources.files("mailflow.templates.lint") / "checks.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {code: Check(code, name, Severity(severity), about, remedy) for code, name, severity, about, remedy in rows}


CHECKS: Mapping[str, Check] = MappingProxyType(_read())


def table() -> str:
    """Return all checks as a table in Markdown, for docs/lint.md."""
    rows = ["| code | name | is | what it finds | what to do |", "|---|---|---|---|---|"]
    rows += [
        f"| {c.code} | `{c.name}` | {c.severity} | {_cell(c.about)} | {_cell(c.remedy)} |" for c in CHECKS.values()
    ]
    return "\n".join(rows)


def _cell(text: str) -> str:
    """Return text for a cell: braces, angle brackets and bars as they are."""
    return text.replace("|", r"\|").replace("<", "&lt;")
