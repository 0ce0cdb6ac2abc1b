"""The tables of foreign words mean nothing by a blank."""

from __future__ import annotations

import pytest

from mailflow.importers.values.consent import ConsentReader
from mailflow.importers.wording import words
from mailflow.model import ConsentState

_TABLES = [name for name, table in vars(words).items() if name.isupper() and isinstance(table, frozenset | dict)]


@pytest.mark.parametrize("name", [name for name in _TABLES if name != "CONSENT_SILENT"])
def test_no_table_gives_a_meaning_to_nothing(name: str) -> None:
    assert "" not in getattr(words, name)


@pytest.mark.parametrize("cell", ["", " ", "-", "?", "…", "/", "\t", "✗", "☐", "[]"])
def test_a_cell_without_a_word_is_no_consent(cell: str) -> None:
    reader = ConsentReader("contacts.csv", None, None)
    reader.name_columns(["newsletter"], [])
    said = reader.say((cell,), ())
    assert said is None or said.state is not ConsentState.SUBSCRIBED


@pytest.mark.parametrize("cell", ["yes", "JA", "✓", " ☑ ", "opt-in", "Opted in"])
def test_a_tick_or_a_yes_is_consent(cell: str) -> None:
    reader = ConsentReader("contacts.csv", None, None)
    reader.name_columns(["newsletter"], [])
    said = reader.say((cell,), ())
    assert said is not None
    assert said.state is ConsentState.SUBSCRIBED
