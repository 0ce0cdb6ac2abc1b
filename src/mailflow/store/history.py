"""All that a rule may ask about one person, read from indexed rows: for `--explain`, `why` and flows.

A person is a contact with everybody who was merged into them. The same for all people at once: rules_sql, deeds_sql.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailflow.rules.derived import derive
from mailflow.rules.history import Good, History, PastEvent, PastLine, PastMail, PastOrder, fold
from mailflow.rules.predicate import HISTORY
from mailflow.rules.types import Context
from mailflow.store import contacts, favourites, first_heard, tickets
from mailflow.store.connection import Connection, Row

_COLUMNS = (
    "email first_name last_name company phone language timezone country region city postcode source owner birthday"
).split()
_LISTS = ("tags", "lists")
_GOODS = ("product_id", "sku", "product", "title")

Amount = Callable[[int | None, str], int | None]


def facts(
    db: Connection, contact_id: int, *, context: Context, factors: Mapping[str, float] | None = None
) -> dict[str, Any] | None:
    """Return the facts that `rules.matches` asks of a person; None for an id that is unknown or merged into another.

    `factors` are those of `rules_sql.compile`. What they did is among the facts, as a `rules.history.History`.
    """
    row = db.execute(_CONTACT, (contact_id,)).fetchone()
    if row is None:
        return None
    whole = contacts.whole(db, contact_id)
    amount = _converter(context, factors)
    found = {
        **{name: row[name] for name in _COLUMNS},
        "created_at": row["first_heard_at"],
        **_attributes(row),
        **_orders_kept(db, contact_id, amount),
        **_standing(db, contact_id),
        "favourite.category": favourites.category(db, contact_id, until=favourites.until(context)),
        HISTORY: of_person(db, whole, amount),
    }
    return derive(found, context)


def of_person(db: Connection, ids: Sequence[int], amount: Amount) -> History:
    """Return everything that the contacts of one person did; `amount` converts money to the account's currency."""
    people = json.dumps(list(ids))
    return History(tuple(_orders(db, people, amount)), tuple(_events(db, people)), tuple(_mails(db, people)))


def _attributes(row: Row) -> dict[str, Any]:
    known = json.loads(row["attributes"])
    found = {f"attributes.{name}": value for name, value in known.items()}
    return found | {name: known.get(name) for name in _LISTS}


def _orders_kept(db: Connection, contact_id: int, amount: Amount) -> dict[str, Any]:
    row = db.execute(
        "SELECT order_count, first_order_at, last_order_at FROM contact_facts WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    revenue = db.execute("SELECT revenue_minor, currency FROM contact_revenue WHERE contact_id = ?", (contact_id,))
    return {
        "orders.count": row["order_count"] if row else 0,
        "orders.first_at": row["first_order_at"] if row else None,
        "orders.last_at": row["last_order_at"] if row else None,
        "orders.revenue": sum(amount(minor, currency) or 0 for minor, currency in revenue),
    }


def _standing(db: Connection, contact_id: int) -> dict[str, Any]:
    """Return consent, topics, tickets, stage and scores."""
    consent = dict(
        db.execute("SELECT topic, state FROM consent_states WHERE contact_id = ? AND channel = 'email'", (contact_id,))
        .fetchall()
    )  # fmt: skip
    rfm = db.execute("SELECT r, f, m, class FROM rfm_now WHERE contact_id = ?", (contact_id,)).fetchone()
    stage = db.execute("SELECT stage FROM lifecycle_now WHERE contact_id = ?", (contact_id,)).fetchone()
    scores = db.execute("SELECT name, value FROM scores WHERE contact_id = ?", (contact_id,))
    return {
        "consent.email": consent.get("", "never"),
        "topics": [topic for topic, state in consent.items() if topic and state == "subscribed"],
        "lifecycle": stage["stage"] if stage else None,
        "tickets.open": tickets.count_open(db, contact_id),
        **({f"rfm.{name}": rfm[name] for name in ("r", "f", "m", "class")} if rfm else {}),
        **{f"scores.{name}": value for name, value in scores},
    }


def _orders(db: Connection, people: str, amount: Amount) -> Iterator[PastOrder]:
    lines: dict[int, list[PastLine]] = {}
    rows = db.execute(_LINES, (people,)).fetchall()
    goods = _goods_of(db, {row["product_id"] for row in rows})
    for row in rows:
        facts = {
            "title": row["title"],
            "sku": row["sku"],
            "quantity": row["quantity"],
            "price": amount(row["price_minor"], row["currency"]),
            **_head(row, amount),
        }
        lines.setdefault(row["id"], []).append(PastLine(goods.get(row["product_id"], _UNKNOWN), facts))
    for row in db.execute(_ORDERS, (people,)):
        yield PastOrder(row["placed_at"], _head(row, amount), tuple(lines.get(row["id"], ())))


def _head(row: Row, amount: Amount) -> dict[str, Any]:
    return {
        "order_id": row["order_id"],
        "currency": row["currency"],
        "total": amount(row["total_minor"], row["currency"]),
    }


def _events(db: Connection, people: str) -> Iterator[PastEvent]:
    rows = db.execute(_EVENTS, (people,)).fetchall()
    read = [json.loads(row["properties"]) for row in rows]
    named = [_named(properties) for properties in read]
    wanted = {fold(name) for names, _ in named for name in names}
    known = _called(db, wanted)
    for row, properties, (names, categories) in zip(rows, read, named, strict=True):
        told = Good(frozenset(map(fold, names)), frozenset(map(fold, categories)))
        meant = [good for name in {fold(name) for name in names} for good in known.get(name, ())]
        yield PastEvent(row["name"], row["occurred_at"], properties, (told, *meant))


def _mails(db: Connection, people: str) -> Iterator[PastMail]:
    for row in db.execute(_MAILS, (people,)):
        yield PastMail(row["settled_at"], row["scope"].partition(":")[2])


def _named(value: Any, key: str = "", within: str = "") -> tuple[list[str], list[str]]:
    """Return the products and the categories that an event's properties name, at any depth."""
    names: list[str] = []
    categories: list[str] = []
    if isinstance(value, dict | list):
        for inner, each in value.items() if isinstance(value, dict) else (("", each) for each in value):
            more, also = _named(each, inner, key)
            names, categories = names + more, categories + also
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        if key in _GOODS:
            names.append(str(value))
        if key in ("category", "categories") or within == "categories":
            categories.append(str(value))
    return names, categories


def _goods_of(db: Connection, products: set[int | None]) -> dict[int | None, Good]:
    """Return product id → what it and the product whose variant it is are called, and their categories."""
    wanted = json.dumps(sorted(number for number in products if number is not None))
    names: dict[int, set[str]] = {}
    categories: dict[int, set[str]] = {}
    for row in db.execute(_NAMES_OF, (wanted,)):
        names.setdefault(row["id"], set()).update(_own_names(row))
    for row in db.execute(_CATEGORIES_OF, (wanted,)):
        categories.setdefault(row["id"], set()).add(fold(row["category"]))
    return {number: Good(frozenset(names[number]), frozenset(categories.get(number, ()))) for number in names}


def _called(db: Connection, names: set[str]) -> dict[str, list[Good]]:
    """Return folded name → the products that are called so."""
    if not names:
        return {}
    found: dict[str, set[int]] = {}
    for row in db.execute(_CALLED, (json.dumps(sorted(names), ensure_ascii=False),)):
        for name in _own_names(row):
            found.setdefault(name, set()).add(row["id"])
    goods = _goods_of(db, {number for numbers in found.values() for number in numbers})
    return {name: [goods[number] for number in numbers if number in goods] for name, numbers in found.items()}


def _own_names(row: Row) -> set[str]:
    return {fold(row[column]) for column in ("product_id", "sku", "title") if row[column] is not None}


def _converter(context: Context, factors: Mapping[str, float] | None) -> Amount:
    """Return what turns an amount into the account's currency, as the SQL of rules does; None for one it cannot."""

    def amount(minor: int | None, currency: str) -> int | None:
        if minor is None:
            return None
        if not factors:
            return minor if currency == context.currency else None
        factor = factors.get(currency)
        return None if factor is None else int(minor * factor + (0.5 if minor * factor >= 0 else -0.5))

    return amount


_CONTACT = f"""SELECT c.*, {first_heard.sql("c")} AS first_heard_at FROM contacts AS c
    WHERE c.id = ? AND c.merged_into IS NULL"""
_UNKNOWN = Good(frozenset(), frozenset())
_IDS = "IN (SELECT value FROM json_each(?))"
_COUNTED = f"o.status IN ('open', 'paid') AND o.contact_id {_IDS}"
_ORDERS = f"""SELECT o.id, o.order_id, o.currency, o.total_minor, o.placed_at FROM orders AS o
    WHERE {_COUNTED} ORDER BY o.placed_at, o.id"""
_LINES = f"""SELECT o.id, o.order_id, o.currency, o.total_minor, l.product_id, l.title, l.quantity, l.price_minor, p.sku
    FROM orders AS o JOIN order_lines AS l ON l.order_id = o.id LEFT JOIN products AS p ON p.id = l.product_id
    WHERE {_COUNTED} ORDER BY l.id"""
_EVENTS = f"""SELECT name, occurred_at, properties FROM events WHERE contact_id {_IDS} ORDER BY occurred_at, id"""
_MAILS = f"""SELECT scope, settled_at FROM messages
    WHERE contact_id {_IDS} AND state = 'accepted' AND NOT rehearsal AND settled_at IS NOT NULL
      AND (scope GLOB 'campaign:*' OR scope GLOB 'flow:*') ORDER BY settled_at"""
# Products with themselves and with the product whose variant they are.
_NAMES_OF = f"""SELECT p.id, n.product_id, n.sku, n.title FROM products AS p
    JOIN products AS n ON n.id IN (p.id, p.parent_id) WHERE p.id {_IDS}"""
_CATEGORIES_OF = f"""SELECT p.id, k.category FROM products AS p
    JOIN product_categories AS k ON k.product_id IN (p.id, p.parent_id) WHERE p.id {_IDS}"""
_CALLED = """WITH wanted (name) AS MATERIALIZED (SELECT value FROM json_each(?))
    SELECT id, product_id, sku, title FROM products
    WHERE lower(product_id) IN wanted OR lower(sku) IN wanted OR lower(title) IN wanted"""
