"""What a file would change about known orders, as people read it: for a dry run.

The comparison itself: orders_bulk, returns_bulk.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mailflow import clock, money
from mailflow.store.connection import Connection, Row
from mailflow.store.orders_bulk import Parts

_NAME_OF = """(SELECT coalesce(c.email, (SELECT min(value) FROM main.identities WHERE contact_id = c.id))
    FROM main.contacts AS c WHERE c.id = {})"""
_LINES = "(SELECT json_group_array(json_array(quantity, title, price_minor)) FROM {})"
_ROWS = f"""SELECT s.line, s.order_id, o.status AS old_status, coalesce(s.status, o.status) AS new_status,
      o.placed_at AS old_placed_at, s.placed_at AS new_placed_at, o.total_minor AS old_total,
      s.total_minor AS new_total, o.currency AS old_currency, s.currency AS new_currency,
      {_NAME_OF.format("o.contact_id")} AS old_customer,
      coalesce({_NAME_OF.format("-r.target")}, nullif(s.email_key, ''), nullif(s.customer_id, ''),
               nullif(s.phone_key, '')) AS new_customer,
      (SELECT c.merged_into FROM main.contacts AS c WHERE c.id = o.contact_id) IS NOT -r.target
        AND o.contact_id IS NOT -r.target AS moved,
      (SELECT total(amount_minor) FROM main.refunds WHERE order_id = o.id AND source_id = 'export') AS old_refunded,
      (SELECT total(amount_minor) FROM stage.refunds WHERE order_n = s.n) AS new_refunded,
      (SELECT group_concat(code, ', ') FROM main.order_codes WHERE order_id = o.id) AS old_codes,
      (SELECT group_concat(code, ', ') FROM stage.codes WHERE order_n = s.n) AS new_codes,
      o.fingerprint <> s.fingerprint AS relined,
      {_LINES.format("main.order_lines WHERE order_id = o.id")} AS old_lines,
      {_LINES.format("(SELECT * FROM stage.lines WHERE order_n = s.n ORDER BY position)")} AS new_lines
    FROM stage.revised AS r JOIN stage.orders AS s ON s.n = r.n JOIN main.orders AS o ON o.id = r.order_pk
    ORDER BY r.rank LIMIT ?"""


def differences(db: Connection, parts: Parts, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would change: `{line, order, field, old, new}`, amounts with their currency."""
    changes: list[dict[str, Any]] = []
    for row in db.execute(_ROWS, (limit,)):
        where = {"line": row["line"], "order": row["order_id"]}
        found = [{**where, "field": field, "old": old, "new": new} for field, old, new in _of(row, parts)]
        changes.extend(found or [{**where, "field": "date of a refund", "old": None, "new": None}])
    return changes


def of_returns(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would be paid back: `{line, order, field, old, new}`, amounts with their currency."""
    rows = db.execute(
        """SELECT s.line, r.order_id AS "order", s.currency,
                  (SELECT f.amount_minor FROM stage.owing AS o JOIN main.refunds AS f
                     ON f.order_id = o.order_pk AND f.source_id = s.source_id WHERE o.order_id = r.order_id) AS old,
                  sum(r.amount_minor) AS new
           FROM stage.repaid AS r JOIN stage.returns AS s ON s.n = r.return_n
           GROUP BY s.n, r.order_id ORDER BY s.line LIMIT ?""",
        (limit,),
    )
    return [
        {
            "line": row["line"],
            "order": row["order"],
            "field": "refund",
            "old": money.labelled(row["old"], row["currency"]),
            "new": money.labelled(row["new"], row["currency"]),
        }
        for row in rows
    ]


def _of(row: Row, parts: Parts) -> Iterator[tuple[str, str | None, str | None]]:
    if row["old_status"] != row["new_status"]:
        yield "status", row["old_status"], row["new_status"]
    if parts.lines and row["relined"] and not (parts.sketches and row["old_lines"] != "[]"):
        yield "lines", _goods(row["old_lines"], row["old_currency"]), _goods(row["new_lines"], row["new_currency"])
    if parts.codes and row["new_codes"] is not None and row["old_codes"] != row["new_codes"]:
        yield "discount codes", row["old_codes"], row["new_codes"]
    if parts.detail:
        return
    if row["old_placed_at"] != row["new_placed_at"]:
        yield "placed_at", _instant(row["old_placed_at"]), _instant(row["new_placed_at"])
    if (row["old_total"], row["old_currency"]) != (row["new_total"], row["new_currency"]):
        yield "total", _amount(row, "old", "total"), _amount(row, "new", "total")
    if row["new_customer"] is not None and row["moved"]:
        yield "customer", row["old_customer"], row["new_customer"]
    if parts.refunds and row["old_refunded"] != row["new_refunded"]:
        yield "refunded", _amount(row, "old", "refunded"), _amount(row, "new", "refunded")


def _amount(row: Row, which: str, name: str) -> str | None:
    return money.labelled(int(row[f"{which}_{name}"]), row[f"{which}_currency"])


def _instant(ms: int) -> str:
    return clock.iso(clock.from_ms(ms))


def _goods(lines: str, currency: str) -> str | None:
    """Return lines as `2 × Mug at 5.00, 1 × Tee`."""
    parts = []
    for quantity, title, price in json.loads(lines):
        at = "" if price is None else f" at {money.to_text(price, currency)}"
        parts.append(f"{quantity:g} × {title}{at}")
    return ", ".join(parts) or None
