"""Lint a workspace: every file, and every template for every real recipient. The checks: templates/lint.

What is linted: tasks; the sources of a template: sources; its messages: people and deadlines; what comes out: findings,
and sarif for other tools.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.campaigns import spec
from mailflow.campaigns.people import People
from mailflow.config.brand import load_brand
from mailflow.errors import MailflowError, Problem, ProblemsError
from mailflow.jobs import offering, personal
from mailflow.jobs.campaign import OpenCampaign
from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.lint import people, polls, sources, tasks
from mailflow.jobs.lint.findings import Finding, Ledger, Sheet, placed
from mailflow.jobs.lint.sources import Sources
from mailflow.jobs.lint.tasks import Task
from mailflow.offers.offer import Offer
from mailflow.store import members
from mailflow.templates import review, translations
from mailflow.templates.lint.checks import CHECKS, Found, Severity
from mailflow.templates.lint.places import Place, Places
from mailflow.workspace import SETTINGS_FILE, Workspace

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

Advance = Callable[[int], object]
Progress = Callable[[str, int], AbstractContextManager[Advance]]
_KEYS = ("subject", "preheader", "reply_to", "language")
BROKEN = "L001"


@dataclass(frozen=True, slots=True)
class Options:
    """What is linted, and for how many: `sample` people of each campaign, `everybody` where no campaign is."""

    names: tuple[str, ...] = ()
    sample: int | None = None
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What came out. `templates` were linted, for `messages` messages; `unlooked` of these had yet another layout.

    `broken_beside` are files that cannot be used and have nothing to do with the names that were asked for.
    """

    findings: tuple[Finding, ...]
    templates: int
    messages: int
    unlooked: int = 0
    broken_beside: tuple[str, ...] = ()

    def count(self, severity: Severity) -> int:
        """Return how many findings are of a severity."""
        return sum(finding.check.severity is severity for finding in self.findings)

    @property
    def has_broken_files(self) -> bool:
        """Whether a file cannot be used, so that not everything could be looked at."""
        return any(finding.check.code == BROKEN for finding in self.findings)


@contextmanager
def _unseen(label: str, total: int) -> Iterator[Advance]:
    yield lambda steps: None


def lint(workspace: Workspace, options: Options, *, now: datetime, progress: Progress = _unseen) -> Report:
    """Return everything that is wrong with the files of a workspace and with the mail that they would make."""
    run = _Run(workspace, options, now, progress)
    run.files()
    if run.examined.settings is not None:
        run.templates()
    return run.report()


def people_of(workspace: Workspace, report: Report) -> Iterator[dict[str, Any]]:
    """Yield a record for each person that a finding concerns: what it is, where, and who has it."""
    for finding in report.findings:
        for person in members.named(workspace.store.db, array("q", finding.contacts)):
            record = finding.as_record()
            kept = {key: record[key] for key in ("code", "name", "severity", "file", "line", "message")}
            yield {**kept, "email": person.email, "contact": person.key}


class _Run:
    """One lint of a workspace."""

    def __init__(self, workspace: Workspace, options: Options, now: datetime, progress: Progress) -> None:
        self.examined = Examined(workspace, now, progress)
        self._workspace = workspace
        self._options = options
        self._now = now
        self._progress = progress
        self._ledger = Ledger()
        self._sheets: dict[str, Sheet] = {}
        self._ignored: frozenset[str] = frozenset()
        self._banned: list[str] = []
        self._templates = self._messages = self._unlooked = 0

    def report(self) -> Report:
        findings = tuple(self._ledger.findings())
        return Report(findings, self._templates, self._messages, self._unlooked, self._beside(findings))

    def files(self) -> None:
        """Read every file of the workspace; each problem is a finding, if it is of what was asked for."""
        for problem in self._problems():
            self._ledger.add(_broken(problem.message), placed(problem))
        settings = self.examined.settings
        if settings is None:
            return
        try:
            self._banned = load_brand(self._workspace.root).banned_words
        except ProblemsError as error:
            for problem in error.problems:
                self._ledger.add(_broken(problem.message), placed(problem))
        self._ignored = self._known_codes(settings.lint.ignore, Place(SETTINGS_FILE))

    def _problems(self) -> list[Problem]:
        """Return what is wrong with all files, or with those of the names; what else these need is told on the way."""
        examined, names = self.examined, self._options.names
        if not names or examined.settings is None:
            return examined.problems
        found = tasks.tasks(examined.templates, examined.campaigns, names)
        sent_by = [name for task in found if task.campaign for name in (task.name, task.campaign.file.name)]
        return [problem for name in dict.fromkeys((*names, *sent_by)) for problem in examined.problems_of(name)]

    def _beside(self, findings: Sequence[Finding]) -> tuple[str, ...]:
        """Return the files with problems that are no finding."""
        told = {(finding.place, finding.message) for finding in findings}
        broken = [each for each in self.examined.problems if (placed(each), each.message) not in told]
        return tuple(sorted({each.file for each in broken}))

    def templates(self) -> None:
        """Look at every template that can be compiled, once, and at its messages."""
        examined, named = self.examined, self._options.names
        tasks.check_names(named, _all_names(examined), examined.campaigns.values())
        found = tasks.tasks(examined.templates, examined.campaigns, named)
        checks = Sources(examined)
        by_template: defaultdict[str, list[Task]] = defaultdict(list)
        for task in found:
            by_template[task.template.name].append(task)
        for of_template in by_template.values():
            self._templates += 1
            template = of_template[0].template
            for version in (template, *template.translations.values()):
                for fault, place in checks.of_front(version):
                    self._sheet(version, template).add(fault, place)
            for fault, place in checks.check(template):
                self._sheet(template, template).add(fault, place)
            for problem in review.problems(template.files, self._workspace.templates.name):
                self._sheet(template, template).add(Found("L605", problem.message.partition(". ")[0]), placed(problem))
            for language in self._lacking.get(template.file, ()):
                self._sheet(template, template).add(people.lacking(template.name, language))
            for task in of_template:
                self._messages_of(task)
        if not named:
            self._parts_to_translate()

    @cached_property
    def _lacking(self) -> dict[str, list[str]]:
        """Path → the languages that a file of templates/ is not written in, of those that others are written in."""
        folder = self._workspace.templates
        return {f"{folder.name}/{path}": tags for path, tags in translations.missing(folder).items()}

    def _parts_to_translate(self) -> None:
        """Tell of layouts and blocks that are written in some languages, and not in all that the templates are."""
        for path, languages in self._lacking.items():
            if translations.is_part(path.partition("/")[2]):
                for language in languages:
                    found = Found("L109", f"is not written in {language}, as templates are", about=language)
                    self._ledger.add(found, Place(path), ignored=self._ignored)

    def _sheet(self, template: CompiledTemplate, whole: CompiledTemplate) -> Sheet:
        """Return where the faults of a template in one language are kept; `whole` has all its languages."""
        if template.file not in self._sheets:
            keys = {key: placed(template.problem(key, "")) for key in _KEYS}
            own = self._known_codes(template.front.lint_ignore, placed(template.problem("lint_ignore", "")))
            others = sources.other_versions(whole, template)
            files = {path: text for path, text in template.files.items() if path not in others}
            places = Places(template.file, files)
            self._sheets[template.file] = Sheet(self._ledger, places, keys, self._ignored | own)
        return self._sheets[template.file]

    def _known_codes(self, codes: Collection[str], place: Place) -> frozenset[str]:
        """Return the checks that are switched off; a code that no check has is a problem of its file."""
        known = {*CHECKS, *(check.name for check in CHECKS.values())}
        for code in codes:
            if code not in known:
                self._ledger.add(_broken(f"there is no check {code!r}: see docs/lint.md"), place)
        return frozenset(codes)

    def _messages_of(self, task: Task) -> None:
        """Render one campaign, or a template without one, for those who are to get it."""
        unread = review.problems(task.template.files, self._workspace.templates.name)
        if task.campaign is None and self._options.everybody and not unread:
            task = Task(task.template, tasks.to_everybody(self._workspace, task.template))
        lacking = self._lacking.get(task.template.file, ())
        examiner = people.Examiner(self._workspace, task, self._sheet, self._banned, lacking)
        try:
            recipients = self._recipients(task, self._sheet(task.template, task.template))
            if not recipients:
                for message in _samples(self._workspace, task.template, self._now):
                    examiner.look(message, is_person=False)
                return
            with self._progress(f"Reading {task.name}", len(recipients)) as advance:
                for message in people.messages(self._workspace, task, recipients, self._now):
                    examiner.look(message)
                    self._messages += 1
                    advance(1)
        except ProblemsError as error:
            for problem in error.problems:  # such as stores.csv; known from `files`, or of the campaign
                self._ledger.add(_broken(problem.message), placed(problem))
        except MailflowError as error:
            self._ledger.add(_broken(str(error)), Place(task.template.file))
        self._unlooked += examiner.unlooked

    def _recipients(self, task: Task, sheet: Sheet) -> People | None:
        campaign = task.campaign
        if campaign is None:
            self._old_offer(offering.offer_of(self._workspace, task.template), sheet)
            self._closed_polls(task, self._now, sheet)
            return None
        plan = campaign.plan(self._now)
        recipients = tasks.recipients(plan)
        if recipients or not tasks.is_done(plan):
            self._old_offer(campaign.offer, sheet)
            self._closed_polls(task, max(self._now, _last_due(plan.recipients)), sheet)
            self._old_deadline(campaign, max(self._now, _last_due(plan.recipients)), sheet)
        try:
            campaign.check_offer(plan, self._now)
        except ProblemsError as error:
            for problem in error.problems:
                code = "L602" if campaign.offer and _is_over(campaign.offer, _last_due(plan.recipients)) else "L603"
                sheet.add(Found(code, problem.message), placed(problem))
        if not recipients and campaign.file.document.file != task.template.file:
            place = Place(campaign.file.document.file)
            sheet.add(Found("L003", f"nobody would get {campaign.file.spec.id} now"), place)
        limit = self._options.sample
        return recipients if limit is None else tasks.spread(recipients, limit)

    def _closed_polls(self, task: Task, due: datetime, sheet: Sheet) -> None:
        asked = personal.polls_of(self._workspace, task.template)
        for found, poll in polls.closed(asked.values(), due):
            sheet.add(found, placed(poll.problem("closes", "")))

    def _old_deadline(self, campaign: OpenCampaign, due: datetime, sheet: Sheet) -> None:
        deadline, zone = campaign.file.spec.deadline, self._workspace.settings.zone
        if deadline is not None and due >= clock.end_of_day(deadline, zone):
            found = Found("L602", f"its deadline, {deadline}, is over before its last message goes out")
            sheet.add(found, placed(campaign.file.problem("deadline", "")))

    def _old_offer(self, offer: Offer | None, sheet: Sheet) -> None:
        if offer is not None and _is_over(offer, self._now):
            problem = offer.problem("expires", f"{offer.name} was worth something until {offer.ends}")
            sheet.add(Found("L602", problem.message), placed(problem))


def _samples(workspace: Workspace, template: CompiledTemplate, now: datetime) -> Iterator[people.Message]:
    """Yield what the sample person of previews would get, in each language that a template has."""
    for language in (None, *template.translations):
        message = people.sample(workspace, template, now)
        if language is not None:
            message.known["contact"]["language"] = language
        yield message


def _last_due(recipients: People) -> datetime:
    """Return when the last message of a plan is due."""
    return clock.from_ms(recipients.last_due or 0)


def _broken(words: str) -> Found:
    return Found(BROKEN, words, about=words)


def _is_over(offer: Offer, at: datetime) -> bool:
    return offer.over_at is not None and at >= offer.over_at


def _all_names(examined: Examined) -> list[str]:
    from mailflow.templates import source

    paths = spec.campaign_paths(examined.workspace.campaigns)  # one that cannot be read has no other name
    return [*source.names(examined.workspace.templates), *(path.stem for path in paths)]


__all__ = ["BROKEN", "Finding", "OpenCampaign", "Options", "Report", "Severity", "lint"]
