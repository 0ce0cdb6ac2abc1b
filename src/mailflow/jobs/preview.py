"""Make one message as it would go out, to be looked at. Nothing is planned, kept or sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mailflow import addresses, templates
from mailflow.errors import UsageError
from mailflow.jobs import offering, personal
from mailflow.outbox.render import Renderer
from mailflow.store import contacts
from mailflow.templates import Rendered
from mailflow.workspace import Workspace

_TOKEN = "preview"


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


def preview(workspace: Workspace, name: str, email: str | None, *, now: datetime) -> Preview:
    """Return what the contact with this address would get from a template; without one, what a sample person would.

    `TemplateError` names the file, the line and the person; `UsageError` an address that nobody has.
    """
    template = templates.load(workspace.templates, name)
    if email is None:
        known = personal.sample(workspace, template, now=now)
    else:
        contact_id = _contact(workspace, email)
        known = personal.contexts(workspace, template, [contact_id], now=now)[contact_id]
    known = {**known, **offering.sample(workspace, template, str(known["contact"]["email"]), now)}
    renderer = Renderer(workspace.settings, workspace.keys, template, name, name)
    rendered = renderer.render(known, token=_TOKEN)
    address = _address(known)
    content = renderer.content(0, address=address, token=_TOKEN, context=known, now=now, checked=True)
    sender = workspace.settings.sender
    return Preview(
        template=name,
        file=template.file,
        email=address,
        is_sample=email is None,
        from_header=f"{rendered.from_name or sender.name} <{sender.email}>",
        rendered=rendered,
        data=content.data,
    )


def write_page(workspace: Workspace, made: Preview) -> Path:
    """Write the HTML of a preview where only its owner reads it, and return the file."""
    folder = workspace.private / "preview"
    folder.mkdir(mode=0o700, exist_ok=True)
    page = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', made.template)}.html"
    page.write_text(made.rendered.html, encoding="utf-8")
    page.chmod(0o600)
    return page


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


def _address(known: dict[str, Any]) -> str:
    return str(known["contact"]["email"])
