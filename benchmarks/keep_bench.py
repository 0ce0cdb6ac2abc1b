"""How long `mailflow run` takes, and how much memory, to keep 100 segments over 100,000 contacts and 1 M orders.

    python benchmarks/keep_bench.py
    python benchmarks/keep_bench.py --contacts 20000 --orders 200000

Three times: the first, in which everybody comes in; one after an import and a day; and one with nothing to do.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from datetime import datetime, timedelta
from multiprocessing import Process
from pathlib import Path

from mailflow.jobs import keep
from mailflow.jobs.init import Brand, init
from mailflow.store import imports
from mailflow.workspace import DATABASE_FILE, Workspace
from segments_bench import NOW, make

SECONDS, MEGABYTES, IDLE_SECONDS = 60, 400, 0.02
# Ten sorts of rules, each ten times with other values.
RULES = (
    'country == "{land}" and orders.count >= {small}',
    "orders.count >= 2 and orders.last_at < now - {days}d",
    "bought(within={days}d)",
    'bought(category="cat-{number}", within=180d)',
    'bought("P-{number}", at_least=2)',
    "clicked(within={days}d) or opened(within={days}d)",
    'did("cart_abandoned", within={days}d, at_least=2) and not bought(within=14d)',
    'orders.gaps_since_last >= {small} and lifecycle != "lost"',
    'birthday within next {small}d and tags contains "tag-{small}"',
    "received(within={days}d) and not opened(within={days}d)",
)


def main() -> int:
    """Keep the segments of a made-up shop; return 1 if it took too long or too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        shop = _shop(Path(scratch), options.orders, options.contacts)
        first = _timed(shop, "first", NOW)
        with shop.store.transaction() as tx:
            tx.execute("UPDATE contacts SET country = 'SE' WHERE id % 50 = 0")
            imports.data_changed(tx)
        again = _timed(shop, "after a day and an import", NOW + timedelta(days=1))
        idle = _timed(shop, "nothing to do", NOW + timedelta(days=1, minutes=1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{peak} MB of {MEGABYTES}")
    return int(max(first, again) > SECONDS or idle > IDLE_SECONDS or peak > MEGABYTES)


def _shop(folder: Path, orders: int, contacts: int) -> Workspace:
    root = init(folder / "shop", Brand(timezone="Europe/Vienna")).workspace.root
    rules = [f"s{number}: {RULES[number % 10].format(**_values(number // 10))}" for number in range(100)]
    (root / "segments.yaml").write_text("\n".join(rules) + "\n", encoding="utf-8")
    (root / DATABASE_FILE).unlink()
    making = Process(target=make, args=(root / DATABASE_FILE, orders, contacts))  # its memory is not ours
    making.start()
    making.join()
    return Workspace.at(root)


def _values(turn: int) -> dict[str, str | int]:
    return {
        "land": ("DE", "AT", "CH", "FR", "NL")[turn % 5],
        "small": turn + 1,
        "days": 14 * (turn + 1),
        "number": turn + 1,
    }


def _timed(shop: Workspace, what: str, now: datetime) -> float:
    started = time.perf_counter()
    report = keep.keep(Workspace.at(shop.root), now=now, is_real_clock=True)
    seconds = time.perf_counter() - started
    moved = 0 if report is None else sum(report.entered.values()) + sum(report.left.values())
    members = shop.store.db.execute("SELECT count(*) FROM membership WHERE left_at IS NULL").fetchone()[0]
    print(f"{seconds:7.3f} s  {what}: {moved:,} moves, {members:,} memberships", flush=True)
    assert report is None or not report.wrong, report.wrong
    return seconds


if __name__ == "__main__":
    sys.exit(main())
