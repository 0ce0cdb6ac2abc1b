"""Everything that templates are told about people, segments too. The values of one person: outbox/context.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailflow.outbox import context
from mailflow.segments import Segments
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.compile import CompiledTemplate


def memberships(
    workspace: Workspace, templates: Iterable[CompiledTemplate], *, now: datetime
) -> dict[str, frozenset[int]]:
    """Return the members of each segment that one of `templates` asks for by name in `contact.segments`.

    Empty, and without a query, where none does.
    """
    asking = [template for template in templates if template.mentions("segments")]
    if not asking:
        return {}
    segments = Segments.open(workspace.root, workspace.settings)
    names = [name for name in segments.rules if any(template.mentions(name) for template in asking)]
    return {name: frozenset(segments.members(workspace.store, segments.parse(name), now=now)) for name in names}


def contexts(
    workspace: Workspace, template: CompiledTemplate, contact_ids: Collection[int], *, now: datetime
) -> dict[int, dict[str, Any]]:
    """Return the contexts of contacts for one template, by contact id."""
    members = memberships(workspace, [template], now=now)
    return context.contact_contexts(
        workspace.store.db, contact_ids, settings=workspace.settings, now=now, segments=members
    )
