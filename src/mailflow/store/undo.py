"""Take an import back from its journal: orders, products, fields, identities, contacts, and its yeses.

What something newer changed since stays as it is. The ledger of consent is never rewritten for a finished import: a
yes is taken back by an entry of its own, and every no is kept. An import that was interrupted is rolled back: nobody
has seen it, so what it added goes entirely, except a no of somebody we already knew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock
from mailflow.model import ImportState
from mailflow.store import (
    claims,
    events_bulk,
    facts,
    imports,
    journal,
    membership,
    merges,
    products_undo,
    registers_undo,
    statements_bulk,
    suppressions_bulk,
)  # fmt: skip
from mailflow.store.connection import Connection
from mailflow.store.contacts import FIELDS
from mailflow.store.database import Store
from mailflow.store.pace import Pace

_FIELDS = ("email", *FIELDS, "attributes", "updated_at")


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of an import. `kept_*` counts what could not be taken back, because of something newer or a no.

    `consents` are entries that allowed mail or asked for it; `kept_others` are products, events, owners, companies
    and costs.
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
    kept_orders: int = 0
    kept_contacts: int = 0
    kept_others: int = 0
    kept_opt_outs: int = 0
    kept_suppressions: int = 0


def take_back(store: Store, import_id: int, *, now: datetime, final: ImportState) -> Undone:
    """Undo a finished import, or roll back an interrupted one (`final` says which). Under the run lock only."""
    pace = Pace(store)
    orders, kept_orders = _take_back_orders(pace, import_id)
    products, kept_products = products_undo.take_back(pace, import_id)
    registers, kept_rows = registers_undo.take_back(pace, import_id)
    events, kept_events = events_bulk.take_back(pace, import_id)
    answers = statements_bulk.take_back(pace, import_id)
    # What nobody has seen leaves no trace: the time of the last change is then what it was.
    changed, kept_fields = _restore_contacts(pace, import_id, None if final is ImportState.ROLLED_BACK else now)
    _forget_identities(pace, import_id)
    said = 0
    if final is ImportState.ROLLED_BACK:
        _drop_consents(pace, import_id)
    else:
        said = _compensate_consents(pace, import_id, now)
    contacts, kept_contacts = _delete_contacts(pace, import_id)
    if final is ImportState.ROLLED_BACK:
        suppressions_bulk.drop_of_strangers(pace, import_id)
    opt_outs = store.db.execute(
        "SELECT count(*) FROM consents WHERE import_id = ? AND state = 'unsubscribed'", (import_id,)
    ).fetchone()[0]
    with store.transaction() as tx:
        claims.forget(tx, import_id)
        imports.settle(tx, import_id, final, now)
    return Undone(
        orders=orders,
        contacts=contacts,
        changed_contacts=changed,
        consents=said,
        products=products,
        events=events,
        answers=answers,
        **registers,
        kept_orders=kept_orders,
        kept_contacts=kept_contacts + kept_fields,
        kept_others=kept_products + kept_rows + kept_events,
        kept_opt_outs=opt_outs,
        kept_suppressions=suppressions_bulk.count_kept(store.db, import_id),
    )


def recover(store: Store, *, now: datetime) -> list[int]:
    """Roll back every import that was interrupted; return their ids. Under the run lock only."""
    ids = imports.interrupted(store.db)
    for import_id in ids:
        take_back(store, import_id, now=now, final=ImportState.ROLLED_BACK)
    return ids


def _take_back_orders(pace: Pace, import_id: int) -> tuple[int, int]:
    gone = kept = 0
    for change in journal.entries(pace.store.db, import_id, "orders"):
        newer = journal.newer(pace.store.db, import_id, "orders", change)
        if change.before is None:
            for ids in journal.slices(pace, change, newer):
                with pace.transaction() as tx:
                    _delete_orders(tx, ids)
                gone += len(ids)
        elif not newer:
            with pace.transaction() as tx:
                _restore_order(tx, change.first_id, json.loads(change.before))
            gone += 1
        kept += len(newer)
    return gone, kept


def _delete_orders(tx: Connection, ids: Sequence[int]) -> None:
    among = {"ids": json.dumps(ids)}
    touched = [
        row[0]
        for row in tx.execute(
            """SELECT DISTINCT contact_id FROM orders
               WHERE id IN (SELECT value FROM json_each(:ids)) AND contact_id IS NOT NULL""",
            among,
        )
    ]
    for table in ("order_lines", "refunds"):
        tx.execute(f"DELETE FROM {table} WHERE order_id IN (SELECT value FROM json_each(:ids))", among)
    tx.execute("DELETE FROM orders WHERE id IN (SELECT value FROM json_each(:ids))", among)
    facts.recount(tx, touched)


def _restore_order(tx: Connection, order_id: int, before: dict[str, object]) -> None:
    held = tx.execute("SELECT contact_id FROM orders WHERE id = ?", (order_id,)).fetchone()
    if held is None:
        return
    tx.execute(
        """UPDATE orders SET contact_id = :contact_id, status = :status, placed_at = :placed_at,
             total_minor = :total_minor, currency = :currency, fingerprint = :fingerprint WHERE id = :id""",
        {**before, "id": order_id},
    )
    tx.execute("DELETE FROM order_lines WHERE order_id = ?", (order_id,))
    tx.execute("DELETE FROM refunds WHERE order_id = ?", (order_id,))
    tx.execute(
        """INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor)
           SELECT :id, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(:lines)""",
        {"id": order_id, "lines": json.dumps(before["lines"])},
    )
    tx.execute(
        """INSERT INTO refunds (order_id, source_id, refunded_at, amount_minor)
           SELECT :id, value ->> 0, value ->> 1, value ->> 2 FROM json_each(:refunds)""",
        {"id": order_id, "refunds": json.dumps(before["refunds"])},
    )
    facts.recount(tx, [int(str(one)) for one in (held["contact_id"], before["contact_id"]) if one is not None])


def _restore_contacts(pace: Pace, import_id: int, changed: datetime | None) -> tuple[int, int]:
    gone = kept = 0
    newly = {} if changed is None else {"updated_at": clock.to_ms(changed)}
    assignments = ", ".join(f"{name} = :{name}" for name in _FIELDS)
    for change in journal.entries(pace.store.db, import_id, "contacts"):
        if change.before is None:
            continue
        if journal.newer(pace.store.db, import_id, "contacts", change):
            kept += 1
            continue
        with pace.transaction() as tx:
            tx.execute(
                f"UPDATE contacts SET {assignments} WHERE id = :id",
                {**json.loads(change.before), **newly, "id": change.first_id},
            )
        gone += 1
    return gone, kept


def _forget_identities(pace: Pace, import_id: int) -> None:
    for change in journal.entries(pace.store.db, import_id, "identities"):
        with pace.transaction() as tx:
            tx.executemany(
                "DELETE FROM identities WHERE kind = ? AND source = ? AND value = ? AND contact_id = ?",
                [(*identity, change.first_id) for identity in json.loads(change.before or "[]")],
            )


def _compensate_consents(pace: Pace, import_id: int, now: datetime) -> int:
    """Take each yes back that still decides, by an entry that says so; return how many."""
    count = 0
    for ids in _consent_ids(pace, import_id, "state <> 'unsubscribed'"):
        with pace.transaction() as tx:
            last = tx.execute("SELECT coalesce(max(id), 0) FROM consents").fetchone()[0]
            tx.execute(
                """INSERT INTO consents (contact_id, channel, topic, state, basis, address, occurred_at, recorded_at,
                                         source, evidence, lifts, import_id)
                   SELECT n.contact_id, n.channel, n.topic,
                          coalesce(o.state, 'never'), coalesce(o.basis, 'unknown'), coalesce(o.address, n.address),
                          :now, :now, 'undo', 'undo of import ' || n.import_id, 1, n.import_id
                   FROM consents AS n
                   JOIN consent_states AS s
                     ON s.contact_id = n.contact_id AND s.channel = n.channel AND s.topic = n.topic
                     AND s.consent_id = n.id
                   LEFT JOIN consents AS o ON o.id =
                     (SELECT max(e.id) FROM consents AS e WHERE e.contact_id = n.contact_id AND e.channel = n.channel
                        AND e.topic = n.topic AND e.id < n.id AND e.basis <> 'unknown')
                   WHERE n.id IN (SELECT value FROM json_each(:ids))""",
                {"ids": json.dumps(ids), "now": clock.to_ms(now)},
            )
            count += tx.execute("SELECT count(*) FROM consents WHERE id > ?", (last,)).fetchone()[0]
            tx.execute(
                """UPDATE consent_states SET state = n.state, basis = n.basis, since = n.occurred_at, consent_id = n.id
                   FROM consents AS n WHERE n.id > ? AND n.contact_id = consent_states.contact_id
                     AND n.channel = consent_states.channel AND n.topic = consent_states.topic""",
                (last,),
            )
    return count


def _drop_consents(pace: Pace, import_id: int) -> None:
    """Remove what an interrupted import wrote into the ledger, except a no of a contact who stays."""
    fresh = """contact_id IN (
               SELECT c.id FROM import_changes AS j JOIN contacts AS c ON c.id BETWEEN j.first_id AND j.last_id
               WHERE j.import_id = :import AND j.noun = 'contacts' AND j.before IS NULL)"""
    for ids in _consent_ids(pace, import_id, f"(state <> 'unsubscribed' OR {fresh})"):
        with pace.transaction() as tx:
            among = {"ids": json.dumps(ids)}
            tx.execute(
                """DELETE FROM consent_states WHERE consent_id IN (SELECT value FROM json_each(:ids))""",
                among,
            )
            tx.execute(
                """INSERT INTO consent_states (contact_id, channel, topic, state, basis, since, consent_id)
                   SELECT o.contact_id, o.channel, o.topic, o.state, o.basis, min(o.occurred_at, o.recorded_at), o.id
                   FROM consents AS o JOIN (
                     SELECT max(e.id) AS id FROM consents AS n JOIN consents AS e ON e.contact_id = n.contact_id
                       AND e.channel = n.channel AND e.topic = n.topic AND e.id < n.id AND e.basis <> 'unknown'
                     WHERE n.id IN (SELECT value FROM json_each(:ids)) GROUP BY n.contact_id, n.channel, n.topic
                   ) AS l ON l.id = o.id WHERE TRUE
                   ON CONFLICT DO NOTHING""",
                among,
            )
            tx.execute("DELETE FROM consents WHERE id IN (SELECT value FROM json_each(:ids))", among)


def _delete_contacts(pace: Pace, import_id: int) -> tuple[int, int]:
    """Delete contacts that the import added and nothing else speaks of; return how many went and how many stay."""
    gone = kept = 0
    promised = {row[0] for row in pace.store.db.execute(_PROMISED)}
    for change in journal.entries(pace.store.db, import_id, "contacts"):
        if change.before is not None:
            continue
        for ids in journal.slices(pace, change, set()):
            with pace.transaction() as tx:
                free = [row[0] for row in tx.execute(_UNREFERENCED, {"ids": json.dumps(ids)}) if row[0] not in promised]
                among = {"ids": json.dumps(free)}
                for table in _OF_CONTACT:
                    tx.execute(f"DELETE FROM {table} WHERE contact_id IN (SELECT value FROM json_each(:ids))", among)
                membership.forget(tx, free)
                merges.forget(tx, free)
                tx.execute("DELETE FROM contacts WHERE id IN (SELECT value FROM json_each(:ids))", among)
            gone += len(free)
            kept += len(ids) - len(free)
    return gone, kept


# What is known of a contact only because it is one.
_OF_CONTACT = (
    "identities", "contact_facts", "contact_revenue", "rfm_scores", "rfm_moves", "scores", "claims",
    "lifecycle_stages",
)  # fmt: skip
_UNREFERENCED = """SELECT c.id FROM contacts AS c WHERE c.id IN (SELECT value FROM json_each(:ids))
    AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM consents AS n WHERE n.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM statements AS s WHERE s.contact_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM merges AS m WHERE m.kept_id = c.id AND m.undone_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM merges AS m WHERE m.merged_id = c.id AND m.undone_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
                    WHERE j.noun = 'contacts' AND j.before IS NOT NULL AND j.first_id = c.id AND i.state = 'done')"""
# Who gets an order or an event back when the import that took it from them is undone as well.
_PROMISED = " UNION ".join(
    f"""SELECT j.before ->> 'contact_id' FROM import_changes AS j JOIN imports AS i ON i.id = j.import_id
        JOIN {noun} AS t ON t.id = j.first_id
        WHERE j.noun = '{noun}' AND j.before IS NOT NULL AND i.state = 'done'
          AND t.contact_id IS NOT j.before ->> 'contact_id'"""
    for noun in ("orders", "events")
)


def _consent_ids(pace: Pace, import_id: int, condition: str) -> Iterator[list[int]]:
    ids = [
        row[0]
        for row in pace.store.db.execute(
            f"SELECT id FROM consents WHERE import_id = :import AND source <> 'undo' AND {condition} ORDER BY id",
            {"import": import_id},
        )
    ]
    while ids:
        size = pace.rows
        yield ids[:size]
        ids = ids[size:]
