"""Write what a command makes for somebody into a file of theirs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mailflow.errors import UsageError


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    if path.is_dir():
        raise UsageError(f"{path}: this is a folder; name a file in it, such as {path / 'page.html'}")
    try:
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.replace(draft, path)
    except OSError as error:
        os.unlink(draft)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
