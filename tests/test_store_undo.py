"""Undo in every order: nothing refers to what is gone, kept facts hold, and what was taken back is told."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from test_importers_files import Shop

HEADER = "order id,email,date,total,currency,status\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_an_order_that_moved_between_people_is_undone_in_any_sequence(tmp_path: Path) -> None:
    rows = ["50.00,EUR,paid", "60.00,USD,paid", "60.00,USD,cancelled"]
    people = ["a@example.com", "b@example.com", "c@example.com"]
    for number, sequence in enumerate(permutations(range(3))):
        folder = tmp_path / str(number)
        folder.mkdir()
        shop = Shop(folder)
        results = [
            shop.take(f"{HEADER}1,{person},2026-01-01,{row}\n", name=f"{row[:2]}{person[0]}.csv")
            for person, row in zip(people, rows, strict=True)
        ]
        for each in sequence:
            shop.undo(results[each])
            assert shop.all("PRAGMA foreign_key_check") == []


def test_undo_tells_of_fields_and_of_consent(shop: Shop) -> None:
    shop.take("email,city\nann@example.com,Wien\nbo@example.com,Graz\n", name="first.csv")
    second = shop.take("email,city,newsletter\nann@example.com,Linz,yes\nbo@example.com,Graz,yes\n", name="second.csv")
    undone = shop.undo(second)
    assert (undone.contacts, undone.changed_contacts, undone.consents) == (0, 1, 2)
