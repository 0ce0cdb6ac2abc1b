"""Everything that happened around one person, from all nouns, in one list in time order. Origins of fields: origins.

A person is the ids of `contacts.whole`. Every question goes through an index by contact.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from mailflow import clock, money
from mailflow.model import ConsentState
from mailflow.store import code_uses, consents, contacts, event_text, origins, suppressions
from mailflow.store.connection import Connection, Row
from mailflow.store.consents import ConsentEntry
from mailflow.store.origins import Touch
from mailflow.store.suppressions import Suppression
from mailflow.tokens import Keys

_DAY_MS = 86_400_000
MAILFLOW = "mailflow"  # the source of what nobody else said: messages, scores, merges
_OF_PERSON = "contact_id IN (SELECT value FROM json_each(:ids))"


class What(StrEnum):
    """Of which noun a moment is; at one instant they are told in this order."""

    IMPORT = "import"
    ORDER = "order"
    REFUND = "refund"
    EVENT = "event"
    STATEMENT = "statement"
    CONSENT = "consent"
    SUPPRESSION = "suppression"
    OFFER = "offer"
    MESSAGE = "message"
    SCORE = "score"
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened: `text` says it in a line, `details` as JSON has it, with money as decimal text."""

    at: datetime
    what: What
    text: str
    source: str
    contact_id: int
    details: Mapping[str, Any] = field(default_factory=dict)


def of_person(db: Connection, keys: Keys, contact_ids: Sequence[int]) -> list[Moment]:
    """Return everything that happened around the contacts that are one person, the oldest first."""
    ids = {"ids": json.dumps(list(contact_ids))}
    ledger = consents.of_contacts(db, contact_ids)
    return in_order(
        [
            *_orders(db, ids),
            *_refunds(db, ids),
            *map(_consent, ledger),
            *_statements(db, contact_ids),
            *_codes(db, contact_ids),
            *_messages(db, ids),
            *_events(db, ids, ledger),
            *_classes(db, ids),
            *_scores(db, ids),
            *_stages(db, ids),
            *_suppressions(db, keys, contact_ids),
            *_imports(db, contact_ids),
            *_merges(db, ids),
        ]
    )


def in_order(moments: Iterable[Moment]) -> list[Moment]:
    """Return moments by time; those of one instant in the order of `What`."""
    order = {what: number for number, what in enumerate(What)}
    return sorted(moments, key=lambda moment: (moment.at, order[moment.what]))


def messages_of(db: Connection, contact_id: int) -> list[Row]:
    """Return all messages of the person that a contact is, rehearsals too, the first planned first."""
    ids = json.dumps(contacts.whole(db, contact_id))
    return db.execute(f"SELECT * FROM messages WHERE {_OF_PERSON} ORDER BY planned_at, id", {"ids": ids}).fetchall()


def _orders(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    lines = _lines(db, ids)
    for row in db.execute(f"SELECT * FROM orders WHERE {_OF_PERSON}", ids):
        total = money.to_text(row["total_minor"], row["currency"])
        details = {
            "order_id": row["order_id"], "status": row["status"], "total": total, "currency": row["currency"],
            "lines": lines[row["id"]],
        }  # fmt: skip
        text = f"{row['order_id']} placed: {total} {row['currency']}, {row['status']}"
        yield Moment(clock.from_ms(row["placed_at"]), What.ORDER, text, row["source"], row["contact_id"], details)


def _lines(db: Connection, ids: Mapping[str, str]) -> Mapping[int, list[dict[str, Any]]]:
    """Return the lines of a person's orders by order."""
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    rows = db.execute(
        f"""SELECT l.order_id, l.title, l.quantity, l.price_minor, o.currency, p.product_id, p.sku
            FROM orders AS o CROSS JOIN order_lines AS l ON l.order_id = o.id
            LEFT JOIN products AS p ON p.id = l.product_id
            WHERE o.{_OF_PERSON} ORDER BY l.order_id, l.id""",
        ids,
    )
    for row in rows:
        quantity, price = row["quantity"], row["price_minor"]
        found[row["order_id"]].append(
            {
                "title": row["title"],
                "product_id": row["product_id"],
                "sku": row["sku"],
                "quantity": int(quantity) if quantity == int(quantity) else quantity,
                "price": None if price is None else money.to_text(price, row["currency"]),
                "currency": row["currency"],
            }
        )
    return found


def _refunds(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    rows = db.execute(
        f"""SELECT o.contact_id, o.order_id, o.currency, o.source, r.refunded_at, r.amount_minor
            FROM orders AS o CROSS JOIN refunds AS r ON r.order_id = o.id WHERE o.{_OF_PERSON}""",
        ids,
    )
    for row in rows:
        amount, currency = money.to_text(row["amount_minor"], row["currency"]), row["currency"]
        details = {"order_id": row["order_id"], "amount": amount, "currency": currency}
        text = f"{row['order_id']}: {amount} {currency}"
        yield Moment(clock.from_ms(row["refunded_at"]), What.REFUND, text, row["source"], row["contact_id"], details)


def _consent(entry: ConsentEntry) -> Moment:
    topic = f" to {entry.topic}" if entry.topic else ""
    basis = "" if entry.state is ConsentState.UNSUBSCRIBED else f" (basis {entry.basis})"
    told = f": {entry.evidence}" if entry.evidence else ""
    details = {
        "channel": entry.channel, "topic": entry.topic, "state": str(entry.state), "basis": str(entry.basis),
        "address": entry.address, "wording": entry.wording, "evidence": entry.evidence, "lifts": entry.lifts,
        "recorded_at": clock.iso(entry.recorded_at), "import_id": entry.import_id,
    }  # fmt: skip
    text = f"{entry.state}{topic}{basis}{told}"
    return Moment(entry.known_at, What.CONSENT, text, entry.source, entry.contact_id, details)


def _statements(db: Connection, contact_ids: Sequence[int]) -> Iterator[Moment]:
    for said in origins.statements(db, contact_ids):
        asked = f" ({said.question})" if said.question else ""
        details = {
            "field": said.field, "value": said.value, "question": said.question, "import_id": said.import_id,
        }  # fmt: skip
        text = f"said {said.field}: {said.value}{asked}"
        yield Moment(said.stated_at, What.STATEMENT, text, said.source, said.contact_id, details)


def _messages(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    rows = db.execute(
        f"""SELECT m.*, c.subject FROM messages AS m LEFT JOIN message_contents AS c ON c.message_id = m.id
            WHERE m.{_OF_PERSON}""",
        ids,
    )
    for row in rows:
        subject = f" “{row['subject']}”" if row["subject"] else ""
        why = f" ({row['reason']})" if row["reason"] else ""
        at = row["planned_at"] if row["settled_at"] is None else row["settled_at"]
        details = {
            **{name: row[name] for name in ("scope", "channel", "step", "variant", "class", "state", "reason")},
            **{name: row[name] for name in ("address", "subject", "attempts", "reply")},
            "rehearsal": bool(row["rehearsal"]),
            **{name: _iso(row[name]) for name in ("planned_at", "due_at", "settled_at")},
        }
        text = f"{row['scope']}{subject}: {row['state']}{why}"
        yield Moment(clock.from_ms(at), What.MESSAGE, text, MAILFLOW, row["contact_id"], details)


def _codes(db: Connection, contact_ids: Sequence[int]) -> Iterator[Moment]:
    """Yield the codes that they were given, and their orders with them."""
    given = {each.id: each for each in code_uses.of_contacts(db, contact_ids)}
    for each in given.values():
        terms = json.loads(each.terms or "{}")
        details = {
            "offer": each.offer, "code": each.code, "message_id": each.message_id, **terms,
            "expires_at": _iso(each.expires_at),
        }  # fmt: skip
        until = f", valid until {terms['expires_on']}" if terms.get("expires_on") else ""
        at, contact = clock.from_ms(each.given_at or 0), each.contact_id or 0
        yield Moment(at, What.OFFER, f"{each.offer}: got the code {each.code}{until}", MAILFLOW, contact, details)
    for use in code_uses.of_codes(db, {each.code_key for each in given.values()}):
        if use.code_id in given:
            code, late = given[use.code_id], ", after its last day" if use.is_late else ""
            details = {"offer": code.offer, "code": code.code, "order_id": use.order_id, "late": use.is_late}
            text = f"{code.offer}: used the code {code.code} with {use.order_id}{late}"
            at, contact = clock.from_ms(use.placed_at), use.contact_id or code.contact_id or 0
            yield Moment(at, What.OFFER, text, MAILFLOW, contact, details)


def _events(db: Connection, ids: Mapping[str, str], ledger: Sequence[ConsentEntry]) -> Iterator[Moment]:
    """Yield events, without those that are in the ledger of consent already."""
    told = {(entry.contact_id, str(entry.state), clock.to_ms(entry.occurred_at)) for entry in ledger}
    for row in db.execute(f"SELECT * FROM events WHERE {_OF_PERSON} ORDER BY occurred_at, id", ids):
        if (row["contact_id"], row["name"], row["occurred_at"]) in told:
            continue
        properties = event_text.with_amounts(json.loads(row["properties"]))
        details = {
            "name": row["name"], "source_id": row["source_id"], "recorded_at": _iso(row["recorded_at"]),
            "properties": properties,
        }  # fmt: skip
        text = ": ".join(filter(None, (row["name"], event_text.line(properties))))
        yield Moment(clock.from_ms(row["occurred_at"]), What.EVENT, text, row["source"], row["contact_id"], details)


def _classes(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    """Yield the RFM class as it was last computed, and each change of class before."""
    moves = db.execute(
        f"""SELECT v.contact_id, v.run_id, v.from_class, v.to_class, r.as_of, r.computed_at
            FROM rfm_moves AS v CROSS JOIN score_runs AS r ON r.id = v.run_id
            WHERE v.{_OF_PERSON} AND r.finished_at IS NOT NULL ORDER BY v.contact_id, v.run_id""",
        ids,
    ).fetchall()
    now = db.execute(
        f"""SELECT s.*, r.as_of, r.computed_at FROM rfm_now AS s CROSS JOIN score_runs AS r ON r.id = s.run_id
            WHERE s.{_OF_PERSON}""",
        ids,
    ).fetchall()
    came = {(move["contact_id"], move["run_id"]): move["from_class"] for move in moves}
    latest = {(row["contact_id"], row["run_id"]) for row in now}
    yield from (_class_change(move) for move in moves if (move["contact_id"], move["run_id"]) not in latest)
    yield from (_class_now(row, came.get((row["contact_id"], row["run_id"]))) for row in now)


def _class_change(move: Row) -> Moment:
    before, after = move["from_class"], move["to_class"]
    details = {"name": "rfm", "before": before, "class": after, "as_of": move["as_of"]}
    text = f"class {before or 'none'} → {after or 'none'} as of {move['as_of']}"
    return Moment(clock.from_ms(move["computed_at"]), What.SCORE, text, MAILFLOW, move["contact_id"], details)


def _class_now(row: Row, before: str | None) -> Moment:
    details = {
        "name": "rfm", "before": before, "class": row["class"], "r": row["r"], "f": row["f"], "m": row["m"],
        "recency_days": row["recency_days"], "frequency": row["frequency"],
        "monetary": money.to_text(row["monetary_minor"], row["currency"]), "currency": row["currency"],
        "as_of": row["as_of"],
    }  # fmt: skip
    came = f"{before} → " if before else ""
    text = f"class {came}{row['class']} (R {row['r']}, F {row['f']}, M {row['m']}) as of {row['as_of']}"
    return Moment(clock.from_ms(row["computed_at"]), What.SCORE, text, MAILFLOW, row["contact_id"], details)


def _scores(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    rows = db.execute(
        f"""SELECT s.contact_id, s.name, s.value, s.causes, r.as_of, r.computed_at
            FROM scores AS s CROSS JOIN score_runs AS r ON r.id = s.run_id
            WHERE s.{_OF_PERSON} AND r.finished_at IS NOT NULL""",
        ids,
    )
    for row in rows:
        details = {
            "name": row["name"], "value": row["value"], "causes": json.loads(row["causes"]), "as_of": row["as_of"],
        }  # fmt: skip
        text = f"{row['name']} {round(row['value'], 4):,} as of {row['as_of']}"
        yield Moment(clock.from_ms(row["computed_at"]), What.SCORE, text, MAILFLOW, row["contact_id"], details)


def _stages(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    rows = db.execute(f"SELECT * FROM lifecycle_stages WHERE {_OF_PERSON}", ids)
    for row in rows:
        gap, silence = (None if row[name] is None else row[name] // _DAY_MS for name in ("gap", "silence"))
        details = {
            "name": "lifecycle", "before": row["previous"], "stage": row["stage"], "orders": row["orders"],
            "gap_days": gap, "silence_days": silence,
        }  # fmt: skip
        came = f"{row['previous']} → " if row["previous"] else ""
        why = "" if gap is None else f" ({silence} days after order {row['orders']:,}, usual gap {gap} days)"
        text = f"lifecycle {came}{row['stage']}{why}"
        yield Moment(clock.from_ms(row["entered_at"]), What.SCORE, text, MAILFLOW, row["contact_id"], details)


def _suppressions(db: Connection, keys: Keys, contact_ids: Sequence[int]) -> Iterator[Moment]:
    for contact_id in contact_ids:
        for one in contacts.identities_of(db, contact_id):
            if one["kind"] == contacts.EMAIL:
                for held in suppressions.history(db, keys, one["value"]):
                    yield from _suppression(held, one["value"], contact_id)


def _suppression(held: Suppression, address: str, contact_id: int) -> Iterator[Moment]:
    told = f": {held.evidence}" if held.evidence else ""
    details = {"address": address, "reason": str(held.reason), "evidence": held.evidence, "lifted": False}
    text = f"{address} suppressed, {held.reason}{told}"
    yield Moment(held.created_at, What.SUPPRESSION, text, held.source, contact_id, details)
    if held.lifted_at is not None:
        text = f"{address} no longer suppressed, {held.reason}"
        details = {**details, "lifted": True}
        yield Moment(held.lifted_at, What.SUPPRESSION, text, held.source, contact_id, details)


def _imports(db: Connection, contact_ids: Sequence[int]) -> Iterator[Moment]:
    """Yield each import that added or changed them, or brought something of theirs."""
    brought = origins.brought(db, contact_ids)
    for contact_id in contact_ids:
        contact = contacts.get(db, contact_id)
        for touch in origins.touches(db, contact) if contact is not None else ():
            who = "them" if contact_id == contact_ids[0] or contact is None else contact.email or contact.key
            yield _import(touch, brought.pop(touch.origin.import_id or 0, {}), contact_id, who)
    for import_id, counts in brought.items():
        touch = origins.Touch(origins.of_import(db, import_id), added=False)
        yield _import(touch, counts, contact_ids[0], "them")


def _import(touch: Touch, brought: Mapping[str, int], contact_id: int, who: str) -> Moment:
    origin = touch.origin
    did = [f"added {who}"] if touch.added else []
    did += [f"{name} {'–' if old is None else old} → {'–' if new is None else new}" for name, old, new in touch.changed]
    did += [f"{count:,} {noun if count != 1 else noun.removesuffix('s')}" for noun, count in brought.items()]
    details = {
        "import_id": origin.import_id, "file": origin.file, "undone": origin.undone, "added": touch.added,
        "changed": [{"field": name, "old": old, "new": new} for name, old, new in touch.changed],
        "brought": dict(brought),
    }  # fmt: skip
    undone = " (undone since)" if origin.undone else ""
    text = f"{PurePath(origin.file or '').name}{undone}: {', '.join(did) or 'changed nothing that is left'}"
    return Moment(origin.at, What.IMPORT, text, origin.source, contact_id, details)


def _merges(db: Connection, ids: Mapping[str, str]) -> Iterator[Moment]:
    rows = db.execute(
        """SELECT m.*, k.key AS kept_key, k.email AS kept_email, o.key AS merged_key, o.email AS merged_email
           FROM merges AS m JOIN contacts AS k ON k.id = m.kept_id JOIN contacts AS o ON o.id = m.merged_id
           WHERE m.merged_id IN (SELECT value FROM json_each(:ids)) OR m.kept_id IN (SELECT value FROM json_each(:ids))
           ORDER BY m.id""",
        ids,
    )
    for row in rows:
        merged, kept = (row[f"{who}_email"] or row[f"{who}_key"] for who in ("merged", "kept"))
        details = {"merged": row["merged_key"], "kept": row["kept_key"], "evidence": row["evidence"]}
        text = f"{merged} merged into {kept}: {row['evidence']}"
        yield Moment(clock.from_ms(row["merged_at"]), What.MERGE, text, MAILFLOW, row["kept_id"], details)
        if row["undone_at"] is not None:
            text = f"{merged} no longer merged into {kept}"
            yield Moment(clock.from_ms(row["undone_at"]), What.MERGE, text, MAILFLOW, row["kept_id"], details)


def _iso(ms: int | None) -> str | None:
    return None if ms is None else clock.iso(clock.from_ms(ms))
