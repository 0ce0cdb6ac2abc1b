"""Recommendations as a whole: whether they are to be computed again, how good they are, what one person is shown.

The sums: analytics/. What is kept and looked up: scoring/recommend, scoring/suggest.
"""

from __future__ import annotations

from datetime import datetime

from mailflow.scoring import suggest
from mailflow.workspace import Workspace

WORD = "recommendations"  # what a template says that shows them


def are_due(workspace: Workspace, *, now: datetime) -> bool:
    """Say whether a template shows recommendations and what was found out is of other data or settings."""
    return _are_asked_for(workspace) and suggest.is_stale(workspace.store.db, workspace.settings, now=now)


def _are_asked_for(workspace: Workspace) -> bool:
    return any(
        WORD in path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(workspace.templates.rglob("*"))
        if path.is_file() and path.suffix in {".md", ".html", ".mjml", ".txt"}
    )
