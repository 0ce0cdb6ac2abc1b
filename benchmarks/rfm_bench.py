"""RFM of a large shop: `mailflow segment` against pandas as somebody would write it in an evening.

    python benchmarks/rfm_bench.py                 1 M and 5 M orders
    python benchmarks/rfm_bench.py --orders 200000
    python benchmarks/rfm_bench.py --growth         10 M orders: as of now against the same as of a past day, no pandas

Whole processes in turn, on one made-up database file per size (seeded; kept for the next time with --keep DIR). Both
sides must print the same figures before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np

import paired
from mailflow import clock
from mailflow.jobs.init import Brand, init

USUAL = Path(__file__).parent / "peers" / "rfm_pandas.py"
TODAY = date(2026, 3, 30)
PAST = TODAY - timedelta(days=90)
SEED = 20260330
_CONTACTS_PER_ORDER = 0.1476  # 738,000 contacts of 5 M orders
_REFUNDED = 0.03
_DAYS = 3 * 365
_CHUNK = 200_000
LARGE = 5_000_000  # from here on the targets must be reached
TIMES_FASTER, PEAK_MIB = 10.0, 300.0
PAST_TIMES_FASTER, PAST_PEAK_MIB = 4.0, 600.0
GROWN, GROWN_RATIO = 10_000_000, 0.6


def main() -> int:
    """Measure every size asked for; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--rounds", type=int, default=paired.ROUNDS)
    parser.add_argument("--keep", type=Path, help="make the databases in this folder and leave them there")
    parser.add_argument("--growth", action="store_true", help="only how 10 M orders cost as of now and a past day")
    options = parser.parse_args()
    paired.compile_sources()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        if options.growth:
            return _measure_growth(folder / f"shop-{GROWN}", min(options.rounds, 3))
        missed = [_measure(folder / f"shop-{count}", count, options.rounds) for count in options.orders]
    return int(any(missed))


def _measure_growth(shop: Path, rounds: int) -> int:
    """As of now the customers are read, as of a past day the orders: the larger the shop, the more that is worth."""
    _make(shop, GROWN)
    past, now = paired.compare(
        [
            paired.Contender("mailflow, as of 90 days before", _mailflow(shop, PAST)),
            paired.Contender("mailflow, as of now", _mailflow(shop, TODAY)),
        ],
        rounds=rounds,
    )
    limit = paired.Limit("as of now over as of a past day", now.ratio, GROWN_RATIO)
    return paired.report(f"RFM of {GROWN:,} orders", [past, now], [limit])


def _make(shop: Path, orders: int) -> None:
    if not (shop / "mailflow.db").exists():
        # In a process of its own: what is started from here would begin with its memory as a peak.
        maker = multiprocessing.get_context("spawn").Process(target=make_shop, args=(shop, orders))
        maker.start()
        maker.join()


def _measure(shop: Path, orders: int, rounds: int) -> int:
    _make(shop, orders)
    now = [
        paired.Contender("mailflow, as of now", _mailflow(shop, TODAY)),
        paired.Contender("pandas", _usual(shop, TODAY)),
    ]
    past = [
        paired.Contender("mailflow, as of 90 days before", _mailflow(shop, PAST)),
        paired.Contender("pandas", _usual(shop, PAST)),
    ]
    for mine, theirs in (now, past):
        if _figures(mine.command) != _figures(theirs.command):
            raise SystemExit(f"{mine.name}: the two do not give the same figures")
    results = paired.compare(now, rounds=rounds)
    limits = [
        paired.Limit("pandas' time over mailflow's, as of now", results[1].ratio, TIMES_FASTER, at_least=True),
        paired.Limit("mailflow's peak MiB as of now", results[0].peak_mib, PEAK_MIB),
    ]
    code = paired.report(f"RFM of {orders:,} orders, as of now", results, limits if orders >= LARGE else [])
    before = paired.compare(
        past, rounds=min(rounds, 3)
    )  # fewer rounds, as each is long: the orders themselves are read
    limits = [
        paired.Limit(
            "pandas' time over mailflow's, as of a past day", before[1].ratio, PAST_TIMES_FASTER, at_least=True
        ),
        paired.Limit("mailflow's peak MiB as of a past day", before[0].peak_mib, PAST_PEAK_MIB),
    ]
    past_code = paired.report(f"RFM of {orders:,} orders, as of a past day", before, limits if orders >= LARGE else [])
    return code or past_code


def _mailflow(shop: Path, day: date) -> list[str]:
    # As of now is the default: no --as-of, only a clock that stands on the generator's last day.
    when = ["--now", f"{TODAY}T12:00"] if day == TODAY else ["--now", f"{TODAY}T12:00", "--as-of", str(day)]
    return [sys.executable, "-m", "mailflow", "segment", "--workspace", str(shop), "--format", "json", *when]


def _usual(shop: Path, day: date) -> list[str]:
    return [sys.executable, str(USUAL), str(shop / "mailflow.db"), str(day)]


def _figures(command: object) -> object:
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # type: ignore[call-overload]
    return {row["class"]: (row["contacts"], row["orders"], row["revenue"]) for row in json.loads(out)}


def make_shop(folder: Path, orders: int) -> None:
    """Make a workspace with so many orders in three years up to `TODAY`; the same for the same number."""
    dice = np.random.default_rng(SEED)
    contacts = round(orders * _CONTACTS_PER_ORDER)
    init(folder, Brand(timezone="Europe/Vienna", currency="EUR"))
    db = sqlite3.connect(folder / "mailflow.db", isolation_level=None)
    (index,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'orders_by_contact'").fetchone()
    db.executescript("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; DROP INDEX orders_by_contact; BEGIN")
    db.execute(
        "INSERT INTO contacts (id, key, email, source, created_at, updated_at) WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " SELECT i, printf('key%09d', i), printf('c%d@example.com', i), 'bench', 0, 0 FROM n",
        (contacts,),
    )
    db.executemany("INSERT INTO orders VALUES (?, 'bench', ?, ?, ?, ?, ?, 'EUR', 0)", _orders(dice, orders, contacts))
    refunded = np.flatnonzero(dice.random(orders) < _REFUNDED) + 1
    db.executemany(
        "INSERT INTO refunds (order_id, source_id, refunded_at, amount_minor)"
        " SELECT id, '', placed_at + 86400000, total_minor / 2 FROM orders WHERE id = ?",
        ((number,) for number in refunded.tolist()),
    )
    db.execute(index)
    db.execute(
        "INSERT INTO contact_facts SELECT contact_id, count(*), min(placed_at), max(placed_at) FROM orders"
        " WHERE status IN ('open', 'paid') GROUP BY contact_id"
    )
    db.execute(
        """INSERT INTO contact_revenue SELECT contact_id, currency, sum(minor) FROM (
             SELECT contact_id, currency, total_minor AS minor FROM orders WHERE status IN ('open', 'paid')
             UNION ALL
             SELECT o.contact_id, o.currency, -r.amount_minor FROM refunds AS r JOIN orders AS o ON o.id = r.order_id
             WHERE o.status IN ('open', 'paid'))
           GROUP BY contact_id, currency"""
    )
    db.execute("COMMIT")
    db.close()


def _orders(dice: np.random.Generator, orders: int, contacts: int) -> Iterator[tuple[object, ...]]:
    """Yield rows of `orders` in order of time; a few contacts buy much more often than the others."""
    end = clock.to_ms(clock.end_of_day(TODAY - timedelta(days=2), clock.zone("Europe/Vienna")))
    placed = np.sort(end - dice.integers(1, _DAYS * 86_400_000, orders))
    whose = 1 + (contacts * dice.beta(1, 1.6, orders)).astype(np.int64)
    total = np.round(dice.lognormal(8.2, 0.8, orders)).astype(np.int64)
    status = np.where(dice.random(orders) < 0.02, "cancelled", "paid")
    for start in range(0, orders, _CHUNK):
        part = slice(start, start + _CHUNK)
        columns = (column[part].tolist() for column in (whose, status, placed, total))
        for number, (contact, state, at, minor) in enumerate(zip(*columns, strict=True), start=start + 1):
            yield number, f"{number:09d}", contact, state, at, minor


if __name__ == "__main__":
    raise SystemExit(main())
