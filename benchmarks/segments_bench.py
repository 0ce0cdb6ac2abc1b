"""Rules over a large shop: how long `mailflow segment` takes to count one, warm, question by question.

    python benchmarks/segments_bench.py                    1 M contacts, 5 M orders
    python benchmarks/segments_bench.py --orders 200000
    python benchmarks/segments_bench.py --plan              says how SQLite goes about each

One made-up database (the same for the same number; kept for the next time with --keep DIR), made by SQLite itself:
every figure of a row is a fixed scramble of its number. Counting is what is timed, in this process, the best of three,
in seconds of the processor, so that a busy machine gives the same figures. One contact in a hundred is merged.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from mailflow import clock
from mailflow.rules import Context, known_fields, parse
from mailflow.store import Store, members, rules_sql

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
DAYS = 3 * 365
INDEXED_SECONDS, WORST_SECONDS = 2.0, 6.0
LARGE = 5_000_000  # from here on the targets must be reached
# Rules with what they may take: those on kept facts and indexes, and the worst of the ready segments.
RULES = (
    ('country == "DE" and orders.count >= 2 and orders.last_at < now - 90d', INDEXED_SECONDS),
    ("orders.revenue >= 500", INDEXED_SECONDS),
    ('consent.email == "subscribed" and tags contains "tag-3"', INDEXED_SECONDS),
    ("birthday within next 7d", INDEXED_SECONDS),
    ("bought(within=60d)", INDEXED_SECONDS),
    ('bought("P-17", within=365d)', INDEXED_SECONDS),
    ("clicked(within=90d)", INDEXED_SECONDS),
    ("tickets.open == 0 and orders.count >= 1", WORST_SECONDS),
    ('bought(category="cat-7", within=180d) and not bought(within=60d)', WORST_SECONDS),
    ('bought(category="cat-7", at_least=2)', WORST_SECONDS),
    ("bought(at_least=5)", WORST_SECONDS),
    ('viewed(category="cat-7", at_least=2, within=30d) and not bought(category="cat-7", within=30d)', WORST_SECONDS),
    ('did("cart_abandoned", within=60d, at_least=2) and not bought(within=14d)', WORST_SECONDS),
    ("orders.gaps_since_last >= 3", WORST_SECONDS),
    ("bought(where=quantity >= 3, within=90d)", WORST_SECONDS),
    ("orders.last_at.weekday == \"saturday\" and orders.last_at within last 90d", WORST_SECONDS),
    ("not opened(within=180d) and not clicked(within=180d) and received(within=180d, at_least=2)", WORST_SECONDS),
)  # fmt: skip

# A number from 0 to below `below` for row `n`: the same every time, unlike for every `salt`.
_SCRAMBLE = "((((n * 1103515245 + {salt} * 12345678 + 12345) % 2147483648) * 69069 % 2147483647) % {below})"


def _dice(salt: int, below: int | str) -> str:
    return _SCRAMBLE.format(salt=salt, below=below)


def main() -> int:
    """Count every rule; return 1 if one took too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=LARGE)
    parser.add_argument("--keep", type=Path, help="make the database in this folder and leave it there")
    parser.add_argument("--plan", action="store_true", help="print SQLite's plans too")
    parser.add_argument("--only", help="only rules with this text in them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        path = (options.keep or Path(scratch)) / f"segments-{options.orders}.db"
        if not path.exists():
            make(path, options.orders)
        with Store.open(path, backups=Path(scratch)) as store:
            late = [_measure(store, rule, limit, options) for rule, limit in RULES if (options.only or "") in rule]
    return int(any(late) and options.orders >= LARGE)


def _measure(store: Store, text: str, limit: float, options: argparse.Namespace) -> bool:
    context = Context(NOW, clock.zone("Europe/Vienna"), "EUR")
    started = time.perf_counter()
    where, parameters = rules_sql.compile(parse(text, fields=known_fields({}, ["champions"])), context=context)
    compiled = time.perf_counter() - started
    if options.plan:
        for row in store.db.execute(f"EXPLAIN QUERY PLAN {members.COUNT.format(where)}", parameters):
            print("      ", row[3])
    seconds = []
    for _ in range(3):
        started = time.process_time()
        people = members.count(store.db, where, parameters)
        seconds.append(time.process_time() - started)
    print(
        f"{min(seconds):6.2f} s of {limit:.0f}  {people:>8,} people  compiled in {compiled * 1e3:.2f} ms  {text}",
        flush=True,
    )
    return min(seconds) > limit


def make(path: Path, orders: int, contacts: int | None = None) -> None:
    """Make a shop with so many orders in three years, a fifth as many contacts, and what they looked at and got."""
    Store.create(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(
        "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -262144"
    )
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    for statement in _statements(orders, contacts or orders // 5):
        db.execute(statement)
    for _, sql in indexes:
        db.execute(sql)
    db.close()


def _statements(orders: int, contacts: int) -> list[str]:
    """Return the statements that fill the tables."""
    end = clock.to_ms(NOW)
    person = "contact_id - (contact_id % 100 = 0)"  # one in a hundred turned out to be somebody else
    whose = f"1 + {_dice(3, contacts)} * {_dice(4, 1000)} / 1000"  # a few buy and click much more often than the others
    at = f"{end} - ({{rows}} - n) * ({DAYS} * 86400000 / {{rows}})"

    def rows(count: int) -> str:
        return f"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {count})"

    def events(first: int, count: int, name: str, properties: str) -> str:
        return (
            "INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)"
            f" {rows(count)} SELECT {whose}, {name}, 'bench', n + {first}, {at.format(rows=count)}, 0, {properties}"
            " FROM r"
        )

    return [
        "INSERT INTO contacts (id, key, email, country, birthday, attributes, source, created_at, updated_at)"
        f" {rows(contacts)} SELECT n, printf('key%09d', n), printf('c%d@example.com', n),"
        f" substr('DEATCHFRNL', 1 + 2 * {_dice(1, 5)}, 2),"
        f" printf('%d-%02d-%02d', 1950 + {_dice(2, 50)}, 1 + {_dice(5, 12)}, 1 + {_dice(6, 28)}),"
        f" json_object('tags', json_array('tag-' || {_dice(7, 20)}, 'tag-' || {_dice(8, 20)})), 'bench', 0, 0 FROM r",
        f"INSERT INTO consents (id, contact_id, channel, topic, state, basis, occurred_at, recorded_at, source)"
        f" {rows(contacts)} SELECT n, n, 'email', '', iif({_dice(9, 5)}, 'subscribed', 'unsubscribed'),"
        " 'express', 0, 0, 'bench' FROM r",
        "INSERT INTO consent_states SELECT contact_id, channel, topic, state, basis, 0, id FROM consents",
        f"INSERT INTO products (id, source, product_id, title, price_minor, currency) {rows(2000)}"
        " SELECT n, 'bench', 'P-' || n, 'Product ' || n, 990, 'EUR' FROM r",
        "INSERT INTO product_categories SELECT id, 'cat-' || (id % 40) FROM products",
        f"INSERT INTO orders {rows(orders)} SELECT n, 'bench', printf('%09d', n), {whose},"
        f" iif({_dice(10, 50)}, 'paid', 'cancelled'), {at.format(rows=orders)},"
        f" 500 + {_dice(11, 20000)}, 'EUR', 0 FROM r",
        f"INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor) {rows(2 * orders)}"
        f" SELECT (n + 1) / 2, 1 + {_dice(12, 2000)}, 'a product', 1 + {_dice(13, 4)}, 990 FROM r",
        "UPDATE contacts SET merged_into = id - 1 WHERE id % 100 = 0",
        f"INSERT INTO contact_facts SELECT {person}, count(*), min(placed_at), max(placed_at) FROM orders"
        " WHERE status IN ('open', 'paid') GROUP BY 1",
        f"INSERT INTO contact_revenue SELECT {person}, currency, sum(total_minor) FROM orders"
        " WHERE status IN ('open', 'paid') GROUP BY 1, 2",
        events(0, orders // 2, "'product_viewed'", f"json_object('product_id', 'P-' || (1 + {_dice(14, 2000)}))"),
        events(orders, orders // 4, f"iif({_dice(15, 4)}, 'opened', 'clicked')",
               f"json_object('campaign', 'letter-' || {_dice(16, 50)}, 'machine',"
               f" json(iif({_dice(17, 2)}, 'true', 'false')))"),
        events(2 * orders, orders // 20, "iif(n % 3, 'cart_updated', 'cart_abandoned')", "json_object('cart_id', n)"),
        events(3 * orders, orders // 50, "iif(n % 2, 'ticket_opened', 'ticket_closed')",
               "json_object('ticket_id', (n + 1) / 2)"),
        "INSERT INTO messages (scope, contact_id, channel, step, occurrence, variant, class, kind, rehearsal, address,"
        " state, due_at, not_after, next_at, token, planned_at, settled_at)"
        f" {rows(orders // 5)} SELECT 'campaign:letter-' || {_dice(18, 50)}, {whose}, 'email', '', n, '', 'marketing',"
        f" 'promo', 0, '', 'accepted', 0, 0, 0, n, 0, {at.format(rows=orders // 5)} FROM r",
    ]  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
