"""Checks of the files that a person edits: settings, segments, templates, campaigns, tables of tools, rates."""

from __future__ import annotations

from collections.abc import Iterator

from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.doctor.findings import Finding, error


def broken_files(examined: Examined) -> Iterator[Finding]:
    """Find every file that cannot be used, with each of its mistakes."""
    for problem in examined.problems:
        place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
        line = f", line {problem.line}" if problem.line else ""
        yield error("files", place, problem.message, f"Edit {problem.file}{line}")
