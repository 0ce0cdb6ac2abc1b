"""Write the page of a campaign for "view in browser": what it says to nobody in particular, complete in one file.

The link to it is `view_url` in templates. Where it is read is the owner's own website: nothing is uploaded.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mailflow.errors import ConfigError
from mailflow.jobs import personal
from mailflow.jobs.campaign import OpenCampaign
from mailflow.outbox import neutral
from mailflow.outbox.render import Renderer, page_name
from mailflow.templates import Rendered, TemplateError
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

_NO_PAGE = (
    "the page for reading this mail in a browser cannot be made. Everybody sees the same page, so it knows no name and"
    " no code, and the mail does not say what stands in their place:"
)
_MEND = (
    "Say it there, or put {% if … %} around what the page leaves out. In the mail itself everybody still reads their"
    " own."
)
_PERSONAL = ("first_name", "last_name", "company", "country", "timezone")


def write(campaign: OpenCampaign, now: datetime) -> Path | None:
    """Write the page of a campaign and return it; None where `archive:` is not set.

    `ConfigError` where the template has nothing to say to somebody of whom nothing is known.
    """
    workspace = campaign.workspace
    archive = workspace.settings.archive
    if archive is None:
        return None
    folder = workspace.root / archive.folder
    if not folder.resolve().is_relative_to(workspace.root.resolve()):
        raise ConfigError(f"mailflow.yaml: archive: the folder {archive.folder!r} leads out of the workspace")
    page = _page(campaign, now)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / page_name(campaign.file.spec.id)
    draft = path.with_name(f".{path.name}")  # a website that serves the folder never shows half a page
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)
    return path


def _page(campaign: OpenCampaign, now: datetime) -> str:
    return public(campaign.workspace, campaign.template, campaign.renderer(), now).html


def public(workspace: Workspace, template: CompiledTemplate, renderer: Renderer, now: datetime) -> Rendered:
    """Return what a template says to nobody in particular, its HTML complete in itself.

    `ConfigError` where it has nothing to say to somebody of whom nothing is known.
    """
    known = personal.sample(workspace, template, now=now)
    nobody = {**neutral.of(known["contact"]), **dict.fromkeys(_PERSONAL), "key": "", "email": ""}
    context = {**known, "contact": nobody, "owner": None, "offer": None, "recommendations": [], "articles": []}
    try:
        rendered = renderer.public(context)
    except TemplateError as error:
        raise ConfigError("\n".join([_NO_PAGE, *(f"  {problem}" for problem in error.problems), _MEND])) from error
    return replace(rendered, html=complete(rendered), encoded=(), pieces=None)


def complete(rendered: Rendered) -> str:
    """Return the HTML with the pictures that travel in the mail inside the page."""
    shown = {file.cid: file for file in rendered.files if file.cid is not None}

    def picture(match: re.Match[str]) -> str:
        file = shown.get(match[1])
        if file is None:
            return match[0]
        return f'"data:{file.type};base64,{base64.b64encode(file.data).decode("ascii")}"'

    return re.sub(r'"cid:([^"]+)"', picture, rendered.html)
