"""Rules over a large shop: how long it takes to count whom one finds, warm, question by question.

    python benchmarks/segments_bench.py                    1 M contacts, 5 M orders
    python benchmarks/segments_bench.py --orders 200000
    python benchmarks/segments_bench.py --plan              says how SQLite goes about each

Asked are the rules below beside SQL as somebody would write it by hand, then all ready segments of the shop's pack
and the questions of docs/segments.md. One made-up database (the same for the same number; kept for the next time with
--keep DIR), made by SQLite itself: every figure of a row is a fixed scramble of its number. Counting is what is timed,
in this process, the best of three, in seconds of the processor, so that a busy machine gives the same figures. One
contact in a hundred is merged.
"""

from __future__ import annotations

import argparse
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import paired
from mailflow import clock
from mailflow.jobs.init import Brand, init
from mailflow.scoring import favourites
from mailflow.segments import Segments
from mailflow.store import Store, members
from mailflow.workspace import DATABASE_FILE, Workspace

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
DAYS = 3 * 365
INDEXED_SECONDS, WORST_SECONDS = 2.0, 6.0
LARGE = 5_000_000  # from here on the targets must be reached
QUESTIONS = Path(__file__).parents[1] / "docs" / "segments.md"
_60_DAYS_AGO, _90_DAYS_AGO = (clock.to_ms(NOW) - days * 86_400_000 for days in (60, 90))
# Who a contact of an order or an event is now, for SQL by hand.
_WHO = "(SELECT coalesce(w.merged_into, w.id) FROM contacts AS w WHERE w.id = {}.contact_id)"
# Rules with what they may take, and the same question in SQL by hand.
RULES = (
    ('country == "DE" and orders.count >= 2 and orders.last_at < now - 90d', INDEXED_SECONDS,
     f"""SELECT count(*) FROM contacts AS c JOIN contact_facts AS f ON f.contact_id = c.id
         WHERE c.merged_into IS NULL AND c.country = 'DE'
           AND f.order_count >= 2 AND f.last_order_at < {_90_DAYS_AGO}"""),
    ("orders.revenue >= 500", INDEXED_SECONDS,
     """SELECT count(*) FROM contacts AS c JOIN contact_revenue AS v ON v.contact_id = c.id
        WHERE c.merged_into IS NULL AND v.revenue_minor >= 50000"""),
    ('consent.email == "subscribed" and tags contains "tag-3"', INDEXED_SECONDS,
     """SELECT count(*) FROM contacts AS c JOIN consent_states AS n ON n.contact_id = c.id AND n.channel = 'email'
        WHERE c.merged_into IS NULL AND n.topic = '' AND n.state = 'subscribed' AND EXISTS
          (SELECT 1 FROM json_each(c.attributes, '$.tags') WHERE value = 'tag-3')"""),
    ("birthday within next 7d", INDEXED_SECONDS,
     """SELECT count(*) FROM contacts WHERE merged_into IS NULL AND substr(birthday, -5) IN
        ('03-30', '03-31', '04-01', '04-02', '04-03', '04-04', '04-05')"""),
    ("bought(within=60d)", INDEXED_SECONDS,
     f"""SELECT count(DISTINCT {_WHO.format("o")}) FROM orders AS o
         WHERE o.status IN ('open', 'paid') AND o.placed_at >= {_60_DAYS_AGO}"""),
    ('bought("P-17", within=365d)', INDEXED_SECONDS, None),
    ("clicked(within=90d)", INDEXED_SECONDS,
     f"""SELECT count(DISTINCT {_WHO.format("e")}) FROM events AS e WHERE e.name = 'clicked'
         AND e.occurred_at >= {_90_DAYS_AGO} AND coalesce(e.properties ->> 'machine', 0) = 0"""),
    ('bought(category="cat-7", within=180d) and not bought(within=60d)', WORST_SECONDS, None),
    ('bought(category="cat-7", at_least=2)', WORST_SECONDS,
     f"""SELECT count(*) FROM (SELECT {_WHO.format("o")} AS who FROM orders AS o
           JOIN order_lines AS l ON l.order_id = o.id JOIN product_categories AS k ON k.product_id = l.product_id
           WHERE k.category = 'cat-7' AND o.status IN ('open', 'paid')
           GROUP BY who HAVING count(DISTINCT o.id) >= 2)"""),
    ("bought(at_least=5)", WORST_SECONDS,
     f"""SELECT count(*) FROM (SELECT {_WHO.format("o")} AS who FROM orders AS o WHERE o.status IN ('open', 'paid')
           GROUP BY who HAVING count(*) >= 5)"""),
    ('viewed(category="cat-7", at_least=2, within=30d) and not bought(category="cat-7", within=30d)', WORST_SECONDS,
     None),
    ("bought(where=quantity >= 3, within=90d)", WORST_SECONDS, None),
    ("bought(where=total >= 150)", WORST_SECONDS, None),
    ("not opened(within=180d) and not clicked(within=180d) and received(within=180d, at_least=2)", WORST_SECONDS, None),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """A rule, how many seconds it may take, and the same by hand where somebody wrote it."""

    text: str
    limit: float
    by_hand: str | None = None
    name: str = ""


# A number from 0 to below `below` for row `n`: the same every time, unlike for every `salt`.
_SCRAMBLE = "((((n * 1103515245 + {salt} * 12345678 + 12345) % 2147483648) * 69069 % 2147483647) % {below})"
# What the ready segments and the questions of docs/segments.md speak of is sold too.
_CATEGORY = """CASE id % 40 WHEN 11 THEN 'tea' WHEN 12 THEN 'mugs' WHEN 13 THEN 'organic' WHEN 14 THEN 'gifts'
    WHEN 15 THEN 'sale' ELSE 'cat-' || (id % 40) END"""


# The questions of docs/segments.md speak of its answers.
_POLLS = """spring:
  question: Which tea?
  answers: {green: A green one, black: A black one}
"""


def _dice(salt: int, below: int | str) -> str:
    return _SCRAMBLE.format(salt=salt, below=below)


def main() -> int:
    """Count every rule; return 1 if one took too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=LARGE)
    parser.add_argument("--keep", type=Path, help="make the workspace in this folder and leave it there")
    parser.add_argument("--plan", action="store_true", help="print SQLite's plans too")
    parser.add_argument("--only", default="", help="only rules with this text in them, or in their name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        shop = (options.keep or Path(scratch)) / f"rules-{options.orders}"
        if not shop.exists():
            make_shop(shop, options.orders)
        workspace = Workspace.at(shop)
        segments = Segments.open(shop, workspace.settings, workspace.store.db)
        print(f"\n## Rules over {options.orders:,} orders\n\n{paired.machine()}; the best of three, warm\n")
        print(
            "| rule | people | s | CPU s | × SQL by hand (CPU) | parsed and compiled, ms |\n|---|---|---|---|---|---|"
        )
        late = [
            _measure(workspace.store, segments, question, plan=options.plan)
            for question in _questions(segments)
            if options.only in question.text or options.only in question.name
        ]
    print(f"\n{sum(late)} of {len(late)} took longer than they may")
    return int(any(late) and options.orders >= LARGE)


def make_shop(shop: Path, orders: int) -> None:
    """Make a workspace with the shop's ready segments, so many orders, and scores as of the last day."""
    init(shop, Brand(timezone="Europe/Vienna", currency="EUR"))
    (shop / "polls.yaml").write_text(_POLLS, encoding="utf-8")
    (shop / DATABASE_FILE).unlink()
    make(shop / DATABASE_FILE, orders)
    score = [sys.executable, "-m", "mailflow", "score", "--if-stale", "--workspace", str(shop), "--now", clock.iso(NOW)]
    subprocess.run(score, check=True)
    _keep_favourites(Workspace.at(shop))


def _keep_favourites(workspace: Workspace) -> None:
    """Find what everybody buys most, as `mailflow score` and `mailflow run` do, and say what that cost."""
    _, cpu_seconds, people = _timed(
        lambda: favourites.refresh(workspace.store, workspace.settings, folder=workspace.private, now=NOW)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"what {people:,} people buy most, all found for the first time: {cpu_seconds:.1f} CPU s, peak {peak} MiB")


def _questions(segments: Segments) -> Iterator[Question]:
    yield from (Question(*rule) for rule in RULES)
    yield from (Question(text, WORST_SECONDS, name=name) for name, text in segments.rules.items())
    table = QUESTIONS.read_text(encoding="utf-8").partition("<!-- rules -->")[2].partition("\n\n")[0]
    yield from (
        Question(text, WORST_SECONDS) for text in re.findall(r"^\| [^|]+ \| `([^`]+)` \|$", table, re.MULTILINE)
    )


def _measure(store: Store, segments: Segments, question: Question, *, plan: bool) -> bool:
    """Print a row about a question; return whether it took longer than it may."""
    where, parameters = segments.compiled(store.db, segments.parse(question.text), NOW)
    compiled = min(_timed(lambda: segments.compiled(store.db, segments.parse(question.text), NOW))[0] for _ in range(9))
    if plan:
        for row in store.db.execute(f"EXPLAIN QUERY PLAN {members.COUNT.format(where)}", parameters):
            print("      ", row[3])
    seconds, cpu_seconds, people = _best(lambda: members.count(store.db, where, parameters))
    times = ""
    if question.by_hand is not None:
        _, by_hand, found = _best(lambda: int(store.db.execute(question.by_hand or "").fetchone()[0]))
        if found != people:
            raise SystemExit(f"{question.text}: {people} people, but {found} by hand")
        times = f"{cpu_seconds / by_hand:.2f}"
    words = f"{question.name}: " if question.name else ""
    print(
        f"| {words}`{' '.join(question.text.split())}` | {people:,} | {seconds:.2f} | {cpu_seconds:.2f} | {times} |"
        f" {compiled * 1e3:.2f} |{' LATE' if cpu_seconds > question.limit else ''}",
        flush=True,
    )
    return cpu_seconds > question.limit


def _best(count: Callable[[], int]) -> tuple[float, float, int]:
    """Return the least wall and processor seconds of three, and what was counted."""
    runs = [_timed(count) for _ in range(3)]
    return min(run[0] for run in runs), min(run[1] for run in runs), runs[0][2]


def _timed(work: Callable[[], int]) -> tuple[float, float, int]:
    started, cpu_started = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - started, time.process_time() - cpu_started, result


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


_END = clock.to_ms(NOW)


def _statements(orders: int, contacts: int) -> list[str]:
    """Return the statements that fill the tables."""
    # A few buy and click much more often than the others.
    whose = f"1 + {_dice(3, contacts)} * {_dice(4, 1000)} / 1000"
    return [*_of_people(contacts), *_of_orders(orders, whose), *_of_facts(), *_of_events(orders, whose)]


def _rows(count: int) -> str:
    """Return the start of a statement in which `r` has the numbers from 1 to `count` as `n`."""
    return f"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {count})"


def _at(count: int) -> str:
    """Return the time of row `n` of so many, from three years ago to the end."""
    return f"{_END} - ({count} - n) * ({DAYS} * 86400000 / {count})"


def _of_people(contacts: int) -> list[str]:
    rows = _rows(contacts)
    return [
        "INSERT INTO contacts (id, key, email, country, birthday, attributes, source, created_at, updated_at, language,"
        " city, postcode, company, timezone)"
        f" {rows} SELECT n, printf('key%09d', n), printf('c%d@example.com', n),"
        f" substr('DEATCHFRNL', 1 + 2 * {_dice(1, 5)}, 2),"
        f" printf('%d-%02d-%02d', 1950 + {_dice(2, 50)}, 1 + {_dice(5, 12)}, 1 + {_dice(6, 28)}),"
        f" json_object('tags', json_array('tag-' || {_dice(7, 20)}, iif(n % 50, 'tag-' || {_dice(8, 20)}, 'wholesale'))"
        ", 'values', json_array(iif(n % 7, 'price', 'organic'), 'quality'), 'buys_for', iif(n % 9, 'self', 'others')),"
        f" iif(n % 4, 'bench', 'mailchimp'), {_at(contacts)}, 0, iif(n % 3, 'de', 'fr'),"
        f" iif(n % 5, 'Graz', 'Wien'), printf('%04d', {_dice(30, 9999)}), iif(n % 6, NULL, 'Example Ltd'),"
        " iif(n % 2, 'Europe/Berlin', NULL) FROM r",
        f"INSERT INTO consents (id, contact_id, channel, topic, state, basis, occurred_at, recorded_at, source)"
        f" {rows} SELECT n, n, 'email', '', iif({_dice(9, 5)}, 'subscribed', 'unsubscribed'),"
        " 'express', 0, 0, 'bench' FROM r",
        "INSERT INTO consents (contact_id, channel, topic, state, basis, occurred_at, recorded_at, source)"
        f" {rows} SELECT n, 'email', iif(n % 3, 'tea', 'organic'), 'subscribed', 'express', 0, 0,"
        " 'bench' FROM r",
        "INSERT INTO consent_states SELECT contact_id, channel, topic, state, basis, 0, id FROM consents",
    ]


def _of_orders(orders: int, whose: str) -> list[str]:
    return [
        f"INSERT INTO products (id, source, product_id, title, price_minor, currency) {_rows(2000)}"
        " SELECT n, 'bench', 'P-' || n, iif(n = 17, 'Oolong', 'Product ' || n), 990, 'EUR' FROM r",
        f"INSERT INTO product_categories SELECT id, {_CATEGORY} FROM products",
        f"INSERT INTO orders {_rows(orders)} SELECT n, 'bench', printf('%09d', n), {whose},"
        f" iif({_dice(10, 50)}, 'paid', 'cancelled'), {_at(orders)},"
        f" 500 + {_dice(11, 20000)}, 'EUR', 0 FROM r",
        f"INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor) {_rows(2 * orders)}"
        f" SELECT (n + 1) / 2, 1 + {_dice(12, 2000)}, 'a product', 1 + {_dice(13, 4)}, 990 FROM r",
    ]


def _of_facts() -> list[str]:
    person = "contact_id - (contact_id % 100 = 0)"  # one in a hundred turned out to be somebody else
    counted = "FROM orders WHERE status IN ('open', 'paid')"
    return [
        "UPDATE contacts SET merged_into = id - 1 WHERE id % 100 = 0",
        f"INSERT INTO contact_facts SELECT {person}, count(*), min(placed_at), max(placed_at) {counted} GROUP BY 1",
        f"INSERT INTO contact_revenue SELECT {person}, currency, sum(total_minor) {counted} GROUP BY 1, 2",
    ]


def _of_events(orders: int, whose: str) -> list[str]:
    def events(first: int, count: int, name: str, properties: str) -> str:
        return (
            "INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)"
            f" {_rows(count)} SELECT {whose}, {name}, 'bench', n + {first}, {_at(count)}, 0, {properties} FROM r"
        )

    def letter(salt: int) -> str:
        return f"iif({_dice(salt, 50)}, 'letter-' || {_dice(salt, 50)}, 'spring')"

    few = orders // 50
    return [
        events(0, orders // 2, "'product_viewed'", f"json_object('product_id', 'P-' || (1 + {_dice(14, 2000)}))"),
        events(orders, orders // 4, f"iif({_dice(15, 4)}, 'opened', 'clicked')",
               f"json_object('campaign', {letter(16)}, 'url',"
               " iif(n % 10, 'https://shop.example/tea', 'https://shop.example/sale'), 'machine',"
               f" json(iif({_dice(17, 2)}, 'true', 'false')))"),
        events(2 * orders, orders // 20, "iif(n % 3, 'cart_updated', 'cart_abandoned')",
               f"json_object('cart_id', n, 'value', {_dice(19, 200)})"),
        events(3 * orders, few, "iif(n % 2, 'ticket_opened', 'ticket_closed')",
               "json_object('ticket_id', (n + 1) / 2)"),
        events(4 * orders, few, "iif(n % 2, 'reviewed', 'booking_made')",
               f"json_object('rating', 1 + {_dice(20, 5)}, 'starts_at', {_at(few)} + 86400000)"),
        "INSERT INTO messages (scope, contact_id, channel, step, occurrence, variant, class, kind, rehearsal, address,"
        " state, due_at, not_after, next_at, token, planned_at, settled_at)"
        f" {_rows(orders // 5)} SELECT 'campaign:' || {letter(18)}, {whose}, 'email', '', n, '', 'marketing',"
        f" 'promo', 0, '', 'accepted', 0, 0, 0, n, 0, {_at(orders // 5)} FROM r",
    ]  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
