"""Examine a workspace: what is wrong with its files, its database and its data, and how to mend it.

A check is a function from `Examined` to findings; a new one is a line in `CHECKS`. What they look at: examined; the
table of fields: fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from mailflow.errors import DataError, MailflowError
from mailflow.jobs.doctor import data, database, files, private
from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.doctor.fields import FieldReport, FieldSource, Reader
from mailflow.jobs.doctor.findings import Finding, Severity, error
from mailflow.store.database import explain
from mailflow.workspace import DATABASE_FILE, Workspace

_RESTORE = "Restore it from .mailflow/backups, or from your own backup"

Check = Callable[[Examined], Iterable[Finding]]
Advance = Callable[[int], object]
# Shows how far a long task is: label and size → a context that gives what is told of each step.
Progress = Callable[[str, int], AbstractContextManager[Advance]]

CHECKS: tuple[Check, ...] = (
    files.broken_files,
    private.open_to_others,
    private.missing_keys,
    database.unreadable,
    database.damaged,
    database.unsafe_journal,
    database.interrupted_imports,
    database.wrong_facts,
    data.unknown_in_templates,
    data.read_but_empty,
    data.declared_but_empty,
    data.of_another_type,
    data.read_by_nobody,
    data.unknown_owners,
    data.firms_at_free_mail,
    data.overpaid_orders,
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor found, what runs the database, and every field with its source, freshness and readers."""

    findings: tuple[Finding, ...]
    fields: tuple[FieldReport, ...]
    database: str | None

    @property
    def errors(self) -> int:
        """How many findings are something wrong; the others are hints."""
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


@contextmanager
def _unseen(label: str, total: int) -> Iterator[Advance]:
    yield lambda steps: None


def diagnose(workspace: Workspace, *, now: datetime, progress: Progress = _unseen) -> Diagnosis:
    """Carry out every check. What one of them cannot read is a finding, and the others go on."""
    examined = Examined(workspace, now, progress)
    findings = tuple(finding for check in CHECKS for finding in _carried_out(check, examined))
    return Diagnosis(findings, examined.fields, database.described(examined))


def fields_only(workspace: Workspace, *, now: datetime, progress: Progress = _unseen) -> tuple[FieldReport, ...]:
    """Return every field with its source, freshness, fill and readers, without the checks."""
    return Examined(workspace, now, progress).fields


def _carried_out(check: Check, examined: Examined) -> Iterator[Finding]:
    """Yield what a check finds; an error of the database or of a file that it meets is a finding too."""
    try:
        yield from check(examined)
    except Exception as failure:
        known = failure if isinstance(failure, MailflowError) else explain(failure)
        if known is None:
            raise
        examined.is_damaged = True
        remedy = _RESTORE if isinstance(known, DataError) else "Look at that first, then run `mailflow doctor` again"
        yield error("database", DATABASE_FILE, str(known), remedy)


__all__ = [
    "CHECKS",
    "Diagnosis",
    "Examined",
    "FieldReport",
    "FieldSource",
    "Finding",
    "Reader",
    "Severity",
    "diagnose",
    "fields_only",
]
