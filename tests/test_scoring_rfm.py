"""The population as of a day, and scores as they are kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow import clock, scoring
from mailflow.config import Settings
from mailflow.config.rates import Rates, load_rates
from mailflow.errors import DataError
from mailflow.scoring import rfm
from mailflow.store import Store, frames, scores, state
from rfm_by_hand import population
from rfm_by_hand import scores as scores_by_hand
from shop import Order, at, keep_orders, recount

ZONE = clock.zone("America/New_York")
SETTINGS = Settings.model_validate(
    {"name": "x", "sender": {"name": "x", "email": "x@example.com"}, "currency": "EUR", "timezone": "America/New_York"}
)
NOW = datetime(2026, 3, 30, 16, 0, tzinfo=UTC)
TODAY = date(2026, 3, 30)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "mailflow.db") as made:
        yield made


def computed(store: Store, ids: dict[str, int], day: date, rates: Rates | None = None) -> dict[str, tuple[object, ...]]:
    """Return (recency, frequency, monetary, r, f, m, class) by contact name."""
    names = {number: name for name, number in ids.items()}
    result = rfm.compute(store.db, SETTINGS, rates or Rates(), day)
    return {names[row[0]]: (*row[1:4], *row[5:]) for row in rfm.rows(result)}


def expected(orders: list[Order], day: date) -> dict[str, tuple[object, ...]]:
    people = population(orders, day, ZONE)
    return {name: (*people[name], *found) for name, found in scores_by_hand(people).items()}


def random_orders(dice: Random, count: int) -> list[Order]:
    """Return orders around midnights and clock changes, with refunds before, on and after the days asked for."""

    def instant() -> datetime:
        day = date(2026, 3, 1) + timedelta(days=dice.randint(0, 35))
        return at(day.isoformat(), ZONE, dice.choice([0, 2, 12, 23]), dice.choice([0, 30, 59]))

    def order() -> Order:
        placed, total = instant(), dice.choice([0, 500, 1999, 100_000])
        refunds = tuple((instant(), dice.choice([1, total])) for _ in range(dice.choice([0, 0, 1, 2])))
        contact = dice.choice([None, *"abcdefghij"])
        return Order(
            contact, placed, total, status=dice.choice(["paid", "paid", "open", "cancelled", "failed"]), refunds=refunds
        )

    return [order() for _ in range(count)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), count=st.integers(0, 60), day=st.dates(date(2026, 2, 27), date(2026, 4, 10)))
def test_scores_of_any_day_equal_those_by_hand(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, day: date
) -> None:
    orders = random_orders(Random(seed), count)
    with Store.create(tmp_path_factory.mktemp("shop") / "mailflow.db") as store:
        ids = keep_orders(store, orders)
        assert computed(store, ids, day) == expected(orders, day)


def test_few_late_orders_are_taken_out_of_the_kept_facts(store: Store) -> None:
    """With one of forty contacts ordering later, the others' facts are used and that one's recounted."""
    orders = [Order(f"c{number}", at("2026-03-01", ZONE), 100 * number) for number in range(40)]
    orders += [Order("c7", at("2026-04-02", ZONE), 9_999), Order("late", at("2026-04-02", ZONE), 5)]
    ids = keep_orders(store, orders)
    assert computed(store, ids, TODAY) == expected(orders, TODAY)
    assert "late" not in computed(store, ids, TODAY)


def test_the_day_ends_at_midnight_in_the_accounts_zone(store: Store) -> None:
    orders = [Order("a", at("2026-03-29", ZONE, 23, 59), 100), Order("b", at("2026-03-30", ZONE, 0, 0), 100)]
    ids = keep_orders(store, orders)
    assert set(computed(store, ids, date(2026, 3, 29))) == {"a"}
    assert [facts[0] for facts in computed(store, ids, TODAY).values()] == [1, 0]


def test_recency_counts_calendar_days_over_the_change_of_clocks(store: Store) -> None:
    ids = keep_orders(store, [Order("a", at("2026-03-07", ZONE, 23, 30), 100)])
    assert computed(store, ids, date(2026, 3, 9))["a"][0] == 2


def test_refunded_and_free_orders_count_in_recency_and_frequency_only(store: Store) -> None:
    placed = at("2026-03-01", ZONE)
    orders = [Order("refunded", placed, 500, refunds=((placed, 500),)), Order("free", placed, 0)]
    ids = keep_orders(store, orders)
    assert [facts[:3] for facts in computed(store, ids, TODAY).values()] == [(29, 1, 0), (29, 1, 0)]


def test_cancelled_and_failed_orders_count_in_nothing(store: Store) -> None:
    placed = at("2026-03-01", ZONE)
    orders = [
        Order("a", placed, 500, status="cancelled", refunds=((placed, 500),)),
        Order("a", placed, 5, status="failed"),
    ]
    assert computed(store, keep_orders(store, orders), TODAY) == {}


def test_a_later_refund_is_not_known_on_an_earlier_day(store: Store) -> None:
    order = Order("a", at("2026-03-01", ZONE), 500, refunds=((at("2026-03-20", ZONE), 200),))
    ids = keep_orders(store, [order])
    assert computed(store, ids, date(2026, 3, 19))["a"][2] == 500
    assert computed(store, ids, date(2026, 3, 20))["a"][2] == 300


def test_a_single_foreign_currency_is_reported_as_it_is(store: Store) -> None:
    keep_orders(store, [Order("a", at("2026-03-01", ZONE), 500, "JPY")])
    result = rfm.compute(store.db, SETTINGS, Rates(), TODAY)
    assert (result.currency, result.frame["monetary_minor"].tolist()) == ("JPY", [500])


def test_several_currencies_without_rates_are_an_error_that_says_so(store: Store) -> None:
    keep_orders(store, [Order("a", at("2026-03-01", ZONE), 500, "JPY"), Order("a", at("2026-03-02", ZONE), 500)])
    with pytest.raises(DataError, match=r"several currencies \(EUR, JPY\).*rates.csv.*date,from,to,rate.*JPY,EUR"):
        rfm.compute(store.db, SETTINGS, Rates(), TODAY)


def test_several_currencies_are_converted_by_the_latest_rate_of_the_day(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("date,from,to,rate\n2026-03-01,JPY,EUR,0.0065\n2026-03-15,JPY,EUR,0.006\n2026-03-01,EUR,USD,1.25\n")
    orders = [Order("a", at("2026-03-02", ZONE), 1001, "JPY"), Order("a", at("2026-03-02", ZONE), 500)]
    orders.append(Order("b", at("2026-03-02", ZONE), 1000, "USD"))
    ids = keep_orders(store, orders)
    assert [facts[2] for facts in computed(store, ids, TODAY, load_rates(file)).values()] == [500 + 601, 800]
    assert [facts[2] for facts in computed(store, ids, date(2026, 3, 14), load_rates(file)).values()] == [
        500 + 651,
        800,
    ]


def test_orders_of_merged_contacts_count_for_whom_they_were_merged_into(store: Store) -> None:
    day = at("2026-03-01", ZONE)
    ids = keep_orders(store, [Order("a", day, 100), Order("b", day, 20), Order("c", day, 3)])
    store.db.execute("UPDATE contacts SET merged_into = 2 WHERE id = 1")
    store.db.execute("UPDATE contacts SET merged_into = 3 WHERE id = 2")
    assert computed(store, ids, TODAY)["c"][:3] == (29, 3, 123)


def test_orders_of_strangers_are_counted_apart(store: Store) -> None:
    keep_orders(store, [Order(None, at("2026-03-01", ZONE), 100), Order("a", at("2026-03-01", ZONE), 100)])
    assert frames.orders_without_contact(store.db, until=clock.to_ms(NOW)) == 1


def refresh(store: Store, root: Path, now: datetime = NOW) -> None:
    rfm.refresh(store, SETTINGS, load_rates(root / "rates.csv"), root=root, now=now)


def test_kept_scores_say_what_they_were_made_from(store: Store, tmp_path: Path) -> None:
    keep_orders(store, random_orders(Random(1), 50))
    state.put(store.db, "data_version", "7")
    refresh(store, tmp_path)
    run = scores.latest(store.db, scores.RFM)
    assert run is not None
    assert (run.as_of, run.computed_at, run.inputs["data_version"]) == (TODAY, NOW, "7")
    assert [len(cuts) for cuts in run.inputs["cuts"].values()] == [4, 4, 4]


def test_scores_are_stale_when_data_settings_rates_or_the_day_changed(store: Store, tmp_path: Path) -> None:
    def stale(settings: Settings = SETTINGS, now: datetime = NOW) -> bool:
        return scoring.is_stale(store.db, settings, root=tmp_path, now=now)

    assert stale()
    refresh(store, tmp_path)
    assert not stale()
    assert not stale(now=NOW + timedelta(hours=11))
    assert stale(now=NOW + timedelta(hours=13))
    assert stale(SETTINGS.model_copy(update={"currency": "USD"}))
    (tmp_path / "rates.csv").write_text("date,from,to,rate\n2026-03-01,JPY,EUR,0.0065\n")
    assert stale()
    refresh(store, tmp_path)
    state.put(store.db, "data_version", "8")
    assert stale()


def test_readers_never_see_half_a_run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After every single commit of a refresh a reader sees all of the old scores or all of the new ones."""
    monkeypatch.setattr(rfm, "SLICE", 7)
    keep_orders(store, [Order(f"c{number}", at("2026-03-01", ZONE), number) for number in range(50)])
    refresh(store, tmp_path)
    keep = store.transaction
    seen = []

    def watched() -> object:
        seen.append(store.db.execute("SELECT count(*), count(DISTINCT run_id) FROM rfm_now").fetchone()[:])
        return keep()

    monkeypatch.setattr(store, "transaction", watched)
    refresh(store, tmp_path, NOW + timedelta(days=1))
    assert set(seen) == {(50, 1)}
    assert len(seen) > 10
    assert store.db.execute("SELECT count(*) FROM rfm_scores").fetchone()[0] == 50


def test_an_abandoned_run_is_swept_away_by_the_next(store: Store, tmp_path: Path) -> None:
    keep_orders(store, [Order("a", at("2026-03-01", ZONE), 5)])
    with store.transaction() as tx:
        run = scores.begin(tx, scores.RFM, 1, as_of=TODAY, now=NOW, inputs={})
        scores.add_rfm(tx, run, [(1, 0, 0, 0, "EUR", 1, 1, 1, "champions")])
    assert store.db.execute("SELECT count(*) FROM rfm_now").fetchone()[0] == 0
    refresh(store, tmp_path)
    assert [row["class"] for row in store.db.execute("SELECT class FROM rfm_scores")] == ["new_customers"]


def test_no_transaction_of_a_refresh_is_long(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.transaction() as tx:
        tx.execute(
            "INSERT INTO contacts (id, key, source, created_at, updated_at) WITH RECURSIVE n(i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'k' || i, 's', 0, 0 FROM n"
        )
        tx.execute("INSERT INTO contact_facts SELECT id, 1 + id % 5, id, id FROM contacts")
        tx.execute("INSERT INTO contact_revenue SELECT id, 'EUR', id FROM contacts")
    took = []
    keep = store.transaction

    class Timed:
        def __init__(self) -> None:
            self.inner = keep()

        def __enter__(self) -> object:
            tx = self.inner.__enter__()
            self.began = time.process_time()
            return tx

        def __exit__(self, *exc: object) -> object:
            found = self.inner.__exit__(*exc)  # type: ignore[arg-type]
            took.append(time.process_time() - self.began)
            return found

    monkeypatch.setattr(store, "transaction", Timed)
    refresh(store, tmp_path)
    refresh(store, tmp_path, NOW + timedelta(days=1))
    assert sorted(took)[len(took) // 2] < 0.1


def test_an_older_run_that_ends_later_does_not_replace_a_newer_one(store: Store, tmp_path: Path) -> None:
    keep_orders(store, [Order("a", at("2026-03-01", ZONE), 5)])
    with store.transaction() as tx:
        slow = scores.begin(tx, scores.RFM, 1, as_of=TODAY, now=NOW, inputs={})
        scores.add_rfm(tx, slow, [(1, 0, 0, 0, "EUR", 1, 1, 1, "champions")])
    refresh(store, tmp_path)
    with store.transaction() as tx:
        scores.finish(tx, slow, now=NOW + timedelta(minutes=5))
    assert [row["class"] for row in store.db.execute("SELECT class FROM rfm_now")] == ["new_customers"]


def moved(store: Store, **asked: object) -> list[tuple[int, str | None, str | None, date]]:
    found = scores.moves(store.db, **asked)  # type: ignore[arg-type]
    return [(move.contact_id, move.before, move.after, move.as_of) for move in found]


def test_a_run_keeps_who_moved_and_the_first_has_nobody_to_compare_with(store: Store, tmp_path: Path) -> None:
    """Three are alike; then one comes again twice, one's only order is cancelled, and somebody new comes."""
    ids = keep_orders(store, [Order(name, at("2026-03-01", ZONE), 100) for name in "abc"])
    refresh(store, tmp_path)
    refresh(store, tmp_path, NOW + timedelta(days=1))
    assert moved(store) == []
    with store.transaction() as tx:
        tx.execute("UPDATE orders SET status = 'cancelled' WHERE contact_id = ?", (ids["c"],))
        tx.execute("INSERT INTO contacts (id, key, source, created_at, updated_at) VALUES (9, 'key-new', 'test', 0, 0)")
        placed = clock.to_ms(at("2026-04-02", ZONE))
        tx.executemany(
            "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
            " VALUES ('test', ?, ?, 'paid', ?, 100, 'EUR', 0)",
            [("x", ids["a"], placed), ("y", ids["a"], placed), ("z", 9, placed)],
        )
        recount(tx)
    refresh(store, tmp_path, NOW + timedelta(days=5))
    day = date(2026, 4, 4)
    assert moved(store) == [
        (ids["a"], "new_customers", "champions", day),
        (ids["b"], "new_customers", "hibernating", day),
        (ids["c"], "new_customers", None, day),
        (9, None, "new_customers", day),
    ]
    assert moved(store, into="champions") == [(ids["a"], "new_customers", "champions", day)]
    assert moved(store, since=date(2026, 4, 5)) == []


def test_moves_against_a_run_that_was_overtaken_never_came_to_be(store: Store, tmp_path: Path) -> None:
    ids = keep_orders(store, [Order("a", at("2026-03-01", ZONE), 100)])
    refresh(store, tmp_path)
    first = scores.latest(store.db, scores.RFM)
    assert first is not None
    with store.transaction() as tx:
        slow = scores.begin(tx, scores.RFM, 1, as_of=TODAY, now=NOW, inputs={})
        scores.add_rfm(tx, slow, [(ids["a"], 0, 0, 0, "EUR", 1, 1, 1, "champions")])
    refresh(store, tmp_path, NOW + timedelta(days=1))
    with store.transaction() as tx:
        scores.add_moves(tx, slow, since=first.id, first=0, last=99)
        scores.finish(tx, slow, now=NOW)
        scores.sweep(tx, slow, first=0, last=99)
    refresh(store, tmp_path, NOW + timedelta(days=2))
    assert moved(store) == []


def test_scores_in_slices_tell_the_same_moves(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rfm, "SLICE", 3)
    keep_orders(store, [Order(f"c{number}", at("2026-03-01", ZONE), 100) for number in range(20)])
    refresh(store, tmp_path)
    with store.transaction() as tx:
        tx.execute("UPDATE orders SET status = 'failed' WHERE contact_id > 11")
        recount(tx)
    refresh(store, tmp_path, NOW + timedelta(days=1))
    assert [(who, after) for who, _, after, _ in moved(store)] == [(number, None) for number in range(12, 21)]
