"""Import one file: look at it, stage it, compare it, then write what is new in short transactions. All or nothing."""

from __future__ import annotations

import csv
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailflow import clock
from mailflow.importers.cells import Sheet
from mailflow.importers.consent import ConsentReader
from mailflow.importers.contact_rows import ContactRows, unknown_words
from mailflow.importers.options import ImportOptions, ImportResult, Trouble
from mailflow.importers.order_columns import Writing
from mailflow.importers.order_rows import Batch, OrderRows
from mailflow.importers.recognise import Noun, Recognised, recognise
from mailflow.importers.source import LINE_COLUMN, REASON_COLUMN, Block, Reject, Source, blocks, inspect
from mailflow.importers.survey import survey
from mailflow.store import Store, consents_bulk, contacts_bulk, imports, matching, orders_bulk, undo
from mailflow.store.orders_bulk import Parts
from mailflow.store.pace import Pace
from mailflow.store.staging import StagedReject, Staging, clear_spool, open_staging

SHOWN_PROBLEMS = 100
SHOWN_CHANGES = 20

Advance = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What reading a file gave, before anything is compared."""

    rows: int
    merged: int
    parts: Parts
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What comparing gave."""

    inserted: int
    updated: int
    unchanged: int
    warnings: list[str]


def import_file(
    store: Store,
    private: Path,
    path: Path,
    options: ImportOptions,
    *,
    now: datetime,
    advance: Advance = lambda rows: None,
) -> ImportResult:
    """Import one file into `store`, or say what would happen (`options.dry_run`).

    `private` is the workspace's private folder, for the staging file and the reject file. The caller holds the run
    lock, unless it is a dry run. `UsageError` and `DataError` for a file that cannot be used at all.
    """
    source = inspect(path)
    recognised = recognise(source, noun=options.noun, tool=options.tool, mapping=options.mapping)
    shop = options.source or recognised.tool
    spool = private / "spool"
    if not options.dry_run:
        recover(store, private, now=now)
    with open_staging(store, spool) as staging:
        with staging.filling(), _no_cycles():
            outcome = _stage(staging, source, recognised, options, advance)
            verdict = _compare(staging, recognised, outcome, shop)
        rejected = staging.reject_count()
        problems = [Trouble(row.line, row.field, row.reason) for row in staging.rejects(SHOWN_PROBLEMS)]
        import_id, reject_file, changes = None, None, []
        if options.dry_run:
            changes = _changes(staging, recognised)
        else:
            import_id = _apply(staging, source, recognised, options, outcome, verdict, shop, now)
            if rejected:
                reject_file = _write_rejects(private / "rejects", import_id, source, staging.rejects())
    return ImportResult(
        path, recognised.noun, recognised.tool, import_id, outcome.rows, verdict.inserted, verdict.updated,
        verdict.unchanged, outcome.merged, rejected, reject_file, problems,
        [*outcome.warnings, *verdict.warnings], changes,
    )  # fmt: skip


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Pause the collector of reference cycles: millions of tuples come and go, none in a cycle; it costs a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def recover(store: Store, private: Path, *, now: datetime) -> list[int]:
    """Roll back imports that were interrupted, and clear what they left behind. Under the run lock only."""
    clear_spool(private / "spool")
    return undo.recover(store, now=now)


def _stage(
    staging: Staging, source: Source, recognised: Recognised, options: ImportOptions, advance: Advance
) -> _Outcome:
    findings = survey(source, recognised, options)
    consent = ConsentReader(source.path.name, options.basis, options.evidence)
    warnings = list(source.notes)
    if recognised.noun is Noun.CONTACTS:
        contacts = ContactRows(recognised, consent, findings.instants, source.path.name)
        rows = _stage_contacts(staging, source, recognised, contacts, advance)
        warnings += _contact_warnings(contacts, recognised, options)
        outcome = _Outcome(rows, 0, Parts(lines=False, refunds=False, may_repeat=False), warnings)
    else:
        columns = Writing(
            findings.instants["placed_at"], findings.instants["refunded_at"], findings.marks, options.currency,
            findings.line_totals,
        )  # fmt: skip
        orders = OrderRows(recognised, consent, columns)
        rows = _stage_orders(staging, source, recognised, orders, advance)
        merged = orders.merged
        if not orders.has_ids:
            orders_bulk.number_equal_rows(staging.db)
        elif orders.has_lines and not orders.ids_ascend:
            merged += orders_bulk.join_scattered(staging.db, add_totals=orders.adds_totals)
        warnings += _order_warnings(recognised, options, line_totals=findings.line_totals)
        outcome = _Outcome(
            rows,
            merged,
            Parts(lines=orders.has_lines, refunds=orders.has_refunds, may_repeat=not orders.ids_ascend),
            warnings,
        )
    if consent.unknown:
        warnings.append(
            f"Words about consent that nobody knows count as no consent: {unknown_words(consent.unknown)}."
            " If they mean yes, import these rows with --consent and --evidence"
        )
    return outcome


def many(count: int, one: str, more: str) -> str:
    """Return a number with its noun: `1 row is`, `2,000 rows are`."""
    return f"{count:,} {one if count == 1 else more}"


def _stage_contacts(
    staging: Staging, source: Source, recognised: Recognised, contacts: ContactRows, advance: Advance
) -> int:
    rows = 0
    for block in blocks(source):
        sheet = Sheet(block, recognised, source.header)
        staging.add_cards(contacts.columns, contacts.cards(sheet))
        _stage_rejects(staging, [*block.rejects, *sheet.rejects()])
        rows += _size(block)
        advance(_size(block))
    return rows


def _stage_orders(staging: Staging, source: Source, recognised: Recognised, orders: OrderRows, advance: Advance) -> int:
    rows = 0
    for block in blocks(source):
        _stage_batch(staging, orders, orders.read(Sheet(block, recognised, source.header)))
        _stage_rejects(staging, block.rejects)
        rows += _size(block)
        advance(_size(block))
    _stage_batch(staging, orders, orders.finish())
    return rows


def _stage_batch(staging: Staging, orders: OrderRows, batch: Batch) -> None:
    staging.add_cards(orders.card_columns, batch.cards)
    staging.add_orders(orders.order_columns, batch.orders)
    staging.add_lines(batch.lines)
    staging.add_refunds(batch.refunds)
    _stage_rejects(staging, batch.rejects)


def _stage_rejects(staging: Staging, rejects: list[Reject]) -> None:
    staging.add_rejects(StagedReject(row.line, row.field, row.reason, list(row.cells)) for row in rejects)


def _size(block: Block) -> int:
    return len(block.rows) + len(block.rejects)


def _compare(staging: Staging, recognised: Recognised, outcome: _Outcome, shop: str) -> _Verdict:
    """Find out what is new. Reads the database in short statements, writes only into the staging file."""
    db = staging.db
    is_orders = recognised.noun is Noun.ORDERS
    matching.match_people(db, shop)
    contacts = contacts_bulk.compare(db, shop, staging.card_columns, fill_only=is_orders)
    refused = consents_bulk.compare(db)
    warnings = []
    if refused:
        warnings.append(
            f"{many(refused, 'person', 'people')} said no earlier, though this file says yes: the no holds. Only they"
            " can lift it, or you with proof: mailflow contact subscribe EMAIL --evidence TEXT"
        )
    if not is_orders:
        updated = contacts.changed + consents_bulk.changed_contacts(db)
        read = outcome.rows - staging.reject_count()
        if contacts.folded:
            warnings.append(
                f"{many(contacts.folded, 'row is', 'rows are')} about a person of an earlier row: read as one, the last"
                " word counts."
            )
        return _Verdict(contacts.new, updated, read - contacts.new - updated, warnings)
    orders = orders_bulk.compare(db, shop, outcome.parts)
    if orders.repeated:
        warnings.append(
            f"{many(orders.repeated, 'row repeats', 'rows repeat')} an order of the file: the last of each counts."
        )
    if orders.anonymous:
        warnings.append(
            f"{many(orders.anonymous, 'order names', 'orders name')} no customer: kept, but counted for nobody."
        )
    staged = db.execute("SELECT count(*) FROM stage.orders").fetchone()[0] + orders.repeated
    return _Verdict(orders.new, orders.changed, staged - orders.new - orders.changed, warnings)


def _apply(
    staging: Staging, source: Source, recognised: Recognised, options: ImportOptions, outcome: _Outcome,
    verdict: _Verdict, shop: str, now: datetime,
) -> int:  # fmt: skip
    """Write everything, opt-outs first; when anything fails, take back what was written."""
    with staging.store.transaction() as tx:
        import_id = imports.begin(
            tx, file=str(source.path), sha256=source.sha256, noun=recognised.noun, tool=recognised.tool,
            options=_options_used(options, shop), now=now,
        )  # fmt: skip
    try:
        _write(staging, recognised, outcome.parts, shop, import_id, clock.to_ms(now))
        with staging.store.transaction() as tx:
            imports.finish(
                tx, import_id, inserted=verdict.inserted, updated=verdict.updated, unchanged=verdict.unchanged,
                rejected=staging.reject_count(), now=now,
                problems=[(row.line, row.field, row.reason) for row in staging.rejects(imports.MAX_PROBLEMS)],
            )  # fmt: skip
    except Exception:
        undo.recover(staging.store, now=now)
        raise
    return import_id


def _write(staging: Staging, recognised: Recognised, parts: Parts, shop: str, import_id: int, now_ms: int) -> None:
    pace = Pace(staging.store)
    is_orders = recognised.noun is Noun.ORDERS
    consents_bulk.append(pace, import_id, shop, now_ms, opt_outs_of_known=True)
    contacts_bulk.add_new(pace, import_id, shop, now_ms)
    contacts_bulk.alter_known(pace, import_id, now_ms, fill_only=is_orders)
    consents_bulk.append(pace, import_id, shop, now_ms, opt_outs_of_known=False)
    if is_orders:
        orders_bulk.add_products(pace, import_id, shop)
        orders_bulk.add_new(pace, import_id, shop, parts)
        orders_bulk.revise_known(pace, import_id, shop, parts)


def _options_used(options: ImportOptions, shop: str) -> dict[str, object]:
    return {
        "source": shop, "currency": options.currency, "timezone": str(options.zone), "map": dict(options.mapping),
        "date_format": options.date_format, "consent": options.basis, "evidence": options.evidence,
    }  # fmt: skip


def _changes(staging: Staging, recognised: Recognised) -> list[dict[str, object]]:
    if recognised.noun is Noun.ORDERS:
        return orders_bulk.differences(staging.db, SHOWN_CHANGES)
    return contacts_bulk.differences(staging.db, fill_only=False, limit=SHOWN_CHANGES)


def _contact_warnings(contacts: ContactRows, recognised: Recognised, options: ImportOptions) -> Iterator[str]:
    if recognised.ignored:
        yield f"Columns left out: {', '.join(recognised.ignored)}."
    if contacts.without_address > 0:
        people = many(contacts.without_address, "person has", "people have")
        yield f"{people} no e-mail address: kept, but not to be mailed."
    if contacts.unread_birthdays:
        birthdays = many(contacts.unread_birthdays, "birthday is no date", "birthdays are no dates")
        yield f"{birthdays}: kept as written, as an attribute."
    says = {"consent", "opt_out", "opted_out_at"} & set(recognised.columns)
    if not says and options.basis is None:
        yield (
            "The file says nothing about consent, so it allows no marketing mail to anybody. If they agreed, say so"
            " with --consent express --evidence 'where and when'"
        )


def _order_warnings(recognised: Recognised, options: ImportOptions, *, line_totals: bool) -> Iterator[str]:
    if recognised.ignored:
        yield f"Columns of no use for orders were left out: {', '.join(recognised.ignored)}."
    if line_totals:
        yield "The amount differs between the rows of one order, so it was read as that of each line and added up."
    if "currency" not in recognised.columns:
        yield f"No column says the currency: all amounts were read as {options.currency}."


def _write_rejects(folder: Path, import_id: int, source: Source, rejects: Iterator[StagedReject]) -> Path:
    """Write the rejected rows as a CSV that can be mended and imported again."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{import_id}-{source.path.stem}.csv"
    header = [name for name in source.header if name not in (LINE_COLUMN, REASON_COLUMN)]
    places = [place for place, name in enumerate(source.header) if name not in (LINE_COLUMN, REASON_COLUMN)]
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, LINE_COLUMN, REASON_COLUMN])
        for row in rejects:
            # What does not fit under the header goes into its last cell: nothing is cut off.
            fitting = [row.cells[place] if place < len(row.cells) else "" for place in places]
            if len(row.cells) > len(source.header):
                fitting[-1] = source.delimiter.join(row.cells[len(source.header) - 1 :])
            writer.writerow([*fitting, row.line, row.reason])
    return path
