"""Unpack .zip and .gz files into the spool, within limits. Spreadsheets: source_excel; what is taken apart: pieces.

Names inside an archive are only ever shown: what is unpacked lies in the spool under a number, so no name leads out.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mailflow.errors import DataError
from mailflow.importers.reading.spool import Spool
from mailflow.importers.reading.table import NoTableError

MAX_UNPACKED = 200 << 20  # bytes of all members of one archive
MAX_RATIO = 100
RATIO_FREE = 10 << 20  # the ratio is not asked of less: a column of equal words packs better than 1 : 100
MAX_MEMBERS = 1_000
ARCHIVES = frozenset({".zip", ".gz", ".tgz", ".7z", ".rar", ".tar", ".xlsx", ".xlsm", ".bz2", ".xz"})

_CHUNK = 1 << 18
_ENCRYPTED = 0x1


class _Packed(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Allowance:
    """How much an archive may still unpack to."""

    def __init__(self, name: str, packed: int) -> None:
        self._name = name
        self._packed = max(1, packed)
        self._unpacked = 0

    def take(self, count: int) -> None:
        """Count unpacked bytes; `DataError` when they are too many."""
        self._unpacked += count
        if self._unpacked > MAX_UNPACKED:
            raise DataError(
                f"{self._name}: unpacks to more than {MAX_UNPACKED >> 20} MB: unpack it yourself and import its files"
            )
        if self._unpacked > max(RATIO_FREE, MAX_RATIO * self._packed):
            raise DataError(
                f"{self._name}: unpacks to more than {MAX_RATIO} times its size, as archives do that are made to fill a"
                " disk: unpack it yourself and import its files"
            )


def unpack_gzip(path: Path, spool: Spool) -> Path:
    """Unpack a .gz file; return where its content lies."""
    with told(path), gzip.open(path) as packed:
        return _copy(packed, spool, Allowance(str(path), path.stat().st_size))


def members(path: Path, spool: Spool) -> Iterator[tuple[str, Path | DataError]]:
    """Yield (name, where its content lies, or why it cannot be read) of each file in a .zip, in the archive's order."""
    with told(path), zipfile.ZipFile(path) as archive:
        found = [member for member in archive.infolist() if not member.is_dir()]
        if len(found) > MAX_MEMBERS:
            raise DataError(f"{path}: holds {len(found):,} files; at most {MAX_MEMBERS:,} can be read")
        allowance = Allowance(str(path), path.stat().st_size)
        for member in found:
            name = shown(member.filename)
            refusal = _refusal(f"{path}:{name}", member)
            if refusal is not None:
                yield name, refusal
                continue
            with told(Path(f"{path}:{name}")), archive.open(member) as packed:
                content = _copy(packed, spool, allowance)
            yield name, content


def is_hidden(name: str) -> bool:
    """Tell whether a file in an archive is one that its system keeps for itself."""
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def shown(name: str) -> str:
    """Return the name of a member without what could harm a terminal or lead somewhere."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "".join(char if char.isprintable() else "?" for char in "/".join(parts)) or "?"


def _refusal(name: str, member: zipfile.ZipInfo) -> DataError | None:
    if member.flag_bits & _ENCRYPTED:
        return DataError(f"{name}: has a password: unpack it yourself and import its files")
    if Path(member.filename).suffix.lower() in ARCHIVES:
        return NoTableError(f"{name}: an archive or a spreadsheet in an archive: unpack it yourself and import that")
    return None


def _copy(packed: _Packed, spool: Spool, allowance: Allowance) -> Path:
    path, file = spool.create()
    with file:
        while chunk := packed.read(_CHUNK):
            allowance.take(len(chunk))
            file.write(chunk)
    return path


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the unpackers raise about damaged files into a sentence."""
    try:
        yield
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be unpacked here ({error}): unpack it yourself and import its files") from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # the disk's, not the archive's, whose offsets lead nowhere
            raise
        raise _damaged(path, error) from None
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, LookupError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: the archive is damaged or cut off ({error})")
