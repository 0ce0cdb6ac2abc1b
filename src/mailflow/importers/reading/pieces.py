"""Take apart what the user names: folders, archives and spreadsheets become files to import, one after the other.

One such file: files. How a file is read: source. What is unpacked lies in the spool.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailflow.errors import DataError, MailflowError, UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.options import ImportOptions
from mailflow.importers.reading import archives, source_excel
from mailflow.importers.reading.source import inspect
from mailflow.importers.reading.spool import Spool
from mailflow.importers.reading.table import NoTableError, Source
from mailflow.importers.recognition.kept import with_kept
from mailflow.importers.recognition.layouts import load_layouts
from mailflow.importers.recognition.recognise import Recognised, recognise
from mailflow.importers.wording.words_shop import are_lines

STDIN = Path("-")

_SHEETS = frozenset({".xlsx", ".xlsm"})
# In a folder, what ends otherwise is passed over.
_TABLES = frozenset({"", ".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".gz", ".zip", *_SHEETS})
# Among several names (`mailflow import *` in a workspace) these are passed over too.
_NO_TABLES = frozenset(
    ".yaml .yml .toml .md .html .htm .mjml .db .db-journal .db-wal .db-shm .pdf .png .jpg .jpeg .gif .doc .docx"
    " .eml".split()
)
# Who may be mailed is settled before anything else comes in; what speaks of other things comes after those.
_ORDER = (
    Noun.SUPPRESSIONS, Noun.OWNERS, Noun.COMPANIES, Noun.CONTACTS, Noun.SIGNUPS, Noun.PRODUCTS, Noun.ORDERS,
    Noun.CARTS, Noun.EVENTS, Noun.ENGAGEMENT, Noun.TICKETS, Noun.ANSWERS, Noun.BOOKINGS, Noun.SOCIAL, Noun.COSTS,
)  # fmt: skip
_YES = frozenset({"subscribed", "yes", "true"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was passed over, and why: it is of a kind that holds no rows."""

    path: Path
    reason: str


@dataclass(slots=True)
class Gathered:
    """The files to import, in the order in which to do so; what was passed over; and what cannot be used."""

    sources: list[Source] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    errors: list[MailflowError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One file: what it is called and where its bytes lie. `named` by the user, itself and alone: never passed over."""

    path: Path
    content: Path
    named: bool
    sheet: bool = False


def gather(paths: Sequence[Path], options: ImportOptions, spool: Spool) -> Gathered:
    """Look at everything the user names. Suppressions and people who said no come first, then people, then the rest.

    Among files of one kind the order is the user's, in a folder that of the names.
    """
    gathered = Gathered()
    for path in paths:
        for piece in _pieces(path, len(paths) == 1, spool, gathered):
            try:
                gathered.sources.append(inspect(piece.path, piece.content, sheet=piece.sheet))
            except NoTableError as error:
                _pass_over(gathered, piece, error)
            except MailflowError as error:
                gathered.errors.append(error)
    gathered.sources.sort(key=lambda source: _rank(source, options))
    return gathered


def _pass_over(gathered: Gathered, piece: _Piece, error: NoTableError) -> None:
    if piece.named:
        gathered.errors.append(error)
    else:
        gathered.left_out.append(LeftOut(piece.path, str(error).removeprefix(f"{piece.path}: ")))


def _pieces(path: Path, alone: bool, spool: Spool, gathered: Gathered) -> Iterator[_Piece]:
    """Yield the files that a path stands for; what cannot be opened is noted in `gathered`."""
    if path.is_dir():
        for inner in _files_in(path, gathered):
            yield from _opened(inner, False, spool, gathered)
    elif not alone and path.exists() and path.suffix.lower() in _NO_TABLES:
        gathered.left_out.append(_no_rows(path))
    else:
        yield from _opened(path, alone, spool, gathered)


def _no_rows(path: Path) -> LeftOut:
    return LeftOut(_called(path), f"{_called(path).suffix} files hold no rows to import")


def _files_in(folder: Path, gathered: Gathered) -> Iterator[Path]:
    """Yield the files in a folder and those below it, in the order of their names, without hidden ones."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if not path.is_symlink():
                yield from _files_in(path, gathered)
        elif path.suffix.lower() not in _TABLES:
            gathered.left_out.append(_no_rows(path))
        elif path.exists() and not path.is_file():  # it would be waited for: name a pipe to have it read
            gathered.left_out.append(LeftOut(_called(path), "this is no file but a pipe or a device"))
        else:
            yield path


def _opened(path: Path, named: bool, spool: Spool, gathered: Gathered) -> Iterator[_Piece]:
    """Yield one file, or those in an archive or spreadsheet."""
    try:
        match path.suffix.lower():
            case ".zip":
                yield from _unzipped(path, spool, gathered)
            case ".gz":
                yield _Piece(_called(path), archives.unpack_gzip(_existing(path), spool), named)
            case suffix if suffix in _SHEETS:
                yield from _sheets(path, spool, gathered)
            case _ if path == STDIN or (path.exists() and not path.is_file()):
                yield _Piece(_called(path), _saved(path, spool), True)
            case _:
                yield _Piece(_called(path), path, named)
    except MailflowError as error:
        gathered.errors.append(error)


def _unzipped(path: Path, spool: Spool, gathered: Gathered) -> Iterator[_Piece]:
    for name, content in archives.members(_existing(path), spool):
        inner = Path(f"{_called(path)}:{name}")
        if archives.is_hidden(name):
            continue
        if isinstance(content, NoTableError):
            gathered.left_out.append(LeftOut(inner, str(content).removeprefix(f"{inner}: ")))
        elif isinstance(content, DataError):
            gathered.errors.append(content)
        elif Path(name).suffix.lower() not in _TABLES:
            gathered.left_out.append(_no_rows(inner))
        else:
            yield _Piece(inner, content, False)


def _sheets(path: Path, spool: Spool, gathered: Gathered) -> Iterator[_Piece]:
    for name, content in source_excel.sheets(_existing(path), spool):
        inner = Path(f"{_called(path)}:{name}")
        if content is None:
            gathered.left_out.append(LeftOut(inner, "the sheet holds no rows"))
        else:
            yield _Piece(inner, content, True, sheet=True)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    return path


def _called(path: Path) -> Path:
    """Return what a file is called in all that is said of it: in one line, and in letters that can be kept."""
    if path == STDIN:
        return Path("stdin")
    return path if str(path).isprintable() else Path("".join(sign if sign.isprintable() else "?" for sign in str(path)))


def _saved(path: Path, spool: Spool) -> Path:
    """Save what comes through a pipe, as a file is read more than once."""
    content, file = spool.create()
    with file:
        if path == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, file)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, file)
    return content


def _rank(source: Source, options: ImportOptions) -> tuple[int, int]:
    try:
        said = with_kept(options, source)
        found = recognise(source, noun=said.noun, tool=said.tool, mapping=said.mapping, layouts=said.layouts)
    except MailflowError:
        return len(_ORDER), 0  # it is said, or asked, when its turn comes
    if found.noun is Noun.CONTACTS and _says_no(found, options):
        return 0, 1
    return _ORDER.index(found.noun), 3 if are_lines(found.columns) else 2  # lines come after their orders


def _says_no(found: Recognised, options: ImportOptions) -> bool:
    """Tell whether a layout is that of people who said no, each of them."""
    layouts = load_layouts() if options.layouts is None else options.layouts
    constants = [each.constants for each in layouts if (each.tool, each.name) == (found.tool, found.layout)]
    return any(each.get("consent", "yes") not in _YES for each in constants)
