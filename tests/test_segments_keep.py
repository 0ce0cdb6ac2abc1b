"""Who came into a segment and who left it, as `run` keeps it: times, causes, past days, a clock that was moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.cli import main
from mailflow.jobs import keep, members, tick
from mailflow.jobs.init import Brand, init
from mailflow.jobs.keep import KeptReport
from mailflow.model import ConsentState
from mailflow.store import imports, lifecycle, membership
from mailflow.store.membership import Cause
from mailflow.store.pace import Pace
from mailflow.workspace import Workspace
from people import add_contact
from shop import at, recount

ZONE = clock.zone("Europe/Vienna")
DAY = timedelta(days=1)
NOW = at("2026-03-02", ZONE)
RULES = """\
germans: country == "DE"
quiet: orders.last_at < now - 10d
quiet_germans: segment("quiet") and segment("germans")
subscribed: consent.email == "subscribed"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    made = init(tmp_path / "shop", Brand(timezone="Europe/Vienna")).workspace
    (made.root / "segments.yaml").write_text(RULES)
    with made.store.transaction() as tx:
        for number, country in enumerate(["DE", "DE", "AT", None], start=1):
            add_contact(tx, f"p{number}@example.com", now=NOW - 100 * DAY)
            tx.execute("UPDATE contacts SET country = ? WHERE id = ?", (country, number))
        for number, days in ((1, 5), (2, 30), (3, 30)):
            _order(made, number, NOW - days * DAY)
        recount(tx)
        imports.data_changed(tx)
    return made


def _order(shop: Workspace, contact_id: int, placed_at: datetime) -> None:
    shop.store.db.execute(
        "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
        " VALUES ('test', (SELECT count(*) FROM orders), ?, 'paid', ?, 1000, 'EUR', 0)",
        (contact_id, clock.to_ms(placed_at)),
    )


def kept(shop: Workspace, now: datetime, *, real: bool = True) -> KeptReport | None:
    return keep.keep(Workspace.at(shop.root), now=now, is_real_clock=real)


def rows(shop: Workspace, name: str) -> list[tuple[int, str, str | None]]:
    """Return (contact, why they came, why they left) in a segment's history."""
    found = shop.store.db.execute(
        """SELECT m.contact_id, m.entered_by, m.left_by FROM membership AS m
           JOIN segments AS s ON s.id = m.segment_id WHERE s.name = ? ORDER BY m.id""",
        (name,),
    )
    return [tuple(row) for row in found]


def change(shop: Workspace, sql: str, *values: object) -> None:
    with shop.store.transaction() as tx:
        tx.execute(sql, values)
        imports.data_changed(tx)


def found(shop: Workspace, name: str, now: datetime, day: datetime | None = None) -> members.Found:
    asked = members.named(shop, name)
    return members.found(shop, asked, now=now, as_of=None if day is None else clock.local_date(day, ZONE))


def test_history_begins_with_who_is_in_it_then(shop: Workspace) -> None:
    report = kept(shop, NOW)
    assert report is not None
    assert sum(report.entered.values()) == 0  # nobody came: they had been there
    assert rows(shop, "germans") == [(1, "start", None), (2, "start", None)]
    assert rows(shop, "quiet") == [(2, "start", None), (3, "start", None)]
    assert rows(shop, "quiet_germans") == [(2, "start", None)]


def test_nothing_is_done_while_nothing_changed_and_no_day_turned(shop: Workspace) -> None:
    assert kept(shop, NOW) is not None
    assert kept(shop, NOW + timedelta(minutes=5)) is None
    assert kept(shop, NOW + DAY) is not None


def test_people_move_when_their_data_change_and_are_dated(shop: Workspace) -> None:
    kept(shop, NOW)
    change(shop, "UPDATE contacts SET country = 'DE' WHERE id = 3")
    change(shop, "UPDATE contacts SET country = 'CH' WHERE id = 1")
    report = kept(shop, NOW + timedelta(hours=3))
    assert report is not None
    assert (report.entered["germans"], report.left["germans"]) == (1, 1)
    assert rows(shop, "germans") == [(1, "start", "person"), (2, "start", None), (3, "person", None)]
    moves = list(membership.moves(shop.store.db, 1, clock.to_ms(NOW + timedelta(hours=1))))
    assert {(move.contact_id, move.entered, move.at) for move in moves} == {
        (1, False, clock.to_ms(NOW + timedelta(hours=3))),
        (3, True, clock.to_ms(NOW + timedelta(hours=3))),
    }


def test_time_alone_moves_people_too(shop: Workspace) -> None:
    kept(shop, NOW)
    assert kept(shop, NOW + timedelta(minutes=59)) is None
    for hours in range(1, 7 * 24, 6):
        kept(shop, NOW + timedelta(hours=hours))
    assert rows(shop, "quiet")[-1] == (1, "person", None)
    entered = shop.store.db.execute("SELECT max(entered_at) FROM membership").fetchone()[0]
    silent_since = NOW - 5 * DAY + 10 * DAY
    assert silent_since <= clock.from_ms(entered) <= silent_since + timedelta(hours=7)


def test_consent_by_hand_is_seen(shop: Workspace) -> None:
    kept(shop, NOW)
    with shop.store.transaction() as tx:
        add_contact(tx, "new@example.com", now=NOW, consent=ConsentState.SUBSCRIBED)
    kept(shop, NOW + timedelta(minutes=1))
    assert rows(shop, "subscribed") == [(5, "person", None)]


def test_an_edited_rule_moves_people_and_says_so(shop: Workspace) -> None:
    kept(shop, NOW)
    (shop.root / "segments.yaml").write_text(RULES.replace('country == "DE"', 'country in ("DE", "AT")'))
    report = kept(shop, NOW + timedelta(hours=1))
    assert report is not None
    assert rows(shop, "germans")[-1] == (3, "rule", None)
    assert rows(shop, "quiet_germans")[-1] == (3, "rule", None)  # a rule that names an edited one is edited
    assert rows(shop, "quiet") == [(2, "start", None), (3, "start", None)]
    versions = shop.store.db.execute("SELECT count(*) FROM segment_versions WHERE segment_id = 1").fetchone()[0]
    assert versions == 2


def test_another_way_to_space_a_rule_is_no_new_rule(shop: Workspace) -> None:
    kept(shop, NOW)
    (shop.root / "segments.yaml").write_text(RULES.replace('country == "DE"', 'country  ==  "DE"'))
    kept(shop, NOW + timedelta(hours=1))
    assert shop.store.db.execute("SELECT count(*) FROM segment_versions").fetchone()[0] == 4


def test_a_rule_that_is_gone_leaves_nobody_behind_and_may_come_back(shop: Workspace) -> None:
    kept(shop, NOW)
    (shop.root / "segments.yaml").write_text("quiet: orders.last_at < now - 10d\n")
    kept(shop, NOW + timedelta(hours=1))
    assert {left for _, _, left in rows(shop, "germans")} == {"rule"}
    (shop.root / "segments.yaml").write_text(RULES)
    kept(shop, NOW + timedelta(hours=2))
    assert rows(shop, "germans")[-1] == (2, "start", None)


def test_a_wrong_rule_keeps_its_members_and_is_told_once(shop: Workspace) -> None:
    kept(shop, NOW)
    (shop.root / "segments.yaml").write_text(RULES.replace("country ==", "contry =="))
    report = kept(shop, NOW + timedelta(minutes=1))
    assert report is not None
    assert set(report.wrong) == {"germans", "quiet_germans"}
    assert "did you mean 'country'?" in report.wrong["germans"]
    assert report.wrong["germans"].startswith("segments.yaml:1:")
    assert rows(shop, "germans") == [(1, "start", None), (2, "start", None)]
    assert kept(shop, NOW + timedelta(minutes=2)) is None
    (shop.root / "segments.yaml").write_text(RULES)
    assert kept(shop, NOW + timedelta(minutes=3)) is not None


def test_a_file_that_cannot_be_read_is_told_and_tried_again_within_the_hour(shop: Workspace) -> None:
    kept(shop, NOW)
    (shop.root / "segments.yaml").write_text("- what\n")
    report = kept(shop, NOW + timedelta(minutes=1))
    assert report is not None
    assert "segments.yaml" in report.wrong
    assert kept(shop, NOW + timedelta(minutes=2)) is None
    assert kept(shop, NOW + timedelta(minutes=70)) is not None


def test_a_tick_tells_what_is_wrong_and_goes_on(shop: Workspace) -> None:
    (shop.root / "segments.yaml").write_text("bad: contry == 1\n")
    report = tick.tick(shop, now=lambda: NOW, is_real_clock=True)
    assert report.kept is not None
    with pytest.raises(Exception, match=r"bad was not brought up to date: segments\.yaml:1:6: unknown name 'contry'"):
        report.raise_for_failures()


def test_a_past_day_is_answered_from_history_where_it_goes_over_it(shop: Workspace) -> None:
    kept(shop, NOW)
    change(shop, "UPDATE contacts SET country = 'DE' WHERE id = 3")
    kept(shop, NOW + 2 * DAY)
    change(shop, "UPDATE contacts SET country = NULL")
    kept(shop, NOW + 4 * DAY)
    now = NOW + 4 * DAY
    assert list(found(shop, "germans", now).contact_ids) == []
    assert (list(found(shop, "germans", now, NOW).contact_ids), found(shop, "germans", now, NOW).kept) == ([1, 2], True)
    assert list(found(shop, "germans", now, NOW + 3 * DAY).contact_ids) == [1, 2, 3]
    before = found(shop, "quiet", now, NOW - DAY)
    assert (list(before.contact_ids), before.kept) == ([2, 3], False)  # orders are of that day, though no history is


def test_a_difference_names_who_came_and_who_left_and_when(shop: Workspace) -> None:
    kept(shop, NOW)
    change(shop, "UPDATE contacts SET country = 'DE' WHERE id = 3")
    kept(shop, NOW + 2 * DAY)
    change(shop, "UPDATE contacts SET country = NULL WHERE id = 1")  # after `run` looked
    asked = members.named(shop, "germans")
    day = clock.local_date(NOW, ZONE)
    known = members.difference(shop, asked, day, now=NOW + 3 * DAY)
    assert known.kept
    assert [(move.person.id, move.entered, move.at, move.cause) for move in known.moves] == [
        (3, True, NOW + 2 * DAY, Cause.PERSON),
        (1, False, None, None),
    ]
    computed = members.difference(shop, members.named(shop, "quiet"), clock.local_date(NOW - 9 * DAY, ZONE), now=NOW)
    assert not computed.kept
    assert [(move.person.id, move.entered, move.at) for move in computed.moves] == []


def test_a_rehearsal_that_moves_the_clock_back_keeps_nothing(shop: Workspace) -> None:
    kept(shop, NOW)
    change(shop, "UPDATE contacts SET country = 'DE'")
    assert kept(shop, NOW - DAY, real=False) is None
    assert len(rows(shop, "germans")) == 2


def test_the_real_clock_takes_back_what_a_rehearsal_kept_of_the_future(shop: Workspace) -> None:
    kept(shop, NOW)
    kept(shop, NOW + 30 * DAY, real=False)
    assert len(rows(shop, "quiet")) == 3
    kept(shop, NOW + timedelta(hours=1))
    assert rows(shop, "quiet") == [(2, "start", None), (3, "start", None)]
    late = shop.store.db.execute(
        "SELECT (SELECT count(*) FROM membership WHERE entered_at > :at OR left_at > :at)"
        " + (SELECT count(*) FROM lifecycle_stages WHERE entered_at > :at OR left_at > :at)",
        {"at": clock.to_ms(NOW + timedelta(hours=1))},
    ).fetchone()[0]
    assert late == 0


def test_a_run_that_was_killed_between_writes_is_made_good(shop: Workspace) -> None:
    kept(shop, NOW)
    shop.store.db.execute("DELETE FROM membership WHERE contact_id = 2")
    shop.store.db.execute("UPDATE segments SET checked_at = NULL WHERE name = 'germans'")
    kept(shop, NOW + timedelta(minutes=1))
    assert (2, "start", None) in rows(shop, "germans")
    assert len(rows(shop, "germans")) == 2


def test_a_merged_contact_is_no_longer_a_member(shop: Workspace) -> None:
    kept(shop, NOW)
    change(shop, "UPDATE contacts SET merged_into = 1 WHERE id = 2")
    kept(shop, NOW + timedelta(minutes=1))
    assert rows(shop, "germans") == [(1, "start", None), (2, "start", "person")]


def test_who_is_taken_back_with_their_file_leaves_no_rows(shop: Workspace) -> None:
    file = shop.root / "more.csv"
    file.write_text("email,country\nlena@example.com,DE\n")
    here = ["--workspace", str(shop.root), "--quiet"]
    assert main.run(["import", str(file), *here]) == 0
    kept(shop, NOW)
    assert len(rows(shop, "germans")) == 3
    assert main.run(["import", "--undo", "1", *here]) == 0
    assert shop.store.db.execute("SELECT count(*) FROM contacts").fetchone()[0] == 4
    assert len(rows(shop, "germans")) == 2


def test_what_a_rehearsal_kept_of_the_future_is_taken_back_in_short_transactions(shop: Workspace) -> None:
    kept(shop, NOW)
    later, people = clock.to_ms(NOW + 30 * DAY), 3_000
    db = shop.store.db
    with shop.store.transaction() as tx:
        for number in range(people):
            add_contact(tx, f"later{number}@example.com", now=NOW)
        tx.execute(
            """INSERT INTO lifecycle_stages (contact_id, stage, previous, entered_at, run_id, orders)
               SELECT id, 'new', 'lead', ?, (SELECT max(id) FROM score_runs), 1 FROM contacts
               WHERE email LIKE 'later%'""",
            (later,),
        )
        tx.execute(
            """INSERT INTO membership (segment_id, contact_id, entered_at, entered_by)
               SELECT 1, contact_id, entered_at, 'person' FROM lifecycle_stages WHERE entered_at = ?""",
            (later,),
        )
    for table, rewind in (("lifecycle_stages", lifecycle.rewind), ("membership", membership.rewind)):
        begun: list[str] = []
        db.set_trace_callback(begun.append)
        rewind(Pace(shop.store), at=clock.to_ms(NOW))
        db.set_trace_callback(None)
        assert db.execute(f"SELECT count(*) FROM {table} WHERE entered_at > ?", (later - 1,)).fetchone()[0] == 0
        assert sum(sql.startswith("BEGIN IMMEDIATE") for sql in begun) >= 3
