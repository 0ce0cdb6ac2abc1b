"""One person's facts are read from their own rows, as everybody's are by SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailflow.rules.history import Good
from mailflow.rules.predicate import HISTORY
from mailflow.store import Store, history
from rule_shop import CONTEXT, FACTORS, Maker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("history") / "mailflow.db"
    with Store.create(path) as made:
        Maker(made.db, 9, merges=True).shop(12)
        yield made


def test_somebody_unknown_or_merged_into_another_has_no_facts(store: Store) -> None:
    assert history.facts(store.db, 999, context=CONTEXT) is None
    assert history.facts(store.db, 3, context=CONTEXT) is None  # is contact 2 now


def test_what_a_merged_contact_did_is_their_persons(store: Store) -> None:
    facts = history.facts(store.db, 2, context=CONTEXT, factors=FACTORS)
    assert facts is not None
    done = facts[HISTORY]
    orders = store.db.execute(
        "SELECT count(*) FROM orders WHERE contact_id IN (2, 3) AND status IN ('open', 'paid')"
    ).fetchone()[0]
    events = store.db.execute("SELECT count(*) FROM events WHERE contact_id IN (2, 3)").fetchone()[0]
    assert (len(done.orders), facts["orders.count"], len(done.events)) == (orders, orders, events)


def test_a_line_of_a_variant_is_called_as_its_product_too(store: Store) -> None:
    lines = [
        line
        for number in range(1, 13)
        if (facts := history.facts(store.db, number, context=CONTEXT))
        for order in facts[HISTORY].orders
        for line in order.lines
        if "v-1" in line.good.names
    ]
    assert lines
    assert lines[0].good == Good(
        frozenset({"v-1", "sku-2", "oolong 50 g", "p-1", "sku-1", "oolong"}), frozenset({"tea", "grüner tee"})
    )


def test_amounts_are_in_the_accounts_currency_or_missing(store: Store) -> None:
    def prices(factors: dict[str, float] | None) -> set[tuple[str, bool]]:
        return {
            (order.facts["currency"], order.facts["total"] is None)
            for number in range(1, 13)
            if (facts := history.facts(store.db, number, context=CONTEXT, factors=factors))
            for order in facts[HISTORY].orders
        }

    assert prices(FACTORS) == {("EUR", False), ("USD", False), ("JPY", False)}
    assert prices(None) == {("EUR", False), ("USD", True), ("JPY", True)}


def test_only_the_persons_own_rows_are_read(store: Store) -> None:
    """Products are few; nothing that grows with the number of people is gone through."""
    asked: list[str] = []
    store.db.set_trace_callback(asked.append)
    try:
        history.facts(store.db, 2, context=CONTEXT, factors=FACTORS)
    finally:
        store.db.set_trace_callback(None)
    scanned = [
        row["detail"]
        for statement in asked
        for row in store.db.execute(f"EXPLAIN QUERY PLAN {statement}")
        if row["detail"].startswith("SCAN")
    ]
    assert asked
    assert not [
        each for each in scanned if not re.match(r"SCAN (json_each|products|up|person|t|wanted|CONSTANT ROW|\()", each)
    ], scanned
