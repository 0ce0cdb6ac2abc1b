"""Write what a command makes for somebody into a file of theirs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mailflow.cli.plain import shown
from mailflow.errors import UsageError


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all; a link leads to the file that is written.

    `UsageError` for a folder, a device or a pipe, and where no file can be.
    """
    name = shown(path)
    try:
        target = Path(os.path.realpath(path))
        if target.is_dir():
            raise UsageError(f"{name}: this is a folder; name a file in it, such as {shown(path / 'page.html')}")
        # In the place of a device would be a file from now on: /dev/null of everybody, say. A link is left of a loop.
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise UsageError(f"{name}: this is no file, so nothing was written; name one, such as page.html")
        _replace(target, text)
    except OSError as error:
        raise UsageError(f"{name}: cannot be written: {error.strerror}") from None


def _replace(target: Path, text: str) -> None:
    descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=".mailflow-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(draft, target)
    except BaseException:  # a Ctrl-C too leaves nothing half-written
        os.unlink(draft)
        raise
