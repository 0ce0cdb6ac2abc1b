"""Whether what everybody buys most is to be found anew: `mailflow score` and `run` ask. How: scoring/favourites."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mailflow.config.yaml_files import read_text
from mailflow.errors import ProblemsError
from mailflow.rules.types import FAVOURITE
from mailflow.scoring.favourites import is_stale
from mailflow.workspace import Workspace

_FILES = ("segments.yaml", "traits.yaml", "choices.yaml", "impact.yaml")
_FOLDERS = ("campaigns", "flows")


def are_due(workspace: Workspace, *, now: datetime) -> bool:
    """Say whether a rule in a file asks what people buy most, and what is kept of it is of other data."""
    return any(map(_asks, _files(workspace.root))) and is_stale(workspace.store.db, workspace.settings, now=now)


def _files(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _FILES)
    for folder in _FOLDERS:
        yield from (root / folder).glob("*.yaml")


def _asks(path: Path) -> bool:
    """Say whether a file has the field's name in it; one that cannot be read is told where it is used."""
    try:
        return path.exists() and FAVOURITE in read_text(path, path.name)
    except ProblemsError:
        return False
