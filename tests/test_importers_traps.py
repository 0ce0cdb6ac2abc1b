"""The traps of files that people export, mend in a spreadsheet and send around: each is met once here."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from import_shop import ImportShop
from mailflow.errors import DataError
from mailflow.importers import Noun
from mailflow.importers.reading.source import MAX_CELL, Form, blocks, inspect


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path / "shop")


def contact(shop: ImportShop, email: str) -> dict[str, Any]:
    """Return all that is kept of a person."""
    row = shop.store.db.execute("SELECT * FROM contacts WHERE email = ?", (email,)).fetchone()
    return {**row, **json.loads(row["attributes"] or "{}")}


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file by their columns; none may be rejected."""
    source = inspect(path)
    found = list(blocks(source))
    assert [reject for block in found for reject in block.rejects] == []
    return [dict(zip(source.header, row, strict=True)) for block in found for row in block.rows]


def test_na_null_and_none_are_words(shop: ImportShop) -> None:
    shop.take("email,first_name,last_name,city,note\nna@example.com,NA,Null,None,nan\n")
    assert [contact(shop, "na@example.com")[name] for name in ("first_name", "last_name", "city", "note")] == [
        "NA", "Null", "None", "nan",
    ]  # fmt: skip


def test_zeros_in_front_and_plus_signs_stay(shop: ImportShop) -> None:
    shop.take("email,customer id,postcode,phone,member no\nann@example.com,00123,01069,+4401214960000,007\n")
    ann = contact(shop, "ann@example.com")
    assert (ann["postcode"], ann["phone"], ann["member_no"]) == ("01069", "+4401214960000", "007")
    assert ("00123",) in shop.rows("SELECT value FROM identities WHERE kind = 'customer_id'")


def test_a_byte_order_mark_before_a_quoted_header_is_no_part_of_it(shop: ImportShop) -> None:
    result = shop.take(b'\xef\xbb\xbf"email","first name"\r\n"ann@example.com","Ann"\r\n')
    assert (result.inserted, contact(shop, "ann@example.com")["first_name"]) == (1, "Ann")


def test_formulas_stay_text(shop: ImportShop) -> None:
    formula = '=HYPERLINK("https://evil.example";"click")'
    shop.take(f'email,first_name,note\nann@example.com,"=1+1","{formula.replace(chr(34), chr(34) * 2)}"\n')
    ann = contact(shop, "ann@example.com")
    assert (ann["first_name"], ann["note"]) == ("=1+1", formula)


def test_a_nul_an_open_quote_and_a_huge_cell_cost_their_own_row_only(shop: ImportShop) -> None:
    text = (
        "email,note\nann@example.com,fine\nbob@example.com,a\0b\n"
        f'eve@example.com,{"x" * (MAX_CELL + 1)}\nfay@example.com,"open\ngil@example.com,fine\n'
    )
    result = shop.take(text)
    assert (result.rows, result.inserted, result.rejected) == (5, 2, 3)
    reasons = {problem.line: problem.reason for problem in result.problems}
    assert ("NUL" in reasons[3], "64 KB" in reasons[4], "quote" in reasons[5]) == (True, True, True)


def test_a_cell_of_64_kb_is_kept_whole(shop: ImportShop) -> None:
    shop.take(f"email,note\nann@example.com,{'x' * MAX_CELL}\n")
    assert len(contact(shop, "ann@example.com")["note"]) == MAX_CELL


def test_200_columns_are_read_and_201_are_refused(shop: ImportShop) -> None:
    def wide(count: int) -> str:
        names = ",".join(["email", *(f"c{number}" for number in range(1, count))])
        return f"{names}\nann@example.com{',x' * (count - 1)}\n"

    assert shop.take(wide(200)).inserted == 1
    with pytest.raises(DataError, match="at most 200"):
        shop.take(wide(201))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8", "utf-8-sig", "utf-32", "cp1252"])
def test_every_encoding_of_a_spreadsheet_gives_the_same_names(shop: ImportShop, encoding: str) -> None:
    text = "email;first_name;city\r\nzoe@example.com;Zoë;€-Stadt\r\n"
    shop.take(text.encode(encoding))
    zoe = contact(shop, "zoe@example.com")
    assert (zoe["first_name"], zoe["city"]) == ("Zoë", "€-Stadt")


def test_utf_16_without_a_mark_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("email,name\nann@example.com,Ann\n".encode("utf-16-le"))
    assert any("UTF-16" in note for note in inspect(path).notes)


def test_mixed_line_ends_give_every_row(shop: ImportShop) -> None:
    result = shop.take(b"email\na@example.com\r\nb@example.com\rc@example.com\n\r\n\nd@example.com")
    assert (result.rows, result.inserted) == (4, 4)


def test_columns_of_one_name_or_of_none_are_kept_apart(shop: ImportShop) -> None:
    shop.take("email,note,note,,\nann@example.com,one,two,three,four\n")
    assert contact(shop, "ann@example.com").items() >= {
        "note": "one", "note_2": "two", "column_4": "three", "column_5": "four",
    }.items()  # fmt: skip


def test_a_delimiter_too_many_at_the_end_is_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("email,name\nann@example.com,Ann,\nbob@example.com,Bob,,\n")
    assert [row["name"] for row in read(path)] == ["Ann", "Bob"]
    path.write_text("email,name,\nann@example.com,Ann\nbob@example.com,Bob,\n")
    assert [row["name"] for row in read(path)] == ["Ann", "Bob"]


def test_something_beyond_the_header_is_a_reject(shop: ImportShop) -> None:
    result = shop.take("email,name\nann@example.com,Ann,Lo\n")
    assert (result.inserted, result.rejected) == (0, 1)


def test_blank_lines_are_no_rows_and_a_row_of_blank_cells_is_told(shop: ImportShop) -> None:
    result = shop.take("\n\nemail,name\n\nann@example.com,Ann\n\n,\n\n")
    assert (result.rows, result.inserted, result.rejected) == (2, 1, 1)
    assert result.problems[0].line == 7


def test_a_header_over_two_lines_and_a_hint_are_read(shop: ImportShop) -> None:
    assert shop.take('"e-mail","first\nname"\nann@example.com,Ann\n').inserted == 1
    assert shop.take('"sep=;"\r\nemail;first_name\r\nbob@example.com;Bob\r\n').inserted == 1
    assert contact(shop, "bob@example.com")["first_name"] == "Bob"


def test_titles_above_the_header_are_left_out_and_told(shop: ImportShop) -> None:
    text = 'Guests\n"Spring, 2026"\nemail,first_name,city,note,tag\n'
    result = shop.take(text + "ann@example.com,Ann,Wien,x,y\nbob@example.com,Bob,Graz,x,y\n")
    assert (result.rows, result.inserted) == (2, 2)
    assert any("'Guests', '\"Spring, 2026\"'" in warning for warning in result.warnings), result.warnings


def test_a_line_of_100_kb_is_read_and_one_without_end_refused(shop: ImportShop, tmp_path: Path) -> None:
    cells = ",".join(["y" * 50_000] * 2)
    assert shop.take(f"email,a,b\nann@example.com,{cells}\n").inserted == 1
    with pytest.raises(DataError, match="longer than 16 MB"):
        shop.take("email," + "z" * (18 << 20))


def test_a_file_of_zeros_is_no_table(shop: ImportShop) -> None:
    with pytest.raises(DataError, match="binary"):
        shop.take(bytes(5_000))


# JSON ---------------------------------------------------------------------------------------------------------


def test_json_lines_are_rows_under_all_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"email": "ann@example.com", "context": {"page": {"url": "/tea"}}, "price": 29.330,'
        ' "big": 12345678901234567890}\n'
        '\n{"email": null, "tags": ["a", 1.50, {"b": true}], "ok": false, "empty": {}}\n'
    )
    first, second = read(path)
    assert first == {
        "email": "ann@example.com", "context.page.url": "/tea", "price": "29.330", "big": "12345678901234567890",
        "tags": "", "ok": "", "empty": "",
    }  # fmt: skip
    assert (second["email"], second["tags"], second["ok"]) == ("", '["a",1.50,{"b":true}]', "false")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"email": "x"', "not JSON"),
        ("[1]", "no object"),
        ('{"email": NaN}', "NaN"),
        ('{"email": "a", "email": "b"}', "twice"),
        ('{"a": {"b": 1}, "a.b": 2}', "twice"),
        ('{"email": "a"} {"email": "b"}', "more after"),
        ('{"email": "\\u0000"}', "NUL"),
        ('{"email": "\\ud800"}', "half"),
        ('{"a": ' * 5_000 + "1" + "}" * 5_000, "deeply"),
    ],
)
def test_a_broken_line_is_a_reject_with_its_number(shop: ImportShop, line: str, words: str) -> None:
    good = '{"email": "ann@example.com", "a.b": "c"}'
    result = shop.take(f"{good}\n{line}\n{good.replace('ann', 'bob')}\n", "file.jsonl", noun=Noun.CONTACTS)
    assert (result.rows, result.inserted, result.rejected) == (3, 2, 1)
    assert (result.problems[0].line, words in result.problems[0].reason) == (2, True), result.problems


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_objects_is_read_whatever_its_layout(tmp_path: Path, indent: int | None) -> None:
    rows = [{"id": number, "text": 'ünïcode, ["quoted"]\n' * 20, "more": {"n": None}} for number in range(3_000)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    assert inspect(path).form is Form.JSON_LIST
    found = read(path)
    assert [row["id"] for row in found] == [str(number) for number in range(3_000)]
    assert found[7]["text"] == rows[7]["text"]
    block = next(blocks(inspect(path)))
    text = path.read_text(encoding="utf-8").split("\n")
    assert '"id": 0' in text[block.lines[0] - 1] or '"id": 0' in text[block.lines[0]]


@pytest.mark.parametrize(
    "content", ['{"a": 1,', '{\n  "order": {"id": 1},\n  "lines": [{"id": 1}]\n}\n', "[1, 2, 3]", "[]", '"text"']
)
def test_json_without_objects_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(DataError, match="one object a line"):
        inspect(path)


def test_a_list_in_an_object_is_read_where_that_holds_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text('{\n  "orders": [\n    {"id": 1.50},\n    {"id": 2}\n  ]\n}\n')
    assert [row["id"] for row in read(path)] == ["1.50", "2"]
    path.write_text('{"orders": [{"id": 1}], "customers": [{"id": 2}]}\n')
    with pytest.raises(DataError, match="more after"):
        inspect(path)


def test_a_list_that_breaks_off_is_refused_as_a_whole(shop: ImportShop) -> None:
    with pytest.raises(DataError, match="breaks off"):
        shop.take('[{"email": "ann@example.com"}, {"email": "bob@ex', "file.json")
    assert shop.rows("SELECT count(*) FROM contacts") == [(0,)]


def test_rejects_of_json_are_mended_as_csv(shop: ImportShop) -> None:
    result = shop.take('{"email": "ann@example.com", "city": "Wien"}\n{"email": "bob@", "city": "Graz"}\n', "p.jsonl")
    assert result.reject_file is not None
    with result.reject_file.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["email"], row["city"], row["mailflow_line"]) == ("bob@", "Graz", "2")
    mended = shop.take(result.reject_file.read_text().replace("bob@,", "bob@example.com,"), "mended.csv")
    assert (mended.inserted, contact(shop, "bob@example.com")["city"]) == (1, "Graz")


# Mending ------------------------------------------------------------------------------------------------------

MENDABLE = {
    Noun.CONTACTS: ("email,first_name", "nobody", "ann@example.com,Ann", "nobody,Ann"),
    Noun.SIGNUPS: ("email,signup date", "nobody", "ann@example.com,2026-01-05", "nobody,2026-01-05"),
    Noun.SUPPRESSIONS: ("email,reason", "nobody", "ann@example.com,complaint", "nobody,complaint"),
    Noun.ORDERS: (
        "order id,email,date,total", "1x2", "1,ann@example.com,2026-01-05,12", "2,ann@example.com,2026-01-05,1x2",
    ),
    Noun.PRODUCTS: ("product id,title,price", "1x2", "1,Tea,12", "2,Pot,1x2"),
    Noun.CARTS: (
        "cart id,email,status,updated at", "soon", "1,ann@example.com,open,2026-01-05", "2,ann@example.com,open,soon",
    ),
    Noun.EVENTS: ("event,email,timestamp", "soon", "viewed,ann@example.com,2026-01-05", "viewed,ann@example.com,soon"),
    Noun.ENGAGEMENT: ("email,event,timestamp", "soon", "ann@example.com,open,2026-01-05", "ann@example.com,open,soon"),
    Noun.TICKETS: (
        "ticket id,email,created at,status", "soon", "1,ann@example.com,2026-01-05,open", "2,ann@example.com,soon,open",
    ),
    Noun.ANSWERS: (
        "email,submitted at,question,answer", "soon",
        "ann@example.com,2026-01-05,Tea?,yes", "ann@example.com,soon,Pot?,no",
    ),
    Noun.BOOKINGS: ("booking id,email,start", "soon", "1,ann@example.com,2026-01-05", "2,ann@example.com,soon"),
    Noun.SOCIAL: ("platform,handle,type,date", "soon", "x,ann,follow,2026-01-05", "x,ann,mention,soon"),
    Noun.OWNERS: ("email,name", "nobody", "olga@example.com,Olga", "nobody,Olga"),
    Noun.COMPANIES: ("name,domain", "a b c", "Tea Ltd,tea.example", ",a b c"),
    Noun.COSTS: ("date,channel,amount", "soon", "2026-01-05,ads,12", "soon,ads,13"),
}  # fmt: skip
MENDED = {"nobody": "eve@example.com", "1x2": "12", "soon": "2026-02-05", "a b c": "pot.example"}


@pytest.mark.parametrize("noun", list(Noun))
def test_a_mended_reject_file_is_imported_whatever_it_holds(shop: ImportShop, noun: Noun) -> None:
    header, fault, good, bad = MENDABLE[noun]
    shop.take("email\nann@example.com\n")
    result = shop.take(f"{header}\n{good}\n{bad}\n", noun=noun)
    assert (result.rows, result.rejected) == (2, 1), result
    assert result.reject_file is not None
    text = result.reject_file.read_text()
    again = shop.take(text.replace(fault, MENDED[fault], 1), "mended.csv", noun=noun)
    assert (again.rows, again.rejected, again.inserted + again.updated + again.unchanged) == (1, 0, 1), again
    kept = repr(shop.rows("SELECT attributes FROM contacts")) + repr(shop.rows("SELECT properties FROM events"))
    assert "mailflow_" not in kept
