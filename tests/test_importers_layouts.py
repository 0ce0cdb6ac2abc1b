"""importers.layouts: the tables of tools, what is wrong in one, and which of them a header is chosen by."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import docs
from conftest import ROOT
from mailflow.config.yaml_files import read_yaml
from mailflow.errors import ProblemsError, UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.recognition.layouts import Layout, choose, load_layouts, read_table
from mailflow.importers.values.dates import DayOrder
from mailflow.importers.wording.words import fold

TABLE = """\
tool: till
title: The Till
layouts:
  - name: sales
    as: orders
    signs: [Receipt, Till, [Paid, Amount paid]]
    without: [Item]
    columns:
      Receipt: order_id
      "Line * price": ignore
    timezone: Europe/Vienna
    date_format: DD/MM/YY
  - name: members
    as: contacts
    signs: [Member no]
    columns: {Member no: customer_id}
    inferred: [country]
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "importers" / "till.yaml"
    path.parent.mkdir()
    path.write_text(TABLE, encoding="utf-8")
    return path


def header(*names: str) -> frozenset[str]:
    return frozenset(map(fold, names))


def chosen(layouts: list[Layout] | tuple[Layout, ...], *names: str, file: str = "file.csv") -> list[str]:
    return [layout.name for layout in choose(layouts, header(*names), file, None, None)]


def test_a_table_says_what_its_files_are(table: Path) -> None:
    sales, members = read_table(table)
    assert (sales.tool, sales.title, sales.noun) == ("till", "The Till", Noun.ORDERS)
    assert sales.day_order is DayOrder.DAY_FIRST
    assert str(sales.zone) == "Europe/Vienna"
    assert sales.meaning("receipt") == (-2, "order_id")
    assert sales.meaning("line12price") == (-1, "ignore")
    assert members.inferred == {"country"}


def test_a_header_is_chosen_by_its_signs(table: Path) -> None:
    layouts = read_table(table)
    assert chosen(layouts, "till", "RECEIPT", "amount paid", "whatever") == ["sales"]
    assert chosen(layouts, "Till", "Receipt") == []
    assert chosen(layouts, "Till", "Receipt", "Paid", "Item") == []


def test_the_layout_with_more_signs_wins_and_a_name_of_the_file_beats_them(table: Path) -> None:
    with table.open("a", encoding="utf-8") as file:
        file.write("  - {name: day, as: orders, signs: [Receipt, Till, Paid, Day]}\n")
        file.write("  - {name: old, as: orders, signs: [Receipt], files: [old_*.csv]}\n")
    layouts = read_table(table)
    columns = ("Receipt", "Till", "Paid", "Day")
    assert chosen(layouts, *columns) == ["day"]
    assert chosen(layouts, *columns, file="OLD_2026.csv") == ["old"]


def test_a_tool_nobody_knows_is_a_usage_error(table: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'till'"):
        choose(read_table(table), header("Receipt"), "file.csv", None, "tll")


def test_a_layout_like_another_reads_its_columns_alike(table: Path) -> None:
    with table.open("a", encoding="utf-8") as file:
        file.write(
            "  - {name: tills, as: orders, like: sales, signs: [Tills], columns: {Receipt: ignore, Sum: total}}\n"
        )
    sales, _, tills = read_table(table)
    assert [tills.meaning(fold(name))[1] for name in ("Receipt", "Sum", "Line 7 price")] == [
        "ignore",
        "total",
        "ignore",
    ]  # type: ignore[index]
    assert (tills.zone, tills.day_order, tills.without) == (sales.zone, sales.day_order, frozenset())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("signs: [Member no]", "sings: [Member no]", r":15:5: unknown key 'sings' \(did you mean 'signs'\?\)"),
        ("as: contacts", "as: contact", r":14:9: 'contact' is no kind of file \(did you mean 'contacts'\?\)"),
        ("Receipt: order_id", "Receipt: oder_id", r":9:16: 'oder_id' is no field of orders \(did you mean 'order_id'"),
        ("inferred: [country]", "inferred: [cuntry]", r":17:16: 'cuntry' is no field .*did you mean 'country'"),
        ("inferred: [country]", "rules: [quoted_list_tag]", r":17:13: 'quoted_list_tag' is no rule .*quoted_list_tags"),
        ("inferred: [country]", "constants: {consnt: 'yes'}", r":17:17: 'consnt' is no field"),
        ("inferred: [country]", "timezone: Vienna", r":17:15: .*Vienna"),
        ("inferred: [country]", "date_format: MONTH", r":17:18: .*MONTH"),
        ("inferred: [country]", "currency: euro", r":17:15: 'euro' is not a currency"),
        ("inferred: [country]", "like: sale", r":17:11: 'sale' is no layout above this one \(did you mean 'sales'\?\)"),
        ("name: members", "name: sales", r":13:11: the name 'sales' is given twice"),
    ],
)
def test_what_is_wrong_in_a_table_is_told_with_its_place(table: Path, old: str, new: str, problem: str) -> None:
    assert old in TABLE
    table.write_text(TABLE.replace(old, new), encoding="utf-8")
    with pytest.raises(ProblemsError, match=f"importers/till.yaml{problem}"):
        load_layouts(table.parents[1])


def test_a_table_of_the_workspace_adds_layouts_and_replaces_those_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "importers"
    folder.mkdir()
    own = "tool: shopify\ntitle: Ours\nlayouts: [{name: customers, as: contacts, signs: [Our id]}]\n"
    (folder / "ours.yaml").write_text(own, encoding="utf-8")
    layouts = load_layouts(tmp_path)
    named = {layout.name: layout.title for layout in layouts if layout.tool == "shopify"}
    assert named["customers"] == "Ours"
    assert named["orders"] == "Shopify"
    assert load_layouts(tmp_path / "elsewhere") == load_layouts()


def test_all_shipped_tables_are_sound_and_quickly_read() -> None:
    folder = ROOT / "src" / "mailflow" / "importers" / "tools"
    # Of processor time, against reading the same files as plain YAML in the same minute: 1.5 times as much here.
    best = min(_seconds_to_read(folder, read_table) for _ in range(3))
    assert best < 4 * min(_seconds_to_read(folder, read_yaml) for _ in range(3))


def _seconds_to_read(folder: Path, read: Callable[[Path], object]) -> float:
    started = time.process_time()
    for path in sorted(folder.glob("*.yaml")):
        assert read(path)
    return time.process_time() - started


def test_a_shipped_table_is_called_like_its_tool() -> None:
    for path in (ROOT / "src" / "mailflow" / "importers" / "tools").glob("*.yaml"):
        assert {layout.tool for layout in read_table(path)} == {path.stem}


def test_no_two_shipped_layouts_claim_one_header_alike() -> None:
    """Build from each layout the header it claims, with the columns it names, and see who claims it."""
    layouts = load_layouts()
    for layout in layouts:
        headers = [min(sign).replace("*", "1") for sign in layout.signs]
        random.Random(7).shuffle(headers)
        file = layout.files[0].replace("*", "x") if layout.files else "file.csv"
        best = choose(layouts, frozenset(headers), file, None, None)
        assert [each.name for each in best if each.tool == layout.tool] == [layout.name], layout
        assert len(best) == 1, [(each.tool, each.name) for each in best]


def test_the_table_to_copy_is_sound() -> None:
    receipts, lines, members = read_table(ROOT / "docs" / "adding" / "tool.yaml")
    assert (receipts.noun, lines.noun, members.noun) == (Noun.ORDERS, Noun.ORDERS, Noun.CONTACTS)
    assert "(tool.yaml)" in (ROOT / "docs" / "adding" / "importer.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["importing.md", "adding/importer.md"])
def test_the_lists_in_the_documentation_are_those_of_the_code(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert "<!-- generated:" in text
    assert docs.with_regions(text) == text, "run `make docs`"
