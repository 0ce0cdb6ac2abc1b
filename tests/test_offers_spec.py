"""offers.yaml: what it may hold, and what is said about what it may not, with file, line and column."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from mailflow.config import Settings
from mailflow.errors import ProblemsError
from mailflow.offers.offer import Offer, Offers
from mailflow.offers.spec import ReusableBy
from mailflow.store.codes import CodeKind

NOW = datetime(2026, 3, 20, 23, 30, tzinfo=UTC)  # in Vienna it is the 21st already


def read(folder: Path, text: str) -> dict[str, Offer]:
    (folder / "offers.yaml").write_text(text, encoding="utf-8")
    settings = Settings.model_validate(
        {
            "name": "Quitte",
            "sender": {"name": "Quitte", "email": "hello@quitte.example"},
            "currency": "EUR",
            "timezone": "Europe/Vienna",
        }
    )
    return dict(Offers.open(folder, settings).by_name)


def one(folder: Path, text: str) -> Offer:
    return read(folder, "it:\n" + "".join(f"  {line}\n" for line in text.splitlines()))["it"]


def test_a_workspace_without_offers_yaml_has_none(tmp_path: Path) -> None:
    (tmp_path / "offers.yaml").unlink(missing_ok=True)
    assert read(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("value", "percent", "amount", "currency", "free"),
    [
        ("20%", "20", None, "EUR", False),
        ("20 % off", "20", None, "EUR", False),
        ("12,5 %", "12.5", None, "EUR", False),
        ("5", None, "5.00", "EUR", False),
        ("5 EUR off", None, "5.00", "EUR", False),
        ("USD 7.50", None, "7.50", "USD", False),
        ("500 JPY", None, "500", "JPY", False),
        ("free shipping", None, None, "EUR", True),
    ],
)
def test_the_value_is_data_for_the_template(
    value: str, percent: str | None, amount: str | None, currency: str, free: bool, tmp_path: Path
) -> None:
    found = one(tmp_path, f"value: {value}\ncode: A1")
    known = found.context("A1", None)
    assert known["value"] == value
    assert known["percent"] == (percent and Decimal(percent))
    assert known["amount"] == (amount and Decimal(amount))
    assert (known["currency"], known["free_shipping"]) == (currency, free)


def test_the_deadline_is_the_end_of_the_day_where_the_account_is(tmp_path: Path) -> None:
    fixed = one(tmp_path, "code: A1\nexpires: 2026-03-24")
    assert fixed.expires_on(NOW) == date(2026, 3, 24)
    assert fixed.expires_at(NOW) == datetime(2026, 3, 24, 23, tzinfo=UTC)
    assert fixed.over_at == fixed.expires_at(NOW)
    after = one(tmp_path, "code: A1\nexpires: 1w")
    assert after.expires_on(NOW) == date(2026, 3, 28)
    assert after.over_at is None
    assert one(tmp_path, "code: A1").expires_at(NOW) is None


def test_codes_come_from_a_file_from_mailflow_or_are_one_for_all(tmp_path: Path) -> None:
    found = read(tmp_path, "a: {codes: a.csv}\nb: {generate: {prefix: B-}}\nc: {code: SPRING}\n")
    assert [offer.kind for offer in found.values()] == [CodeKind.POOL, CodeKind.GENERATED, CodeKind.SHARED]
    assert [offer.reusable_by for offer in found.values()] == [
        ReusableBy.NOBODY, ReusableBy.NOBODY, ReusableBy.ANYONE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: {code: X1, expire: 3d}", "offers.yaml:1:15: unknown key 'expire' (did you mean 'expires'?)"),
        (
            "a:\n  code: X1\n  expires: soon",
            "offers.yaml:3:12: 'soon' is not an expiry: write the last day, 2026-12-24",
        ),
        ("a:\n  code: X1\n  expires: 2026-02-30", "offers.yaml:3:12: '2026-02-30' is not an expiry"),
        ("a:\n  code: X1\n  expires: 0d", "offers.yaml:3:12: '0d' cannot be"),
        ("a:\n  value: 10%", "offers.yaml:2:3: an offer says one of: codes: FILE"),
        ("a:\n  code: X1\n  codes: a.csv", "found codes and code"),
        ("a:\n  code: two words", "offers.yaml:2:9: 'two words' cannot be a code"),
        (
            "a:\n  code: X1\n  value: lots",
            "offers.yaml:3:10: 'lots' is not an amount; write 20%, 5 EUR or free shipping",
        ),
        (
            "a:\n  code: X1\n  value: 120%",
            "offers.yaml:3:10: '120%' cannot be: a discount is more than 0 and at most 100 %",
        ),
        ("a:\n  code: X1\n  value: 0 EUR", "offers.yaml:3:10: '0 EUR' is not more than nothing"),
        (
            "a:\n  code: X1\n  min_order: 40 USD",
            "offers.yaml:3:14: '40 USD' is in another currency than the offer, EUR",
        ),
        ("a:\n  generate: {length: 4}", "offers.yaml:2:22: input should be greater than or equal to 6"),
        ("a:\n  generate: {prefix: SAMPLE-}", "offers.yaml:2:22: SAMPLE- begins the codes of tests"),
        ("a:\n  code: X1\n  per_person: often", "offers.yaml:3:15: 'often' is not a limit"),
        ("a:\n  code: X1\n  column: Code", "there is no codes: here"),
        ("a:\n  code: X1\n  reusable_by: all", "offers.yaml:3:16"),
        ("a: {codes: x.csv}\nb: {codes: x.csv}", "offers.yaml:2:12: x.csv is the file of a already"),
        ("check: {code: X1}", "offers.yaml:1:1: 'check' is a word of `mailflow offers`"),
        ("two words: {code: X1}", "offers.yaml:1:1: 'two words' cannot be a name"),
        ("- a", "offers.yaml:1:1: must hold offers"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as raised:
        read(tmp_path, text)
    assert says in str(raised.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as raised:
        read(tmp_path, "a: {code: X1, expires: soon}\nb: {value: 1%}\nc: {code: X2, limit: 0}\n")
    assert [problem.line for problem in raised.value.problems] == [1, 2, 3]
