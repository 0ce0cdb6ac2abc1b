"""A made-up shop to try mailflow on: tea and stoneware, a few thousand people, two years of orders, plain CSV files.

Nothing here knows the rest of mailflow; `jobs/demo.py` takes the files through its verbs. `names.py` holds the names,
`people.py` makes the contacts, `products.py` has what is sold, `orders.py` makes what they bought, `shop/` has what its
owner wrote: letters in two languages, other wordings of them, and an offer. This file writes it.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from importlib.resources import files
from pathlib import Path

from mailflow.samples.orders import Order, make_orders
from mailflow.samples.people import Contact, make_contacts
from mailflow.samples.products import CATALOGUE, Product

SEED = 20240229
CONTACTS = 3000
WRITINGS = (
    "offers.yaml", "grammar.yaml", "templates/thank_you.de.md", "templates/win_back.md", "templates/win_back.de.md",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything the sample shop knows, as it stands in the files."""

    contacts: tuple[Contact, ...]
    orders: tuple[Order, ...]


def make_shop(*, until: date, seed: int = SEED, contacts: int = CONTACTS) -> Shop:
    """Return the shop with two years of orders, the last on `until` or shortly before: equal arguments, equal shop."""
    people = make_contacts(until=until, seed=seed, count=contacts)
    return Shop(tuple(person.contact for person in people), make_orders(people, until=until, seed=seed))


def write_shop(folder: Path, shop: Shop) -> tuple[Path, Path, Path]:
    """Write `contacts.csv`, `products.csv` and `orders.csv` (UTF-8, comma) into `folder` and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _write(folder / "contacts.csv", shop.contacts),
        _write(folder / "products.csv", CATALOGUE),
        _write(folder / "orders.csv", shop.orders),
    )


def write_writings(folder: Path) -> None:
    """Write what the shop's owner wrote into a workspace, in place of what a new one has."""
    for name in WRITINGS:
        text = (files(__name__) / "shop" / name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")


def _write(path: Path, rows: Sequence[Contact] | Sequence[Product] | Sequence[Order]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in fields(rows[0]))
        writer.writerows(astuple(row) for row in rows)
    return path
