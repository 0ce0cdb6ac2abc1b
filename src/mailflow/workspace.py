"""A workspace on disk: find the folder, open its settings, store and keys, and hold the run lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mailflow.errors import BusyError, UsageError
from mailflow.store import Store
from mailflow.tokens import Keys

if TYPE_CHECKING:
    from mailflow.config import Settings

SETTINGS_FILE = "mailflow.yaml"
DATABASE_FILE = "mailflow.db"
PRIVATE_FOLDER = ".mailflow"


class Workspace:
    """One folder with a mailflow.yaml. Everything is opened on first use."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def at(cls, root: Path) -> Workspace:
        """Return the workspace in this very folder."""
        if not (root / SETTINGS_FILE).is_file():
            raise UsageError(
                f"{root}: there is no {SETTINGS_FILE} here, so this is not a workspace."
                f" `mailflow init {root}` makes one"
            )
        return cls(root.resolve())

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """Return the workspace that `start` is in, walking up."""
        for folder in (start, *start.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder.resolve())
        raise UsageError(
            f"no {SETTINGS_FILE} in {start} or above it. `mailflow init` makes a workspace here;"
            " --workspace DIR names one"
        )

    @cached_property
    def settings(self) -> Settings:
        from mailflow.config import load_settings  # a tick with nothing due asks for no settings

        return load_settings(self.root / SETTINGS_FILE)

    @cached_property
    def store(self) -> Store:
        """The database, migrated if need be."""
        return Store.open(self.root / DATABASE_FILE, backups=self.private / "backups")

    @cached_property
    def private(self) -> Path:
        """The folder for keys, lock, spool, backups, rejects and the rehearsal Maildir; nobody else may look in."""
        folder = self.root / PRIVATE_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    @cached_property
    def keys(self) -> Keys:
        """The keys of tokens and address hashes."""
        return Keys.load_or_create(self.private / "keys.json")

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def campaigns(self) -> Path:
        return self.root / "campaigns"

    @property
    def maildir(self) -> Path:
        """Where a rehearsal delivers."""
        return self.private / "rehearsal"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run lock: one importer or sender at a time. `BusyError` at once when another process has it.

        The lock is the kernel's, on an open file: it goes when its process goes, however that happens.
        """
        descriptor = os.open(self.private / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(
                    "another mailflow is importing or sending in this workspace: try again when it is done"
                ) from None
            yield
        finally:
            os.close(descriptor)
