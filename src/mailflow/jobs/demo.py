"""The whole main job on a made-up shop, step by step as one would type it. The shop: samples; the steps: other jobs."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

from mailflow import clock, samples
from mailflow.delivery import maildir
from mailflow.errors import UsageError
from mailflow.importers import ImportOptions
from mailflow.jobs import importing, tick
from mailflow.jobs import init as init_job
from mailflow.jobs import plan as plan_job
from mailflow.jobs import segment as segment_job
from mailflow.jobs import send as send_job
from mailflow.jobs.init import Brand
from mailflow.jobs.segment import Report
from mailflow.jobs.tick import Now, TickReport
from mailflow.model import MessageState
from mailflow.store import messages, recipients
from mailflow.workspace import DATABASE_FILE, PRIVATE_FOLDER, Workspace

BRAND = Brand(
    name="Quitte & Kanne",
    email="hello@quitte-kanne.example",
    address="Musterweg 4, 8010 Graz, Austria",
    currency="EUR",
    timezone="Europe/Vienna",
)
SENT_AT_ONCE = ("thank_you", "win_back")
SCHEDULED = "newsletter"
DATA_FILES = ("contacts.csv", "products.csv", "orders.csv")
_NEWSLETTER_FILE = f"campaigns/{SCHEDULED}.yaml"
_NEWSLETTER = """\
# To all who read English, tomorrow morning. `mailflow send newsletter` approves it, `mailflow run` sends it.
name: News from the shop
audience: language == "en"
template: newsletter
send_at: {day} {hour}
"""
_HOUR = time(9)
# Lists what the demo made; where it is, the folder is a demo.
_MARKER = f"{PRIVATE_FOLDER}/demo.json"
_LOOKED_THROUGH = 60  # messages among which one with a name that is worth seeing is looked for


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to look at, as a file on disk."""

    campaign: str
    to: str
    subject: str
    path: Path


@dataclass(frozen=True, slots=True)
class Demo:
    """What there is to see when all is done; `left_out` counts the people of all audiences by reason."""

    workspace: Workspace
    contacts: int
    orders: int
    report: Report
    delivered: int
    left_out: Counter[str]
    letters: tuple[Letter, ...]


def demo(folder: Path, *, again: bool, now: Now, is_real_clock: bool, tell: Callable[[str], None]) -> Demo:
    """Make the sample shop in `folder` and take it through the main job.

    `tell` gets every step as lines: `$` with what one would type for it, then what came of it. `UsageError` for a
    folder that holds anything; `again` makes an earlier demo anew, and touches nothing in its folder that the demo did
    not make.
    """
    _make_room(folder, again=again)
    guide = _Guide(folder, now, is_real_clock, tell)
    guide.init()
    contacts, _, orders = (guide.bring_in(name) for name in DATA_FILES)
    report = guide.score()
    for name in SENT_AT_ONCE:
        guide.plan(name)
        guide.send(name)
    guide.run(at=guide.schedule(SCHEDULED))
    letters = tuple(_letter(guide.workspace, name) for name in (*SENT_AT_ONCE, SCHEDULED))
    return Demo(guide.workspace, contacts, orders, report, guide.delivered, guide.left_out, letters)


def _make_room(folder: Path, *, again: bool) -> None:
    """Refuse a folder that is in use, take away an earlier demo, and mark the folder as ours before filling it."""
    marker = folder / _MARKER
    if marker.is_file():
        if not again:
            raise UsageError(f"{folder} holds a demo already: look around in it, or `mailflow demo {folder} --again`")
        with Workspace(folder).lock():
            _take_away(folder, json.loads(marker.read_text(encoding="utf-8")))
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is in use and not a demo. Name another folder: `mailflow demo {folder}-2`")
    made = [name for name, _ in init_job.read_pack(init_job.DEFAULT_PACK)]
    marker.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    marker.touch(mode=0o600)
    marker.write_text(json.dumps([*made, *DATA_FILES, _NEWSLETTER_FILE, *samples.WRITINGS], indent=1), encoding="utf-8")


def _take_away(folder: Path, made: Iterable[str]) -> None:
    for name in made:
        if (folder / name).resolve().is_relative_to(folder.resolve()):
            (folder / name).unlink(missing_ok=True)
    for path in folder.glob(f"{DATABASE_FILE}*"):
        path.unlink()
    shutil.rmtree(folder / PRIVATE_FOLDER)


@dataclass(slots=True)
class _Guide:
    """Goes through the main job in one workspace, tells each step, and counts what becomes of people and messages."""

    folder: Path
    now: Now
    is_real_clock: bool
    tell: Callable[[str], None]
    delivered: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    workspace: Workspace = field(init=False)

    @property
    def today(self) -> date:
        return clock.local_date(self.now(), self.workspace.settings.zone)

    def init(self) -> None:
        """Make the workspace, and the files that the shop would export."""
        self.tell(f"$ mailflow init {self.folder}")
        self.workspace = init_job.init(self.folder, BRAND).workspace
        samples.write_shop(self.workspace.root, samples.make_shop(until=self.today - timedelta(days=1)))
        samples.write_writings(self.workspace.root)
        self.tell(f"  a workspace; beside it {', '.join(DATA_FILES)}: a tea shop,")
        self.tell("  its letters in English and German, and an offer for who is to come back")
        self.tell(f"$ cd {self.folder}")

    def bring_in(self, name: str) -> int:
        """Import one of the shop's files, and return how many of its things are new."""
        self.tell(f"$ mailflow import {name}")
        settings = self.workspace.settings
        options = ImportOptions(currency=settings.currency, zone=settings.zone)
        done = importing.import_files(self.workspace, [self.workspace.root / name], options, now=self.now())
        for error in done.errors:
            raise error
        result = done.results[0]
        self.tell(f"  {result.inserted:,} {result.noun}, {result.rejected:,} rows rejected")
        return result.inserted

    def score(self) -> Report:
        """Return who is who."""
        self.tell("$ mailflow segment")
        report = segment_job.report(self.workspace, self.today)
        first = max(report.classes, key=lambda row: row.revenue_minor)
        share = f"{100 * first.share_revenue:.0f} % of the revenue"
        self.tell(f"  {report.contacts:,} buyers; {first.contacts:,} {first.name} bring {share}")
        return report

    def plan(self, name: str) -> None:
        """Look at who would get a campaign."""
        self.tell(f"$ mailflow plan {name}")
        plan = plan_job.plan_campaign(self.workspace, name, self.now())
        get_it, everybody = sum(line.decision == "send" for line in plan.lines), len(plan.lines)
        self.tell(f"  {everybody:,} people: {get_it:,} get it, {everybody - get_it:,} do not")

    def send(self, name: str) -> None:
        """Send a campaign; one with a time in the future is only approved."""
        self.tell(f"$ mailflow send {name} --yes")
        campaign, plan = send_job.prepare(self.workspace, name, plan_id=None, now=self.now())
        done = send_job.send(
            self.workspace, campaign, plan, plan_id=None, at_most=None, now=self.now, is_real_clock=self.is_real_clock
        )
        if done.tick is None:
            self.tell("  approved; `mailflow run` sends it when its time has come")
        else:
            self._count(done.tick)

    def schedule(self, name: str) -> datetime:
        """Write and approve a campaign for tomorrow morning, and return when that is."""
        day, zone = self.today + timedelta(days=1), self.workspace.settings.zone
        text = _NEWSLETTER.format(day=day, hour=_HOUR.strftime("%H:%M"))
        (self.workspace.root / _NEWSLETTER_FILE).write_text(text, encoding="utf-8")
        self.send(name)
        return clock.local_instant(day, _HOUR, zone)

    def run(self, at: datetime) -> None:
        """Do what is due at a time that has not come yet: a rehearsal may move the clock."""
        self.tell(f"$ mailflow run --now {clock.iso(at)}")
        self._count(tick.tick(self.workspace, now=lambda: at, is_real_clock=False))

    def _count(self, report: TickReport) -> None:
        report.raise_for_failures()
        accepted = report.states[MessageState.ACCEPTED]
        self.delivered += accepted
        for counts in report.planned.values():
            self.left_out.update({reason: number for reason, number in counts.items() if reason != "send"})
        self.tell(
            f"  {accepted:,} messages delivered into {self.workspace.maildir.relative_to(self.workspace.root)}/new"
        )


def _letter(workspace: Workspace, campaign: str) -> Letter:
    """Return one delivered message of a campaign, rather to a buyer whose name shows what becomes of its letters."""
    db = workspace.store.db
    rows = messages.listing(db, states=(MessageState.ACCEPTED,), campaign=campaign, limit=_LOOKED_THROUGH)
    found = [row for row in (messages.get(db, each["id"]) for each in rows) if row is not None]
    known = recipients.many(db, {row["contact_id"] for row in found})
    chosen = max(found, key=lambda row: (not row["subject"].isascii(), known[row["contact_id"]].facts is not None))
    path = workspace.maildir / "new" / maildir.file_name(chosen["id"])
    return Letter(campaign, chosen["rcpt_to"], chosen["subject"], path)
