"""What a workspace's rules speak of: the shop's own names, its money, its merged people, one person alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.errors import DataError
from mailflow.jobs.init import Brand, init
from mailflow.rules import RuleError
from mailflow.segments import Segments
from mailflow.workspace import Workspace
from rule_shop import NOW, Maker

RULES = """
regulars: orders.count >= 2
tea: bought(category="tea") and not clicked(within=30d)
rich: orders.revenue > 1
wrong: contry == "DE"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "shop"
    init(folder, Brand(timezone="Europe/Vienna", currency="EUR"))
    (folder / "segments.yaml").write_text(RULES, encoding="utf-8")
    opened = Workspace.at(folder)
    Maker(opened.store.db, 6, merges=True).shop(20)
    return opened


def known(workspace: Workspace) -> Segments:
    return Segments.open(workspace.root, workspace.settings, workspace.store.db)


def test_the_shops_own_events_and_categories_are_known(workspace: Workspace) -> None:
    segments = known(workspace)
    segments.parse('did("jumped") and bought(category="Grüner Tee")')
    with pytest.raises(RuleError, match="did you mean 'jumped'"):
        segments.parse('did("jumpd")')
    with pytest.raises(RuleError, match="did you mean 'Grüner Tee'"):
        segments.parse('bought(category="Grüne Tee")')
    with pytest.raises(RuleError, match="did you mean 'ticket_opened'"):
        Segments.open(workspace.root, workspace.settings).parse('did("ticket_open")')


def test_one_person_is_in_exactly_the_segments_that_find_them(workspace: Workspace) -> None:
    (workspace.root / "rates.csv").write_text(
        "date,from,to,rate\n2026-01-01,USD,EUR,0.8\n2026-01-01,JPY,EUR,0.006\n", encoding="utf-8"
    )
    segments, store = known(workspace), workspace.store
    late = clock.from_ms(clock.to_ms(datetime(2026, 12, 1, tzinfo=UTC)))
    for now in (late, late.replace(month=6)):
        found = {
            name: list(segments.members(store, segments.parse(name), now=now)) for name in ("regulars", "tea", "rich")
        }
        assert any(found.values())
        for number in range(1, 21):
            wanted = [name for name, ids in found.items() if number in ids]
            assert segments.of_contact(store.db, number, now=now) == wanted
            for name in found:
                assert segments.means(store.db, segments.parse(name), number, now=now) == (name in wanted)


def test_amounts_of_lines_need_rates_as_those_of_people_do(workspace: Workspace) -> None:
    segments = known(workspace)
    for rule in ("orders.revenue > 1", "bought(where=total > 1)"):
        with pytest.raises(DataError, match="rates"):
            segments.members(workspace.store, segments.parse(rule), now=NOW)
    assert segments.members(workspace.store, segments.parse("bought(where=quantity > 1)"), now=NOW)


def test_what_is_dated_after_today_has_not_happened_yet(workspace: Workspace) -> None:
    segments = known(workspace)
    first = datetime(2020, 1, 1, tzinfo=UTC)
    for rule in ("bought()", "clicked(machines=true)", "received()", "orders.count >= 1"):
        assert not segments.members(workspace.store, segments.parse(rule), now=first)
        assert segments.members(workspace.store, segments.parse(rule), now=datetime(2026, 12, 1, tzinfo=UTC))


def test_a_segment_may_be_no_more_than_the_name_of_another_or_of_a_class(workspace: Workspace) -> None:
    more = "good: regulars\nvery_good: good\nbest: champions\nround: round\n"
    (workspace.root / "segments.yaml").write_text(RULES + more, encoding="utf-8")
    segments = known(workspace)
    regulars = segments.members(workspace.store, segments.named("regulars"), now=NOW)
    assert regulars
    for rule in (segments.named("very_good"), segments.parse("very_good"), segments.parse('segment("good")')):
        assert segments.members(workspace.store, rule, now=NOW) == regulars
    assert segments.named("best").condition == segments.parse('rfm.class == "champions"').condition
    with pytest.raises(RuleError, match="round → round"):
        segments.named("round")
