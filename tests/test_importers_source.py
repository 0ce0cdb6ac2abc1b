"""importers.source: any CSV, and what is no row of one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailflow.errors import DataError, UsageError
from mailflow.importers.reading.source import BLOCK_CHARACTERS, MAX_CELL, blocks, inspect


def write(folder: Path, content: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, size: int = BLOCK_CHARACTERS) -> tuple[list[tuple[int, list[str]]], list[tuple[int, str]]]:
    """Return (line, cells) of the rows and (line, reason) of what is none."""
    found = list(blocks(inspect(path), size))
    rows = [(line, row) for block in found for line, row in zip(block.lines, block.rows, strict=True)]
    return rows, [(reject.line, reject.reason) for block in found for reject in block.rejects]


def test_csv_spectrum_reads_to_its_json(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "csv" / "csv-spectrum"
    for path in sorted((folder / "csvs").glob("*.csv")):
        meant = json.loads((folder / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
        content = path.read_bytes()
        if path.stem == "newlines_crlf":  # its CRLFs were lost on the way here
            content = content.replace(b"\n", b"\r\n")
        source = inspect(write(tmp_path, content))
        rows = [dict(zip(source.header, row, strict=True)) for block in blocks(source) for row in block.rows]
        if path.stem == "location_coordinates":  # its JSON is of another phone number, and not in a list
            assert [{**row, "Contact Phone Number": ""} for row in rows] == [{**meant, "Contact Phone Number": ""}]
        else:
            assert rows == meant, path.name


def test_every_export_of_the_shared_set_is_read_without_a_reject(shared_data: Path) -> None:
    for path in sorted((shared_data / "exports").glob("*_*.[ct][sx][vt]")):
        rows, rejects = read(path)
        assert rows, path.name
        assert not rejects, path.name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_recognised(
    tmp_path: Path, encoding: str, delimiter: str, newline: str
) -> None:
    text = newline.join([delimiter.join(["e-mail", "größe"]), delimiter.join(["ann@example.com", "übel"]), ""])
    path = write(tmp_path, text.encode(encoding))
    assert inspect(path).header == ("e-mail", "größe")
    assert read(path) == ([(2, ["ann@example.com", "übel"])], [])


def test_a_separator_hint_is_no_header(tmp_path: Path) -> None:
    path = write(tmp_path, "sep=;\nname;mail\nA,B;a@example.com\n")
    assert inspect(path).header == ("name", "mail")
    assert read(path)[0] == [(3, ["A,B", "a@example.com"])]


def test_damaged_utf_8_rejects_only_the_rows_that_are_damaged(tmp_path: Path) -> None:
    content = "a,b\nößü,çñ\n".encode() + b"x\xffy,1\n" + "żółć,3\n".encode()
    rows, rejects = read(write(tmp_path, content))
    assert [row for _, row in rows] == [["ößü", "çñ"], ["żółć", "3"]]
    assert [line for line, _ in rejects] == [3]


def test_an_open_quote_costs_its_own_line_only(tmp_path: Path) -> None:
    rows, rejects = read(write(tmp_path, 'a,b\n1,2\n3,"x\n4,5\n6,7\n'))
    assert rows == [(2, ["1", "2"]), (4, ["4", "5"]), (5, ["6", "7"])]
    assert [(line, "never closed" in reason) for line, reason in rejects] == [(3, True)]


def test_an_open_quote_does_not_swallow_a_long_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'a,b\n1,"x\n' + "22,33\n" * 40_000)
    rows, rejects = read(path)
    assert len(rows) == 40_000
    assert [line for line, _ in rejects] == [2]


def test_a_quote_that_closes_in_a_later_row_costs_its_own_line_only(tmp_path: Path) -> None:
    rows, rejects = read(write(tmp_path, 'a,b\n3,"x\n4,5\n6,"y, z"\n7,8\n'))
    assert rows == [(3, ["4", "5"]), (4, ["6", "y, z"]), (5, ["7", "8"])]
    assert [line for line, _ in rejects] == [2]


def test_rows_of_another_width_and_with_nul_are_rejected_with_their_line(tmp_path: Path) -> None:
    rows, rejects = read(write(tmp_path, 'a,b\n1\n1,2,3\n"two\nlines",2\n\nx\0y,2\n8,9\n'))
    assert rows == [(4, ["two\nlines", "2"]), (8, ["8", "9"])]
    assert [line for line, _ in rejects] == [2, 3, 7]
    assert "1 columns, the header 2" in rejects[0][1]
    assert "NUL" in rejects[2][1]


def test_a_cell_over_the_limit_is_a_reject(tmp_path: Path) -> None:
    rows, rejects = read(write(tmp_path, f'a,b\n1,"{"x" * (MAX_CELL + 1)}"\n2,3\n4,{"y" * MAX_CELL}\n'))
    assert [line for line, _ in rows] == [3, 4]
    assert [line for line, _ in rejects] == [2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"PK\x03\x04rest", "xlsx"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (bytes(range(256)) * 20, "binary"),
        ((",".join(f"c{n}" for n in range(201)) + "\n").encode(), "at most 200"),
        ("name,mail\n".encode("utf-16")[:-1], "damaged"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        inspect(write(tmp_path, content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        inspect(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="folder"):
        inspect(tmp_path)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(n) for n in range(9)]), max_size=8)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=30), st.integers(1, 12), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_wrote_is_read_back_in_blocks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int, end: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "file.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerow(["first", "second"])
        writer.writerows(rows)
    read_rows, rejects = read(path, size)
    assert [tuple(row) for _, row in read_rows] == rows
    assert not rejects
