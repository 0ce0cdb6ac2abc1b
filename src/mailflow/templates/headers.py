"""Header values that say what was asked and nothing else, in the bytes that every mail program reads the same.

Python's own generator is not used: it can fold away a space, encode a List-Unsubscribe out of working order and, in
3.11 and 3.12, turn an encoded word in a name into a header of its own (CVE-2024-6923). Which headers a message has:
compose.py.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from mailflow.errors import ConfigError
from mailflow.templates.kept import Kept

LINE_LIMIT = 76  # of a line with encoded words (RFC 2047 section 2) and of what we fold
HARD_LIMIT = 998  # of any line (RFC 5322 section 2.1.1)
TEXT_LIMIT = 998  # characters of a subject or name; more is an accident

_WORD_LIMIT = 75  # of one encoded word, RFC 2047 section 2
_WORD_FRAME = len("=?utf-8?q??=")
_FILE_NAME_LIMIT = 80  # characters
_QUOTED_LIMIT = 60  # a longer name goes as encoded words, which can be folded anywhere

_BLANKS = re.compile("[\t\n\x0b\x0c\r\x1c-\x1f\x85\u2028\u2029]+")
# C0, C1, DEL, bidi embeddings, overrides and isolates, byte-order marks, lone surrogates, noncharacters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_PRINTABLE = re.compile(r"[ -~]*\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\Z"
)
_LINK = re.compile(r"[!-;=?-~]+\Z")  # printable ASCII without space, < and >
_SPACED_WORD = re.compile(r" *[^ ]+")
_JOINER = "\u200d"
_JOINING = frozenset(f"{_JOINER}\ufe0e\ufe0f")
# What may stand for itself in the Q encoding of a word inside a phrase (RFC 2047 section 5, rule 3); a space is "_".
_Q_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q = tuple(chr(byte) if byte in _Q_SAFE else "_" if byte == 0x20 else f"={byte:02X}" for byte in range(256))

_SUBJECTS = Kept()

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def safe_header(text: str) -> str:
    """Return text fit for a header: NFC, one line, no control or direction-override characters, trimmed."""
    if text.isprintable():  # nothing of what is taken out is
        return text.strip() if text.isascii() else unicodedata.normalize("NFC", text).strip()
    cleaned = _UNWANTED.sub("", _BLANKS.sub(" ", text))
    return unicodedata.normalize("NFC", cleaned).strip()


def safe_phrase(text: str) -> str:
    """Return text fit for a display name: as `safe_header`, with single spaces, since readers fold them anyway."""
    safe = safe_header(text)
    return " ".join([word for word in safe.split(" ") if word]) if "  " in safe else safe


def check_address(address: str) -> str:
    """Return a bare address that is safe in a header and an SMTP command; `ConfigError` for anything else."""
    if len(address) > 254 or not _ADDRESS.match(address) or "=?" in address:
        raise ConfigError(
            f"{address!r} cannot be written to as it stands: only plain ASCII addresses can go into a header"
        )
    return address


def check_link(link: str) -> str:
    """Return a link or identifier that may stand between angle brackets; `ConfigError` for anything else."""
    if len(link) > HARD_LIMIT // 2 or not _LINK.match(link):
        raise ConfigError(f"{link!r} cannot stand in a header: it must be printable ASCII without spaces, < and >")
    return link


def subject(text: str) -> str:
    """Return the value of a Subject header for `safe_header` text, folded."""
    return _SUBJECTS.get(text) or _SUBJECTS.keep(text, _unstructured(text, first=len("Subject: ")))


def mailbox(name: str, address: str, prefix: int = len("Reply-To: ")) -> str:
    """Return `name <address>` for a From, To or Reply-To header, folded; only the address where there is no name."""
    check_address(address)
    phrase = _phrase(name, prefix)
    if not phrase:
        return address
    last = len(phrase.rpartition("\r\n")[2]) + (0 if "\r\n" in phrase else prefix)
    gap = " " if last + len(address) + 3 <= LINE_LIMIT else "\r\n "
    return f"{phrase}{gap}<{address}>"


@lru_cache(maxsize=64)
def date(instant: datetime) -> str:
    """Return an aware instant as RFC 5322 says, in UTC: `Fri, 20 Mar 2026 08:00:00 +0000`."""
    at = instant.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d} "
        f"{at.hour:02d}:{at.minute:02d}:{at.second:02d} +0000"
    )


def list_unsubscribe(mailto: str | None, url: str | None) -> str | None:
    """Return the value of List-Unsubscribe (RFC 2369), literal and on one line: software acts on the very bytes.

    At most one https link, as one-click wants (RFC 8058 section 3.1); None where there is neither way.
    """
    links = []
    if mailto:
        links.append(f"<{check_link(mailto if mailto.startswith('mailto:') else f'mailto:{mailto}')}>")
    if url:
        if not url.startswith("https://"):
            raise ConfigError(f"{url!r} cannot be the one-click unsubscribe link: it must begin with https://")
        links.append(f"<{check_link(url)}>")
    return ", ".join(links) or None


def file_name(name: str) -> str:
    """Return the name that a file travels by: as `safe_header`, without folders; a long one keeps its suffix."""
    safe = safe_header(name).replace("/", "_").replace("\\", "_")
    stem, _, suffix = safe.rpartition(".")
    if len(safe) <= _FILE_NAME_LIMIT or not stem or len(suffix) >= _FILE_NAME_LIMIT:
        return safe[:_FILE_NAME_LIMIT]
    return f"{stem[: _FILE_NAME_LIMIT - len(suffix) - 1]}.{suffix}"


def parameter(name: str, value: str) -> str:
    """Return a parameter such as a file's name: quoted where it is ASCII, else as RFC 2231 section 4 writes it."""
    safe = file_name(value)
    if _PRINTABLE.match(safe) and '"' not in safe:
        return f'{name}="{safe}"'
    return f"{name}*=utf-8''{quote(safe, safe='')}"


def _unstructured(text: str, *, first: int) -> str:
    if not _PRINTABLE.match(text) or "=?" in text or "  " in text:
        return _encoded(text, first)
    if first + len(text) <= LINE_LIMIT:
        return text
    lines = _fold(text, first)
    fits = first + len(lines[0]) <= LINE_LIMIT and max(map(len, lines)) < LINE_LIMIT
    return "\r\n ".join(lines) if fits else _encoded(text, first)


def _fold(text: str, first: int) -> list[str]:
    """Break text at single spaces; joined with a line break and that space it is the same text again."""
    lines: list[str] = []
    current, used = "", first
    for word in text.split(" "):
        if current and used + len(current) + 1 + len(word) > LINE_LIMIT:
            lines.append(current)
            current, used = word, 1
        else:
            current = f"{current} {word}" if current else word
    return [*lines, current]


def _phrase(name: str, first: int) -> str:
    if not name:
        return ""
    if len(name) > _QUOTED_LIMIT or not _PRINTABLE.match(name) or "=?" in name or "  " in name:
        return _encoded(name, first)
    if _ATOMS.match(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _encoded(text: str, first: int) -> str:
    """Return text as encoded words, all of it, one to a line, in the shorter of both encodings.

    Nothing stands beside the encoded words, so no reader can lose or invent a space, and what looks like an encoded
    word in the text is itself encoded and comes back as the letters it was.
    """
    data = text.encode("utf-8")
    quoted = "".join([_Q[byte] for byte in data])
    as_q = len(quoted) <= -(-len(data) // 3) * 4
    if (len(quoted) if as_q else len(data)) <= _payload(LINE_LIMIT - first, as_q):  # nearly all names, at once
        return f"=?utf-8?q?{quoted}?=" if as_q else _word(data, as_q)
    return "\r\n ".join(_word(part.encode("utf-8"), as_q) for part in _chunks(text, first, as_q))


def _word(data: bytes, as_q: bool) -> str:
    if as_q:
        return f"=?utf-8?q?{''.join([_Q[byte] for byte in data])}?="
    return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode('ascii')}?="


def _chunks(text: str, first: int, as_q: bool) -> Iterator[str]:
    """Yield pieces that fit an encoded word each, the first beside `first` columns of name.

    Words stay whole where they fit: CPython before 3.13 reads the break between two encoded words of a name as a space,
    which does no harm where a space is.
    """
    full = _payload(_WORD_LIMIT, as_q)
    room = _payload(LINE_LIMIT - first, as_q)
    current, used = "", 0
    for word in _SPACED_WORD.findall(text):
        for piece in [word] if _cost(word, as_q) <= full else _clusters(word, full, as_q):
            cost = _cost(piece, as_q)
            if used + cost > room:
                yield current
                current, used, room = "", 0, full
            current += piece
            used += cost
    yield current


def _payload(room: int, as_q: bool) -> int:
    """Return how much fits an encoded word of `room` columns: encoded characters for Q, bytes for B."""
    inside = min(room, _WORD_LIMIT) - _WORD_FRAME
    return inside if as_q else inside // 4 * 3


def _cost(piece: str, as_q: bool) -> int:
    raw = piece.encode("utf-8")
    return sum(len(_Q[byte]) for byte in raw) if as_q else len(raw)


def _clusters(word: str, limit: int, as_q: bool) -> Iterator[str]:
    """Yield characters with the marks and joined emoji that belong to them, so that no word breaks inside one.

    A cluster that is longer than `limit` comes character by character.
    """
    current = ""
    for character in word:
        belongs = not current or _joins(character) or current.endswith(_JOINER)
        if not belongs or _cost(current + character, as_q) > limit:
            yield current
            current = ""
        current += character
    yield current


def _joins(character: str) -> bool:
    """Whether a character belongs to the one before: a combining mark, a joiner or selector, a skin tone."""
    return bool(unicodedata.combining(character)) or character in _JOINING or "\U0001f3fb" <= character <= "\U0001f3ff"
