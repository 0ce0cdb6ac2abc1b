"""How long `mailflow run` takes, and how much memory, to keep 100 segments over 100,000 contacts and 1 M orders.

    python benchmarks/keep_bench.py
    python benchmarks/keep_bench.py --contacts 20000 --orders 200000

Three times: the first, in which everybody comes in; one after an import and a day; and one with nothing to do. Then one
order comes: the members of all segments where only who ordered is looked at, and the same with everybody. Beside the
first, SQL as somebody would write it by hand for each segment, that fills a bare table anew: without a history, in one
long transaction. Both must find as many people in each.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing import Process
from pathlib import Path
from typing import TypeVar

import paired
from mailflow import clock
from mailflow.cli import main
from mailflow.jobs import keep
from mailflow.jobs.init import Brand, init
from mailflow.segments import Segments
from mailflow.segments.keep import refresh
from mailflow.store import imports
from mailflow.workspace import DATABASE_FILE, Workspace
from segments_bench import NOW, make

SECONDS, MEGABYTES, IDLE_SECONDS = 60, 400, 0.02
_DAY_MS = 86_400_000
_Done = TypeVar("_Done")
_COUNTED = "o.status IN ('open', 'paid')"
_HUMAN = "coalesce(e.properties ->> 'machine', 0) = 0"
# Who somebody is now: rows stay with a contact that was merged into another.
_WHO = "SELECT coalesce((SELECT merged_into FROM contacts WHERE id = {0}.contact_id), {0}.contact_id)"
_ORDERED, _DID, _GOT = _WHO.format("o"), _WHO.format("e"), _WHO.format("m")
_PEOPLE = "SELECT c.id FROM contacts AS c JOIN contact_facts AS f ON f.contact_id = c.id WHERE c.merged_into IS NULL"
# Ten sorts of rules, each ten times with other values, and the same by hand.
RULES = (
    (
        'country == "{land}" and orders.count >= {small}',
        f"{_PEOPLE} AND c.country = '{{land}}' AND f.order_count >= {{small}}",
    ),
    (
        "orders.count >= 2 and orders.last_at < now - {days}d",
        f"{_PEOPLE} AND f.order_count >= 2 AND f.last_order_at < {{since}}",
    ),
    ("bought(within={days}d)", f"{_ORDERED} FROM orders AS o WHERE {_COUNTED} AND o.placed_at >= {{since}}"),
    (
        'bought(category="cat-{number}", within=180d)',
        f"""{_ORDERED} FROM orders AS o JOIN order_lines AS l ON l.order_id = o.id
            JOIN product_categories AS k ON k.product_id = l.product_id
            WHERE {_COUNTED} AND k.category = 'cat-{{number}}' AND o.placed_at >= {{half_a_year}}""",
    ),
    (
        'bought("P-{number}", at_least=2)',
        f"""{_ORDERED} AS who FROM orders AS o JOIN order_lines AS l ON l.order_id = o.id
            JOIN products AS p ON p.id = l.product_id WHERE {_COUNTED} AND p.product_id = 'P-{{number}}'
            GROUP BY who HAVING count(DISTINCT o.id) >= 2""",
    ),
    (
        "clicked(within={days}d) or opened(within={days}d)",
        f"{_DID} FROM events AS e WHERE e.name IN ('clicked', 'opened') AND e.occurred_at >= {{since}} AND {_HUMAN}",
    ),
    (
        'did("cart_abandoned", within={days}d, at_least=2) and not bought(within=14d)',
        f"""{_DID} AS who FROM events AS e WHERE e.name = 'cart_abandoned' AND e.occurred_at >= {{since}}
            GROUP BY who HAVING count(*) >= 2
            EXCEPT {_ORDERED} FROM orders AS o WHERE {_COUNTED} AND o.placed_at >= {{fortnight}}""",
    ),
    (
        'orders.gaps_since_last >= {small} and lifecycle != "lost"',
        f"""{_PEOPLE} AND f.last_order_at > f.first_order_at AND c.id NOT IN
              (SELECT contact_id FROM lifecycle_now WHERE stage = 'lost') AND ({{now}} - f.last_order_at)
              * (f.order_count - 1.0) / (f.last_order_at - f.first_order_at) >= {{small}}""",
    ),
    (
        'birthday within next {small}d and tags contains "tag-{small}"',
        """SELECT c.id FROM contacts AS c WHERE c.merged_into IS NULL AND substr(c.birthday, -5) IN ({birthdays})
           AND EXISTS (SELECT 1 FROM json_each(c.attributes, '$.tags') WHERE value = 'tag-{small}')""",
    ),
    (
        "received(within={days}d) and not opened(within={days}d)",
        f"""{_GOT} FROM messages AS m WHERE m.state = 'accepted' AND m.settled_at >= {{since}}
            EXCEPT {_DID} FROM events AS e WHERE e.name = 'opened' AND e.occurred_at >= {{since}} AND {_HUMAN}""",
    ),
)  # fmt: skip


def bench() -> int:
    """Keep the segments of a made-up shop; return 1 if it took too long or too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        shop = _shop(Path(scratch), options.orders, options.contacts)
        print(f"\n## 100 segments of {options.contacts:,} contacts, {options.orders:,} orders\n\n{paired.machine()}\n")
        print("| what | s | CPU s | moves | memberships |\n|---|---|---|---|---|")
        first = _timed(shop, "the first `mailflow run`", NOW)
        _by_hand(shop, Path(scratch) / "by_hand.db")
        with shop.store.transaction() as tx:
            tx.execute("UPDATE contacts SET country = 'SE' WHERE id % 50 = 0")
            imports.data_changed(tx)
        again = _timed(shop, "after a day and an import", NOW + timedelta(days=1))
        idle = _timed(shop, "with nothing to do", NOW + timedelta(days=1, minutes=1))
        one, everybody = _after_one_order(shop, NOW + timedelta(days=1, minutes=2))
        print(
            f"\nafter one order: {one:.3f} CPU s; with everybody {everybody:.2f}, {everybody / one:.0f} times as much"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\n{peak} MB of {MEGABYTES}, {max(first, again):.0f} s of {SECONDS}")
    return int(max(first, again) > SECONDS or idle > IDLE_SECONDS or peak > MEGABYTES)


def _after_one_order(shop: Workspace, now: datetime) -> tuple[float, float]:
    """Return the CPU seconds of the members of all segments after one order: of who ordered, and of everybody."""
    file = shop.root / "one.csv"
    file.write_text(f"order id,email,date,total,currency\none,c500@example.com,{now:%Y-%m-%d},50.00,EUR\n")
    if main.run(["import", str(file), "--workspace", str(shop.root), "--quiet"]):
        raise SystemExit("the order was refused")
    known = Segments.open(shop.root, shop.settings)
    seconds = []
    for is_due in (False, True):
        if is_due:
            with shop.store.transaction() as tx:
                tx.execute("UPDATE segments SET due_at = 0")
        begun = time.process_time()
        refresh(shop.store, known, marks=keep.all_marks(shop), now=now)
        seconds.append(time.process_time() - begun)
    return seconds[0], seconds[1]


def _shop(folder: Path, orders: int, contacts: int) -> Workspace:
    root = init(folder / "shop", Brand(timezone="Europe/Vienna")).workspace.root
    rules = [f"s{number}: {RULES[number % 10][0].format(**_values(number // 10))}" for number in range(100)]
    (root / "segments.yaml").write_text("\n".join(rules) + "\n", encoding="utf-8")
    (root / DATABASE_FILE).unlink()
    making = Process(target=make, args=(root / DATABASE_FILE, orders, contacts))  # its memory is not ours
    making.start()
    making.join()
    return Workspace.at(root)


def _values(turn: int) -> dict[str, str | int]:
    """Return what a rule of a turn is filled with, and SQL by hand: instants in milliseconds, days of birthdays."""
    now = clock.to_ms(NOW)
    birthdays = [f"'{NOW + timedelta(days=days):%m-%d}'" for days in range(turn + 1)]
    return {
        "land": ("DE", "AT", "CH", "FR", "NL")[turn % 5],
        "small": turn + 1,
        "days": 14 * (turn + 1),
        "number": turn + 1,
        "now": now,
        "since": now - 14 * (turn + 1) * _DAY_MS,
        "fortnight": now - 14 * _DAY_MS,
        "half_a_year": now - 180 * _DAY_MS,
        "birthdays": ", ".join(birthdays),
    }


def _timed(shop: Workspace, what: str, now: datetime) -> float:
    report, seconds, cpu = _measured(lambda: keep.keep(Workspace.at(shop.root), now=now, is_real_clock=True))
    moved = 0 if report is None else sum(report.entered.values()) + sum(report.left.values())
    members = shop.store.db.execute("SELECT count(*) FROM membership WHERE left_at IS NULL").fetchone()[0]
    print(f"| {what} | {seconds:.3f} | {cpu:.2f} | {moved:,} | {members:,} |", flush=True)
    assert report is None or not report.wrong, report.wrong
    return seconds


def _by_hand(shop: Workspace, path: Path) -> None:
    """Fill a table with the members of every segment by hand-written SQL; it must have as many as the history."""
    db = sqlite3.connect(shop.root / DATABASE_FILE, isolation_level=None)
    db.execute("ATTACH ? AS peer", (str(path),))
    db.execute("CREATE TABLE peer.members (segment INTEGER, contact_id INTEGER, PRIMARY KEY (segment, contact_id))")

    def fill() -> None:
        db.execute("BEGIN")
        for number in range(100):
            sql = RULES[number % 10][1].format(**_values(number // 10))
            db.execute(f"INSERT OR IGNORE INTO peer.members SELECT {number}, * FROM ({sql})")
        db.execute("COMMIT")

    _, seconds, cpu = _measured(fill)
    sizes = dict(db.execute("SELECT 's' || segment, count(*) FROM peer.members GROUP BY segment"))
    kept = """SELECT s.name, count(m.id) FROM segments AS s JOIN membership AS m ON m.segment_id = s.id
              WHERE m.left_at IS NULL GROUP BY s.name"""
    different = set(sizes.items()) ^ set(db.execute(kept))
    if different:
        raise SystemExit(f"by hand other people are in {sorted(different)}")
    print(f"| SQL by hand into a bare table | {seconds:.3f} | {cpu:.2f} | | {sum(sizes.values()):,} |", flush=True)


def _measured(work: Callable[[], _Done]) -> tuple[_Done, float, float]:
    """Return what something gives, and its wall and processor seconds, those of processes that it started too."""
    started, before = time.perf_counter(), os.times()
    result = work()
    after = os.times()
    return result, time.perf_counter() - started, sum(after[:4]) - sum(before[:4])


if __name__ == "__main__":
    sys.exit(bench())
