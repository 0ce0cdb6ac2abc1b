"""Open files of the workspace: regular files inside of it, and no more of one than anybody would write.

A pipe never answers, a device never ends, and a link may lead to what is nobody's business: all three are refused in
words. What is in the files: yaml_files.py, places/tables, templates/source and others.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

LONGEST_LINE = 64 * 1024  # characters
_WORDS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EACCES: "may not be read: check its permissions",
    errno.EPERM: "may not be read: check its permissions",
    errno.EISDIR: "is a folder, not a file",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.ELOOP: "is a link that leads in a circle",
}


class Unreadable(Exception):
    """A file that is not read, as words that follow its name."""


def inside(root: Path, path: Path, what: str = "the workspace") -> Path:
    """Return a path with its links followed; `Unreadable` where it leads out of `root`, or nowhere at all."""
    try:
        place = path.resolve()
        if place.is_relative_to(root.resolve()):
            return place
    except RuntimeError:  # what pathlib says of links in a circle
        raise Unreadable(_WORDS[errno.ELOOP]) from None
    except (OSError, ValueError) as error:
        raise Unreadable(_words(error)) from None
    raise Unreadable(f"leads out of {what}")


def is_file(path: Path) -> bool:
    """Whether there is a regular file; False too for what no file can be called."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def opened(path: Path, most: int) -> BinaryIO:
    """Open a regular file of at most `most` bytes to read; `Unreadable` says why it is not."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise Unreadable(_words(error)) from None
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most:
        return open(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(found.st_mode):
        raise Unreadable(_WORDS[errno.EISDIR])
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable("is a pipe or a device, not a file")
    raise Unreadable(f"has {found.st_size:,} bytes; at most {most:,} are read")


def read(path: Path, most: int) -> bytes:
    """Return all bytes of a regular file; `Unreadable` where there are more than `most`, also while it grows."""
    with opened(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Unreadable(f"has more than the {most:,} bytes that are read")
    return data


def lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a text; `Unreadable` for one that is longer than any that was written as a line."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise Unreadable(f"has a line of more than {LONGEST_LINE:,} characters, line {number:,}")
        yield line


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return _WORDS.get(error.errno or 0, f"cannot be read ({error.strerror or error})")
    return "has a name that no file can have"
