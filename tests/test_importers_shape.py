"""importers.shape and importers.rules: the columns that a layout adds, and what rejects keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from import_shop import ImportShop
from mailflow.importers.reading.source import inspect
from mailflow.importers.recognition.layouts import Layout, read_table
from mailflow.importers.recognition.recognise import Recognised, recognise
from mailflow.importers.recognition.rules import RULES, Rule, items
from mailflow.importers.recognition.shape import shaped_blocks
from mailflow.importers.values.cells import Sheet

ORDERS = """\
tool: till
title: The Till
layouts:
  - name: sales
    as: orders
    signs: [Receipt]
    columns: {Receipt: order_id, Member: customer_id, State: status, Sum: total, Time: ignore}
    join: {placed_at: [Day, Time]}
    constants: {currency: NOK}
    values: {status: {Done!: paid, "": open}}
"""
CONTACTS = """\
tool: club
title: The Club
layouts:
  - name: members
    as: contacts
    signs: [Club member]
    columns: {Mail: email, Club member: consent}
    constants: {consent: subscribed}
    rules: [quoted_list_tags]
"""


def layouts(tmp_path: Path, text: str) -> list[Layout]:
    path = tmp_path / "table.yaml"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


def shaped(tmp_path: Path, table: str, rows: str, **said: object) -> tuple[Recognised, Sheet]:
    path = tmp_path / "file.csv"
    path.write_text(rows, encoding="utf-8")
    source = inspect(path)
    options = {"noun": None, "tool": None, "mapping": {}, **said}
    recognised = recognise(source, layouts=layouts(tmp_path, table), **options)  # type: ignore[arg-type]
    [block] = shaped_blocks(source, recognised.steps)
    return recognised, Sheet(block, recognised)


def test_columns_are_joined_translated_and_filled_with_what_no_column_says(tmp_path: Path) -> None:
    rows = "1,2026-11-22,10:30,7,done!,5\n2,2026-11-23,,8, ,6\n3,2026-11-24,9:00,9,x,7\n"
    recognised, sheet = shaped(tmp_path, ORDERS, "Receipt,Day,Time,Member,State,Sum\n" + rows)
    assert sheet.cells("placed_at") == ("2026-11-22 10:30", "2026-11-23", "2026-11-24 9:00")
    assert sheet.cells("status") == ("paid", "open", "x")
    assert sheet.cells("currency") == ("NOK", "NOK", "NOK")
    assert recognised.header[:6] == ("Receipt", "Day", "Time", "Member", "State", "Sum")
    assert recognised.ignored == ()


def test_a_rejected_row_keeps_the_columns_and_texts_of_the_file(tmp_path: Path) -> None:
    _, sheet = shaped(tmp_path, ORDERS, "Receipt,Day,Time,Member,State,Sum\n1,2026-11-22,10:30,7,done!,5\n")
    sheet.fault(0, "placed_at", "no such day")
    [reject] = sheet.rejects()
    assert reject.cells == ("1", "2026-11-22", "10:30", "7", "done!", "5")
    assert reject.field == "Day + Time"


def test_what_the_user_maps_is_not_overridden(tmp_path: Path) -> None:
    rows = "Receipt,Day,Time,Member,State,Sum,Cur\n1,2026-11-22,10:30,7,done!,5,SEK\n"
    _, sheet = shaped(tmp_path, ORDERS, rows, mapping={"Cur": "currency"})
    assert sheet.cells("currency") == ("SEK",)


def test_a_column_that_the_user_leaves_out_is_not_joined(tmp_path: Path) -> None:
    rows = "Receipt,Day,Time,Member,State,Sum\n1,2026-11-22,10:30,7,done!,5\n"
    recognised, sheet = shaped(tmp_path, ORDERS, rows, mapping={"Time": "ignore"})
    assert sheet.cells("placed_at") == ("2026-11-22",)
    assert recognised.ignored == ("Time",)


def test_what_a_tool_only_guessed_fills_blanks_and_changes_nothing(tmp_path: Path) -> None:
    tables = tuple(layouts(tmp_path, CONTACTS.replace("rules: [quoted_list_tags]", "inferred: [country]")))
    shop = ImportShop(tmp_path / "shop")
    shop.take("email,country\na@example.com,NO\nb@example.com,\n")
    guessed = "Mail,Club member,country,city\na@example.com,yes,SE,Oslo\nb@example.com,yes,SE,Oslo\n"
    result = shop.take(guessed, layouts=tables)
    assert (result.tool, result.updated) == ("club", 2)
    assert shop.rows("SELECT email, country, city FROM contacts ORDER BY email") == [
        ("a@example.com", "NO", "Oslo"),
        ("b@example.com", "SE", "Oslo"),
    ]
    again = shop.take(guessed.replace("SE", "DK"), layouts=tables)
    assert (again.updated, again.unchanged) == (0, 2)
    [options] = shop.rows("SELECT options FROM imports ORDER BY id LIMIT 1 OFFSET 1")
    assert json.loads(options[0])["inferred"] == ["country"]


def test_a_constant_does_not_hide_what_a_column_says_too(tmp_path: Path) -> None:
    _, sheet = shaped(tmp_path, CONTACTS, 'Mail,Club member,TAGS\na@example.com,no,"""Member"",""2025 waiver"""\n')
    assert [cells for _, cells in sheet.every("consent")] == [("subscribed",), ("no",)]


def test_a_rule_makes_an_attribute_in_place_of_its_column(tmp_path: Path) -> None:
    rows = 'Mail,Club member,TAGS\na@example.com,yes,"""Member"",""2025 waiver"""\n'
    recognised, sheet = shaped(tmp_path, CONTACTS, rows)
    assert [sheet.block.rows[0][place] for place in recognised.attributes.values()] == ["Member, 2025 waiver"]


def test_a_row_that_a_rule_cannot_read_is_rejected_as_the_file_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(email: str, tags: str) -> str:
        if tags == "bad":
            raise ValueError("these tags are bad")
        return email.upper()

    rule = Rule("picky", ("email", "TAGS"), ("attribute:shout",), picky, "Refuses some.")
    monkeypatch.setitem(RULES, "picky", rule)
    rows = "Mail,Club member,TAGS\na@example.com,yes,bad\nb@example.com,yes,good\n"
    recognised, sheet = shaped(tmp_path, CONTACTS.replace("quoted_list_tags", "picky"), rows)
    [reject] = sheet.block.rejects
    assert (reject.line, reject.cells, reject.reason) == (2, ("a@example.com", "yes", "bad"), "these tags are bad")
    assert sheet.block.lines == [3]
    assert sheet.block.rows[0][recognised.attributes["shout"]] == "B@EXAMPLE.COM"


def test_a_rule_whose_columns_are_not_there_is_left_out(tmp_path: Path) -> None:
    recognised, _ = shaped(tmp_path, CONTACTS, "Mail,Club member\na@example.com,yes\n")
    assert len(recognised.steps) == 1


def test_a_file_whose_layout_adds_nothing_is_passed_through(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("email\na@example.com\n", encoding="utf-8")
    source = inspect(path)
    recognised = recognise(source, noun=None, tool=None, mapping={})
    assert recognised.steps == ()
    assert [block.rows for block in shaped_blocks(source, ())] == [[["a@example.com"]]]


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ('"Member","2025 waiver"', ["Member", "2025 waiver"]),
        ("a, b ,,c", ["a", "b", "c"]),
        ("", []),
        ('"open', ["open"]),
    ],
)
def test_a_list_in_a_cell_is_taken_apart(cell: str, wanted: list[str]) -> None:
    assert items(cell) == wanted


def test_every_rule_gives_as_many_texts_as_it_names_whatever_it_reads() -> None:
    for name, rule in RULES.items():
        for cell in ("", "x", "12,50", '"', "a:::b", "ünï ☃", "0"):
            try:
                given = rule.read(*[cell] * len(rule.reads))
            except ValueError:  # which rejects the row
                continue
            texts = (given,) if isinstance(given, str) else given
            assert len(texts) == len(rule.gives), name
            assert all(isinstance(text, str) for text in texts), name
        assert rule.about, name
