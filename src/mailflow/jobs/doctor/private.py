"""Checks of what nobody else may read: the folder .mailflow, the keys, the database, the relay's password."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mailflow.jobs.doctor.examined import Examined
from mailflow.jobs.doctor.findings import Finding, error, hint
from mailflow.workspace import DATABASE_FILE, PRIVATE_FOLDER

_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH
_GROUP = stat.S_IRGRP | stat.S_IWGRP | stat.S_IXGRP


def open_to_others(examined: Examined) -> Iterator[Finding]:
    """Find private files that other users of this machine can read."""
    if os.name != "posix":
        return
    root = examined.workspace.root
    for path in _private(examined):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        remedy = f"chmod {'700' if path.is_dir() else '600'} {shown}"
        if mode & _OTHERS:
            yield error("private", shown, f"everybody on this machine can read it (mode {mode:o})", remedy)
        elif mode & _GROUP:
            yield hint("private", shown, f"its group can read it (mode {mode:o})", f"Unless that is meant: {remedy}")


def missing_keys(examined: Examined) -> Iterator[Finding]:
    """Find a workspace without its private folder or keys: what was sent with them cannot be answered."""
    folder = examined.workspace.root / PRIVATE_FOLDER
    for path, what in ((folder, "the private folder"), (folder / "keys.json", "the file of keys")):
        if not path.exists():
            yield error(
                "private",
                str(path.relative_to(examined.workspace.root)),
                f"{what} is missing: links to unsubscribe in mail sent so far lead nowhere",
                "Restore it from the backup that the database is from; if nothing was ever sent, the next command"
                " makes a new one",
            )
            return


def _private(examined: Examined) -> Iterator[Path]:
    root, folder = examined.workspace.root, examined.workspace.root / PRIVATE_FOLDER
    yield folder
    yield folder / "keys.json"
    yield from sorted((folder / "backups").glob("*.db"))
    yield from (root / f"{DATABASE_FILE}{suffix}" for suffix in ("", "-journal", "-wal", "-shm"))
    relay = examined.settings.relay if examined.settings else None
    if relay is not None and relay.password_file:
        yield root / os.path.expanduser(relay.password_file)
