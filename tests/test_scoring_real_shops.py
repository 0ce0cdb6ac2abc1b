"""RFM of three real shops, imported as their owners would, against a reckoning from the files and the handbook alone.

Nothing of mailflow's is used to work out what is expected: no importer, no sum, no table of classes.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mailflow.cli.main import run

Facts = tuple[int, int, int]  # recency in days, frequency, monetary in minor units
Purchase = tuple[str, str, date, int]  # customer, order, day, minor units; below zero is money back

HANDBOOK = """
5 new_customers potential_loyalists potential_loyalists champions champions
4 promising potential_loyalists potential_loyalists loyal_customers loyal_customers
3 about_to_sleep about_to_sleep need_attention loyal_customers loyal_customers
2 hibernating hibernating at_risk at_risk cannot_lose_them
1 hibernating hibernating at_risk at_risk cannot_lose_them
"""
CLASSES = {int(line[0]): line.split()[1:] for line in HANDBOOK.strip().splitlines()}


@dataclass(frozen=True, slots=True)
class Shop:
    """A file of orders: in which currency and zone its shop lives, how it is read by hand, and days to ask about."""

    file: str
    currency: str
    zone: str
    read: Callable[[list[dict[str, str]], frozenset[int]], list[Purchase]]
    days: Sequence[str]


def _minor(text: str) -> Decimal:
    return Decimal(text) * 100


def _cdnow(rows: list[dict[str, str]], _: frozenset[int]) -> list[Purchase]:
    """Each row is an order: the file has no order ids."""
    return [
        (row["customer_id"], str(number), date.fromisoformat(row["date"]), int(_minor(row["amount"])))
        for number, row in enumerate(rows)
    ]


def _completejourney(rows: list[dict[str, str]], _: frozenset[int]) -> list[Purchase]:
    """Lines with one basket id are one order; the first line of a basket says when."""
    return [
        (
            row["household_id"],
            row["basket_id"],
            datetime.fromisoformat(row["transaction_timestamp"]).date(),
            int(_minor(row["sales_value"])),
        )
        for row in rows
    ]


def _gift_shop(rows: list[dict[str, str]], left_out: frozenset[int]) -> list[Purchase]:
    """Lines with one invoice are one order; invoices with C are returns, which are money back and no order."""
    return [
        (
            row["CustomerID"].removesuffix(".0"),
            "" if row["InvoiceNo"].startswith("C") else row["InvoiceNo"],
            datetime.fromisoformat(row["InvoiceDate"]).date(),
            int(Decimal(row["Quantity"]) * _minor(row["UnitPrice"])),
        )
        for line, row in enumerate(rows, start=2)
        if line not in left_out and row["CustomerID"]
    ]


SHOPS = {
    "cdnow": Shop(
        "cdnow_sample.csv", "USD", "America/New_York", _cdnow, ["1997-03-31", "1997-09-30", "1998-01-01", "1998-06-30"]
    ),
    "groceries": Shop(
        "completejourney/transactions_sample.csv.gz",
        "USD",
        "America/New_York",
        _completejourney,
        ["2017-03-12", "2017-07-04", "2017-11-05", "2017-12-31"],
    ),
    "gifts": Shop(
        "online_retail_2010-12.csv.gz",
        "GBP",
        "Europe/London",
        _gift_shop,
        ["2010-12-03", "2010-12-10", "2010-12-16", "2010-12-23"],
    ),
}


def _facts(purchases: Sequence[Purchase], day: date) -> dict[str, Facts]:
    """Return everybody with an order by the end of the day; what a basket's lines come to is its total."""
    dates: dict[str, dict[str, date]] = defaultdict(dict)
    money: dict[str, int] = defaultdict(int)
    for customer, order, on, minor in purchases:
        if on > day:
            continue
        money[customer] += minor
        if order:
            dates[customer].setdefault(order, on)
    return {who: ((day - max(seen.values())).days, len(seen), money[who]) for who, seen in dates.items()}


def _cuts(values: Sequence[int]) -> list[Fraction]:
    """Return the 20, 40, 60 and 80 % quantiles, linearly interpolated between the sorted values, exactly."""
    ordered = sorted(values)
    found = []
    for fifth in (1, 2, 3, 4):
        place = Fraction(fifth * (len(ordered) - 1), 5)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
    return found


def _expected(people: Mapping[str, Facts]) -> dict[str, tuple[object, ...]]:
    recency, frequency, monetary = (_cuts([facts[part] for facts in people.values()]) for part in range(3))

    def below(cuts: Sequence[Fraction], value: int) -> int:
        return len([cut for cut in cuts if cut < value])

    rows: dict[str, tuple[object, ...]] = {}
    for who, (days, count, minor) in people.items():
        r, f, m = 5 - below(recency, days), 1 + below(frequency, count), 1 + below(monetary, minor)
        rows[who] = (days, count, Decimal(minor) / 100, r, f, m, CLASSES[r][f - 1])
    return rows


@pytest.fixture(scope="module", params=SHOPS)
def imported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_data: Path
) -> tuple[Shop, Path, list[Purchase]]:
    """Return a shop, the workspace its file was imported into, and its purchases as read by hand."""
    shop = SHOPS[request.param]
    root = tmp_path_factory.mktemp(request.param) / "shop"
    assert run(["init", str(root), "--quiet"]) == 0
    settings = (root / "mailflow.yaml").read_text(encoding="utf-8")
    settings = re.sub("^currency:.*", f"currency: {shop.currency}", settings, flags=re.MULTILINE)
    settings = re.sub("^timezone:.*", f"timezone: {shop.zone}", settings, flags=re.MULTILINE)
    (root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    path = shared_data / "orders" / shop.file
    assert run(["import", str(path), "--as", "orders", "--workspace", str(root), "--quiet"]) in (0, 1)
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))
    return shop, root, shop.read(rows, _left_out(root))


def _left_out(root: Path) -> frozenset[int]:
    """Return the lines that the import rejected: returns of orders from before the file begins (tested elsewhere)."""
    lines: set[int] = set()
    for path in (root / ".mailflow" / "rejects").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            lines |= {int(row["mailflow_line"]) for row in csv.DictReader(file)}
    return frozenset(lines)


def _asked(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert run([*words, "--workspace", str(root), "--format", "json", "--quiet"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("place", range(4))
def test_rows_of_a_day_are_those_of_the_files(
    imported: tuple[Shop, Path, list[Purchase]], place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, root, purchases = imported
    day = shop.days[place]
    expected = _expected(_facts(purchases, date.fromisoformat(day)))
    assert len(expected) > 50
    rows = _asked(root, capsys, "segment", "--contacts", "--as-of", day)
    names = _customers(root)
    assert {
        names[row["contact"]]: (
            row["recency_days"],
            row["frequency"],
            Decimal(row["monetary"]),
            *(row[score] for score in "rfm"),
            row["class"],
        )
        for row in rows
    } == expected
    assert sum(row["contacts"] for row in _asked(root, capsys, "segment", "--as-of", day)) == len(expected)


def test_rows_kept_for_rules_are_those_of_the_files(
    imported: tuple[Shop, Path, list[Purchase]], capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a day after the last order, when the kept sums of everybody are used."""
    shop, root, purchases = imported
    day = shop.days[-1]
    assert run(["score", "--workspace", str(root), "--now", f"{day}T23:00:00", "--quiet"]) == 0
    expected = _expected(_facts(purchases, date.fromisoformat(day)))
    names = _customers(root)
    for name in ("champions", "hibernating", "cannot_lose_them"):
        members = _asked(root, capsys, "segment", name, "--now", f"{day}T23:30:00")
        assert sorted(names[one["contact"]] for one in members) == sorted(
            who for who, row in expected.items() if row[-1] == name
        )


def _customers(root: Path) -> dict[str, str]:
    """Return the customer id of the file by contact key."""
    from mailflow.workspace import Workspace

    with Workspace.at(root).store.snapshot() as db:
        rows = db.execute(
            "SELECT c.key, i.value FROM identities AS i JOIN contacts AS c ON c.id = i.contact_id"
            " WHERE i.kind = 'customer_id'"
        )
        return {str(key): str(value) for key, value in rows}
