"""Render a template for every recipient, block by block, and look at each message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.errors import MailflowError, Problem, ProblemsError
from mailflow.jobs import offering, personal
from mailflow.jobs.lint import sources
from mailflow.jobs.lint.deadlines import Deadlines, Frame
from mailflow.jobs.lint.findings import Reader, Sheet, placed
from mailflow.jobs.lint.polls import unanswerable
from mailflow.jobs.lint.tasks import Task
from mailflow.offers.deadlines import NEVER
from mailflow.outbox import polls
from mailflow.outbox.render import Renderer
from mailflow.store import suggestions
from mailflow.templates import languages, lasting
from mailflow.templates.lasting import Moment
from mailflow.templates.lint import fields, links, scarce, wire, wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.message import Inspector
from mailflow.templates.lint.places import Place
from mailflow.templates.lint.spoken import Spoken, Texts
from mailflow.templates.lint.wording import Wording
from mailflow.templates.parts import FooterError, Lacking, Rendered
from mailflow.tokens import Purpose
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.people import People
    from mailflow.config import Settings
    from mailflow.templates.compiled import CompiledTemplate

_BLOCK = 500
_TOKEN = "lint"
_FOOTER_LINE = "--\n"  # begins the footer of the shipped layouts' text part
_FOOTER = {Lacking.ADDRESS: "L511", Lacking.WAY_OUT: "L512"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message that is to be looked at: for whom, what is known of them, and when it is due."""

    reader: Reader
    email: str
    known: Mapping[str, Any]
    due: datetime


@dataclass(frozen=True, slots=True)
class _Version:
    """A template in one language: where its faults are kept, what looks at its messages, what it shows of people."""

    sheet: Sheet
    texts: Texts
    inspector: Inspector
    fields: Mapping[str, Place]
    language: str | None  # that it is written in, where it says so


class Examiner:
    """Looks at the messages of one template in one campaign; others are written in `languages` that it is not in."""

    def __init__(
        self,
        workspace: Workspace,
        task: Task,
        sheet_of: Callable[[CompiledTemplate, CompiledTemplate], Sheet],
        banned: Sequence[str],
        languages: Collection[str] = (),
    ) -> None:
        self._workspace = workspace
        self._template = task.template
        self._sheet_of = sheet_of
        self._banned = banned
        self._renderer = _renderer(workspace, task)
        self._deadlines = Deadlines()
        self._versions: dict[str, _Version] = {}
        self._lacking = frozenset(languages)
        self._days: dict[datetime, date] = {}  # of the instants at which messages are due

    @property
    def unlooked(self) -> int:
        """How many messages had a shape beyond those that are looked at as a whole."""
        return sum(version.inspector.unlooked for version in self._versions.values())

    def look(self, message: Message, *, is_person: bool = True) -> None:
        """Render one message and keep what is wrong with it."""
        version = self._version(self._template.for_reader(message.known))
        lacking: list[tuple[Found, Place]] = []
        try:
            rendered = self._renderer.render(message.known, token=_TOKEN)
        except FooterError as error:  # all else can be looked at all the same
            rendered = error.rendered
            lacking = [(_lacks(lack, problem), placed(problem)) for lack, problem in error.lacking]
        except ProblemsError as error:
            failed = [(_failure(_without(problem, message.email)), placed(problem)) for problem in error.problems]
            _keep(version.sheet, message, [], failed, is_person=is_person)
            return
        contact = message.known["contact"]
        spoken = version.texts.look(rendered, str(contact.get("email") or ""))
        faults = [*spoken.faults, *version.inspector.look(rendered, contact)]
        if rendered.text.lstrip().startswith(_FOOTER_LINE):
            faults.append(Found("L513", "there is nothing to read but the footer"))
        if version.inspector.is_new and not lacking:
            faults += self._wire(rendered, message)
        faults += self._deadlines.look(spoken, *self._frames(message))
        faults += self._scarce(spoken, rendered)
        faults += unanswerable(rendered, message.known.get(polls.ASKED), self._workspace.keys, _TOKEN)
        about = self._about(contact, version) if is_person else ()
        _keep(version.sheet, message, faults, (*lacking, *about), is_person=is_person)

    def _scarce(self, spoken: Spoken, rendered: Rendered) -> Iterator[Found]:
        """Yield what a message says of little that is left and no stock of what it names bears out."""
        if spoken.claims:
            said = f"{rendered.subject}\n{rendered.text}".casefold()
            stocks = [stock for title, stock in self._stocks if title in said]
            yield from (claim.found() for claim in spoken.claims if not claim.is_true(stocks))

    @cached_property
    def _stocks(self) -> list[tuple[str, int]]:
        """Titles of products of which few are left, and how many; read only where a mail speaks of it."""
        rows = suggestions.low_stocks(self._workspace.store.db, scarce.MOST)
        return [(title.casefold(), stock) for title, stock in rows]

    def _day(self, due: datetime) -> date:
        if due not in self._days:
            self._days[due] = clock.local_date(due, self._workspace.settings.zone)
        return self._days[due]

    def _frames(self, message: Message) -> list[Frame]:
        """Return the day on which a message is read and the last day of what it is about, here and where they live."""
        today, zone = self._day(message.due), message.known["contact"].get("timezone")
        known = [end for end in (_ends(message.known), self._renderer.deadline) if end is not None]
        ends: list[date | None] = [*known] or [None]
        frames = [(today, end) for end in ends]
        asking = message.known.get(polls.ASKED)
        frames += [(today, poll.closes_on) for poll in (asking.polls.values() if asking else ()) if poll.closes_on]
        if zone:
            moment = Moment(message.due, self._workspace.settings.zone)
            own = lasting.today(moment, zone)
            left = (
                end if end is None or end == NEVER else own + timedelta(days=lasting.days_left(end, moment, zone))
                for end in ends
            )
            frames += [(own, end) for end in left]
        return list(dict.fromkeys(frames))

    def _version(self, template: CompiledTemplate) -> _Version:
        if template.file not in self._versions:
            settings, root = self._workspace.settings, self._workspace.root
            files = sources.own_files(template, sources.other_versions(self._template, template))
            words = Wording(self._banned, wording.own_words(list(files.values())))
            self._versions[template.file] = _Version(
                self._sheet_of(template, self._template),
                Texts(words, template.own_words),
                Inspector(words, Hosts(_own_hosts(settings), _files_of(root)), template.own_words),
                sources.shown_fields(files),
                template.front.language,
            )
        return self._versions[template.file]

    def _about(self, contact: Mapping[str, Any], version: _Version) -> Iterator[tuple[Found, Place]]:
        """Yield what is missing of a person, and their language if the template is not in it."""
        for path, place in version.fields.items():
            value = fields.value(contact, path)
            if value is None or value == "" or value == []:
                yield Found("L102", f"contact.{path} is empty", about=path), place
        reads = languages.primary(str(contact.get("language") or ""))
        if reads and (found := self._untranslated(version, reads)) is not None:
            yield found, version.sheet.place(found)

    def _untranslated(self, version: _Version, reads: str) -> Found | None:
        """Return that a message is in another language than its reader's, as far as a template says what it is in.

        One with translations is in the shop's language itself; others of which nothing is known are left alone, unless
        other templates are written in the language.
        """
        written = version.language or (self._workspace.settings.language if self._template.translations else None)
        if written and languages.primary(written) != reads:
            words = f"written in {written}; these people read {reads}, and there is no {self._template.name}.{reads}"
            return Found("L109", words, key="language", about=reads)
        if written is None and reads in self._lacking:
            return lacking(self._template.name, reads)
        return None

    def _wire(self, rendered: Rendered, message: Message) -> list[Found]:
        """Build the bytes of a message, have them read back, and look at them."""
        settings = self._workspace.settings
        try:
            content = self._renderer.content(
                0, address=message.email, token=_TOKEN, context=message.known, now=message.due, checked=True
            )
        except MailflowError as error:
            return [Found("L514", f"the message cannot be built: {str(error).splitlines()[0]}")]
        host = links.host_of(settings.unsubscribe.url or "")
        asked = wire.Asked(
            domain=settings.sender.domain,
            subject=rendered.subject,
            domains=settings.sender.domains,
            is_marketing=self._template.message_class == "marketing",
            address=message.known["shop"]["address"],
            unsubscribe_hosts=(host,) if host else (),
            is_token=lambda token: self._workspace.keys.verify(token, Purpose.UNSUBSCRIBE) == _TOKEN,
        )
        return wire.check(content.data, asked)


def _keep(
    sheet: Sheet,
    message: Message,
    faults: Iterable[Found],
    with_place: Iterable[tuple[Found, Place]],
    *,
    is_person: bool,
) -> None:
    """Keep faults, and who has them unless it is the sample person."""
    if is_person:
        sheet.add_for(message.reader, faults, with_place)
        return
    for found in faults:
        sheet.add(found)
    for found, place in with_place:
        sheet.add(found, place)


def messages(workspace: Workspace, task: Task, people: People, now: datetime) -> Iterator[Message]:
    """Yield the messages of recipients with what is known of each, read in blocks; memory stays flat."""
    campaign = task.campaign
    assert campaign is not None
    asked = personal.asked(workspace, [task.template], now=now)
    remaining = iter(people)
    while block := list(islice(remaining, _BLOCK)):
        known = personal.contexts_of(workspace, asked, [person.contact_id for person in block], now=now)
        for person in block:
            due = max(now, clock.from_ms(person.due_at))
            of_then(known[person.contact_id], Moment(due, workspace.settings.zone))
            context = campaign.with_sample(known[person.contact_id], person.key, due)
            yield Message(Reader(person.contact_id, person.email or ""), person.email or "", context, due)


def of_then(known: dict[str, Any], moment: Moment) -> None:
    """Tell a context the day on which its message is made, which is when it is due."""
    known["today"] = clock.local_date(moment.now, moment.zone)
    known[lasting.CLOCK] = moment
    if polls.ASKED in known:
        known[polls.ASKED] = replace(known[polls.ASKED], at=moment.now)


def sample(workspace: Workspace, template: CompiledTemplate, now: datetime) -> Message:
    """Return the message to the sample person of previews."""
    known = personal.sample(workspace, template, now=now)
    email = str(known["contact"]["email"])
    offered = offering.sample(workspace, template, email, now)
    return Message(Reader(0, email), email, {**known, **offered}, now)


def _renderer(workspace: Workspace, task: Task) -> Renderer:
    template = task.template
    if task.campaign is not None:
        return task.campaign.renderer()
    return Renderer(workspace.settings, workspace.keys, template, template.name, template.name)


def _own_hosts(settings: Settings) -> frozenset[str]:
    pages = (settings.unsubscribe.url, settings.url, settings.tracking.url)
    found = {settings.sender.domain, *(links.host_of(page or "") for page in pages)}
    return frozenset(host for host in found if host)


def _files_of(root: Path) -> Any:
    """Return what tells whether a path in a link is a file of the workspace."""

    def is_file(path: str) -> bool:
        place = (root / path.lstrip("/")).resolve()
        return place.is_relative_to(root) and place.is_file()

    return is_file


def _ends(known: Mapping[str, Any]) -> date | None:
    """Return the last day of a message's offer, NEVER where that has none, None without an offer."""
    offer = known.get("offer")
    if not offer:
        return None
    ends = offer.get("expires_on")
    return ends if isinstance(ends, date) else NEVER


def lacking(name: str, language: str) -> Found:
    """Return that a template is not written in a language that others are written in."""
    words = f"there is no {name}.{language}, and other templates are written in {language}"
    return Found("L109", words, key="language", about=language)


def _lacks(lack: Lacking, problem: Problem) -> Found:
    """Return what a footer lacks; what to do about it is the check's to say."""
    return Found(_FOOTER[lack], problem.message.partition(": ")[0])


def _failure(words: str) -> Found:
    return Found("L002", words, about=words)


def _without(problem: Problem, email: str) -> str:
    """Return the words of a problem without the person it happened with: they are counted."""
    return problem.message.removesuffix(f" (for {email})")
