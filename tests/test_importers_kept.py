"""importers.kept: mappings in mailflow.yaml, found by their columns, and the YAML that is offered for keeping."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailflow.config import ImportSettings
from mailflow.errors import ProblemsError
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions
from mailflow.importers.reading.source import Source
from mailflow.importers.recognition.kept import entry_to_keep, load_kept, with_kept, with_layout
from mailflow.importers.recognition.layouts import load_layouts
from mailflow.importers.recognition.recognise import recognise
from mailflow.model import Basis

SETTINGS = """\
name: Shop
sender: {name: Shop, email: shop@example.com}
currency: EUR
timezone: Europe/Vienna
imports:
  - name: till
    columns: [Bon, Wer, Wann, Wieviel]
    as: orders
    map: {Bon: order_id, Wer: customer_id, Wann: placed_at, Wieviel: total}
    date_format: DD/MM/YYYY
    timezone: Europe/Berlin
  - name: fair
    columns: [Wer, Post]
    as: contacts
    map: {Post: email}
    consent: express
    evidence: list at the fair
"""
OPTIONS = ImportOptions("EUR", ZoneInfo("Europe/Vienna"))


def source(*header: str, name: str = "till 2026.csv") -> Source:
    return Source(Path(name), "", "utf-8", "strict", ",", header, 1)


def kept(tmp_path: Path, text: str = SETTINGS) -> tuple[ImportSettings, ...]:
    path = tmp_path / "mailflow.yaml"
    path.write_text(text, encoding="utf-8")
    return load_kept(path, load_layouts())


def test_an_entry_whose_columns_are_all_there_is_used(tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, kept=kept(tmp_path))
    used = with_kept(options, source("wieviel", "WANN", "Wer", "Bon", "anything"))
    assert (used.entry, used.noun, used.date_format) == ("till", Noun.ORDERS, "DD/MM/YYYY")
    assert str(used.zone) == "Europe/Berlin"
    recognised = recognise(source("Wieviel", "Wann", "Wer", "Bon"), noun=used.noun, tool=None, mapping=used.mapping)
    assert recognised.columns["order_id"] == (3,)
    assert with_kept(options, source("Wer", "Bon")).entry is None


def test_the_entry_with_more_columns_wins(tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, kept=kept(tmp_path))
    assert with_kept(options, source("Bon", "Wer", "Wann", "Wieviel", "Post")).entry == "till"
    fair = with_kept(options, source("Wer", "Post"))
    assert (fair.basis, fair.evidence) == (Basis.EXPRESS, "list at the fair")


def test_what_the_command_line_says_wins(tmp_path: Path) -> None:
    said = dataclasses.replace(
        OPTIONS, kept=kept(tmp_path), noun=Noun.EVENTS, mapping={"Wer": "email"}, date_format="MM/DD/YYYY",
        zone=ZoneInfo("UTC"), given=frozenset({"timezone"}),
    )  # fmt: skip
    used = with_kept(said, source("Bon", "Wer", "Wann", "Wieviel"))
    assert (used.noun, used.mapping["Wer"], used.date_format) == (Noun.EVENTS, "email", "MM/DD/YYYY")
    assert str(used.zone) == "UTC"


def test_a_mapping_on_the_command_line_wins_however_the_column_is_written(tmp_path: Path) -> None:
    said = dataclasses.replace(OPTIONS, kept=kept(tmp_path), mapping={"WER": "email"})
    used = with_kept(said, source("Bon", "Wer", "Wann", "Wieviel"))
    assert {wanted for column, wanted in used.mapping.items() if column.lower() == "wer"} == {"email"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("as: orders", "as: order", r"mailflow.yaml:8:9: 'order' is no kind of file \(did you mean 'orders'\?\)"),
        ("Wieviel: total}", "Wieviel: totl}", r"mailflow.yaml:9:\d+: 'totl' is no field of orders \(did you mean"),
        ("Post: email", "Pst: email", r"mailflow.yaml:15:11: 'Pst' is not among the columns of this entry"),
        ("as: contacts", "from: shopifi", r"mailflow.yaml:14:11: 'shopifi' is no tool .*did you mean 'shopify'"),
        ("evidence: list at the fair", "source: x", r"mailflow.yaml:12:\d+: consent and evidence go together"),
        ("timezone: Europe/Berlin", "timezone: Berlin", r"mailflow.yaml:11:15: .*Berlin"),
        ("date_format: DD/MM/YYYY", "date_format: no", r"mailflow.yaml:10:18: 'no'"),
        (
            "date_format: DD/MM",
            "dateformat: DD/MM",
            r"mailflow.yaml:10:5: unknown key 'dateformat' \(did you mean 'date_f",
        ),
    ],
)
def test_what_is_wrong_in_an_entry_is_told_with_its_place(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in SETTINGS
    with pytest.raises(ProblemsError, match=problem):
        kept(tmp_path, SETTINGS.replace(old, new))


def test_the_yaml_for_keeping_says_again_what_was_said(tmp_path: Path) -> None:
    said = dataclasses.replace(
        OPTIONS, noun=Noun.ORDERS, mapping={"Wer": "customer_id", "no": "total"}, date_format="DD/MM/YYYY",
        currency="CHF", given=frozenset({"currency"}),
    )  # fmt: skip
    file = source("Bon: 1", "Wer", "no", "Größe")
    text = entry_to_keep(said, file)
    assert text is not None
    [entry] = kept(tmp_path, SETTINGS.split("imports:")[0] + text)
    assert entry.name == "till 2026"
    assert sorted(entry.columns) == sorted(file.header)
    again = with_kept(dataclasses.replace(OPTIONS, kept=[entry]), file)
    assert (again.noun, again.mapping, again.date_format, again.currency) == (
        Noun.ORDERS, {"Wer": "customer_id", "no": "total"}, "DD/MM/YYYY", "CHF",
    )  # fmt: skip


def test_nothing_is_offered_for_keeping_where_nothing_was_said() -> None:
    assert entry_to_keep(OPTIONS, source("a", "b")) is None


def test_a_layout_knows_the_zone_unless_the_user_says_it() -> None:
    recognised = recognise(source("email"), noun=None, tool=None, mapping={})
    recognised = dataclasses.replace(recognised, zone=ZoneInfo("UTC"), currency="USD")
    assert (str(with_layout(OPTIONS, recognised).zone), with_layout(OPTIONS, recognised).currency) == ("UTC", "USD")
    said = dataclasses.replace(OPTIONS, given=frozenset({"timezone", "currency"}))
    assert with_layout(said, recognised) == said
