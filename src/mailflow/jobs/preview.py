"""Make one message as it would go out, to be looked at. Nothing is planned, kept or sent. All variants: variants.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailflow import addresses, templates
from mailflow.errors import ConfigError, UsageError
from mailflow.jobs import archive, offering, personal, readers
from mailflow.jobs.campaign import stale_scores
from mailflow.outbox.render import Renderer, how_of
from mailflow.reports import preview_page
from mailflow.reports.preview_page import Letter
from mailflow.store import contacts
from mailflow.templates import Rendered, TemplateError
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

TOKEN = "preview"
NO_ARCHIVE = "mailflow.yaml has no `archive:`, so this page is not written and no mail has a link to it"


@dataclass(frozen=True, slots=True)
class Preview:
    """A message as one person would get it; `is_sample` where nobody was named and the person is made up."""

    template: str
    file: str
    email: str
    is_sample: bool
    from_header: str
    rendered: Rendered
    data: bytes

    def letter(self, *, people: int | None = None, told: Sequence[str] = ()) -> Letter:
        """Return it as a page shows it; as a variant with how many `people` get it, and why."""
        return Letter(
            people=people,
            told=told,
            email=self.email,
            is_sample=self.is_sample,
            from_header=self.from_header,
            subject=self.rendered.subject,
            preheader=self.rendered.preheader,
            html=self.rendered.html,
            text=self.rendered.text,
            data=self.data,
            problems=tuple(map(str, self.rendered.problems)),
            shown=archive.complete(self.rendered),
        )


def preview(workspace: Workspace, name: str, email: str | None, *, now: datetime) -> Preview:
    """Return what the contact with this address would get from a template; without one, what a sample person would.

    `TemplateError` names the file, the line and the person; `UsageError` an address that nobody has.
    """
    template = load(workspace, name)
    if email is None:
        known = personal.sample(workspace, template, now=now)
    else:
        contact_id = _contact(workspace, email)
        known = personal.contexts(workspace, template, [contact_id], now=now)[contact_id]
    return of_context(workspace, template, known, is_sample=email is None, now=now)


def in_browser(workspace: Workspace, name: str, *, now: datetime) -> Letter:
    """Return what `view_url` of a template's mail leads to; `ConfigError` where there can be no such page."""
    template = load(workspace, name)
    renderer = renderer_of(workspace, template)
    page = archive.public(workspace, template, renderer, now)
    return Letter(
        people=None,
        told=(),
        email="whoever opens it in a browser",
        is_sample=False,
        from_header=f"{renderer.settings.sender.name} <{renderer.settings.sender.email}>",
        subject=page.subject,
        preheader=page.preheader,
        html=page.html,
        text=page.text,
        data=page.html.encode(),
        problems=() if workspace.settings.archive else (NO_ARCHIVE,),
        is_page=True,
    )


def with_page(
    workspace: Workspace, name: str, letters: Sequence[Letter], now: datetime
) -> tuple[list[Letter], list[str]]:
    """Return letters with the page for a browser behind them, where there is one, or why it cannot be written."""
    if workspace.settings.archive is None or not letters:
        return [*letters], []
    try:
        return [*letters, in_browser(workspace, name, now=now)], []
    except ConfigError as error:
        return [*letters], [str(error)]


def remarks(workspace: Workspace, name: str, now: datetime) -> list[str]:
    """Return what to know of a preview: that scores which it goes by are of old; it works none out anew."""
    if not stale_scores(workspace, load(workspace, name), now):
        return []
    return ["The scores that this goes by are out of date: `mailflow plan` and `send` work them out anew first."]


def load(workspace: Workspace, name: str) -> CompiledTemplate:
    """Return a template as the settings want its messages made; links lead straight to where they go, uncounted."""
    how = how_of(workspace.settings, name)
    return templates.load(workspace.templates, name, replace(how, clicks=False, opens=False), unreviewed=True)


def check(workspace: Workspace, name: str, email: str | None) -> None:
    """Raise where there is no such template or contact; other mistakes have a line, and are for a page to show."""
    from mailflow.templates import source

    try:
        source.read_source(source.Files(workspace.templates), name)
    except TemplateError as error:
        if any(problem.line is None for problem in error.problems):
            raise
    if email is not None:
        _contact(workspace, email)


def of_context(
    workspace: Workspace, template: CompiledTemplate, known: Mapping[str, Any], *, is_sample: bool, now: datetime
) -> Preview:
    """Return what the person with this context would get from a template, with a sample of a code of its offer."""
    address = str(known["contact"]["email"])
    known = {**known, **offering.sample(workspace, template, address, now)}
    renderer = renderer_of(workspace, template)
    rendered = renderer.render(known, token=TOKEN)
    content = renderer.content(0, address=address, token=TOKEN, context=known, now=now, checked=True)
    sender = renderer.sender(known)
    return Preview(
        template=template.name,
        file=template.file,
        email=address,
        is_sample=is_sample,
        from_header=f"{rendered.from_name or sender.name} <{sender.email}>",
        rendered=rendered,
        data=content.data,
    )


def write_page(workspace: Workspace, name: str, letters: Sequence[Letter], **remarks: Any) -> Path:
    """Write previews as a page that only its owner can read, and return the file; `remarks` as `preview_page` has."""
    folder = workspace.private / "preview"
    folder.mkdir(mode=0o700, exist_ok=True)
    page = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}.html"
    page.touch(mode=0o600)
    page.chmod(0o600)
    page.write_text(preview_page.render(name, letters, **remarks), encoding="utf-8")
    return page


def renderer_of(workspace: Workspace, template: CompiledTemplate) -> Renderer:
    """Return what makes a template's messages as the first campaign that uses it would; without one, as its own."""
    using = readers.campaigns_of(workspace, template)
    if not using:
        return Renderer(workspace.settings, workspace.keys, template, template.name, template.name)
    return using[0].renderer(template)


def _contact(workspace: Workspace, email: str) -> int:
    try:
        address = addresses.normalise(email)
    except ValueError as error:
        raise UsageError(f"{email!r}: {error}") from None
    found = contacts.find_by_email(workspace.store.db, address)
    if found is None:
        raise UsageError(
            f"nobody has the address {email}: `mailflow import` brings contacts in; without --for a sample is shown"
        )
    return found.id
