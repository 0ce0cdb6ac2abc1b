"""The RFM page: its figures are those of the report, it needs nothing from outside, and it says what it cannot know."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.cli import main
from mailflow.config.rates import Rates
from mailflow.jobs import rfm_report, segment
from mailflow.jobs.init import Brand, init
from mailflow.reports import rfm_advice, rfm_page
from mailflow.scoring import rfm as scoring
from mailflow.segments import RFM_CLASSES
from mailflow.workspace import Workspace
from shop import Order, at, keep_orders

ZONE = clock.zone("Europe/Vienna")
DAY = date(2026, 3, 30)
NOW = datetime(2026, 3, 30, 10, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return init(tmp_path / "shop", Brand(name="Tea <&> Cups", timezone="Europe/Vienna", currency="EUR")).workspace


def fill(workspace: Workspace) -> None:
    """Keep orders of forty people in five months; c0 came first and once, c39 last and most often."""
    first = date(2025, 11, 1)
    orders = [
        Order(f"c{number}", at((first + timedelta(days=3 * number + 2 * again)).isoformat(), ZONE), 1_000 + number)
        for number in range(40)
        for again in range(1 + number % 6)
    ]
    keep_orders(workspace.store, [*orders, Order(None, at("2026-01-01", ZONE), 5)])


def page(workspace: Workspace, day: date = DAY) -> str:
    return rfm_page.render(rfm_report.gather(workspace, day), now=NOW)


def words(html: str) -> str:
    """Return what a reader sees."""
    body = re.sub(r"<(style|title)>.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


class Tags(HTMLParser):
    """Checks that every tag that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_the_figures_of_the_report(workspace: Workspace) -> None:
    fill(workspace)
    gathered = rfm_report.gather(workspace, DAY)
    report = segment.report(workspace, DAY)
    cells = [cell for row in gathered.cells for cell in row]
    for row in report.classes:
        mine = [cell for cell in cells if cell.name == row.name]
        assert sum(cell.contacts for cell in mine) == row.contacts
        assert sum(cell.revenue_minor for cell in mine) == row.revenue_minor
    assert (gathered.contacts, gathered.orders, gathered.strangers) == (report.contacts, report.orders, 1)
    assert [sum(band.contacts for band in measure.bands) for measure in gathered.measures] == [report.contacts] * 3
    shown = words(page(workspace))
    for row in report.classes:
        assert row.name.replace("_", " ") in shown
    assert f"{report.revenue_minor / 100:,.2f}" in shown


def test_cut_points_are_written_as_their_unit_is(workspace: Workspace) -> None:
    amounts = (2970, 2970, 5611, 5612, 9000)
    keep_orders(workspace.store, [Order(f"c{n}", at("2026-03-01", ZONE), minor) for n, minor in enumerate(amounts)])
    recency, frequency, monetary = (measure.cuts for measure in rfm_report.gather(workspace, DAY).measures)
    assert (recency[0], frequency[0]) == ("29", "1")
    assert list(monetary) == ["29.70", "45.546", "56.114", "62.896"]


def test_the_history_is_what_the_report_says_as_of_each_month_end(workspace: Workspace) -> None:
    fill(workspace)
    history = rfm_report.gather(workspace, DAY).history
    assert [past.day for past in history] == [
        date(2025, 11, 30),
        date(2025, 12, 31),
        date(2026, 1, 31),
        date(2026, 2, 28),
        DAY,
    ]
    for past in history:
        assert past.contacts == {row.name: row.contacts for row in segment.report(workspace, past.day).classes}


def test_the_page_loads_nothing_and_runs_nothing(workspace: Workspace) -> None:
    fill(workspace)
    html = page(workspace)
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import|\son\w+=", html)
    assert "default-src 'none'" in html


def test_names_of_the_shop_are_text(workspace: Workspace) -> None:
    assert "Tea &lt;&amp;&gt; Cups" in page(workspace)


def test_without_orders_the_page_says_what_to_do(workspace: Workspace) -> None:
    assert "mailflow import orders.csv" in words(page(workspace))


def test_one_customer_has_a_page(workspace: Workspace) -> None:
    keep_orders(workspace.store, [Order("a", at("2026-03-29", ZONE), 0)])
    shown = words(page(workspace))
    assert "nothing to compare with yet" in shown


def test_negative_revenue_has_a_page(workspace: Workspace) -> None:
    placed = at("2026-02-01", ZONE)
    keep_orders(workspace.store, [Order("a", placed, 100, refunds=((placed, 900),)), Order("b", placed, 50)])
    assert "-7.50" in words(page(workspace))


def test_moves_are_told_as_far_as_they_are_known(workspace: Workspace) -> None:
    fill(workspace)
    assert "Scores have not been kept yet" in words(page(workspace))
    for when in (NOW - timedelta(days=40), NOW):
        scoring.refresh(workspace.store, workspace.settings, Rates(), root=workspace.root, now=when)
        if when < NOW:
            assert "kept once so far, as of 2026-02-18" in words(page(workspace))
    assert "Between 2026-02-18 and 2026-03-30" in words(page(workspace))
    assert "at_risk" in {move.after for move in rfm_report.gather(workspace, DAY).moves.lines}


def test_campaigns_stand_beside_the_classes_that_they_name(workspace: Workspace) -> None:
    fill(workspace)
    (workspace.root / "campaigns" / "broken.yaml").write_text("audience: [\n")
    (workspace.root / "campaigns" / "own.yaml").write_text(
        'name: x\naudience: country == "DE" and (rfm.class == "promising" or segment("vip"))\ntemplate: win_back\n'
    )
    lines = {line.name: list(line.campaigns) for line in rfm_report.gather(workspace, DAY).classes}
    assert lines["champions"] == ["own", "thank_you"]
    assert lines["promising"] == ["own"]
    assert lines["at_risk"] == ["win_back"]
    assert lines["hibernating"] == []


def test_every_class_has_advice_and_one_of_ones_own_that_of_its_like() -> None:
    assert tuple(rfm_advice.ADVICE) == RFM_CLASSES
    assert rfm_advice.of_class("top", [(5, 5), (5, 4), (4, 5)]) == rfm_advice.ADVICE["champions"]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10.0k"), (738_000, "738k"), (1_250_000, "1.2M"), (-12_345, "-12.3k")],
)
def test_large_numbers_are_short(number: int, text: str) -> None:
    assert rfm_page.short(number) == text


def test_the_command_writes_a_file_that_only_its_owner_reads(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(workspace)
    target = tmp_path / "rfm.html"
    assert main.run(["segment", "--html", str(target), "--workspace", str(workspace.root)]) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert main.run(["segment", "--html", str(tmp_path / "no" / "x.html"), "--workspace", str(workspace.root)]) == 2
    assert main.run(["segment", "--html", str(target), "--list", "--workspace", str(workspace.root)]) == 2
