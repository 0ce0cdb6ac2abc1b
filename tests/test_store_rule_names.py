"""A name that is nearly that of one product or campaign is a slip; any other name is taken as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailflow.store import Store, rule_names


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as made:
        goods = [
            ("1001", "MAT-50", "Matcha Ceremonial 50 g"),
            ("1002", "MAT-100", "Matcha Ceremonial 100 g"),
            ("1003", None, "Oolong"),
            ("1004", None, "Sencha Uji"),
            ("1005", None, "Sencha Fuji"),
            ("1006", None, "Früchtetee"),
        ]
        made.db.executemany("INSERT INTO products (source, product_id, sku, title) VALUES ('shop', ?, ?, ?)", goods)
        seen = {"product": "Matcha Ceremonial 50 mg"}
        made.db.execute(
            "INSERT INTO events (name, source, source_id, occurred_at, recorded_at, properties)"
            " VALUES ('product_viewed', 'shop', '1', 0, 0, ?), ('clicked', 'old', '2', 0, 0, ?)",
            (json.dumps(seen), json.dumps({"campaign": "Autumn Letter"})),
        )
        yield made


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Matcha Ceremonail 50 g", "Matcha Ceremonial 50 g"),
        ("matcha ceremonial 50g", "Matcha Ceremonial 50 g"),
        ("Ooolong", "Oolong"),
        ("Olong", "Oolong"),
        ("Fruchtetee", "Früchtetee"),
        ("MAT_100", "MAT-100"),
    ],
)
def test_a_name_like_exactly_one_product_is_a_slip(store: Store, word: str, meant: str) -> None:
    assert rule_names.product_meant(store.db, word) == meant


@pytest.mark.parametrize(
    "word",
    [
        "Oolong",
        "OOLONG",
        "mat-50",
        "1001",
        "Matcha",  # a part of a name is none
        "Matcha Ceremonial 500 g",  # another size
        "1009",
        "Sencha Fuij",  # like two
        "Matcha Ceremonial 50 mg",  # an event names it
        "Rooibos",
        "",
        "%",
        "_' OR 1",
    ],
)
def test_any_other_name_is_taken_as_it_is(store: Store, word: str) -> None:
    assert rule_names.product_meant(store.db, word) is None


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("welcom", "welcome"),
        ("sprnig-sale", "spring-sale"),
        ("Autum Letter", "Autumn Letter"),
        ("Spring-Sale", None),
        ("autumn letter", None),
        ("christmas", None),
    ],
)
def test_a_campaign_is_known_by_its_file_its_mail_or_an_old_tool(store: Store, word: str, meant: str | None) -> None:
    assert rule_names.campaign_meant(store.db, word, ["spring-sale", "welcome"]) == meant
