"""Exchange rates in rates.csv, and the RFM settings in mailflow.yaml."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from mailflow.config import RfmSettings
from mailflow.config.rates import Rates, load_rates
from mailflow.errors import ProblemsError

DAY = date(2026, 3, 20)


def rates(folder: Path, *lines: str) -> Rates:
    file = folder / "rates.csv"
    file.write_text("\n".join(("date,from,to,rate", *lines)), encoding="utf-8")
    return load_rates(file)


def test_the_latest_rate_on_or_before_the_day_is_taken(tmp_path: Path) -> None:
    known = rates(tmp_path, "2026-03-01,USD,EUR,0.92", "2026-03-20,USD,EUR,0.94", "2026-03-21,USD,EUR,0.96")
    assert known.on(DAY, "USD", "EUR") == Decimal("0.94")
    assert known.on(date(2026, 3, 19), "USD", "EUR") == Decimal("0.92")
    assert known.on(date(2026, 2, 28), "USD", "EUR") is None


def test_a_rate_serves_the_other_way_round(tmp_path: Path) -> None:
    assert rates(tmp_path, "2026-03-01,EUR,USD,1.25").on(DAY, "USD", "EUR") == Decimal("0.8")


def test_the_newer_of_both_ways_wins(tmp_path: Path) -> None:
    known = rates(tmp_path, "2026-03-01,USD,EUR,0.9", "2026-03-02,EUR,USD,1.25")
    assert known.on(DAY, "USD", "EUR") == Decimal("0.8")


def test_the_same_currency_needs_no_rate() -> None:
    assert Rates().on(DAY, "EUR", "EUR") == 1


def test_no_file_is_no_rates(tmp_path: Path) -> None:
    assert load_rates(tmp_path / "rates.csv").on(DAY, "USD", "EUR") is None


def test_columns_may_stand_in_any_order_and_blank_lines_between(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("\ufeffTo, From, Rate, Date, note\n\nEUR,USD,0.9,2026-03-01,x\n", encoding="utf-8")
    assert load_rates(file).on(DAY, "USD", "EUR") == Decimal("0.9")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2026-03-01,usd,EUR,0.9", "rates.csv:2: 'usd' is not a currency"),
        ("01.03.2026,USD,EUR,0.9", "rates.csv:2: '01.03.2026' is not a date"),
        ("2026-03-01,USD,EUR,0", "rates.csv:2: '0' is not a rate"),
        ("2026-03-01,USD,EUR,NaN", "rates.csv:2: 'NaN' is not a rate"),
        ("2026-03-01,USD,EUR", "rates.csv:2: '' is not a rate"),
        ('2026-03-01,USD,EUR,"0,9"', "rates.csv:2: '0,9' is not a rate"),
    ],
)
def test_a_wrong_line_is_placed(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        rates(tmp_path, line)
    assert words in str(caught.value)


def test_a_cell_without_end_is_placed(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"rates.csv:2: is not read from here on"):
        rates(tmp_path, f'2026-03-01,USD,EUR,"{"9" * 200_000}"')


@pytest.mark.parametrize("text", ["", "USD,EUR\n", "\n"])
def test_a_file_without_the_columns_is_told_which(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"rates.csv:1: has no column date.*date,from,to,rate"):
        load_rates(file)


def test_bounds_are_four_ascending_numbers() -> None:
    assert RfmSettings.model_validate({"bounds": {"frequency": [1, 2, 4, 8.5]}}).bounds == {
        "frequency": [1, 2, 4, Decimal("8.5")]
    }
    for bounds in ([1, 2, 3], [1, 2, 2, 3], [4, 3, 2, 1], [1, 2, 3, "x"]):
        with pytest.raises(ValueError, match=r"frequency"):
            RfmSettings.model_validate({"bounds": {"frequency": bounds}})
    with pytest.raises(ValueError, match="recency"):
        RfmSettings.model_validate({"bounds": {"recensy": [1, 2, 3, 4]}})


def test_a_class_table_names_every_pair_once() -> None:
    pairs = [[r, f] for r in range(1, 6) for f in range(1, 6)]
    assert RfmSettings.model_validate({"classes": {"all": pairs}}).classes is not None
    for classes, words in (
        ({"a": pairs[1:]}, r"\[1, 1\] are in no class"),
        ({"a": pairs, "b": [[5, 5]]}, r"\[5, 5\] are in two classes"),
        ({"a": [*pairs, [6, 1]]}, r"\[6, 1\] are no pair"),
    ):
        with pytest.raises(ValueError, match=words):
            RfmSettings.model_validate({"classes": classes})
