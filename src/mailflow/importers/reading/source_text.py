"""Find out how the bytes of a file are to be read as text, reading them once. Its rows: source_csv, source_json."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mailflow.errors import DataError, UsageError
from mailflow.importers.reading.table import MAX_LINE, NoTableError

_HEAD_BYTES = 262_144
_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = (
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet, though its name does not end in .zip or .xlsx"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls), or one with a password: save it as .xlsx without one, or as CSV"),
    (b"\x1f\x8b", "a gzip archive, though its name does not end in .gz"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
)
_TAR = (257, b"ustar")
_NEVER_TEXT = (b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x08")
_NOT_IN_1252 = frozenset({0x81, 0x8D, 0x8F, 0x90, 0x9D})


@dataclass(frozen=True, slots=True)
class Text:
    """How to read the bytes at `place` as text; `notes` are sentences about what was guessed, `lines` an estimate."""

    place: Path
    sha256: str
    encoding: str
    errors: str
    notes: tuple[str, ...] = ()
    lines: int = 0

    def open(self) -> IO[str]:
        """Open the file with its line ends as they are."""
        return self.place.open(encoding=self.encoding, errors=self.errors, newline="")


def look(path: Path, place: Path) -> Text:
    """Read the file at `place`, which is called `path`, once: its hash, and what its bytes mean."""
    try:
        with place.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except PermissionError:
        raise UsageError(f"{path}: no permission to read this file") from None
    if not head.strip():
        raise DataError(f"{path}: the file is empty")
    marked = next((codec for bom, codec in _BOMS if head.startswith(bom)), None)
    if marked is None:
        _refuse_known(path, head)
        marked = _unmarked_utf_16(head)
    if marked is None:
        _refuse_binary(path, head)
    sha256, sound, lines = _read_through(path, place, marked or "utf-8")
    if sound:
        note = ("The file has no byte order mark; it was read as UTF-16.",) if marked and marked[-2:] in _ENDS else ()
        return Text(place, sha256, marked or "utf-8", "strict", note, lines)
    if marked and marked != "utf-8-sig":
        raise DataError(
            f"{path}: the file says it is {marked.upper()} but cannot be read as such: it is damaged or cut off"
        )
    codec, errors, told = _eight_bit(place)
    if marked:
        codec, errors = "utf-8-sig", "surrogateescape"
    return Text(place, sha256, codec, errors, (told,), lines)


_ENDS = frozenset({"le", "be"})


def _unmarked_utf_16(head: bytes) -> str | None:
    """Return the codec of UTF-16 without a byte order mark: every other byte of its commas and letters is zero."""
    size = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd * 3 > size and even * 20 < size:
        return "utf-16-le"
    if even * 3 > size and odd * 20 < size:
        return "utf-16-be"
    return None


def _refuse_known(path: Path, head: bytes) -> None:
    """Refuse what its first bytes say it is."""
    at, tar = _TAR
    what = next((what for magic, what in _BINARY if head.startswith(magic)), None)
    if what is None and head[at:].startswith(tar):
        what = "a tar archive: unpack it first"
    if what is not None:
        raise NoTableError(f"{path}: this is {what}, not a file of rows")


def _refuse_binary(path: Path, head: bytes) -> None:
    """Refuse what holds characters that no text has."""
    odd = sum(head.count(byte) for byte in _NEVER_TEXT)
    if odd > 8 and odd * 50 > len(head):  # a stray one is a reject of its row
        raise NoTableError(f"{path}: this is a binary file, not a file of rows")


def _read_through(path: Path, place: Path, codec: str) -> tuple[str, bool, int]:
    """Return the file's SHA-256, whether all of it can be decoded, and its line ends; refuse lines without an end."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder(codec)()
    sound, run, lines = True, 0, 0
    for chunk in _chunks(place):
        digest.update(chunk)
        ends = chunk.count(b"\n") or chunk.count(b"\r")
        lines += ends
        run = 0 if ends else run + len(chunk)
        if run > MAX_LINE:
            raise DataError(f"{path}: a line is longer than {MAX_LINE >> 20} MB: this is no file of rows")
        if sound:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                sound = False
    if sound:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            sound = False
    return digest.hexdigest(), sound, lines


def _eight_bit(place: Path) -> tuple[str, str, str]:
    """Decide what a file that is not all UTF-8 is: damaged UTF-8, Windows-1252 or Latin-1."""
    good = bad = 0
    seen: set[int] = set()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in _chunks(place):
        text = decoder.decode(chunk)
        wrong = text.count("\ufffd")
        bad += wrong
        good += sum(1 for char in text if char > "\x7f") - wrong
        seen.update(chunk)
    if good > 4 * bad:
        return "utf-8", "surrogateescape", "The file is UTF-8 with damaged places: rows that hold one are rejected."
    if seen & _NOT_IN_1252:
        return "latin-1", "strict", "The file is not UTF-8; it was read as Latin-1."
    return "cp1252", "strict", "The file is not UTF-8; it was read as Windows-1252."


def _chunks(place: Path) -> Iterator[bytes]:
    with place.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
