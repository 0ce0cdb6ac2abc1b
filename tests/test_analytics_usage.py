"""analytics.usage: the health of somebody's use, by hand; store.usage and jobs.usage: from files to the score."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailflow.analytics.usage import PERIOD, UsageHealth, health
from mailflow.jobs import usage
from test_importers_events import Shop

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def days_ago(*days: float, feature: str | None = None) -> list[tuple[datetime, str | None]]:
    return [(NOW - timedelta(days=day), feature) for day in sorted(days, reverse=True)]


def of(activity: list[tuple[datetime, str | None]], known: tuple[str, ...] = ()) -> UsageHealth:
    found = health(sorted(activity, key=lambda each: each[0]), now=NOW, known_features=known)
    assert found is not None
    return found


def points(found: UsageHealth) -> dict[str, int]:
    return {cause.name: cause.points for cause in found.causes}


def test_who_goes_on_as_before_has_all_points() -> None:
    weekly = days_ago(1, 8, 15, 22, 29, 36, 43, 50, feature="calendar")
    assert of(weekly).score == 100
    assert points(of(weekly)) == {"recency": 40, "frequency": 30, "breadth": 30}


def test_who_comes_half_as_often_to_half_the_features_has_half_of_these_points() -> None:
    earlier = days_ago(30, 37, 44, 51, feature="calendar") + days_ago(31, feature="invoices")
    found = of(earlier + days_ago(1, 15, feature="calendar"))
    assert points(found) == {"recency": 40, "frequency": 12, "breadth": 15}  # 2 of 5 active days, 1 of 2 features
    assert (found.used, found.unused) == (["calendar"], ["invoices"])


def test_recency_falls_from_the_usual_gap_to_four_times_that() -> None:
    """Active every 2 days, the last time 5 days ago: (4·2 − 5) / (3·2) of 40 points is 20."""
    assert points(of(days_ago(5, 7, 9, 11, 13)))["recency"] == 20
    assert points(of(days_ago(2, 4, 6)))["recency"] == 40
    assert points(of(days_ago(8, 10, 12)))["recency"] == 0


def test_who_is_new_is_measured_against_one_day_a_week() -> None:
    assert points(of(days_ago(1, 2)))["frequency"] == 15
    assert points(of(days_ago(1, 2, 3, 4, 5)))["frequency"] == 30


def test_who_stopped_has_no_points_left_and_who_never_came_no_score() -> None:
    found = of(days_ago(200, 210, feature="calendar"))
    assert (found.score, found.last_active_at) == (0, NOW - timedelta(days=200))
    assert health([], now=NOW) is None
    assert health([(NOW + timedelta(days=1), None)], now=NOW) is None


def test_the_score_is_always_the_sum_of_its_causes_between_0_and_100() -> None:
    for span in range(1, 60):
        found = of(days_ago(*range(span, 60, 3), feature="x"))
        assert found.score == sum(cause.points for cause in found.causes)
        assert 0 <= found.score <= 100
        assert all(0 <= cause.points <= cause.of for cause in found.causes)


USE = """\
{{"user_id":"u1","event":"login","ts":"{0}"}}
{{"user_id":"u1","event":"feature_used","ts":"{0}","feature":"calendar"}}
{{"user_id":"u1","event":"Report Exported","ts":"{0}"}}
{{"user_id":"u1","event":"page_view","ts":"{1}","url":"/pricing"}}
{{"user_id":"u2","event":"feature_used","ts":"{0}","feature":"invoices"}}
"""


def test_usage_files_tell_when_they_were_active_and_what_they_use(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    active = NOW - timedelta(days=3)
    shop.take(USE.format(active.isoformat(), NOW.isoformat()), "usage.jsonl")
    ids = dict(shop.rows("SELECT value, contact_id FROM identities"))
    found = usage.of_person(shop.store.db, [ids["u1"]], now=NOW)
    assert found is not None
    assert found.last_active_at == active  # a visit to a page is no use
    assert found.used == ["calendar", "report_exported"]
    assert found.unused == ["invoices"]
    assert usage.of_person(shop.store.db, [999], now=NOW) is None


@pytest.mark.parametrize("periods", [1, 2, 3])
def test_only_the_last_two_periods_count(periods: int) -> None:
    old = [(NOW - periods * PERIOD - timedelta(days=day), "old") for day in (1, 2, 3)]
    found = of(old + days_ago(1))
    assert ("old" in found.unused) is (periods == 1)


def test_who_only_looks_at_a_shop_uses_no_product(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.take("event,time,email\nNewsletter Popup Closed,2026-11-20,anna@example.com\n")
    assert usage.of_person(shop.store.db, [1], now=NOW) is None
