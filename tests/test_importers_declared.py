"""Columns that mailflow.yaml declares come in as what they are: numbers, days, yes and no, several texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from import_shop import ImportShop
from mailflow.cli.main import run
from mailflow.config import FieldSettings
from mailflow.importers.values.declared import number, yes_or_no

FIELDS = {
    "allergies": FieldSettings(type="text", multi=True),
    "shoe_size": FieldSettings(type="number"),
    "scores": FieldSettings(type="number", multi=True),
    "wedding": FieldSettings(type="date"),
    "has_garden": FieldSettings(type="bool"),
    "nickname": FieldSettings(type="text"),
}


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path)


def attributes(shop: ImportShop, text: str, **options: Any) -> list[dict[str, Any]]:
    """Return what is kept of each person of a file, in the order of its lines."""
    shop.take(text, fields=FIELDS, **options)
    return [json.loads(kept) for (kept,) in shop.rows("SELECT attributes FROM contacts ORDER BY email")]


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("42", 42),
        ("-7", -7),
        ("3.5", 3.5),
        ("0,5", 0.5),
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1,234", 1234),
        ("0,123", 0.123),
        ("1.234.567", 1234567),
        ("1 234,5", 1234.5),
        ("1’234.5", 1234.5),
        ("007", 7),
    ],
)
def test_numbers_are_read_as_people_write_them(cell: str, meant: float) -> None:
    assert number(cell) == meant
    assert type(number(cell)) is type(meant)


@pytest.mark.parametrize(
    ("cell", "mark", "meant"),
    [
        ("1.234", None, 1.234),
        ("1.234", ".", 1.234),
        ("1.234", ",", 1234),
        ("1,234", ".", 1234),
        ("1,234", ",", 1.234),
        ("-1.234", ",", -1234),
        ("12.5", ",", 12.5),
        ("12345,678", None, 12345.678),
    ],
)
def test_a_number_that_could_be_read_either_way_is_as_its_column(cell: str, mark: str | None, meant: float) -> None:
    assert number(cell, mark) == meant
    assert type(number(cell, mark)) is type(meant)


@pytest.mark.parametrize(
    ("cells", "meant"),
    [
        (["1.234", "12,5"], [1234, 12.5]),
        (["1.234", "12.5"], [1.234, 12.5]),
        (["1,234", "0,5"], [1.234, 0.5]),
        (["1,234", "0.5"], [1234, 0.5]),
        (["1,234", "7"], [1234, 7]),
    ],
)
def test_a_column_of_numbers_has_one_decimal_mark(shop: ImportShop, cells: list[str], meant: list[float]) -> None:
    rows = "".join(f'{name}@shop.example,"{cell}"\n' for name, cell in zip("ab", cells, strict=True))
    assert attributes(shop, f"email,shoe_size\n{rows}") == [{"shoe_size": value} for value in meant]


@pytest.mark.parametrize("cell", ["", "42 EU", "1e5", "0x10", "--3", "1.2.3,4,5", "nan", "٣x", "-", "."])
def test_what_is_no_number_is_none(cell: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        number(cell)


def test_yes_and_no_are_read_in_several_languages_and_nothing_else_is() -> None:
    assert [yes_or_no(cell) for cell in ("Yes", "ja", "TRUE", "1", "✓", "sí")] == [True] * 6
    assert [yes_or_no(cell) for cell in ("no", "Nein", "false", "0", "non")] == [False] * 5
    for cell in ("perhaps", "2", "?"):
        with pytest.raises(ValueError, match=r".*"):
            yes_or_no(cell)


def test_each_declared_column_is_kept_as_its_type(shop: ImportShop) -> None:
    text = (
        "email,allergies,shoe_size,scores,wedding,has_garden,nickname,other\n"
        'a@shop.example,"Nuts, milk",42,3;4,14/02/2019,yes,007,12\n'
        "b@shop.example,Egg,38.5,,01/03/2020,no,,\n"
    )
    assert attributes(shop, text) == [
        {
            "allergies": ["Nuts", "milk"],
            "shoe_size": 42,
            "scores": [3, 4],
            "wedding": "2019-02-14",
            "has_garden": True,
            "nickname": "007",
            "other": "12",
        },
        {"allergies": ["Egg"], "shoe_size": 38.5, "wedding": "2020-03-01", "has_garden": False},
    ]


def test_what_a_cell_is_not_it_does_not_become(shop: ImportShop) -> None:
    text = "email,shoe_size,wedding,has_garden,scores\na@shop.example,large,in spring,perhaps,4;many\n"
    assert attributes(shop, text) == [
        {"shoe_size": "large", "wedding": "in spring", "has_garden": "perhaps", "scores": [4, "many"]}
    ]


def test_a_day_of_which_nothing_shows_the_order_stays_as_it_is_written(shop: ImportShop) -> None:
    assert attributes(shop, "email,wedding\na@shop.example,03/04/2020\n") == [{"wedding": "03/04/2020"}]


def test_the_named_format_of_dates_holds_for_declared_days(shop: ImportShop) -> None:
    text = "email,wedding\na@shop.example,03/04/2020\n"
    assert attributes(shop, text, date_format="MM/DD/YYYY") == [{"wedding": "2020-03-04"}]


def test_rules_and_templates_see_what_a_csv_file_says_and_a_declaration_later_counts_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workspace", str(tmp_path)]
    assert run(["init", str(tmp_path), "--name", "Shop", "--email", "shop@shop.example", "--address", "A 1"]) == 0
    file = tmp_path / "people.csv"
    file.write_text('email,allergies,shoe_size\na@shop.example,"nuts, milk",42\nb@shop.example,egg,40\n')
    assert run(["import", str(file), *where]) == 0
    with (tmp_path / "mailflow.yaml").open("a", encoding="utf-8") as settings:
        settings.write("\nfields:\n  allergies: {type: text, multi: true}\n  shoe_size: {type: number}\n")
    assert run(["import", str(file), *where]) == 0  # the same file, which means something else now
    capsys.readouterr()
    for rule in ('allergies == "milk"', 'allergies contains "milk"', "shoe_size > 41"):
        assert run(["segment", "--rule", rule, *where, "--format", "json"]) == 0
        assert [row["email"] for row in json.loads(capsys.readouterr().out)] == ["a@shop.example"], rule
    (tmp_path / "templates" / "size.md").write_text(
        "---\nsubject: Size {{ contact.shoe_size + 1 }}\n---\n{{ contact.allergies | join(' and ') }}\n"
    )
    assert run(["preview", "size", "--for", "a@shop.example", *where]) == 0
    out = capsys.readouterr().out
    assert "Size 43" in out
    assert "nuts and milk" in out
