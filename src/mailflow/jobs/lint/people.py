"""Render a template for every recipient, block by block, and look at each message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.errors import MailflowError, Problem, ProblemsError
from mailflow.jobs import offering, personal
from mailflow.jobs.lint import sources
from mailflow.jobs.lint.deadlines import Deadlines
from mailflow.jobs.lint.findings import Reader, Sheet, placed
from mailflow.jobs.lint.tasks import Task
from mailflow.outbox.render import Renderer
from mailflow.templates.lint import fields, links, wire, wording
from mailflow.templates.lint.checks import Found
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.message import Inspector
from mailflow.templates.lint.places import Place
from mailflow.templates.lint.wording import Wording
from mailflow.templates.parts import Rendered
from mailflow.tokens import Purpose
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.campaigns.planning import PlannedContact
    from mailflow.config import Settings
    from mailflow.templates.compile import CompiledTemplate

_BLOCK = 500
_TOKEN = "lint"


@dataclass(frozen=True, slots=True)
class Message:
    """One message that is to be looked at: for whom, what is known of them, and when it is due."""

    reader: Reader
    email: str
    known: Mapping[str, Any]
    due: datetime


@dataclass(slots=True)
class Examiner:
    """Looks at the messages of one template in one campaign."""

    workspace: Workspace
    template: CompiledTemplate
    renderer: Renderer
    sheet: Sheet
    inspector: Inspector
    fields: Mapping[str, Place]  # of the person, that the template shows
    language: str | None  # that the template is written in, where it says so
    deadlines: Deadlines = field(default_factory=Deadlines)

    @classmethod
    def of(cls, workspace: Workspace, task: Task, sheet: Sheet, banned: Sequence[str]) -> Examiner:
        """Return the examiner of a template for one campaign, or for none."""
        template, settings = task.template, workspace.settings
        if task.campaign is not None:
            renderer = task.campaign.renderer()
        else:
            renderer = Renderer(settings, workspace.keys, template, template.name, template.name)
        words = Wording(banned, wording.own_words(list(sources.own_files(template).values())))
        inspector = Inspector(words, Hosts(_own_hosts(settings), _files_of(workspace.root)))
        return cls(
            workspace, template, renderer, sheet, inspector, sources.shown_fields(template), template.front.language
        )

    def look(self, message: Message, *, is_person: bool = True) -> None:
        """Render one message and keep what is wrong with it."""
        try:
            rendered = self.renderer.render(message.known, token=_TOKEN)
        except ProblemsError as error:
            failed = [(_failure(_without(problem, message.email)), placed(problem)) for problem in error.problems]
            self._keep(message, [], failed, is_person=is_person)
            return
        contact = message.known["contact"]
        faults = self.inspector.look(rendered, contact)
        if self.inspector.is_new:
            faults += self._wire(rendered, message)
        faults += self.deadlines.look(rendered, today=self._day(message.due), ends=_ends(message.known))
        self._keep(message, faults, self._about(contact) if is_person else [], is_person=is_person)

    def _keep(
        self, message: Message, faults: Iterable[Found], with_place: Iterable[tuple[Found, Place]], *, is_person: bool
    ) -> None:
        if is_person:
            self.sheet.add_for(message.reader, faults, with_place)
            return
        for found in faults:
            self.sheet.add(found)
        for found, place in with_place:
            self.sheet.add(found, place)

    def _about(self, contact: Mapping[str, Any]) -> Iterator[tuple[Found, Place]]:
        """Yield what is missing of a person, and their language if the template is not in it."""
        for path, place in self.fields.items():
            value = fields.value(contact, path)
            if value is None or value == "" or value == []:
                yield Found("L102", f"contact.{path} is empty", about=path), place
        reads = str(contact.get("language") or "")[:2].lower()
        if self.language and reads and reads != self.language[:2].lower():
            words = f"written in {self.language}; these people read {reads}, and there is no {self.template.name} in it"
            found = Found("L109", words, key="language", about=reads)
            yield found, self.sheet.place(found)

    def _wire(self, rendered: Rendered, message: Message) -> list[Found]:
        """Build the bytes of a message, have them read back, and look at them."""
        settings = self.workspace.settings
        try:
            content = self.renderer.content(
                0, address=message.email, token=_TOKEN, context=message.known, now=message.due, checked=True
            )
        except MailflowError as error:
            return [Found("L514", f"the message cannot be built: {str(error).splitlines()[0]}")]
        host = links.host_of(settings.unsubscribe.url or "")
        asked = wire.Asked(
            domain=settings.sender.domain,
            subject=rendered.subject,
            is_marketing=self.template.message_class == "marketing",
            address=settings.address,
            unsubscribe_hosts=(host,) if host else (),
            is_token=lambda token: self.workspace.keys.verify(token, Purpose.UNSUBSCRIBE) == _TOKEN,
        )
        return wire.check(content.data, asked)

    def _day(self, due: datetime) -> date:
        return clock.local_date(due, self.workspace.settings.zone)


def messages(workspace: Workspace, task: Task, people: Sequence[PlannedContact], now: datetime) -> Iterator[Message]:
    """Yield the messages of recipients with what is known of each, read in blocks; memory stays flat."""
    campaign = task.campaign
    assert campaign is not None
    asked = personal.asked(workspace, [task.template], now=now)
    for start in range(0, len(people), _BLOCK):
        block = people[start : start + _BLOCK]
        known = personal.contexts_of(workspace, asked, [person.contact_id for person in block], now=now)
        for person in block:
            due = max(now, clock.from_ms(person.due_at))
            context = campaign.with_sample(known[person.contact_id], person.key, due)
            yield Message(Reader(person.contact_id, person.email or ""), person.email or "", context, due)


def sample(workspace: Workspace, template: CompiledTemplate, now: datetime) -> Message:
    """Return the message to the sample person of previews."""
    known = personal.sample(workspace, template, now=now)
    email = str(known["contact"]["email"])
    offered = offering.sample(workspace, template, email, now)
    return Message(Reader(0, email), email, {**known, **offered}, now)


def _own_hosts(settings: Settings) -> frozenset[str]:
    found = {links.host_of(settings.unsubscribe.url or ""), links.host_of(settings.url or ""), settings.sender.domain}
    return frozenset(host for host in found if host)


def _files_of(root: Path) -> Any:
    """Return what tells whether a path in a link is a file of the workspace."""

    def is_file(path: str) -> bool:
        place = (root / path.lstrip("/")).resolve()
        return place.is_relative_to(root) and place.is_file()

    return is_file


def _ends(known: Mapping[str, Any]) -> date | None:
    ends = (known.get("offer") or {}).get("expires_on")
    return ends if isinstance(ends, date) else None


def _failure(words: str) -> Found:
    return Found("L002", words, about=words)


def _without(problem: Problem, email: str) -> str:
    """Return the words of a problem without the person it happened with: they are counted."""
    return problem.message.removesuffix(f" (for {email})")
