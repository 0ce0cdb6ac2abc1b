"""RFM against figures that others published for data that everybody has: the R package rfm, and CDNOW."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from mailflow import clock, money
from mailflow.config import Settings
from mailflow.config.rates import Rates
from mailflow.scoring import rfm
from mailflow.store import Store
from shop import Order, at, keep_orders

ZONE = clock.zone("UTC")
SETTINGS = Settings.model_validate(
    {"name": "x", "sender": {"name": "x", "email": "x@example.com"}, "currency": "USD", "timezone": "UTC"}
)
# README of the R package rfm, analysis_date 2006-12-31: its first ten customers. Their rule is ours:
# five bins by quantiles of type 7, and a value equal to a cut point is in the lower bin.
# name → (recency_days, transaction_count, amount, recency_score, frequency_score, monetary_score)
R_RFM = {
    "Abbey O'Reilly": (205, 6, 472, 3, 4, 3),
    "Add Senger": (140, 3, 340, 4, 1, 2),
    "Aden Lesch": (194, 4, 405, 3, 2, 3),
    "Admiral Senger": (132, 5, 448, 4, 3, 3),
    "Agness O'Keefe": (90, 9, 843, 5, 5, 5),
    "Aileen Barton": (84, 9, 763, 5, 5, 5),
    "Ailene Hermann": (281, 8, 699, 3, 5, 5),
    "Aiyanna Bruen": (246, 4, 157, 3, 2, 1),
    "Ala Schmidt": (349, 3, 363, 2, 1, 2),
    "Alannah Borer": (619, 4, 196, 1, 2, 1),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as made:
        yield made


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def scored(store: Store, orders: list[Order], day: date) -> dict[str, tuple[int, ...]]:
    """Return (recency, frequency, monetary in minor units, r, f, m) by customer."""
    names = {number: name for name, number in keep_orders(store, orders).items()}
    found = rfm.rows(rfm.compute(store.db, SETTINGS, Rates(), day))
    return {names[row[0]]: (row[1], row[2], row[3], *row[5:8]) for row in found}


def test_scores_are_those_that_the_r_package_rfm_published(shared_data: Path, store: Store) -> None:
    orders = [
        Order(row["customer_id"], at(row["order_date"], ZONE), money.parse(row["revenue"], "USD"), "USD")
        for row in rows(shared_data / "orders" / "rfm_orders.csv")
    ]
    found = scored(store, orders, date(2006, 12, 31))
    assert len(found) == 995
    assert {name: found[name] for name in R_RFM} == {
        name: (days, count, 100 * amount, *given) for name, (days, count, amount, *given) in R_RFM.items()
    }


def test_facts_of_cdnow_are_those_published_for_its_first_39_weeks(shared_data: Path, store: Store) -> None:
    """The papers count one purchase a day: x repeat purchases, the last t_x weeks after the first, T weeks of time."""
    days = {(row["customer_id"], row["date"]) for row in rows(shared_data / "orders" / "cdnow_sample.csv")}
    found = scored(store, [Order(name, at(day, ZONE), 0, "USD") for name, day in days], date(1997, 9, 30))
    published = rows(shared_data / "orders" / "cdnow_customers_39weeks.csv")
    spread = sorted((count - 1, recency) for recency, count, *_ in found.values())
    assert spread == sorted(
        (int(row["frequency"]), round(7 * (float(row["T"]) - float(row["recency"])))) for row in published
    )
    repeated = json.loads((shared_data / "orders" / "cdnow_published.json").read_text())["gamma_gamma"]["customers"]
    assert (len(found), sum(count > 1 for _, count, *_ in found.values())) == (2_357, repeated)
