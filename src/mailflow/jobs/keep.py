"""Keep stages and segments up to date within a tick. Whether there is anything to do is seen without a file or a sum.

What is due for a segment: segments/due.py; the members of all: segments/keep.py; the stages: scoring/lifecycle.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from mailflow import clock
from mailflow.config.rates import RATES_FILE
from mailflow.errors import MailflowError
from mailflow.model import Stage
from mailflow.store import Connection, Store, facts, lifecycle, marks, membership, state
from mailflow.store.marks import Mark, Marks
from mailflow.store.pace import Pace
from mailflow.workspace import SETTINGS_FILE, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from mailflow.segments import Segments

_FILES = (SETTINGS_FILE, "segments.yaml", "traits.yaml", RATES_FILE, "places.csv", "stores.csv")
_READ_FILES = "segments_files"  # the files' mark when segments were last looked at
_AGAIN_MS = 3_600_000  # how long a file that cannot be read is left alone, unless it is edited
_SETBACK_MS = 120_000  # a clock that went back further was moved by a rehearsal


@dataclass(slots=True)
class KeptReport:
    """Who came and went, by segment and by stage, and why something could not be kept."""

    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    stages: Mapping[Stage, int] = field(default_factory=dict)  # stage → how many came into it
    wrong: Mapping[str, str] = field(default_factory=dict)  # segment, or what else is wrong → in words


def keep(workspace: Workspace, *, now: datetime, is_real_clock: bool) -> KeptReport | None:
    """Bring stages and segments up to date where that is due, while the caller holds the run lock; else None.

    What is wrong with a file is told and stops nobody's mail. A rehearsal that goes back in time keeps nothing; the
    real clock takes back what a rehearsal has kept of the future.
    """
    store = workspace.store
    at, last = clock.to_ms(now), max(membership.latest(store.db), lifecycle.latest(store.db))
    if at < last - _SETBACK_MS:
        if not is_real_clock:
            return None
        _rewind(store, at)
    else:
        at = max(at, last)
    known = all_marks(workspace)
    if not _is_due(store.db, known, at):
        return None
    try:
        report = _kept(workspace, known, clock.from_ms(at), is_real_clock=is_real_clock)
    except MailflowError as error:
        report = KeptReport(wrong={"segments.yaml": str(error)})
        with store.transaction() as tx:
            membership.put_all_off(tx, known[Mark.FILES], due_at=at + _AGAIN_MS)
    with store.transaction() as tx:
        state.put(tx, _READ_FILES, known[Mark.FILES])
    return report


def _rewind(store: Store, at: int) -> None:
    pace = Pace(store)
    lifecycle.rewind(pace, at=at)
    membership.rewind(pace, at=at)
    with store.transaction() as tx:
        state.put(tx, _READ_FILES, "")


def all_marks(workspace: Workspace) -> Marks:
    """Return how far the store has come and which files the workspace has."""
    return {**marks.now(workspace.store.db), Mark.FILES: _files_mark(workspace)}


def _files_mark(workspace: Workspace) -> str:
    """Return what changes when one of the files is written; they are not opened."""
    found = []
    for name in _FILES:
        try:
            about = (workspace.root / name).stat()
            found.append(f"{about.st_mtime_ns}.{about.st_size}")
        except OSError:
            found.append("")
    return " ".join(found)


def _is_due(db: Connection, known: Marks, at: int) -> bool:
    if state.get(db, _READ_FILES) != known[Mark.FILES] or lifecycle.is_stale(db, known, at=at):
        return True
    return any(segment.is_due(known, at) for segment in membership.kept(db).values())


def _kept(workspace: Workspace, known: Marks, now: datetime, *, is_real_clock: bool) -> KeptReport:
    from mailflow import scoring
    from mailflow.scoring import lifecycle as stages
    from mailflow.segments import Segments, keep

    store, settings, root = workspace.store, workspace.settings, workspace.root
    moves: Mapping[Stage, int] = {}
    if lifecycle.is_stale(store.db, known, at=clock.to_ms(now)):
        moves = stages.refresh(store, settings, marks=known, now=now)
    segments, wrong = Segments.open(root, settings), {}
    if facts.any_kept(store.db) and _scores_are_due(workspace, now):
        try:
            scoring.refresh_in_child(root, now=None if is_real_clock else now)
        except MailflowError as error:
            if _asks_for_scores(segments):
                wrong["rfm"] = str(error)  # the last scores are as good as it gets
    changes = keep.refresh(store, segments, marks={**known, **marks.now(store.db)}, now=now)
    told = {name: _told(root, name, error) for name, error in changes.wrong.items()}
    return KeptReport(changes.entered, changes.left, moves, {**wrong, **told})


def _scores_are_due(workspace: Workspace, now: datetime) -> bool:
    """Say whether RFM scores are out of date, or what people buy most where a rule asks for it."""
    from mailflow import scoring
    from mailflow.jobs import favourites

    is_stale = scoring.is_stale(workspace.store.db, workspace.settings, root=workspace.root, now=now)
    return is_stale or favourites.are_due(workspace, now=now)


def _told(root: Path, name: str, error: MailflowError) -> str:
    """Return what is wrong with a segment, with its line and column where its rule is."""
    from mailflow.rules import RuleError
    from mailflow.segments import segments

    return str(segments.placed(root, name, error) if isinstance(error, RuleError) else error)


def _asks_for_scores(segments: Segments) -> bool:
    """Say whether a rule that can be read asks for RFM scores."""
    from mailflow.rules import RuleError

    for name in segments.rules:
        try:
            if segments.needs_scores(segments.named(name)):
                return True
        except RuleError:
            continue  # told where its members are looked for
    return False
