"""`python -m mailflow.samples DIR`: write the sample shop's CSV files."""

from __future__ import annotations

import argparse
from datetime import date, timedelta
from pathlib import Path

from mailflow import clock
from mailflow.samples import CONTACTS, SEED, make_shop, write_shop


def main() -> None:
    """Read the arguments and write the files."""
    yesterday = clock.now().date() - timedelta(days=1)
    parser = argparse.ArgumentParser(
        prog="python -m mailflow.samples", description="Write contacts.csv and orders.csv."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write them")
    parser.add_argument("--until", type=date.fromisoformat, default=yesterday, help="the last day (default: yesterday)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another shop for another number (default: {SEED})")
    parser.add_argument("--contacts", type=int, default=CONTACTS, help=f"how many people (default: {CONTACTS})")
    chosen = parser.parse_args()
    write_shop(chosen.folder, make_shop(until=chosen.until, seed=chosen.seed, contacts=chosen.contacts))


if __name__ == "__main__":
    main()
