"""`mailflow segment` and `mailflow score` as people call them, on real orders."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from mailflow import clock, money, scoring
from mailflow.cli import main
from mailflow.errors import DataError
from mailflow.jobs.init import Brand, init
from mailflow.rules import RuleError
from mailflow.segments import RFM_CLASSES, Segments
from mailflow.workspace import Workspace
from rfm_by_hand import population, scores
from shop import Order, at, keep_orders, recount

ZONE = clock.zone("Europe/Vienna")
FILES = {
    "cdnow_sample.csv": ("date", "amount", "1998-06-30"),
    "rfm_orders.csv": ("order_date", "revenue", "2006-12-31"),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return init(tmp_path / "shop", Brand(timezone="Europe/Vienna", currency="USD")).workspace


def orders_of(folder: Path, file: str) -> list[Order]:
    day, amount, _ = FILES[file]
    with (folder / "orders" / file).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [Order(row["customer_id"], at(row[day], ZONE), money.parse(row[amount], "USD"), "USD") for row in rows]


def asked(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """Return what a command prints as JSON."""
    capsys.readouterr()
    code = main.run([*arguments, "--workspace", str(workspace.root), "--format", "json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def told(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main.run([*arguments, "--workspace", str(workspace.root)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_report_on_real_orders_equals_the_one_by_hand(
    shared_data: Path, workspace: Workspace, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    orders, day = orders_of(shared_data, file), FILES[file][2]
    keep_orders(workspace.store, orders)
    people = population(orders, date.fromisoformat(day), ZONE)
    found = scores(people)
    total = sum(facts[2] for facts in people.values())
    by_class: dict[str, list[tuple[int, int, int]]] = {name: [] for name in RFM_CLASSES}
    for name, facts in people.items():
        by_class[found[name][3]].append(facts)
    for row in asked(workspace, capsys, "segment", "--as-of", day):
        members = by_class.pop(row["class"])
        revenue = sum(facts[2] for facts in members)
        days = median(facts[0] for facts in members) if members else None
        assert row == {
            "class": row["class"],
            "contacts": len(members),
            "orders": sum(facts[1] for facts in members),
            "revenue": str(Decimal(revenue) / 100 + Decimal("0.00")),
            "currency": "USD",
            "share_contacts": pytest.approx(len(members) / len(people), abs=6e-5),
            "share_revenue": pytest.approx(revenue / total, abs=6e-5),
            "median_recency_days": days,
        }
    assert by_class == {}
    for row in asked(workspace, capsys, "segment", "--as-of", day, "--contacts"):
        name = row["contact"].removeprefix("key-")
        assert (row["recency_days"], row["frequency"], money.parse(row["monetary"], "USD")) == people.pop(name)
        assert (row["r"], row["f"], row["m"], row["class"]) == found[name]
    assert people == {}


def test_without_orders_the_report_says_so_and_json_still_has_every_class(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = told(workspace, capsys, "segment")
    assert code == 0
    assert out.startswith("No orders by ")
    assert "mailflow import" in out
    rows = asked(workspace, capsys, "segment")
    assert [row["class"] for row in rows] == list(RFM_CLASSES)
    assert {(row["contacts"], row["revenue"], row["median_recency_days"]) for row in rows} == {(0, "0.00", None)}
    assert asked(workspace, capsys, "segment", "--contacts") == []


@pytest.fixture
def small(workspace: Workspace) -> Workspace:
    """A shop with orders of five people; eve's last one is after most tests' day."""
    ids = keep_orders(
        workspace.store,
        [
            Order("ada", at("2026-03-01", ZONE), 10_000, "USD"),
            Order("ada", at("2026-03-28", ZONE), 10_000, "USD"),
            Order("bob", at("2026-01-05", ZONE), 500, "USD"),
            Order("cleo", at("2025-06-05", ZONE), 2_000, "USD", refunds=((at("2026-03-29", ZONE), 1_500),)),
            Order("dan", at("2026-03-20", ZONE), 700, "USD"),
            Order("eve", at("2026-03-02", ZONE), 700, "USD"),
            Order("eve", at("2026-04-02", ZONE), 700, "USD"),
        ],
    )
    workspace.store.db.execute("UPDATE contacts SET country = 'DE', first_name = 'Ada' WHERE id = ?", (ids["ada"],))
    return workspace


def order_in_euro(workspace: Workspace) -> None:
    """Let bob have ordered once more, for 1 EUR."""
    workspace.store.db.execute(
        "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
        " VALUES ('test', 'euro', 2, 'paid', ?, 100, 'EUR', 0)",
        (clock.to_ms(at("2026-01-06", ZONE)),),
    )
    recount(workspace.store.db)


NOW = ("--now", "2026-03-30T12:00")


def names(rows: list[dict[str, str]]) -> list[str]:
    return [row["contact"].removeprefix("key-") for row in rows]


def test_a_rule_finds_its_members(small: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    rows = asked(small, capsys, "segment", "--rule", 'country == "DE" and orders.count >= 2', *NOW)
    assert list(rows[0]) == ["contact", "email", "first_name", "last_name"]
    assert rows == [{"contact": "key-ada", "email": "ada@example.com", "first_name": "Ada", "last_name": None}]


def test_an_order_dated_in_the_future_has_not_happened_yet(
    small: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(asked(small, capsys, "segment", "--rule", "orders.count >= 2", *NOW)) == ["ada"]
    later = ("--now", "2026-04-03T12:00")
    assert names(asked(small, capsys, "segment", "--rule", "orders.count >= 2", *later)) == ["ada", "eve"]


def test_a_rule_as_of_a_past_day_sees_that_days_orders_refunds_and_scores(
    small: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(rule: str, day: str) -> list[str]:
        return names(asked(small, capsys, "segment", "--rule", rule, "--as-of", day, *NOW))

    assert found("orders.count >= 1", "2026-02-28") == ["bob", "cleo"]
    assert found("orders.revenue == 20", "2026-03-28") == ["cleo"]
    assert found("orders.revenue == 5", "2026-03-29") == ["bob", "cleo"]
    assert found("orders.last_at < now - 90d", "2026-03-28") == ["cleo"]
    assert found('rfm.class == "champions"', "2026-03-30") == ["ada"]
    assert found("rfm.r == 5", "2026-01-05") == ["bob"]


def test_consent_as_of_a_past_day_is_that_days(small: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    said = (("subscribed", "2026-03-01"), ("unsubscribed", "2026-03-15"))
    for state, day in said:
        when = clock.to_ms(at(day, ZONE))
        small.store.db.execute(
            "INSERT INTO consents (contact_id, channel, topic, state, basis, occurred_at, recorded_at, source)"
            " VALUES (1, 'email', '', ?, 'express', ?, ?, 'test')",
            (state, when, when),
        )
    small.store.db.execute("INSERT INTO consent_states VALUES (1, 'email', '', 'unsubscribed', 'express', 0, 2)")

    def found(state: str, *more: str) -> list[str]:
        return names(asked(small, capsys, "segment", "--rule", f'consent.email == "{state}"', *more, *NOW))

    assert found("unsubscribed") == ["ada"]
    assert found("subscribed", "--as-of", "2026-03-10") == ["ada"]
    assert found("subscribed", "--as-of", "2026-03-16") == []
    assert len(found("never", "--as-of", "2026-02-10")) == 5


def test_kept_scores_are_used_while_they_hold(small: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule on classes gives the same with stale scores, which are computed aside, and with kept ones."""
    before = asked(small, capsys, "segment", "champions", *NOW)
    assert told(small, capsys, "score", *NOW)[0] == 0
    assert asked(small, capsys, "segment", "champions", *NOW) == before
    assert names(before) == ["ada"]
    small.store.db.execute("UPDATE rfm_scores SET class = 'hibernating'")
    assert asked(small, capsys, "segment", "champions", *NOW) == []


def test_the_members_of_all_classes_are_those_of_the_report(
    small: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    report = asked(small, capsys, "segment", *NOW)
    for row in report:
        assert len(asked(small, capsys, "segment", row["class"], *NOW)) == row["contacts"]
    listed = {row["name"]: row for row in asked(small, capsys, "segment", "--list", *NOW)}
    assert {name: listed[name]["contacts"] for name in RFM_CLASSES} == {row["class"]: row["contacts"] for row in report}


def test_a_named_rule_is_read_from_segments_yaml(small: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (small.root / "segments.yaml").write_text(
        'german: country == "DE"\nothers: not segment("german")\n', encoding="utf-8"
    )
    assert names(asked(small, capsys, "segment", "german", *NOW)) == ["ada"]
    assert names(asked(small, capsys, "segment", "others", *NOW)) == ["bob", "cleo", "dan", "eve"]
    listed = {row["name"]: row["contacts"] for row in asked(small, capsys, "segment", "--list", *NOW)}
    assert (listed["german"], listed["others"]) == (1, 4)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["champoins"], 2, "there is no segment 'champoins' (did you mean 'champions'?)"),
        (
            ["--rule", 'contry == "DE"'],
            78,
            "unknown name 'contry' (did you mean 'country'?)\n  contry == \"DE\"\n  ^^^^^^",
        ),
        (["--rule", ""], 78, "a rule is missing"),
        (["champions", "--rule", "true"], 2, "say one of"),
        (["--as-of", "yesterday"], 2, "'yesterday' is not a date: write it as 2026-03-20"),
    ],
)
def test_a_wrong_question_gets_a_sentence(
    small: Workspace, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    found, out, err = told(small, capsys, "segment", *arguments)
    assert (found, out) == (code, "")
    assert words in err


def test_a_mistake_in_segments_yaml_is_placed(small: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (small.root / "segments.yaml").write_text('a: true\nb: contry == "DE"\nc: orders.count > "x"\n', encoding="utf-8")
    code, _, err = told(small, capsys, "segment", "--list")
    assert code == 78
    assert "segments.yaml:2:4: unknown name 'contry'" in err
    assert "segments.yaml:3:4: orders.count (a number)" in err


def test_several_currencies_and_no_rates_is_an_error_that_says_so(
    small: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    order_in_euro(small)
    for arguments in ([], ["--rule", "orders.revenue > 5"], ["champions"]):
        code, _, err = told(small, capsys, "segment", *arguments, *NOW)
        assert code == 65
        assert "several currencies (EUR, USD)" in err
        assert "rates.csv" in err
    (small.root / "rates.csv").write_text("date,from,to,rate\n2026-01-01,EUR,USD,1.5\n", encoding="utf-8")
    assert names(asked(small, capsys, "segment", "--rule", "orders.revenue == 6.50", *NOW)) == ["bob"]


def test_the_table_fits_eighty_columns_and_names_day_and_population(
    small: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = told(small, capsys, "segment", *NOW)
    assert out.startswith("RFM as of 2026-03-30: 5 contacts with 6 orders")
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "█" in out


def test_a_child_process_refreshes_scores_without_pandas_here(small: Workspace) -> None:
    now = datetime(2026, 3, 30, 10, tzinfo=UTC)
    scoring.refresh_in_child(small.root, now=now)
    assert not scoring.is_stale(small.store.db, small.settings, root=small.root, now=now)


def test_what_goes_wrong_in_the_child_is_told_here(small: Workspace) -> None:
    order_in_euro(small)
    with pytest.raises(DataError, match=r"^orders are in several currencies"):
        scoring.refresh_in_child(small.root)


def test_rules_and_staleness_load_neither_pandas_nor_numpy() -> None:
    code = (
        "import sys; from mailflow import scoring; from mailflow.segments import Segments;"
        "from mailflow.store import frames, past, scores; print([m for m in ('pandas', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_bounds_and_classes_of_the_settings_are_used(small: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    file = small.root / "mailflow.yaml"
    best = ", ".join(f"[{r}, {f}]" for r in (4, 5) for f in (2, 3, 4, 5))
    rest = ", ".join(f"[{r}, {f}]" for r in range(1, 6) for f in range(1, 6) if r < 4 or f < 2)
    lines = ["rfm:", "  bounds: {recency: [7, 30, 90, 365], frequency: [1, 2, 3, 4]}"]
    lines.append(f"  classes: {{best: [{best}], rest: [{rest}]}}")
    file.write_text(file.read_text(encoding="utf-8") + "\n".join(lines) + "\n", encoding="utf-8")
    rows = asked(small, capsys, "segment", *NOW)
    assert [(row["class"], row["contacts"]) for row in rows] == [("best", 1), ("rest", 4)]
    assert names(asked(small, capsys, "segment", "best", *NOW)) == ["ada"]
    assert told(small, capsys, "segment", "champions", *NOW)[0] == 2


def test_a_bare_name_is_a_rule(small: Workspace) -> None:
    (small.root / "segments.yaml").write_text("regulars: orders.count >= 2\nsource: true\n", encoding="utf-8")
    known = Segments.open(small.root, small.settings)
    assert known.parse(" regulars ").fields() == known.parse("orders.count == 1").fields()
    assert known.needs_scores(known.parse("champions"))
    with pytest.raises(RuleError):
        known.parse("source")  # a field of that name comes first
