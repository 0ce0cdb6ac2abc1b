"""Find the orders that staged returns refund, and write the refunds. Orders themselves: orders_bulk.

A return that names its order is a refund of that order. Else it refunds the same customer's latest earlier order that
has the product, else their latest earlier orders, as far as something of them is left. One that names no customer
refunds the latest earlier order of nobody that has the product and enough left; where no return of the file names a
customer, as many a till writes them, that of anybody. Else there is nothing that it could refund, and it is rejected.
Whether all this is right is seen by adding up: net = orders − returns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailflow import money
from mailflow.store import facts
from mailflow.store.connection import Connection, Row
from mailflow.store.orders_bulk import BUYER, Parts, journal_orders
from mailflow.store.pace import Pace

_SLICE = 20_000
_RETURN_COLUMNS = (
    "n", "line", "return_id", "refund_of", "bare_id", "email_key", "customer_id", "phone_key", "refunded_at",
    "amount_minor", "currency",
)  # fmt: skip

# `target` as in store.matching, 0 for nobody. What a known order has left excludes what staged returns paid back of it
# in an earlier import: that is shared out anew.
_TABLES = """
CREATE TABLE stage.returns (
  n INTEGER PRIMARY KEY, line INTEGER, return_id TEXT, refund_of TEXT, bare_id TEXT, email_key TEXT, customer_id TEXT,
  phone_key TEXT, refunded_at INTEGER, amount_minor INTEGER, currency TEXT, target INTEGER NOT NULL DEFAULT 0,
  source_id TEXT, known INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE stage.return_parts (
  return_n INTEGER, position INTEGER, product_id TEXT, amount_minor INTEGER, PRIMARY KEY (return_n, position)
) WITHOUT ROWID;
CREATE TABLE stage.return_rows (return_n INTEGER, line INTEGER, cells TEXT);
CREATE TABLE stage.owing (
  id INTEGER PRIMARY KEY, order_id TEXT UNIQUE, n INTEGER, order_pk INTEGER, target INTEGER, placed_at INTEGER,
  currency TEXT, counts INTEGER, left_minor INTEGER
);
CREATE TABLE stage.owing_goods (
  product_id TEXT, target INTEGER, placed_at INTEGER, owing INTEGER, PRIMARY KEY (product_id, target, placed_at, owing)
) WITHOUT ROWID;
CREATE TABLE stage.repaid (order_id TEXT, return_n INTEGER, amount_minor INTEGER);
CREATE TABLE stage.restated (rank INTEGER PRIMARY KEY, order_id TEXT UNIQUE)
"""


@dataclass(frozen=True, slots=True)
class ReturnCounts:
    """What the returns of a file would do. `merged` rows are further lines of a return that is not rejected."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    merged: int = 0
    anonymous: int = 0


@dataclass(frozen=True, slots=True)
class _Left:
    """An order and how much of it has not been paid back."""

    owing: int
    order_id: str
    minor: int


def open_stage(db: Connection) -> None:
    """Make the tables in which a file's returns are collected."""
    for statement in _TABLES.split(";"):
        db.execute(statement)


def add(
    db: Connection,
    returns: Iterable[Sequence[Any]],
    parts: Iterable[Sequence[Any]],
    rows: Iterable[tuple[int, int, list[str]]],
) -> None:
    """Add returns (in the order of _RETURN_COLUMNS), their parts (n, position, product, amount) and their rows."""
    db.executemany(
        f"INSERT INTO stage.returns ({', '.join(_RETURN_COLUMNS)}) VALUES ({', '.join('?' * len(_RETURN_COLUMNS))})",
        returns,
    )
    db.executemany("INSERT INTO stage.return_parts VALUES (?, ?, ?, ?)", parts)
    db.executemany(
        "INSERT INTO stage.return_rows VALUES (?, ?, ?)", ((n, line, json.dumps(cells)) for n, line, cells in rows)
    )


def compare(db: Connection, source: str, parts: Parts) -> ReturnCounts:
    """Share out the staged returns among orders; those that find none become rejects. `source` is the shop.

    People must be matched and indexed (store.matching). What is to be written is in stage.repaid afterwards.
    """
    if db.execute("SELECT 1 FROM stage.returns LIMIT 1").fetchone() is None:
        return ReturnCounts()
    _join_scattered(db)
    _name(db)
    db.execute(f"UPDATE stage.returns AS s SET target = coalesce((SELECT p.target FROM (SELECT 1) {BUYER}), 0)")
    _find_known(db, source, parts)
    _collect_orders(db, source, parts)
    anonymous = _share_out(db)
    row = db.execute(
        """SELECT count(*) AS found, total(known = 2) AS changed, total(known = 1) AS same,
                  (SELECT count(*) FROM stage.return_rows) AS rows FROM stage.returns"""
    ).fetchone()
    found, changed, same = int(row["found"]), int(row["changed"]), int(row["same"])
    return ReturnCounts(found - changed - same, changed, same, row["rows"] - found, anonymous)


def drop_strangers(db: Connection) -> None:
    """Forget people whom nothing but a rejected return speaks of. Before their cards are compared."""
    db.execute(
        f"""DELETE FROM stage.people WHERE target > 0 AND target NOT IN (
              SELECT target FROM stage.returns
              UNION SELECT p.target FROM stage.orders AS s {BUYER} WHERE p.target IS NOT NULL)"""
    )


def write(pace: Pace, import_id: int, source: str, newest_before: int) -> None:
    """Write the refunds of returns, slice by slice. Orders with an id above `newest_before` are of this import."""
    for first, last in pace.ranks("restated"):
        parameters = {"source": source, "first": first, "last": last, "before": newest_before}
        with pace.transaction() as tx:
            among = """SELECT o.id FROM stage.restated AS t JOIN main.orders AS o
                         ON o.source = :source AND o.order_id = t.order_id WHERE t.rank BETWEEN :first AND :last"""
            journal_orders(tx, import_id, f"{among} AND o.id <= :before", parameters)
            tx.execute(
                f"""DELETE FROM main.refunds WHERE order_id IN ({among})
                    AND source_id IN (SELECT source_id FROM stage.returns WHERE known <> 1)""",
                parameters,
            )
            tx.execute(
                """INSERT INTO main.refunds (order_id, source_id, refunded_at, amount_minor)
                   SELECT o.id, s.source_id, s.refunded_at, sum(r.amount_minor)
                   FROM stage.restated AS t JOIN stage.repaid AS r ON r.order_id = t.order_id
                   JOIN stage.returns AS s ON s.n = r.return_n
                   JOIN main.orders AS o ON o.source = :source AND o.order_id = t.order_id
                   WHERE t.rank BETWEEN :first AND :last GROUP BY t.rank, s.n ORDER BY t.rank, s.n""",
                parameters,
            )
            touched = tx.execute(f"SELECT DISTINCT contact_id FROM main.orders WHERE id IN ({among})", parameters)
            facts.recount(tx, [row[0] for row in touched if row[0] is not None])


def _join_scattered(db: Connection) -> None:
    """Make one return of rows with one id and date that stood in several places of the file."""
    db.execute("CREATE TABLE stage.scattered_returns (n INTEGER PRIMARY KEY, first INTEGER, amount INTEGER)")
    db.execute(
        """INSERT INTO stage.scattered_returns
           SELECT n, first, amount FROM (
             SELECT n, min(n) OVER same AS first, sum(amount_minor) OVER same AS amount, count(*) OVER same AS pieces
             FROM stage.returns WINDOW same AS (PARTITION BY return_id, refunded_at, currency))
           WHERE pieces > 1"""
    )
    moved = "FROM stage.scattered_returns AS c WHERE c.n = t.return_n AND c.first <> c.n"
    db.execute(f"UPDATE stage.return_parts AS t SET return_n = c.first, position = position + 1000000 * c.n {moved}")
    db.execute(f"UPDATE stage.return_rows AS t SET return_n = c.first {moved}")
    db.execute(
        "UPDATE stage.returns AS t SET amount_minor = c.amount FROM stage.scattered_returns AS c WHERE c.n = t.n"
    )
    db.execute("DELETE FROM stage.returns WHERE n IN (SELECT n FROM stage.scattered_returns WHERE first <> n)")


def _name(db: Connection) -> None:
    """Give each return the id of its refunds: its own, with its number where several of a file have one."""
    db.execute(
        """UPDATE stage.returns AS s SET source_id = 'return:' || s.return_id || iif(w.number > 1, '-' || w.number, '')
           FROM (SELECT n, row_number() OVER (PARTITION BY return_id ORDER BY refunded_at, n) AS number
                 FROM stage.returns) AS w WHERE w.n = s.n"""
    )
    db.execute("CREATE INDEX stage.returns_by_source_id ON returns (source_id)")


def _find_known(db: Connection, source: str, parts: Parts) -> None:
    """Mark returns that an earlier import wrote: 1 as they are, 2 differently. Details of orders change no amount."""
    db.execute(
        """UPDATE stage.returns AS s SET known = iif(
             :detail OR (w.amount = s.amount_minor AND w.at = s.refunded_at AND w.currency = s.currency), 1, 2)
           FROM (SELECT t.n, sum(r.amount_minor) AS amount, max(r.refunded_at) AS at, min(o.currency) AS currency
                 FROM stage.returns AS t CROSS JOIN main.refunds AS r
                   ON r.source_id = t.source_id AND r.source_id <> 'export'
                 JOIN main.orders AS o ON o.id = r.order_id AND o.source = :source GROUP BY t.n) AS w
           WHERE w.n = s.n""",
        {"source": source, "detail": parts.detail},
    )


def _collect_orders(db: Connection, source: str, parts: Parts) -> None:
    """Fill stage.owing with every order that one of the returns may refund: named, of its customer, of its product."""
    _from_file(db, source, parts, f"s.order_id IN ({_NAMED}) OR p.target IN (SELECT target FROM stage.returns)")
    people = "SELECT -target FROM stage.returns WHERE target < 0"
    _from_database(db, source, f"o.order_id IN ({_NAMED})")
    _from_database(db, source, f"o.contact_id IN ({people})")
    _from_database(db, source, f"o.contact_id IN (SELECT id FROM main.contacts WHERE merged_into IN ({people}))")
    if db.execute("SELECT 1 FROM stage.returns WHERE target = 0 AND known <> 1 LIMIT 1").fetchone():
        _from_file(db, source, parts, f"s.n IN (SELECT order_n FROM stage.lines WHERE product_id IN ({_LOST}))")
        _from_database(
            db,
            source,
            f"""o.id IN (SELECT l.order_id FROM main.products AS g
                JOIN main.order_lines AS l ON l.product_id = g.id
                WHERE g.source = :source AND g.product_id IN ({_LOST}))""",
        )
    _collect_goods(db, source, parts)


def _from_file(db: Connection, source: str, parts: Parts, condition: str) -> None:
    """Add staged orders (s, of person p), in slices: while a statement reads, the web door cannot write."""
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.orders").fetchone()[0])
    kept = "AND source_id <> 'export'" if parts.refunds else ""
    total = "coalesce(o.total_minor, s.total_minor)" if parts.detail else "s.total_minor"
    for first in range(1, last + 1, _SLICE):
        db.execute(
            f"""{_OWING} SELECT s.order_id, s.n, o.id, coalesce(p.target, -o.contact_id, 0), s.placed_at, s.currency,
                   coalesce(s.status, o.status, 'paid') IN ('open', 'paid'),
                   {total} - coalesce((SELECT sum(amount_minor) FROM stage.refunds WHERE order_n = s.n), 0)
                   - coalesce((SELECT sum(amount_minor) FROM main.refunds
                               WHERE order_id = o.id {kept} {_NOT_ANEW}), 0)
                FROM stage.orders AS s {BUYER}
                LEFT JOIN main.orders AS o ON o.source = :source AND o.order_id = s.order_id
                WHERE s.n BETWEEN :first AND :last AND ({condition})""",
            {"source": source, "first": first, "last": first + _SLICE - 1},
        )


def _from_database(db: Connection, source: str, condition: str) -> None:
    """Add orders (o) that the file does not bring itself."""
    db.execute(
        f"""{_OWING} SELECT o.order_id, NULL, o.id, coalesce(-coalesce(c.merged_into, c.id), 0),
               o.placed_at, o.currency, o.status IN ('open', 'paid'),
               o.total_minor - coalesce((SELECT sum(amount_minor) FROM main.refunds
                                         WHERE order_id = o.id {_NOT_ANEW}), 0)
            FROM main.orders AS o LEFT JOIN main.contacts AS c ON c.id = o.contact_id
            WHERE o.source = :source AND {condition}""",
        {"source": source},
    )


def _collect_goods(db: Connection, source: str, parts: Parts) -> None:
    """Note which of the orders have which of the returned products."""
    wanted = "(SELECT product_id FROM stage.return_parts)"
    if parts.lines:
        db.execute(
            f"""INSERT OR IGNORE INTO stage.owing_goods
                SELECT l.product_id, o.target, o.placed_at, o.id FROM stage.owing AS o
                JOIN stage.lines AS l ON l.order_n = o.n WHERE l.product_id IN {wanted}"""
        )
    db.execute(
        f"""INSERT OR IGNORE INTO stage.owing_goods
            SELECT g.product_id, o.target, o.placed_at, o.id FROM stage.owing AS o
            JOIN main.order_lines AS l ON l.order_id = o.order_pk
            JOIN main.products AS g ON g.id = l.product_id AND g.source = ?
            WHERE (o.n IS NULL OR NOT ?) AND g.product_id IN {wanted}""",
        (source, parts.lines),
    )
    db.execute("CREATE INDEX stage.owing_by_target ON owing (target, placed_at) WHERE counts")


def _share_out(db: Connection) -> int:
    """Give each new or changed return its orders, the earlier ones first; return how many name no customer."""
    anonymous = 0
    named = "SELECT 1 FROM stage.returns WHERE email_key <> '' OR customer_id <> '' OR phone_key <> '' LIMIT 1"
    of_anybody = db.execute(named).fetchone() is None
    waiting = db.execute(
        "SELECT n, return_id, refund_of, bare_id, target, refunded_at, amount_minor, currency FROM stage.returns"
        " WHERE known <> 1 ORDER BY refunded_at, n"
    ).fetchall()
    for row in waiting:
        try:
            found = _orders_for(db, row, of_anybody=of_anybody)
        except LookupError as error:
            _reject(db, row["n"], str(error.args[0]))
            continue
        anonymous += row["target"] == 0
        for order, amount in found:
            db.execute("INSERT INTO stage.repaid VALUES (?, ?, ?)", (order.order_id, row["n"], amount))
            db.execute("UPDATE stage.owing SET left_minor = left_minor - ? WHERE id = ?", (amount, order.owing))
    db.execute("INSERT OR IGNORE INTO stage.restated (order_id) SELECT order_id FROM stage.repaid ORDER BY order_id")
    db.execute(
        """INSERT OR IGNORE INTO stage.restated (order_id)
           SELECT o.order_id FROM stage.returns AS s CROSS JOIN main.refunds AS r
             ON r.source_id = s.source_id AND r.source_id <> 'export'
           JOIN main.orders AS o ON o.id = r.order_id WHERE s.known = 2"""
    )
    db.execute("CREATE INDEX stage.repaid_by_order ON repaid (order_id)")
    return anonymous


def _orders_for(db: Connection, row: Row, *, of_anybody: bool) -> list[tuple[_Left, int]]:
    """Return the orders that a return refunds, and how much of each; `LookupError` says why there are none."""
    named = _named(db, row)
    if named is not None:
        return [(named, row["amount_minor"])]
    spent: dict[int, int] = {}
    found: list[tuple[_Left, int]] = []
    for part in db.execute(
        "SELECT product_id, amount_minor FROM stage.return_parts WHERE return_n = ? ORDER BY position", (row["n"],)
    ).fetchall():
        open_minor = part["amount_minor"]
        for order in _candidates(db, row, part["product_id"], open_minor, of_anybody=of_anybody):
            take = min(open_minor, order.minor - spent.get(order.owing, 0))
            if take > 0:
                found.append((order, take))
                spent[order.owing] = spent.get(order.owing, 0) + take
                open_minor -= take
            if not open_minor:
                break
        if open_minor:
            raise LookupError(_no_order(row, sum(spent.values())))
    return found


def _named(db: Connection, row: Row) -> _Left | None:
    """Return the order that a return names, or whose id it has itself, when that is of nobody else."""
    told = bool(row["refund_of"])
    for order_id in (row["refund_of"],) if told else (row["return_id"], row["bare_id"]):
        order = db.execute("SELECT * FROM stage.owing WHERE order_id = ?", (order_id,)).fetchone()
        if order is None or not (told or row["target"] == 0 or order["target"] in (0, row["target"])):
            continue
        if order["currency"] != row["currency"]:
            raise LookupError(f"it pays back {row['currency']} of order {order_id}, which is in {order['currency']}")
        return _Left(order["id"], order["order_id"], order["left_minor"])
    if told:
        raise LookupError(f"it refunds order {row['refund_of']}, which is not known: import that order first")
    return None


def _candidates(db: Connection, row: Row, product_id: str, amount: int, *, of_anybody: bool) -> Iterator[_Left]:
    """Yield orders of a return's customer that have something left, those with the product first, the latest first."""
    what = {
        "target": row["target"], "at": row["refunded_at"], "currency": row["currency"], "product": product_id,
        "amount": amount if row["target"] == 0 else 1,
    }  # fmt: skip
    with_product = ["g.target = :target"] if row["target"] else ["g.target = 0", *(["g.target <> 0"] * of_anybody)]
    queries = [_WITH_PRODUCT.format(whose) for whose in with_product] if product_id else []
    if row["target"]:
        queries.append(_OF_CUSTOMER)
    for query in queries:
        for order in db.execute(query, what).fetchmany(_MOST_ORDERS):
            yield _Left(order["id"], order["order_id"], order["left_minor"])


def _no_order(row: Row, found: int) -> str:
    amount = f"{money.to_text(row['amount_minor'], row['currency'])} {row['currency']}"
    if row["target"] == 0:
        return f"a return of {amount} that names no customer, and no earlier order with this product has so much left"
    if not found:
        return f"a return of {amount}, and this customer has no earlier order that it could refund"
    left = f"{money.to_text(found, row['currency'])} {row['currency']}"
    return f"a return of {amount}, and of this customer's earlier orders only {left} are left to pay back"


def _reject(db: Connection, n: int, reason: str) -> None:
    db.execute(
        "INSERT INTO stage.rejects (line, field, reason, cells)"
        " SELECT line, NULL, ?, cells FROM stage.return_rows WHERE return_n = ?",
        (reason, n),
    )
    for table, column in (("return_rows", "return_n"), ("return_parts", "return_n"), ("returns", "n")):
        db.execute(f"DELETE FROM stage.{table} WHERE {column} = ?", (n,))


_MOST_ORDERS = 1_000  # of one customer, to look for something left in
_NOT_ANEW = "AND source_id NOT IN (SELECT source_id FROM stage.returns WHERE known = 2)"
_NAMED = """SELECT refund_of FROM stage.returns UNION SELECT return_id FROM stage.returns
    UNION SELECT bare_id FROM stage.returns"""
_OWING = """INSERT OR IGNORE INTO stage.owing
    (order_id, n, order_pk, target, placed_at, currency, counts, left_minor)"""
_LOST = """SELECT t.product_id FROM stage.return_parts AS t JOIN stage.returns AS r ON r.n = t.return_n
    WHERE r.target = 0 AND r.known <> 1 AND t.product_id <> ''"""
_WITH_PRODUCT = """SELECT o.id, o.order_id, o.left_minor
    FROM stage.owing_goods AS g JOIN stage.owing AS o ON o.id = g.owing
    WHERE g.product_id = :product AND {} AND g.placed_at <= :at AND o.currency = :currency AND o.counts
      AND o.left_minor >= :amount ORDER BY g.placed_at DESC, o.id DESC"""
_OF_CUSTOMER = """SELECT id, order_id, left_minor FROM stage.owing
    WHERE target = :target AND placed_at <= :at AND currency = :currency AND counts AND left_minor >= :amount
    ORDER BY placed_at DESC, id DESC"""
