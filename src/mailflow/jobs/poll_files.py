"""Find answers to polls in files: logs of a web server, mails that links opened, tables. What they do: tracking/polls.

A line of a log has the method of its request: one that only fetched a page (GET, HEAD) is no answer. A link that is by
itself in a text was mailed or pasted, by somebody who meant it.
"""

from __future__ import annotations

import csv
import mailbox
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mailflow import clock
from mailflow.errors import DataError, MailflowError, Problem, UsageError
from mailflow.tracking.polls import Method

_SIGNED = re.compile(r"v1\.[0-9a-f]{1,16}\.a\.[\w-]{1,128}\.[\w-]{22}(?![\w-])", re.ASCII)
_REQUEST = re.compile(r"""["'\s](GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)["'\s]""")
_COMMON_LOG = re.compile(r"\[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]")
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
_BINARY = 0.05  # of a file that are zero bytes: a log has them where somebody asked for nonsense
_LONGEST = 1 << 16  # letters of a line that are read
_HEADERS = 1 << 18  # bytes of a mail in which its head must end
_COLUMNS = {"who": ("email", "contact", "who"), "poll": ("poll",), "answer": ("answer",)}
_TIMES = ("answered_at", "at", "date", "time")


@dataclass(frozen=True, slots=True)
class Signed:
    """A link that came back: where it stands, how it came, and when, None where the file does not say."""

    line: int
    signed: str
    method: Method
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """A row that says who gave which answer."""

    line: int
    who: str
    poll: str
    answer: str
    at: datetime | None


Found = Signed | Told | Problem


def read(path: Path, zone: ZoneInfo) -> Iterator[Found]:
    """Yield the answers in a file or a folder of mails, and what is wrong in it; times without a zone are in `zone`."""
    if path.is_dir():
        yield from _mails(mailbox.Maildir(path, create=False) if (path / "cur").is_dir() else _letters(path))
        return
    try:
        with path.open("rb") as file:
            begins = file.read(_LONGEST)
    except OSError as error:
        raise UsageError(f"{' '.join(str(path).splitlines())}: cannot be read ({error.strerror})") from None
    if begins.startswith(b"From "):
        yield from _mails(mailbox.mbox(path, create=False))
    elif path.suffix.lower() == ".eml":
        yield from _mail(1, _head(path))
    elif begins.count(0) > _BINARY * len(begins):
        name = " ".join(str(path).splitlines())
        raise DataError(f"{name}: this is no text in UTF-8, so no answer can be read: name a log, a mail or a CSV file")
    elif _is_table(begins):
        yield from _rows(path, zone)
    else:
        yield from _lines(path, zone)


def _lines(path: Path, zone: ZoneInfo) -> Iterator[Signed]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
            for match in _SIGNED.finditer(line):
                yield Signed(number, match[0], _method(line), _time(line, zone))


def _method(line: str) -> Method:
    """Return how a line of a text came: that of a request, else it was mailed or pasted."""
    match = _REQUEST.search(line)
    if match is None:
        return Method.MAIL
    return Method.POST if match[1] == "POST" else Method.GET


def _time(line: str, zone: ZoneInfo) -> datetime | None:
    """Return the time that a line of a text begins with; None where it has none, or one that never was."""
    logged, plain = _COMMON_LOG.search(line), _ISO.search(line)
    with suppress(ValueError, OverflowError, UsageError):
        if logged is not None:
            return datetime.strptime(logged[1], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        if plain is not None:
            return clock.parse_instant(plain[0].replace(",", "."), zone)
    return None


def _letters(folder: Path) -> Iterator[Message]:
    return (_head(path) for path in sorted(folder.glob("*.eml")))


def _head(path: Path) -> EmailMessage:
    with path.open("rb") as file:
        return message_from_bytes(file.read(_HEADERS), policy=policy.default)


def _mails(mails: mailbox.Mailbox[mailbox.MaildirMessage] | mailbox.mbox | Iterator[Message]) -> Iterator[Signed]:
    for number, mail in enumerate(mails, 1):
        yield from _mail(number, mail)


def _mail(number: int, mail: Message) -> Iterator[Signed]:
    """Yield the link in the subject of a mail; its text may quote ours, with every link in it."""
    raw = message_from_bytes(
        f"Subject: {mail.get('Subject', '')}\n\n".encode("utf-8", "surrogateescape"), policy=policy.default
    )
    subject = re.sub(r"\s+", "", str(raw["Subject"]))  # folded where a line was full
    for match in _SIGNED.finditer(subject):
        yield Signed(number, match[0], Method.MAIL, _date(mail))


def _date(mail: Message) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(mail.get("Date")))
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_table(begins: bytes) -> bool:
    head = begins.decode("utf-8-sig", "replace").partition("\n")[0]
    return _SIGNED.search(head) is None and _places(_cells(head)) is not None


def _sign(head: str) -> str:
    """Return what parts the cells of a table, by its first line."""
    return max(",;\t", key=head.count)


def _cells(head: str) -> list[str]:
    return [cell.strip().strip('"').strip().lower() for cell in head.split(_sign(head))]


def _places(header: list[str]) -> dict[str, str] | None:
    found = {part: next((name for name in names if name in header), "") for part, names in _COLUMNS.items()}
    return found if all(found.values()) else None


def _rows(path: Path, zone: ZoneInfo) -> Iterator[Told | Problem]:
    """Yield the rows of a table with columns for who, poll and answer."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        head = file.readline()
        header = _cells(head)
        places = _places(header) or {}
        when = next((name for name in _TIMES if name in header), "")
        reader = csv.DictReader(file, header, delimiter=_sign(head))
        try:
            for row in reader:
                said = {part: (row.get(name) or "").strip() for part, name in places.items()}
                if any(said.values()):
                    yield _told(path.name, reader.line_num + 1, said, places, (row.get(when) or "").strip(), zone)
        except csv.Error as error:
            yield Problem(path.name, f"nothing is read from here on: {error}", reader.reader.line_num + 1)


def _told(
    file: str, line: int, said: Mapping[str, str], places: Mapping[str, str], at: str, zone: ZoneInfo
) -> Told | Problem:
    """Return what a row says, of whose columns `places` are the names; a `Problem` where something is missing."""
    blank = next((places[part] for part, cell in said.items() if not cell), None)
    if blank is not None:
        return Problem(file, f"{blank} is blank", line)
    try:
        return Told(line, **said, at=clock.parse_instant(at, zone) if at else None)
    except MailflowError as error:
        return Problem(file, str(error), line)
