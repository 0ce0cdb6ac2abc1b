"""money: amounts as shops write them, one decimal mark a column."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailflow import money
from mailflow.money import MarkEvidence


def mark_of(*cells: str) -> tuple[str | None, bool]:
    evidence = MarkEvidence()
    evidence.look(cells)
    return evidence.mark, evidence.doubtful and evidence.mark is None


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("66.70", "EUR", 6670),
        ("$1,022.50", "USD", 102250),
        ("1.234,56 €", "EUR", 123456),
        ("-$12.96", "USD", -1296),
        ("(5.00)", "EUR", -500),
        ("12-", "EUR", -1200),
        ("5000", "JPY", 5000),
        ("1'234.50", "CHF", 123450),
        ("1\u202f234,50 kr", "SEK", 123450),
        ("1,23,456.50", "INR", 12345650),
        ("1.234", "EUR", 123400),
        ("1.234", "KWD", 1234),
        (".5", "EUR", 50),
        ("19.989999999999998", "EUR", 1999),
        ("5.000", "EUR", 500000),
        ("5.00000", "EUR", 500),
    ],
)
def test_amounts_are_read_as_written(text: str, currency: str, minor: int) -> None:
    assert money.parse(text, currency) == minor


@pytest.mark.parametrize("text", ["", " ", "n/a", "1e5", "12.345,6.7", "1..2", "--5", "12abc34", "€", "1,2,3", "٣"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        money.parse(text, "EUR")


def test_more_decimals_than_the_currency_has_are_refused() -> None:
    with pytest.raises(ValueError, match="more decimals"):
        money.parse("1.005", "EUR", ".")
    with pytest.raises(ValueError, match="more decimals"):
        money.parse("0.5", "JPY")


def test_a_cell_never_contradicts_its_column() -> None:
    assert money.parse("1.234", "EUR", ",") == 123400
    with pytest.raises(ValueError, match="as the column writes them"):
        money.parse("12,5", "EUR", ".")
    with pytest.raises(ValueError, match="as the column writes them"):
        money.parse("12.5", "EUR", ",")


def test_a_column_shows_its_decimal_mark() -> None:
    assert mark_of("1", "1.234", "12,50") == (",", False)
    assert mark_of("29.33") == (".", False)
    assert mark_of("1,022.50") == (".", False)
    assert mark_of("1.234.567") == (",", False)
    assert mark_of("0.125") == (".", False)
    assert mark_of("1.234", "2.500") == (None, True)
    assert mark_of("12", "") == (None, False)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    assert money.parse(money.to_text(minor, currency), currency, ".") == minor


@given(st.lists(st.decimals(-10_000, 10_000, places=2, allow_nan=False), max_size=20))
def test_a_column_is_read_like_its_cells(values: list[Decimal]) -> None:
    cells = [f"{value:.2f}" for value in values]
    assert money.parse_column(cells, "EUR", ".") == [money.parse(cell, "EUR", ".") for cell in cells]


def test_a_blank_cell_in_a_column_is_a_fault() -> None:
    with pytest.raises(ValueError, match="blank"):
        money.parse_column(["1.00", ""], "EUR", ".")


def test_every_currency_that_babel_knows_is_one() -> None:
    get_global = pytest.importorskip("babel.core").get_global
    codes = set(get_global("all_currencies")) - {"XTS", "XXX"}  # for tests, and no currency: neither is money
    assert {code for code in codes if money.currency_code(code) == code} == codes


@pytest.mark.parametrize("code", ["DEM", "FRF", "HRK", "zwl", " eur "])
def test_former_currencies_and_small_letters_are_read(code: str) -> None:
    assert money.currency_code(code) == code.strip().upper()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("EUO", "did you mean EUR?"), ("euro", "did you mean EUR?"), ("€", "did you mean EUR?"),
        ("GPB", "did you mean GBP?"), ("RMB", "did you mean CNY?"), ("XXX", "an ISO 4217 code such as EUR is needed"),
        ("QQQ", "an ISO 4217 code such as EUR is needed"), ("", "an ISO 4217 code such as EUR is needed"),
        ("EUR USD", "an ISO 4217 code such as EUR is needed"),
    ],
)  # fmt: skip
def test_a_code_that_is_no_currency_is_refused_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is not a currency: {meant}")):
        money.currency_code(text)


@pytest.mark.parametrize("text", ["999999999999999", "100000000000.00", "-100000000000", "999.999.999.999"])
def test_an_amount_that_no_sum_could_hold_is_refused_however_it_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="not a believable amount"):
        money.parse(text, "EUR")
    with pytest.raises(ValueError, match="not a believable amount"):
        money.parse_column(["5.00", text], "EUR")


def test_the_largest_amounts_are_read() -> None:
    assert money.parse_column(["99999999999.99", "999999999.99"], "EUR") == [9_999_999_999_999, 99_999_999_999]
    assert money.parse("-999999999", "CLF") == -9_999_999_990_000
