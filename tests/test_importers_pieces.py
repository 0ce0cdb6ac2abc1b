"""importers.pieces: folders, archives and spreadsheets, what is in them, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from import_shop import ImportShop, options_of
from mailflow.importers import Noun
from mailflow.importers.reading import archives, source_excel
from mailflow.importers.reading import spool as spools
from mailflow.importers.reading.pieces import Gathered, gather
from mailflow.importers.reading.source import blocks
from mailflow.importers.reading.spool import Spool, open_spool

CONTACTS = "email,first_name\nann@example.com,Ann\n"
ORDERS = "order id,email,date,total\n1,ann@example.com,2026-01-05,12.50\n"


@pytest.fixture
def shop(tmp_path: Path) -> ImportShop:
    return ImportShop(tmp_path / "shop")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with open_spool(tmp_path / "spool") as spool:
        yield spool


def zipped(path: Path, members: dict[str, str | bytes], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, **options)
    return path


def book(path: Path, *sheets: str, names: tuple[str, ...] = ("Sheet1", "Sheet2"), styles: str = "") -> Path:
    """Write the least that is a spreadsheet: the XML of each sheet's rows."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="{kind}'
        '.sheet.main+xml"/><Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{relations}/office'
        'Document" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        + "".join(f'<sheet name="{escape(names[n])}" sheetId="{n + 1}" r:id="r{n + 1}"/>' for n in range(len(sheets)))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="r{n + 1}" Type="{relations}/worksheet" Target="worksheets/sheet{n + 1}.xml"/>'
            for n in range(len(sheets))
        )
        + f'<Relationship Id="rs" Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/>'
        '<xf numFmtId="22"/></cellXfs></styleSheet>',
    }  # fmt: skip
    for number, rows in enumerate(sheets, 1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return zipped(path, parts)


def texts(row: int, *cells: str) -> str:
    """Return the XML of a row of texts."""
    return f'<row r="{row}">' + "".join(
        f'<c r="{chr(65 + place)}{row}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        for place, cell in enumerate(cells)
    ) + "</row>"  # fmt: skip


def look(spool: Spool, *paths: Path) -> Gathered:
    return gather(paths, options_of(), spool)


def told(gathered: Gathered) -> list[str]:
    return [str(error) for error in gathered.errors]


# Folders ------------------------------------------------------------------------------------------------------


def test_a_folder_is_its_files_those_first_that_say_no(spool: Spool, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a_orders.csv").write_text(ORDERS)
    (folder / "b_contacts.csv").write_text(CONTACTS)
    (folder / "c_products.csv").write_text("product id,title,price\n1,Tea,3.00\n")
    (folder / "deeper" / "z_suppressed.csv").write_text("email,suppression reason\nbob@example.com,hard bounce\n")
    (folder / ".hidden.csv").write_text(CONTACTS)
    (folder / "photo.png").write_bytes(b"\x89PNG\r\n")
    (folder / "page.txt").write_bytes(b"%PDF-1.7")
    (folder / "config.json").write_text('{\n "a": 1\n}')
    (folder / "empty.csv").touch()
    gathered = look(spool, folder)
    names = [source.path.name for source in gathered.sources]
    assert names.index("b_contacts.csv") < names.index("c_products.csv") < names.index("a_orders.csv")
    assert sorted(left.path.name for left in gathered.left_out) == ["config.json", "page.txt", "photo.png"]
    assert told(gathered) == [f"{folder}/empty.csv: the file is empty"]


def test_a_file_that_is_named_alone_is_never_passed_over(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_bytes(b"%PDF-1.7")
    assert "a PDF" in told(look(spool, tmp_path / "page.txt"))[0]
    assert "no such file" in told(look(spool, tmp_path / "nothing.csv"))[0]


def test_everything_in_a_workspace_may_be_named_at_once(spool: Spool, tmp_path: Path) -> None:
    for name in ("mailflow.yaml", "mailflow.db", "photo.png", "page.txt"):
        (tmp_path / name).write_bytes(b"%PDF-1.7")
    (tmp_path / "people.data").write_text(CONTACTS)
    gathered = look(spool, *sorted(tmp_path.glob("*.*")), tmp_path / "missing.yaml")
    assert [source.path.name for source in gathered.sources] == ["people.data"]
    assert len(gathered.left_out) == 4
    assert told(gathered) == [f"{tmp_path}/missing.yaml: no such file"]


def test_a_pipe_in_a_folder_is_not_waited_for(spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    os.mkfifo(tmp_path / "exports" / "live.csv")
    gathered = gather([tmp_path / "exports"], options_of(), spool)
    assert [(each.path.name, each.reason) for each in gathered.left_out] == [
        ("live.csv", "this is no file but a pipe or a device")
    ]


def test_a_pipe_is_read(spool: Spool, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write({CONTACTS!r})"])
    (source,) = look(spool, pipe).sources
    writer.wait(timeout=60)
    assert [block.rows for block in blocks(source)] == [[["ann@example.com", "Ann"]]]


# Archives -----------------------------------------------------------------------------------------------------


def test_each_file_of_a_zip_is_imported_under_its_name(spool: Spool, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "export.zip",
        {
            "in/orders.csv": ORDERS,
            "contacts.csv": CONTACTS,
            "__MACOSX/._a.csv": "x",
            ".hidden.csv": "x",
            "r.pdf": "%PDF",
        },
    )
    gathered = look(spool, path)
    assert [source.path.name for source in gathered.sources] == ["export.zip:contacts.csv", "orders.csv"]
    assert [source.name for source in gathered.sources] == ["contacts.csv", "orders.csv"]
    assert [str(left.path) for left in gathered.left_out] == [f"{path}:r.pdf"]
    assert all(source.place.stat().st_mode & 0o777 == 0o600 for source in gathered.sources)


def test_no_name_in_a_zip_leads_out_of_the_spool(spool: Spool, tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "evil.zip", {"../../evil.csv": CONTACTS, "/etc/evil.csv": CONTACTS, "a\x1b[2J.csv": CONTACTS}
    )
    gathered = look(spool, path)
    assert [str(source.path) for source in gathered.sources] == [
        f"{path}:evil.csv", f"{path}:etc/evil.csv", f"{path}:a?[2J.csv",
    ]  # fmt: skip
    assert {source.place.parent.parent for source in gathered.sources} == {tmp_path / "spool"}
    assert not list(tmp_path.rglob("evil.csv"))


def test_archives_in_archives_are_passed_over(spool: Spool, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.csv": CONTACTS}).read_bytes()
    gathered = look(spool, zipped(tmp_path / "outer.zip", {"inner.zip": inner, "b.csv": CONTACTS}))
    assert ([left.path.name for left in gathered.left_out], len(gathered.sources)) == (["outer.zip:inner.zip"], 1)


def test_a_password_is_told(spool: Spool, tmp_path: Path) -> None:
    path = zipped(tmp_path / "secret.zip", {"a.csv": CONTACTS})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the member's own header, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "password" in told(look(spool, path))[0]


def test_a_zip_bomb_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bomb.zip", {"a.csv": b"0" * (archives.RATIO_FREE + 1)})
    with open_spool(tmp_path / "spool") as spool:
        gathered = look(spool, path)
    assert ("100 times its size" in told(gathered)[0], gathered.sources) == (True, [])
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_unpacks_to_too_much_is_refused(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1_000)
    path = zipped(tmp_path / "large.zip", {"a.csv": os.urandom(600), "b.csv": os.urandom(600)})
    assert "more than" in told(look(spool, path))[0]


def test_a_small_file_of_equal_words_may_pack_as_well_as_it_likes(spool: Spool, tmp_path: Path) -> None:
    text = "email,note\n" + "ann@example.com,same\n" * 100_000
    (source,) = look(spool, zipped(tmp_path / "same.zip", {"a.csv": text})).sources
    assert sum(len(block.rows) for block in blocks(source)) == 100_000


def test_gzip_is_unpacked_and_a_cut_off_one_told(spool: Spool, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv.gz"
    path.write_bytes(gzip.compress(ORDERS.encode()) + gzip.compress(b"2,bob@example.com,2026-01-06,3.00\n"))
    (source,) = look(spool, path).sources
    assert (source.path.name, source.name, len(next(blocks(source)).rows)) == ("orders.csv.gz", "orders.csv", 2)
    path.write_bytes(gzip.compress(os.urandom(5_000))[:-300])
    assert "damaged or cut off" in told(look(spool, path))[0]


def test_the_spool_of_a_killed_command_is_cleared_and_that_of_a_running_one_kept(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from mailflow.importers.reading.spool import Spool;"
        " path, file = Spool(pathlib.Path(sys.argv[1])).create(); file.write(b'x'); file.flush();"
        " os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "spool")], check=False)
    with open_spool(tmp_path / "spool") as running:
        mine, file = running.create()
        file.close()
        assert len(list((tmp_path / "spool").iterdir())) == 2
        spools.clear(tmp_path / "spool")
        assert list((tmp_path / "spool").iterdir()) == [mine.parent]


# Spreadsheets -------------------------------------------------------------------------------------------------


def test_cells_of_a_spreadsheet_become_plain_text(spool: Spool, tmp_path: Path) -> None:
    cells = (
        '<row r="3"><c r="A3" t="inlineStr"><is><t>01234</t></is></c><c r="B3"><v>7</v></c>'
        '<c r="C3"><v>0.30000000000000004</v></c><c r="D3" s="1"><v>46082</v></c>'
        '<c r="E3" s="2"><v>46082.4375</v></c><c r="F3" t="b"><v>1</v></c>'
        '<c r="G3"><f>B3*2</f><v>14</v></c><c r="H3" t="str"><f>"a"&amp;"b"</f><v>ab</v></c>'
        '<c r="I3" t="inlineStr"><is><t>=1+1</t></is></c><c r="J3"><v>7210448301003</v></c>'
        '<c r="K3"><v>1E-7</v></c></row>'
    )
    header = texts(2, *"text whole noise day time flag sum joined formula id small".split())
    (source,) = look(spool, book(tmp_path / "b.xlsx", header + cells, names=("People & co",))).sources
    assert source.path.name == "b.xlsx:People & co"
    (block,) = blocks(source)
    assert block.lines == [3]
    assert dict(zip(source.header, block.rows[0], strict=True)) == {
        "text": "01234", "whole": "7", "noise": "0.3", "day": "2026-03-01", "time": "2026-03-01 10:30:00",
        "flag": "true", "sum": "14", "joined": "ab", "formula": "=1+1", "id": "7210448301003", "small": "0.0000001",
    }  # fmt: skip


def test_each_sheet_is_a_file_and_its_lines_are_rows_of_the_sheet(
    shop: ImportShop, spool: Spool, tmp_path: Path
) -> None:
    people = texts(1, "email", "note") + texts(2, "ann@example.com", "two\nlines") + texts(5, "not an address", "")
    orders = texts(1, "order id", "email", "date", "total") + texts(2, "1", "ann@example.com", "2026-01-05", "12.50")
    gathered = look(spool, book(tmp_path / "book.xlsx", orders, people, "", names=("O", "P", "Empty")))
    assert [(left.path.name, left.reason) for left in gathered.left_out] == [
        ("book.xlsx:Empty", "the sheet holds no rows")
    ]
    first, second = gathered.sources
    assert (first.path.name, second.path.name) == ("book.xlsx:P", "book.xlsx:O")
    result = shop.take_source(first)
    assert (result.noun, result.inserted, [problem.line for problem in result.problems]) == (Noun.CONTACTS, 1, [5])
    assert result.reject_file is not None
    assert result.reject_file.name == f"{result.id}-book.xlsx-P.csv"


def test_a_spreadsheet_that_claims_too_many_cells_is_refused_before_it_is_read(spool: Spool, tmp_path: Path) -> None:
    far = texts(1, "email") + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    without_places = "<row><c/></row>" * 1_500 + f"<row>{'<c/>' * 1_500}</row>"
    for number, rows in enumerate((far, without_places)):
        path = book(tmp_path / f"far{number}.xlsx", rows)
        assert f"{source_excel.MAX_CELLS:,} cells" in told(look(spool, path))[0]


def test_a_bomb_in_a_spreadsheet_is_refused_before_it_is_read(spool: Spool, tmp_path: Path) -> None:
    path = book(tmp_path / "bomb.xlsx", texts(1, "email") + " " * (archives.RATIO_FREE + 1))
    assert "100 times" in told(look(spool, path))[0]


@pytest.mark.parametrize(
    "content", [b"", b"email\nann@example.com\n", b"PK\x03\x04" + b"\0" * 50, b"\xd0\xcf\x11\xe0" + b"\0" * 600]
)
def test_what_is_no_spreadsheet_is_a_sentence(spool: Spool, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    assert len(told(look(spool, path))) == 1


@pytest.mark.parametrize("name", ["a.xlsx", "a.zip", "a.csv.gz"])
def test_a_damaged_archive_is_a_sentence_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    match name:
        case "a.xlsx":
            book(path, texts(1, "email", "name") + texts(2, "ann@example.com", "Ann"))
        case "a.zip":
            zipped(path, {"a.csv": CONTACTS * 9, "b.csv": ORDERS * 9})
        case _:
            path.write_bytes(gzip.compress(CONTACTS.encode() * 50))
    whole = path.read_bytes()
    for seed in range(200):
        dice = random.Random(seed)
        content = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        path.write_bytes(content[: dice.randrange(len(content))] if seed % 5 == 0 else content)
        with open_spool(tmp_path / "spool") as spool:
            gathered = look(spool, path)
            rows = [list(blocks(source)) for source in gathered.sources]
        assert gathered.errors or rows or gathered.left_out, seed
        assert not (tmp_path / "spool").exists() or list((tmp_path / "spool").iterdir()) == []


def test_without_the_extra_the_error_says_how_to_get_it(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    gathered = look(spool, book(tmp_path / "a.xlsx", texts(1, "email")))
    assert "pip install 'mailflow-cli[excel]'" in told(gathered)[0]


def test_rows_of_the_spool_are_json(tmp_path: Path, spool: Spool) -> None:
    ((_, content),) = source_excel.sheets(book(tmp_path / "a.xlsx", texts(2, "a", "b")), spool)
    assert content is not None
    assert [json.loads(line) for line in io.StringIO(content.read_text())] == [["", ""], ["a", "b"]]
