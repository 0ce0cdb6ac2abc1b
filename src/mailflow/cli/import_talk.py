"""How the results of `mailflow import` look: as records, as a table, and as talk about each file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.cli.frame import Record, Session
from mailflow.cli.plain import shown, visible
from mailflow.phrases import many

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from rich.console import RenderableType
    from rich.table import Table

    from mailflow.importers import ImportResult
    from mailflow.jobs.importing import Imported
    from mailflow.store.imports import ImportRecord
    from mailflow.store.undo import Undone

LIST_COLUMNS = ("id", "file", "as", "from", "at", "inserted", "updated", "unchanged", "rejected", "undone")
_SHOWN = 10
_NAMED = 3  # files that a warning of several names
_CALLED_WIDTH = 36  # what a terminal of 80 columns leaves beside the counts
_ABOUT = ("line", "field", "old", "new")
_COUNTS = ("inserted", "updated", "unchanged", "merged", "rejected")


def as_record(result: ImportResult, *, dry_run: bool) -> Record:
    """Return one file's result with the keys of the contract."""
    record: dict[str, Any] = {
        "file": str(result.file),
        "as": result.noun.value,
        "from": result.tool,
        "layout": result.layout,
        "id": result.id,
        "same_as": result.same_as,
        "rows": result.rows,
        **{name: getattr(result, name) for name in _COUNTS},
        "reject_file": str(result.reject_file) if result.reject_file else None,
        "problems": [{"line": row.line, "field": row.field, "reason": row.reason} for row in result.problems],
        "warnings": list(result.warnings),
    }
    if dry_run:
        record["changes"] = list(result.changes)
    return record


def table(done: Imported, *, dry_run: bool) -> RenderableType:
    """Return the table of all files, and below it the sum in words."""
    from rich.console import Group
    from rich.table import Table

    title = "What would change" if dry_run else None
    counts = Table("file: what", box=None, pad_edge=False, title=title, title_justify="left")
    for heading in ("rows", "new", "changed", "unchanged", "rejected"):
        counts.add_column(heading, justify="right", no_wrap=True)
    counts.columns[0].overflow = "fold"
    for result in done.results:
        numbers = (result.rows, result.inserted, result.updated, result.unchanged, result.rejected)
        counts.add_row(_called(result), *(f"{number:,}" for number in numbers))
    return Group(counts, _sum(done.results))


def _called(result: ImportResult) -> str:
    """Return what a file is called and what it is, below it where both are too long for a line."""
    what = f"{result.noun} ({result.title or result.tool})" if result.tool != "plain" else str(result.noun)
    name = visible(result.file.name)
    return f"{name}: {what}" if len(name) + len(what) < _CALLED_WIDTH else f"{name}\n  {what}"


def _sum(results: Sequence[ImportResult]) -> str:
    """Return where all rows went; what is told adds up."""
    rows, inserted, updated, unchanged, merged, rejected = (
        sum(getattr(result, name) for result in results) for name in ("rows", *_COUNTS)
    )
    further = f" + {merged:,} joined to another row" if merged else ""
    parts = f"{inserted:,} new + {updated:,} changed + {unchanged:,} unchanged{further} + {rejected:,} rejected"
    return f"{rows:,} {'row' if rows == 1 else 'rows'} read = {parts}."


def tell_all(session: Session, done: Imported) -> None:
    """Say what a person should know about the files: each one's changes and rejects, what several share once."""
    for result in done.results:
        tell(session, result)
    shared: dict[str, list[str]] = {}
    for result in done.results:
        for warning in result.warnings:
            shared.setdefault(warning, []).append(str(result.file))
    for warning, files in shared.items():
        more = f" and {len(files) - _NAMED:,} more" if len(files) > _NAMED else ""
        session.say(f"{', '.join(files[:_NAMED])}{more}: {warning}")
    tell_left_out(session, done)
    tell_numbers(session, [result.id for result in done.results if result.id is not None])
    for result in done.results:
        if result.to_keep:  # last, so that it can be copied from here to the end
            session.say("To have such a file read in this way by itself, put this into mailflow.yaml:")
            session.say(result.to_keep.rstrip("\n"))


def tell_numbers(session: Session, ids: Sequence[int]) -> None:
    """Say how to take back what came in."""
    if len(ids) == 1:
        session.say(f"Import {ids[0]}; mailflow import --undo {ids[0]} takes it back.")
    elif ids:
        session.say(
            f"Imports {ids[0]} to {ids[-1]}; mailflow import --undo NUMBER takes one back, --list shows which is which."
        )


def tell(session: Session, result: ImportResult) -> None:
    """Say what a person should know about one file alone: what would change, and the first rejects."""
    if result.changes:
        session.say(f"{result.file}: changed, old -> new:")
        for change in result.changes[: 2 * _SHOWN]:
            session.say(f"  {_changed(change)}")
        if len(result.changes) >= 2 * _SHOWN:
            session.say("  … --format json lists all of them")
    for problem in result.problems[:_SHOWN]:
        field = f"{problem.field}: " if problem.field else ""
        session.say(f"{result.file}:{problem.line}: {field}{problem.reason}")
    if result.rejected > _SHOWN:
        session.say(f"{result.file}: … and {result.rejected - _SHOWN:,} more rejected rows")


def tell_left_out(session: Session, done: Imported) -> None:
    """List the files that hold no rows, and count them."""
    for left_out in done.left_out:
        session.say(f"{left_out.path}: left out: {left_out.reason}")
    if len(done.left_out) > 1:
        session.say(f"{len(done.left_out):,} files left out.")


def _changed(change: Mapping[str, Any]) -> str:
    who = next((shown(value) for name, value in change.items() if name not in _ABOUT and value is not None), "?")
    return f"line {change['line']}: {who}: {change['field']}: {_in_words(change['old'])} -> {_in_words(change['new'])}"


def _in_words(value: object) -> str:
    return "(blank)" if value in (None, "") else shown(value)


def as_row(record: ImportRecord) -> Record:
    """Return one import as `--list` gives it."""
    return {
        "id": record.id,
        "file": record.file,
        "as": record.noun,
        "from": record.tool,
        "at": clock.iso(record.started_at),
        "inserted": record.inserted,
        "updated": record.updated,
        "unchanged": record.unchanged,
        "rejected": record.rejected,
        "undone": clock.iso(record.undone_at) if record.undone_at else None,
    }


def list_table(records: Sequence[ImportRecord], zone: ZoneInfo) -> Table:
    """Return the table that `--list` prints, with the days in a zone."""
    from rich.table import Table

    listed = Table("id", "file: what", "at", box=None, pad_edge=False)
    for heading in ("new", "changed", "unchanged", "rejected"):
        listed.add_column(heading, justify="right", no_wrap=True)
    listed.columns[1].overflow = "fold"
    listed.columns[2].no_wrap = True
    for record in records:
        numbers = (record.inserted, record.updated, record.unchanged, record.rejected)
        what = record.noun if record.tool == "plain" else f"{record.noun} ({record.tool})"
        state = "" if record.state == "done" else f", {record.state.replace('_', ' ')}"
        at = clock.local_date(record.started_at, zone).isoformat()
        listed.add_row(
            str(record.id),
            f"{visible(Path(record.file).name)}\n  {what}{state}",
            at,
            *(f"{number:,}" for number in numbers),
        )
    return listed


def undone_record(record: ImportRecord, undone: Undone) -> Record:
    """Return what became of an import that was taken back."""
    return {"id": record.id, "file": record.file, **dataclasses.asdict(undone)}


def tell_undone(session: Session, undone: Undone) -> None:
    """Say what was taken back, what something newer holds, and which noes stay."""
    counts = dataclasses.asdict(undone)
    kept_noes = {"kept_opt_outs", "kept_suppressions"}
    earlier = counts.pop("earlier")
    gone = {name: count for name, count in counts.items() if not name.startswith("kept_")}
    kept = {name[5:]: count for name, count in counts.items() if name.startswith("kept_") and name not in kept_noes}
    session.say(f"Taken back: {', '.join(_counted(gone)) or 'nothing'}.")
    if earlier:
        session.say(f"And {many(earlier, 'thing', 'things')} that imports undone before had to leave.")
    if any(kept.values()):
        session.say(
            "Left as they are, because something newer, or the ledger of consent, speaks of them:"
            f" {', '.join(_counted(kept))}. What only a newer import holds goes when that one is undone."
        )
    if counts.get("kept_opt_outs"):
        people = many(counts["kept_opt_outs"], "person who said no stays", "people who said no stay")
        session.say(f"{people} unsubscribed.")
    if counts.get("kept_suppressions"):
        addresses = many(counts["kept_suppressions"], "suppressed address stays", "suppressed addresses stay")
        session.say(f"{addresses} suppressed.")


def _counted(counts: Mapping[str, int]) -> Iterator[str]:
    for name, count in counts.items():
        if count:
            one = f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
            yield f"{count:,} {(one if count == 1 else name).replace('_', ' ')}"
