"""importers.people: the birthdays of a file are read as its column writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from import_shop import ImportShop


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path)


def birthdays(shop: ImportShop, cells: list[str], **options: Any) -> list[str | None]:
    """Return what is kept as the birthday of each person of a file."""
    rows = "".join(f"p{number}@shop.example,{cell}\n" for number, cell in enumerate(cells))
    shop.take(f"email,birthday\n{rows}", **options)
    return [day for (day,) in shop.rows("SELECT birthday FROM contacts ORDER BY email")]


def test_one_cell_shows_the_order_of_day_and_month_for_all(shop: ImportShop) -> None:
    assert birthdays(shop, ["03/04/1984", "25/12/1990"]) == ["1984-04-03", "1990-12-25"]


def test_a_file_that_shows_nothing_keeps_them_as_they_are_written(shop: ImportShop) -> None:
    assert birthdays(shop, ["03/04/1984", ""]) == [None, None]
    assert shop.rows("SELECT attributes FROM contacts WHERE email = 'p0@shop.example'") == [
        ('{"birthday":"03/04/1984"}',)
    ]


def test_the_named_format_of_dates_holds_for_birthdays(shop: ImportShop) -> None:
    assert birthdays(shop, ["03/04/1984"], date_format="MM/DD/YYYY") == ["1984-03-04"]


def test_a_year_of_two_digits_is_one_of_the_past(shop: ImportShop) -> None:
    assert birthdays(shop, ["15.06.45", "15.06.99"]) == ["1945-06-15", "1999-06-15"]
