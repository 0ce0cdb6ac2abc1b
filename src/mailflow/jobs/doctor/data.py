"""Checks of the data: fields that are read and empty, filled and read by nobody, or not what they are declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailflow.config.yaml_files import suggestion
from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.doctor.fields import COMPUTED, FieldReport, Reader
from mailflow.jobs.doctor.findings import Finding, error, hint
from mailflow.phrases import many
from mailflow.store import companies, overpaid, owners
from mailflow.store.field_usage import ATTRIBUTE, COLUMNS
from mailflow.workspace import SETTINGS_FILE

_SHOWN = 8
# How to fill what is worked out.
_TO_FILL = {
    "orders": "Import orders",
    "rfm": "Import orders, then `mailflow score`",
    "consent": "Import contacts with what they said, see docs/consent.md",
}
_IS_NO = {"number": "number", "bool": "yes or no", "text": "text", "date": "day"}


def unknown_in_templates(examined: Examined) -> Iterator[Finding]:
    """Find fields in templates that are neither built in, nor declared, nor known of anybody."""
    for report in _reports(examined):
        if not _is_unknown(report):
            continue
        name = report.name.removeprefix(ATTRIBUTE)
        known = [*COLUMNS, *(other.removeprefix(ATTRIBUTE) for other in examined.usage.filled), *COMPUTED]
        yield error(
            "data",
            report.name,
            f"{_read_by(report.readers)}, but there is no such field{suggestion(name, known)}",
            f"Mend the name there, or declare it under fields: in {SETTINGS_FILE}",
        )


def _is_unknown(report: FieldReport) -> bool:
    """Return whether a template reads what there is not. A rule may ask about an attribute that nobody has yet."""
    return not (report.declared or report.filled) and any(reader.kind == "template" for reader in report.readers)


def read_but_empty(examined: Examined) -> Iterator[Finding]:
    """Find fields that something reads and nobody fills, and such as only some have though all are told of them."""
    for report in _reports(examined):
        if not report.readers or _is_unknown(report):
            continue
        if not report.filled:
            yield hint(
                "data",
                report.name,
                f"{_read_by(report.readers)}, and not one of {report.contacts:,} contacts has it",
                _TO_FILL.get(report.name.partition(".")[0], "Import a file that fills it, or take it out there"),
            )
        elif not report.declared and report.filled < report.contacts:
            yield hint(
                "data",
                report.name,
                f"{_read_by(report.readers)}; it is not declared, and {report.contacts - report.filled:,} of"
                f" {report.contacts:,} contacts lack it, for whom a template without default() fails",
                f"Declare it under fields: in {SETTINGS_FILE}",
            )


def declared_but_empty(examined: Examined) -> Iterator[Finding]:
    """Find fields under `fields:` that nobody has and nothing reads."""
    for report in _reports(examined):
        if report.name.startswith(ATTRIBUTE) and report.declared and not report.filled and not report.readers:
            yield hint(
                "data",
                report.name,
                f"it is declared in {SETTINGS_FILE}, and not one of {report.contacts:,} contacts has it",
                "Import a file that fills it, or take the line out",
            )


def of_another_type(examined: Examined) -> Iterator[Finding]:
    """Find declared fields with values that are none of what they are declared as, which no rule compares."""
    declared = examined.settings.fields if examined.settings else {}
    for name, misfit in examined.misfits.items():
        settings = declared[name]
        values = many(misfit.values, "value is", "values are")
        what = f"{settings.type}, and {values} no {_IS_NO[settings.type]}"
        shown = "" if settings.sensitive else f": {misfit.examples}"
        yield error(
            "data",
            f"{ATTRIBUTE}{name}",
            f"{SETTINGS_FILE} says {what}, so rules pass them over{shown}",
            "Mend them in the file and import it again, or declare the type that they have",
        )


def read_by_nobody(examined: Examined) -> Iterator[Finding]:
    """Find attributes that are kept of people though nothing in the workspace reads them."""
    unread = [report for report in _reports(examined) if report.name.startswith(ATTRIBUTE) and report.filled]
    names = [report.name.removeprefix(ATTRIBUTE) for report in unread if not report.readers]
    if names:
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
        yield hint(
            "data",
            "attributes",
            f"kept of people, and read by no template, segment or campaign: {shown}",
            "Keep what you will use; leave the rest out of the next import with --map 'column=ignore'",
        )


def unknown_owners(examined: Examined) -> Iterator[Finding]:
    """Find what contacts say about who looks after them where no owner is meant, once there are owners."""
    if examined.store is None or not owners.all_of_them(examined.store.db):
        return
    names = [said for said, _ in examined.usage.owners.most_common() if owners.find(examined.store.db, said) is None]
    if names:
        shown = ", ".join(repr(name) for name in names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
        people = sum(examined.usage.owners[name] for name in names)
        yield hint(
            "data",
            "owner",
            f"{people:,} contacts name owners who are not in the list of owners: {shown}",
            "Import them with `mailflow import FILE --as owners`, by the same e-mail address, id or name",
        )


def firms_at_free_mail(examined: Examined) -> Iterator[Finding]:
    """Find companies whose domain is that of a free-mail provider, where people work anywhere."""
    if examined.store is None:
        return
    domains = [domain for domain in companies.domains(examined.store.db) if companies.is_free_mail(domain)]
    if domains:
        shown = ", ".join(domains[:_SHOWN]) + (" …" if len(domains) > _SHOWN else "")
        yield hint(
            "data",
            "companies.domain",
            f"companies have the domain of a free-mail provider: {shown}. Nobody is taken for theirs because of it",
            "Name the company of those contacts in their column `company`",
        )


def overpaid_orders(examined: Examined) -> Iterator[Finding]:
    """Find orders of which more was paid back than they cost."""
    if examined.store is None or examined.is_damaged:
        return
    found = overpaid.of_database(examined.store.db)
    if found is not None:
        yield hint(
            "data",
            "refunds",
            found.sentence,
            "If it is a slip, mend the refunds where the file comes from and import it again",
        )


def _reports(examined: Examined) -> Sequence[FieldReport]:
    """Return the fields of a workspace that has contacts; of an empty one there is nothing to say yet."""
    if examined.store is None or examined.is_damaged or not examined.usage.contacts:
        return ()
    return examined.fields


def _read_by(readers: Sequence[Reader]) -> str:
    """Return who reads a field: `read by template welcome, segment vip`."""
    shown = [f"{reader.kind} {reader.name}" for reader in readers[:_SHOWN]]
    more = f" and {len(readers) - _SHOWN:,} more" if len(readers) > _SHOWN else ""
    return f"read by {', '.join(shown)}{more}"
