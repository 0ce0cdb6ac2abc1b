"""Take an import back from its journal: orders, products, fields, identities, contacts, and its yeses.

What something newer changed since stays as it is, until that is undone as well. The ledger of consent is never
rewritten for a finished import: a yes is taken back by an entry of its own, and every no is kept. An import that was
interrupted is rolled back: nobody has seen it, so what it added goes entirely, except a no of somebody we already knew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from mailflow.errors import UnfinishedError
from mailflow.model import ImportState
from mailflow.store import (
    claims,
    consents_undo,
    contacts_undo,
    events_bulk,
    imports,
    journal,
    orders_undo,
    products_undo,
    registers_undo,
    statements_bulk,
    suppressions_bulk,
)  # fmt: skip
from mailflow.store.database import Store
from mailflow.store.pace import Pace


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of an import. `kept_*` counts what could not be taken back, because of something newer or a no.

    `consents` are entries that allowed mail or asked for it; `kept_others` are products, events, owners, companies
    and costs. `earlier` is what imports that were undone before had to leave, and could go now.
    """

    orders: int = 0
    contacts: int = 0
    changed_contacts: int = 0
    consents: int = 0
    products: int = 0
    events: int = 0
    answers: int = 0
    owners: int = 0
    companies: int = 0
    costs: int = 0
    earlier: int = 0
    kept_orders: int = 0
    kept_contacts: int = 0
    kept_others: int = 0
    kept_opt_outs: int = 0
    kept_suppressions: int = 0


def take_back(store: Store, import_id: int, *, now: datetime, final: ImportState) -> Undone:
    """Undo a finished import, or roll back an interrupted one (`final` says which). Under the run lock only.

    When it is interrupted itself, `recover` goes on with it. `UnfinishedError` where the database fails meanwhile.
    """
    with _to_its_end(import_id):
        return _take_back(store, import_id, now, final)


def roll_back(store: Store, import_id: int, *, now: datetime) -> None:
    """Take back what an import wrote before it failed; nothing if it had come to its end. Errors as of `take_back`."""
    with _to_its_end(import_id):
        record = imports.get(store.db, import_id)
        if record is not None and record.state is ImportState.APPLYING:
            _take_back(store, import_id, now, ImportState.ROLLED_BACK)


@contextmanager
def _to_its_end(import_id: int) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise UnfinishedError(
            f"import {import_id} is there in part and could not be taken back to its end for now ({error}). The next"
            " `mailflow import` or `mailflow run` goes on with that before anything else. Free some space if the disk"
            " is full, and repeat"
        ) from error


def _take_back(store: Store, import_id: int, now: datetime, final: ImportState) -> Undone:
    pace = Pace(store)
    rolls_back = final is ImportState.ROLLED_BACK
    if not rolls_back:
        with store.transaction() as tx:
            imports.begin_undoing(tx, import_id)
    told = _take_back_things(pace, import_id)
    answers = statements_bulk.take_back(pace, import_id)
    # What nobody has seen leaves no trace: the time of the last change is then what it was.
    changed, kept_fields = contacts_undo.restore(pace, import_id, None if rolls_back else now)
    contacts_undo.forget_identities(pace, import_id)
    said = 0
    if rolls_back:
        consents_undo.drop(pace, import_id)
    else:
        said = consents_undo.compensate(pace, import_id, now)
    contacts, kept_contacts = contacts_undo.delete(pace, import_id)
    if rolls_back:
        suppressions_bulk.drop_of_strangers(pace, import_id)
    earlier = 0 if rolls_back else sum(_go_on(pace, undone, now) for undone in journal.undone_in_part(store.db))
    opt_outs = store.db.execute(
        "SELECT count(*) FROM consents WHERE import_id = ? AND state = 'unsubscribed'", (import_id,)
    ).fetchone()[0]
    with store.transaction() as tx:
        claims.forget(tx, import_id)
        imports.settle(tx, import_id, final, now)
    return Undone(
        **told,
        contacts=contacts,
        changed_contacts=changed,
        consents=said,
        answers=answers,
        earlier=earlier,
        kept_contacts=kept_contacts + kept_fields,
        kept_opt_outs=opt_outs,
        kept_suppressions=suppressions_bulk.count_kept(store.db, import_id),
    )


def recover(store: Store, *, now: datetime) -> list[int]:
    """Roll back every import that was interrupted, and finish every undoing that was; return their ids.

    Under the run lock only.
    """
    ids = imports.interrupted(store.db)
    for import_id in ids:
        record = imports.get(store.db, import_id)
        undoing = record is not None and record.state is ImportState.UNDOING
        take_back(store, import_id, now=now, final=ImportState.UNDONE if undoing else ImportState.ROLLED_BACK)
    return ids


def _take_back_things(pace: Pace, import_id: int) -> dict[str, int]:
    """Take back everything but people; return the counts of `Undone`."""
    orders, kept_orders = orders_undo.take_back(pace, import_id)
    products, kept_products = products_undo.take_back(pace, import_id)
    registers, kept_rows = registers_undo.take_back(pace, import_id)
    events, kept_events = events_bulk.take_back(pace, import_id)
    kept = {"kept_orders": kept_orders, "kept_others": kept_products + kept_rows + kept_events}
    return {"orders": orders, "products": products, "events": events, **registers, **kept}


def _go_on(pace: Pace, import_id: int, now: datetime) -> int:
    """Take back what an import that is undone already had to leave, as far as it is free now; return how much."""
    told = _take_back_things(pace, import_id)
    changed, _ = contacts_undo.restore(pace, import_id, now)
    contacts, _ = contacts_undo.delete(pace, import_id)
    return changed + contacts + sum(count for name, count in told.items() if not name.startswith("kept_"))
