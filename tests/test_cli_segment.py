"""`mailflow segment` about rules, as people call it: members, changes, why, past days, stages."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mailflow import clock
from mailflow.cli import main
from mailflow.jobs.init import Brand, init
from mailflow.store import imports
from mailflow.workspace import Workspace
from shop import Order, at, keep_orders

ZONE = clock.zone("Europe/Vienna")
NOW = at("2026-03-30", ZONE)
DAY = timedelta(days=1)
RULES = """\
regulars: orders.count >= 2
lately: orders.last_at >= now - 10d
good: segment("regulars") and (segment("lately") or country == "DE")
"""
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("COLUMNS", "80")
    made = init(tmp_path / "shop", Brand(timezone="Europe/Vienna")).workspace
    (made.root / "segments.yaml").write_text(RULES)
    days = {ADA: [3, 40, 80], BOB: [30, 60], "cy@example.com": [5]}
    keep_orders(made.store, [Order(who, NOW - ago * DAY, 1000) for who, when in days.items() for ago in when])
    with made.store.transaction() as tx:
        tx.execute("UPDATE contacts SET email = replace(key, 'key-', '')")
        tx.execute("INSERT INTO identities SELECT 'email', '', email, id FROM contacts")
        imports.data_changed(tx)
    return made


def told(shop: Workspace, capsys: pytest.CaptureFixture[str], *words: str, now: object = NOW) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main.run([*words, "--workspace", str(shop.root), "--now", clock.iso(now)])  # type: ignore[arg-type]
    said = capsys.readouterr()
    return code, said.out, said.err


def asked(shop: Workspace, capsys: pytest.CaptureFixture[str], *words: str, now: object = NOW) -> Any:
    code, out, err = told(shop, capsys, *words, "--format", "json", now=now)
    assert code == 0, err
    return json.loads(out)


def moved(shop: Workspace, sql: str) -> None:
    with shop.store.transaction() as tx:
        tx.execute(sql)
        imports.data_changed(tx)


def test_members_in_every_format_are_the_same_people(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    emails = {row["email"] for row in asked(shop, capsys, "segment", "regulars")}
    assert emails == {ADA, BOB}
    _, lines, _ = told(shop, capsys, "segment", "regulars", "--format", "jsonl")
    assert {json.loads(line)["email"] for line in lines.splitlines()} == emails
    _, table, _ = told(shop, capsys, "segment", "regulars", "--format", "csv")
    assert {row["email"] for row in csv.DictReader(io.StringIO(table))} == emails
    _, shown, talk = told(shop, capsys, "segment", "--rule", "orders.count >= 2")
    assert all(email in shown for email in emails)
    assert "2 members" in talk


def test_nobody_is_an_empty_list(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(shop, capsys, "segment", "--rule", "orders.count > 99") == []
    assert told(shop, capsys, "segment", "--rule", "orders.count > 99", "--format", "csv")[1].startswith(
        "contact,email"
    )


def test_why_somebody_is_in_a_segment_is_a_tree_and_a_sentence(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(shop, capsys, "segment", "good", "--explain", ADA)
    assert (found["email"], found["segment"], found["member"], found["since"]) == (ADA, "good", True, None)
    assert [part["truth"] for part in found["tree"]["parts"]] == [True, True]
    assert found["sentence"].startswith(f"{ADA} is in good: orders.count >= 2 is true (3); orders.last_at >=")
    out = asked(shop, capsys, "segment", "good", "--explain", BOB)
    assert out["member"] is False
    assert 'country == "DE" is false (missing)' in out["sentence"]
    assert "orders.count" not in out["sentence"]  # it is true, and so not what keeps him out
    _, table, _ = told(shop, capsys, "segment", "good", "--explain", BOB)
    assert "false" in table
    assert f"{BOB} is not in good" in table
    assert max(map(len, table.splitlines())) <= 80


def test_why_takes_a_contact_key_and_a_past_day(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    key = asked(shop, capsys, "segment", "regulars")[0]["contact"]
    assert asked(shop, capsys, "segment", "regulars", "--explain", key)["member"] is True
    then = asked(shop, capsys, "segment", "regulars", "--explain", ADA, "--as-of", "2026-01-20")
    assert then["member"] is False
    assert "was not in regulars at the end of 2026-01-20: orders.count >= 2 is false (1)" in then["sentence"]


def test_who_is_unknown_is_told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, talk = told(shop, capsys, "segment", "good", "--explain", "adam@example.com")
    assert code == 2
    assert "Did you mean ada@example.com?" in talk


def test_history_is_kept_by_run_and_told_by_segment(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(shop, capsys, "run")[0] == 0
    moved(shop, f"UPDATE contacts SET country = 'DE' WHERE email = '{BOB}'")
    later = NOW + DAY
    code, _, talk = told(shop, capsys, "run", now=later)
    assert (code, talk) == (0, "segment good: 1 came, 0 left\n")
    changes = asked(shop, capsys, "segment", "good", "--diff", "2026-03-30", now=later)
    assert [(row["email"], row["moved"], row["at"], row["cause"]) for row in changes] == [
        (BOB, "entered", clock.iso(later), "person")
    ]
    _, _, talk = told(shop, capsys, "segment", "good", "--diff", "2026-03-30", now=later)
    assert "1 came and 0 left good since 2026-03-30" in talk
    since = asked(shop, capsys, "segment", "good", "--explain", BOB, now=later)["since"]
    assert since == clock.iso(later)
    code, out, talk = told(shop, capsys, "segment", "good", "--as-of", "2026-03-30", now=later)
    assert BOB not in out
    assert "from the history" in talk
    _, _, talk = told(shop, capsys, "segment", "good", "--as-of", "2026-01-31", now=later)
    assert "computed as of the end of 2026-01-31" in talk
    listed = {row["name"]: row for row in asked(shop, capsys, "segment", "--list", now=later)}
    assert (listed["good"]["contacts"], listed["good"]["since_yesterday"], listed["good"]["since_last_week"]) == (
        2,
        1,
        None,
    )
    _, table, _ = told(shop, capsys, "segment", "--list", now=later)
    assert "+1" in table


def test_an_edit_of_the_rule_is_told_with_the_difference(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(shop, capsys, "run")[0] == 0
    (shop.root / "segments.yaml").write_text(RULES.replace("count >= 2", "count >= 3"))
    assert told(shop, capsys, "run", now=NOW + DAY)[0] == 0
    code, out, talk = told(shop, capsys, "segment", "regulars", "--diff", "2026-03-30", now=NOW + 2 * DAY)
    assert code == 0
    assert "the rule was edited" in out
    assert "orders.count >= 3" in talk
    rows = asked(shop, capsys, "segment", "regulars", "--diff", "2026-03-30", now=NOW + 2 * DAY)
    assert [(row["email"], row["moved"], row["cause"]) for row in rows] == [(BOB, "left", "rule")]


def test_a_circle_of_segments_is_refused_with_its_path(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "segments.yaml").write_text('a: segment("b")\nb: not segment("c")\nc: segment("a")\n')
    code, _, talk = told(shop, capsys, "segment", "a")
    assert code == 78
    assert "a → b → c → a" in talk.replace("b → c → a → b", "a → b → c → a")


def test_a_mistake_in_the_rule_asked_for_is_placed_in_its_file(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.root / "segments.yaml").write_text('fine: true\nwrong: contry == "DE"\n')
    code, _, talk = told(shop, capsys, "segment", "wrong")
    assert code == 78
    assert "segments.yaml:2:8: unknown name 'contry'" in talk
    assert "^^^^^^" in talk
    assert told(shop, capsys, "segment", "fine")[0] == 0


@pytest.mark.parametrize("run_since", [True, False])
def test_a_segment_that_was_taken_out_of_the_file_is_told_from_history(
    shop: Workspace, capsys: pytest.CaptureFixture[str], run_since: bool
) -> None:
    assert told(shop, capsys, "run")[0] == 0
    before = asked(shop, capsys, "segment", "lately")
    assert before
    assert told(shop, capsys, "run", now=NOW + DAY)[0] == 0
    (shop.root / "segments.yaml").write_text(RULES.replace("lately", "newly"))
    if run_since:
        assert told(shop, capsys, "run", now=NOW + DAY)[0] == 0
    later = NOW + 2 * DAY
    assert asked(shop, capsys, "segment", "lately", "--as-of", "2026-03-30", now=later) == before
    _, _, talk = told(shop, capsys, "segment", "lately", "--as-of", "2026-03-30", now=later)
    assert "from the history" in talk
    assert "lately is no longer in segments.yaml: nobody is in it now" in talk
    gone = asked(shop, capsys, "segment", "lately", "--diff", "2026-03-30", now=later)
    assert {(row["email"], row["moved"]) for row in gone} == {(one["email"], "left") for one in before}
    for day in ("2026-03-29", "2026-03-31"):
        code, _, talk = told(shop, capsys, "segment", "lately", "--as-of", day, now=later)
        assert code == 2
        assert "its history does not tell of the end of" in " ".join(talk.split())


def test_a_segment_that_was_taken_out_of_the_file_is_said_to_be_gone(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(shop, capsys, "run")[0] == 0
    (shop.root / "segments.yaml").write_text(RULES.replace("lately", "newly"))
    assert told(shop, capsys, "run", now=NOW + DAY)[0] == 0
    code, _, talk = told(shop, capsys, "segment", "lately", now=NOW + 2 * DAY)
    assert code == 2
    assert "'lately' is no longer in segments.yaml: its history ended on 2026-03-31" in " ".join(talk.split())
    assert told(shop, capsys, "segment", "newly", "--as-of", "2026-03-30", now=NOW + 2 * DAY)[0] == 0


def test_a_day_to_come_is_answered_as_one(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, talk = told(shop, capsys, "segment", "lately", "--as-of", "2027-01-01")
    assert (code, "@" in out) == (0, False)
    assert "2027-01-01 is still to come" in talk


def test_one_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = init(tmp_path / "one", Brand(timezone="Europe/Vienna")).workspace
    keep_orders(shop.store, [Order(ADA, NOW - DAY, 1000), Order(None, NOW - DAY, 1000)])
    _, report, talk = told(shop, capsys, "segment")
    assert "1 contact with 1 order\n" in report
    assert talk == "1 order names no customer and is left out\n"
    assert told(shop, capsys, "segment", "--contacts")[2] == "1 contact\n"
    assert "scored 1 contact as of" in told(shop, capsys, "score")[2]
    who = asked(shop, capsys, "segment", "--contacts")[0]["contact"]
    causes = asked(shop, capsys, "score", "--explain", who)
    assert [row["value"] for row in causes if row["score"].startswith("rfm")] == [5, 1, 1, "new_customers"]
    shown = " ".join(told(shop, capsys, "score", "--explain", who)[1].split())
    assert "1 day; 0 of the cut points" in shown
    assert "1 order, usually" in shown


def test_a_page_is_not_written_over_a_folder(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, talk = told(shop, capsys, "segment", "--html", str(shop.root))
    assert code == 2
    assert "this is a folder" in talk


def test_stages_are_counted(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    found = {row["stage"]: row["contacts"] for row in asked(shop, capsys, "segment", "--lifecycle")}
    assert sum(found.values()) == 3
    assert found["new"] == 1
    assert set(found) == {"lead", "new", "active", "loyal", "at_risk", "lapsed", "lost"}


def test_stages_of_a_past_day_are_those_that_rules_see(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(shop, capsys, "run")[0] == 0
    then = clock.local_date(NOW - 45 * DAY, shop.settings.zone).isoformat()
    found = {row["stage"]: row["contacts"] for row in asked(shop, capsys, "segment", "--lifecycle", "--as-of", then)}
    for stage, contacts in found.items():
        members = asked(shop, capsys, "segment", "--rule", f'lifecycle == "{stage}"', "--as-of", then)
        assert len(members) == contacts, stage
    today = {row["stage"]: row["contacts"] for row in asked(shop, capsys, "segment", "--lifecycle")}
    assert found["lead"] == 1
    assert found != today


def test_who_came_into_a_stage_lately_is_counted_as_of_a_day(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(shop, capsys, "run")[0] == 0
    later = NOW + 40 * DAY
    assert told(shop, capsys, "run", now=later)[0] == 0

    def came(*words: str) -> int:
        return sum(row["came_last_week"] for row in asked(shop, capsys, "segment", "--lifecycle", *words, now=later))

    assert came() > 0
    assert came("--as-of", clock.local_date(NOW + 10 * DAY, shop.settings.zone).isoformat()) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--explain", ADA],
        ["--diff", "2026-03-01"],
        ["good", "--diff", "2026-03-01", "--as-of", "2026-03-02"],
        ["good", "--diff", "2026-03-01", "--explain", ADA],
        ["good", "--lifecycle"],
        ["good", "--diff", "2026-03-30"],
        ["nobody"],
    ],
)
def test_what_makes_no_sense_is_refused(shop: Workspace, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert told(shop, capsys, "segment", *words)[0] == 2
