"""Compare staged orders with those that are known, and write what is new or changed, with their facts.

The products that they name: goods_bulk; money that went back in rows of its own: returns_bulk; what a dry run says:
order_differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailflow.store import facts, journal, staging
from mailflow.store.connection import Connection
from mailflow.store.contacts_bulk import CONTACT_OF
from mailflow.store.goods_bulk import PRODUCT_OF
from mailflow.store.pace import Pace

_SLICE = 20_000

_TABLES = """
CREATE TABLE stage.known (n INTEGER PRIMARY KEY, order_pk INTEGER, target INTEGER, changed INTEGER NOT NULL);
CREATE TABLE stage.arrived (
  rank INTEGER PRIMARY KEY, n INTEGER, order_id TEXT, target INTEGER, status TEXT, placed_at INTEGER,
  total_minor INTEGER, currency TEXT, fingerprint INTEGER
);
CREATE TABLE stage.revised (rank INTEGER PRIMARY KEY, n INTEGER, order_pk INTEGER, target INTEGER)
"""


# Who an order is of; nobody where its row has no key.
BUYER = """LEFT JOIN stage.buyers AS p ON p.email_key = s.email_key AND p.customer_id = s.customer_id
    AND p.phone_key = iif(s.email_key = '' AND s.customer_id = '', s.phone_key, '')"""
# New orders are written by groups of neighbouring contacts, and in a group by order id. A slice then touches one part
# of what goes by contact (facts, revenue, the index of their orders) and one stretch of the index by order id. With a
# million orders, by contact alone or by order id alone each slice writes three to four times as many pages.
_GROUPS = 16
_ARRIVED = f"""INSERT INTO stage.arrived (n, order_id, target, status, placed_at, total_minor, currency, fingerprint)
    SELECT s.n, s.order_id, p.target, s.status, s.placed_at, s.total_minor, s.currency, s.fingerprint
    FROM stage.orders AS s {BUYER} LEFT JOIN stage.fresh AS f ON f.target = p.target
    WHERE s.n NOT IN (SELECT n FROM stage.known)
    ORDER BY coalesce(:known + f.rank, -p.target, 0) / :width, s.order_id"""


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """What a file would do to orders. `anonymous` are the new ones that name no customer."""

    new: int
    changed: int
    anonymous: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of an order the file speaks of at all: of the others it says nothing, so they stay as they are.

    `sketches`: its lines are a title and a number alone, so they only count where an order has none yet. `detail`: it
    is the lines of orders whose totals another file says, so it changes no total of an order that is known.
    """

    lines: bool
    refunds: bool
    sketches: bool = False
    detail: bool = False
    codes: bool = False


def number_equal_rows(db: Connection) -> None:
    """Give orders without an id theirs: the hash of the row, which is there already, and its number among equals."""
    db.execute("CREATE INDEX stage.orders_by_id ON orders (order_id)")
    staging.number_equals(db, "orders", "order_id")


def join_scattered(db: Connection, *, add_totals: bool) -> int:
    """Make one order of lines that stood in several places of a file; return how many parts were joined to another.

    `add_totals` where the total of a part is that of its lines.
    """
    db.execute("CREATE INDEX IF NOT EXISTS stage.orders_by_id ON orders (order_id)")
    db.execute("CREATE TABLE stage.scattered (n INTEGER PRIMARY KEY, latest INTEGER)")
    db.execute(
        """INSERT INTO stage.scattered
           SELECT o.n, d.latest FROM stage.orders AS o
           JOIN (SELECT order_id, max(n) AS latest FROM stage.orders GROUP BY order_id HAVING count(*) > 1) AS d
             ON d.order_id = o.order_id"""
    )
    db.execute(
        f"""UPDATE stage.orders AS o SET fingerprint = s.fingerprint, total_minor = s.total, placed_at = s.placed_at
            FROM (SELECT c.latest, {"sum" if add_totals else "max"}(p.total_minor) AS total,
                         min(p.placed_at) AS placed_at, sum(p.fingerprint % 1099511627776) AS fingerprint
                  FROM stage.scattered AS c JOIN stage.orders AS p ON p.n = c.n GROUP BY c.latest) AS s
            WHERE o.n = s.latest"""
    )
    db.execute(
        """UPDATE stage.lines AS l SET order_n = c.latest, position = l.position + 1000000 * l.order_n
           FROM stage.scattered AS c WHERE c.n = l.order_n AND c.latest <> c.n"""
    )
    db.execute(
        """UPDATE OR IGNORE stage.refunds AS r SET order_n = c.latest
           FROM stage.scattered AS c WHERE c.n = r.order_n AND c.latest <> c.n"""
    )
    db.execute(
        """UPDATE OR IGNORE stage.codes AS k SET order_n = c.latest
           FROM stage.scattered AS c WHERE c.n = k.order_n AND c.latest <> c.n"""
    )
    return db.execute("DELETE FROM stage.orders WHERE n IN (SELECT n FROM stage.scattered WHERE latest <> n)").rowcount


def compare(db: Connection, source: str, parts: Parts) -> OrderCounts:
    """Find out which staged orders are new and which differ from what is known. `source` is the shop of the ids.

    Their buyers must be indexed: matching.index_buyers.
    """
    for statement in _TABLES.split(";"):
        db.execute(statement)
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.orders").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        ends = {"source": source, "first": first, "last": first + _SLICE - 1}
        db.execute(_known_sql(parts), ends)
    contacts = db.execute("SELECT coalesce(max(id), 0) FROM main.contacts").fetchone()[0]
    fresh = db.execute("SELECT count(*) FROM stage.fresh").fetchone()[0]
    db.execute(_ARRIVED, {"known": contacts, "width": (contacts + fresh) // _GROUPS + 1})
    db.execute(
        "INSERT INTO stage.revised (n, order_pk, target)"
        " SELECT n, order_pk, target FROM stage.known WHERE changed ORDER BY order_pk"
    )
    if parts.lines:
        db.execute("CREATE INDEX stage.arrived_by_n ON arrived (n)")
        db.execute("CREATE INDEX stage.revised_by_n ON revised (n)")
    row = db.execute(
        """SELECT (SELECT count(*) FROM stage.arrived) AS new, (SELECT count(*) FROM stage.revised) AS changed,
                  (SELECT count(*) FROM stage.arrived WHERE target IS NULL) AS anonymous"""
    ).fetchone()
    return OrderCounts(row["new"], row["changed"], row["anonymous"])


def newest(db: Connection) -> int:
    """Return the highest id of an order there is."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM main.orders").fetchone()[0])


def add_new(pace: Pace, import_id: int, source: str, parts: Parts) -> None:
    """Write the new orders with their lines and refunds, and count them into the facts, slice by slice."""
    for first, last in pace.ranks("arrived"):
        with pace.transaction() as tx:
            base = tx.execute("SELECT coalesce(max(id), 0) FROM main.orders").fetchone()[0] + 1 - first
            parameters = {"base": base, "first": first, "last": last, "source": source}
            tx.execute(_INSERT_ORDERS, parameters)
            if parts.lines:
                tx.execute(_insert_lines("arrived", "a.rank + :base"), parameters)
            if parts.refunds:
                tx.execute(_insert_refunds("arrived", "a.rank + :base"), parameters)
            if parts.codes:
                tx.execute(_insert_codes("arrived", "a.rank + :base"), parameters)
            facts.add_orders(tx, first + base, last + base, refunds=parts.refunds)
            journal.add_range(tx, import_id, "orders", first + base, last + base)


def revise_known(pace: Pace, import_id: int, source: str, parts: Parts) -> None:
    """Write what changed about known orders, the old ones into the journal first, and recount their contacts' facts."""
    for first, last in pace.ranks("revised"):
        parameters = {"first": first, "last": last, "source": source}
        with pace.transaction() as tx:
            among = "SELECT order_pk FROM stage.revised WHERE rank BETWEEN :first AND :last"
            journal_orders(tx, import_id, among, parameters)
            touched = _contacts_of(tx, first, last)
            tx.execute(_update_orders(parts), parameters)
            if parts.sketches:
                tx.execute(_insert_lines("revised", "a.order_pk", only=_LINELESS.format("a.order_pk")), parameters)
            elif parts.lines:
                tx.execute(_DELETE_LINES, parameters)
                tx.execute(_insert_lines("revised", "a.order_pk"), parameters)
            if parts.refunds:
                tx.execute(_DELETE_REFUNDS, parameters)
                tx.execute(_insert_refunds("revised", "a.order_pk"), parameters)
            if parts.codes:
                tx.execute(_DELETE_CODES, parameters)
                tx.execute(_insert_codes("revised", "a.order_pk"), parameters)
            facts.recount(tx, touched | _contacts_of(tx, first, last))


def journal_orders(tx: Connection, import_id: int, among: str, parameters: Mapping[str, object]) -> None:
    """Note orders with their lines and refunds as they are, before they are changed. `among` selects their ids."""
    tx.execute(_JOURNAL_ORDERS.format(among=among), {**parameters, "import": import_id})


def drop_repeated(db: Connection) -> int:
    """Keep the last of several staged orders with one id; return how many went. Before `compare`."""
    db.execute("CREATE INDEX IF NOT EXISTS stage.orders_by_id ON orders (order_id)")
    return db.execute(
        """DELETE FROM stage.orders WHERE n IN (
             SELECT o.n FROM stage.orders AS o
             JOIN (SELECT order_id, max(n) AS latest FROM stage.orders GROUP BY order_id HAVING count(*) > 1) AS d
               ON d.order_id = o.order_id WHERE o.n < d.latest)"""
    ).rowcount


def _known_sql(parts: Parts) -> str:
    return f"""INSERT INTO stage.known (n, order_pk, target, changed)
        SELECT s.n, o.id, p.target, {" OR ".join(_differences(parts))}
        FROM stage.orders AS s CROSS JOIN main.orders AS o ON o.source = :source AND o.order_id = s.order_id
        {BUYER} WHERE s.n BETWEEN :first AND :last"""


def _differences(parts: Parts) -> Iterator[str]:
    """Yield what makes a staged order (s, of person p) differ from the known one (o)."""
    if parts.sketches:
        yield f"(s.fingerprint <> 0 AND {_LINELESS.format('o.id')})"
    elif parts.lines:
        yield "o.fingerprint <> s.fingerprint"
    yield "(s.status IS NOT NULL AND s.status <> o.status)"
    if parts.codes:  # an order without any says nothing: a shop's export of another kind may have left them out
        yield f"({_CODED.format('s.n')} AND {_codes('stage.codes WHERE order_n = s.n')} <> {_codes(_CODES_OF)})"
    if parts.detail:
        return
    yield "s.placed_at <> o.placed_at OR s.total_minor <> o.total_minor OR s.currency <> o.currency"
    yield """(p.target IS NOT NULL AND o.contact_id IS NOT -p.target
              AND NOT EXISTS (SELECT 1 FROM main.contacts AS c
                              WHERE c.id = o.contact_id AND c.merged_into = -p.target))"""
    if parts.refunds:
        yield """(SELECT json_group_array(json_array(refunded_at, amount_minor)) FROM stage.refunds WHERE order_n = s.n)
            <> (SELECT json_group_array(json_array(refunded_at, amount_minor)) FROM main.refunds
                WHERE order_id = o.id AND source_id = 'export')"""


def _insert_lines(table: str, order_pk: str, only: str = "TRUE") -> str:
    return f"""INSERT INTO main.order_lines (order_id, product_id, title, quantity, price_minor)
        SELECT {order_pk}, {PRODUCT_OF}, l.title, l.quantity, l.price_minor
        FROM stage.{table} AS a JOIN stage.lines AS l ON l.order_n = a.n
        WHERE a.rank BETWEEN :first AND :last AND {only} ORDER BY a.rank, l.position"""


def _insert_refunds(table: str, order_pk: str) -> str:
    return f"""INSERT INTO main.refunds (order_id, source_id, refunded_at, amount_minor)
        SELECT {order_pk}, 'export', r.refunded_at, r.amount_minor
        FROM stage.{table} AS a JOIN stage.refunds AS r ON r.order_n = a.n WHERE a.rank BETWEEN :first AND :last"""


def _codes(rows: str) -> str:
    return f"(SELECT json_group_array(code_key) FROM (SELECT code_key FROM {rows} ORDER BY code_key))"


def _insert_codes(table: str, order_pk: str) -> str:
    return f"""INSERT INTO main.order_codes (order_id, code_key, code)
        SELECT {order_pk}, k.code_key, k.code
        FROM stage.{table} AS a JOIN stage.codes AS k ON k.order_n = a.n WHERE a.rank BETWEEN :first AND :last"""


def _contacts_of(tx: Connection, first: int, last: int) -> set[int]:
    rows = tx.execute(
        """SELECT DISTINCT o.contact_id FROM stage.revised AS r JOIN main.orders AS o ON o.id = r.order_pk
           WHERE r.rank BETWEEN ? AND ? AND o.contact_id IS NOT NULL""",
        (first, last),
    )
    return {row[0] for row in rows}


def _update_orders(parts: Parts) -> str:
    """Return the statement that writes what a file says of known orders, and nothing of which it says nothing."""
    said = ["status = coalesce(s.status, o.status)"]
    if parts.lines and not parts.sketches:
        said.append("fingerprint = s.fingerprint")
    if not parts.detail:
        said += [
            "placed_at = s.placed_at", "total_minor = s.total_minor",
            "currency = s.currency", f"contact_id = coalesce({CONTACT_OF.format('r.target')}, o.contact_id)",
        ]  # fmt: skip
    return f"""UPDATE main.orders AS o SET {", ".join(said)}
        FROM stage.revised AS r JOIN stage.orders AS s ON s.n = r.n
        WHERE r.rank BETWEEN :first AND :last AND o.id = r.order_pk"""


_CODED = "EXISTS (SELECT 1 FROM stage.codes WHERE order_n = {})"
_CODES_OF = "main.order_codes WHERE order_id = o.id"
_DELETE_CODES = f"""DELETE FROM main.order_codes WHERE order_id IN
    (SELECT order_pk FROM stage.revised AS r WHERE rank BETWEEN :first AND :last AND {_CODED.format("r.n")})"""
_LINELESS = "NOT EXISTS (SELECT 1 FROM main.order_lines WHERE order_id = {})"
_INSERT_ORDERS = f"""INSERT INTO main.orders (id, source, order_id, contact_id, status, placed_at, total_minor,
                                      currency, fingerprint)
    SELECT a.rank + :base, :source, a.order_id, {CONTACT_OF.format("a.target")}, coalesce(a.status, 'paid'),
           a.placed_at, a.total_minor, a.currency, a.fingerprint
    FROM stage.arrived AS a WHERE a.rank BETWEEN :first AND :last ORDER BY a.rank"""
_DELETE_LINES = """DELETE FROM main.order_lines WHERE order_id IN
    (SELECT order_pk FROM stage.revised WHERE rank BETWEEN :first AND :last)"""
_DELETE_REFUNDS = """DELETE FROM main.refunds WHERE source_id = 'export' AND order_id IN
    (SELECT order_pk FROM stage.revised WHERE rank BETWEEN :first AND :last)"""
_JOURNAL_ORDERS = """INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'orders', o.id, o.id, json_object(
      'contact_id', o.contact_id, 'status', o.status, 'placed_at', o.placed_at, 'total_minor', o.total_minor,
      'currency', o.currency, 'fingerprint', o.fingerprint,
      'lines', (SELECT json_group_array(json_array(l.product_id, l.title, l.quantity, l.price_minor))
                FROM main.order_lines AS l WHERE l.order_id = o.id),
      'refunds', (SELECT json_group_array(json_array(f.source_id, f.refunded_at, f.amount_minor))
                  FROM main.refunds AS f WHERE f.order_id = o.id),
      'codes', (SELECT json_group_array(json_array(k.code_key, k.code))
                FROM main.order_codes AS k WHERE k.order_id = o.id))
    FROM main.orders AS o WHERE o.id IN ({among})"""
