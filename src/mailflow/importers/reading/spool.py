"""A private folder for what is unpacked, which goes with the command that made it, or with the next one.

The staging file lies beside it: store.staging.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PREFIX = "unpacked-"


class Spool:
    """Where unpacked files lie, each readable by its owner only. The folder is made with the first of them."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._folder: Path | None = None
        self._lock: int | None = None
        self._count = 0

    def create(self) -> tuple[Path, BinaryIO]:
        """Make a new file; return its path and the file, open for writing."""
        if self._folder is None:
            self._parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
            # The lock says that the folder is in use; it goes when the process goes, however that happens.
            self._lock = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._count += 1
        path = self._folder / str(self._count)
        return path, os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")

    def remove(self) -> None:
        """Remove everything."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        self._folder = self._lock = None


@contextmanager
def open_spool(parent: Path) -> Iterator[Spool]:
    """Lend a spool in the folder `parent`; what is in it is removed at the end."""
    spool = Spool(parent)
    try:
        yield spool
    finally:
        spool.remove()


def clear(parent: Path) -> None:
    """Remove what commands left behind that were killed; what another command is reading stays."""
    for folder in parent.glob(f"{_PREFIX}*"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # a command that holds its lock is alive and reads in there: a dry run, say
        finally:
            os.close(descriptor)
