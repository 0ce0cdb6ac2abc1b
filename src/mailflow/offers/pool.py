"""Read a file of codes into the database, so that none is given twice whatever becomes of the file.

One code a line, or a table with a column of them. The file is read again when its bytes change: new codes are added,
free ones that are no longer in it go out of use, and what was given stays given.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path

from mailflow.config import files
from mailflow.config.yaml_files import suggestion
from mailflow.errors import Problem, ProblemsError
from mailflow.offers.offer import Offer
from mailflow.offers.spec import SAMPLE_PREFIX, is_code
from mailflow.store import Store, codes
from mailflow.store.codes import KnownOffer
from mailflow.store.pace import Pace

MAX_BYTES = 1 << 28
_DELIMITERS = ",;\t|"
_PROBLEMS_SHOWN = 20
_LONGEST_LINE = 10_000
# What shop systems call the column of their codes, as `_folded` leaves it.
_HEADERS = frozenset(
    """code codes couponcode couponcodes coupon coupons discountcode discountcodes promocode promocodes promotioncode
    promotionalcode vouchercode vouchercodes voucher vouchers giftcode uniquecode discount name rabattcode rabattcodes
    gutscheincode gutscheincodes gutschein gutscheine gutscheinnummer aktionscode codepromo codepromotionnel codigo
    codigos codigodescuento codigodedescuento cupon cupones codicesconto codice codici kortingscode kortingscodes
    rabattkod rabatkode kodrabatowy""".split()
)
_NUMBER_HEADERS = frozenset({"name", "discount"})  # columns of this name hold codes only where nothing else does


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a file gave. `foreign` codes belong to another offer, which keeps them."""

    codes: int
    foreign: int


def refresh(store: Store, root: Path, offer: Offer, *, at: int) -> Reading | None:
    """Read the file of an offer if it changed since; None where it did not. `ProblemsError` names lines of it.

    Stopped half-way, it is taken up by the next: nothing of the file counts before its end.
    """
    path = _path(root, offer)
    digest = _digest(path, offer)
    known = codes.known(store.db, offer.name)
    if known is not None and (known.file, known.sha256) == (offer.file, digest):
        return None
    _check(path, offer)
    return _write(store, path, offer, digest, at)


def check_file(root: Path, offer: Offer) -> None:
    """Raise `ProblemsError` where the file of an offer is not there or cannot be read; keeps nothing of it."""
    _check(_path(root, offer), offer)


def _write(store: Store, path: Path, offer: Offer, digest: str, at: int) -> Reading:
    with store.transaction() as tx:
        known = codes.ensure(tx, offer.name)
    reading, pace, total, foreign = known.reading + 1, Pace(store), 0, 0
    rows = (code for _, code in _codes(path, offer))
    while some := list(islice(rows, pace.rows)):
        with pace.transaction() as tx:
            foreign += codes.add(tx, known.id, offer.kind, some, reading=reading, at=at)
        total += len(some)
    with store.transaction() as tx:
        codes.finish_reading(tx, known.id, file=offer.file or "", sha256=digest, reading=reading)
    return Reading(total, foreign)


def _path(root: Path, offer: Offer) -> Path:
    """Return the file of an offer's codes; a path that leads out of the workspace, by a link too, is a problem."""
    assert offer.file is not None
    path = root / offer.file
    try:
        place = files.inside(root, path)
        if os.path.exists(place):
            files.opened(place, MAX_BYTES).close()
            return place
    except files.Unreadable as error:
        raise ProblemsError([offer.problem("codes", f"{offer.file}: {error}")]) from None
    near = [f"{path.parent.relative_to(root)}/{each.name}" for each in _neighbours(path)]
    raise ProblemsError([offer.problem("codes", f"there is no file {offer.file}{suggestion(offer.file, near)}")])


def _neighbours(path: Path) -> list[Path]:
    return sorted(each for each in path.parent.iterdir() if each.is_file()) if os.path.isdir(path.parent) else []


def _digest(path: Path, offer: Offer) -> str:
    digest = hashlib.sha256((offer.column or "").encode() + b"\0")  # another column is another reading
    with files.opened(path, MAX_BYTES) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check(path: Path, offer: Offer) -> None:
    """Raise what is wrong in a file before anything of it is kept: the first problems, each with its line."""
    problems = [
        Problem(str(offer.file), f"{code!r} {_FAULT if not is_code(code) else _RESERVED}", line)
        for line, code in islice(_wrong(path, offer), _PROBLEMS_SHOWN)
    ]
    if problems:
        raise ProblemsError(problems)


_FAULT = "is no code: one has up to 64 letters, digits and signs, without spaces"
_RESERVED = f"begins with {SAMPLE_PREFIX}, as the codes of tests and rehearsals do"


def _wrong(path: Path, offer: Offer) -> Iterator[tuple[int, str]]:
    return (
        (line, code)
        for line, code in _codes(path, offer)
        if not is_code(code) or code.upper().startswith(SAMPLE_PREFIX)
    )


def _codes(path: Path, offer: Offer) -> Iterator[tuple[int, str]]:
    """Yield (line, code) of a file, blank ones left out."""
    try:
        with TextIOWrapper(files.opened(path, MAX_BYTES), encoding="utf-8-sig", newline="") as file:
            head = file.readline(_LONGEST_LINE)
            delimiter = _delimiter(head)
            file.seek(0)
            lines = files.lines(file)
            rows = csv.reader(lines, delimiter=delimiter) if delimiter else ([line] for line in lines)
            yield from _of_rows(rows, offer)
    except files.Unreadable as error:
        raise ProblemsError([Problem(str(offer.file), str(error))]) from None
    except UnicodeDecodeError:
        raise ProblemsError(
            [Problem(str(offer.file), "is not UTF-8 text: save it as CSV UTF-8 or plain text")]
        ) from None
    except csv.Error as error:
        raise ProblemsError([Problem(str(offer.file), f"is not a table of codes: {error}")]) from None


def _delimiter(head: str) -> str | None:
    """Return what parts the columns, None for a plain list. A list in quotes is a table of one column."""
    found = max(_DELIMITERS, key=head.count)
    if head.count(found):
        return found
    return "," if head.lstrip().startswith('"') else None


def _of_rows(rows: Iterator[list[str]], offer: Offer) -> Iterator[tuple[int, str]]:
    first = next(rows, None)
    if first is None:
        return
    column, has_header = _column(first, offer)
    if not has_header:
        yield from _cell(1, first, column)
    for line, row in enumerate(rows, start=2):
        yield from _cell(line, row, column)


def _cell(line: int, row: list[str], column: int) -> Iterator[tuple[int, str]]:
    code = row[column].strip() if column < len(row) else ""
    if code:
        yield line, code


def _column(first: list[str], offer: Offer) -> tuple[int, bool]:
    """Return where the codes are, and whether the first row is a header."""
    names = [_folded(cell) for cell in first]
    if offer.column is not None:
        wanted = _folded(offer.column)
        if wanted not in names:
            shown = ", ".join(cell.strip() for cell in first)
            words = f"{offer.file} has no column {offer.column!r}; its first line is: {shown}"
            raise ProblemsError([offer.problem("column", words)])
        return names.index(wanted), True
    found = [place for place, name in enumerate(names) if name in _HEADERS - _NUMBER_HEADERS]
    found = found or [place for place, name in enumerate(names) if name in _HEADERS]
    if found:
        return found[0], True
    filled = [place for place, name in enumerate(names) if name]
    if len(filled) > 1:
        shown = ", ".join(cell.strip() for cell in first)
        words = f"which column of {offer.file} has the codes? Say it as column: NAME; its first line is: {shown}"
        raise ProblemsError([offer.problem("codes", words)])
    return (filled or [0])[0], False


def _folded(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def known_or_new(store: Store, offer: Offer) -> KnownOffer:
    """Return the row of an offer, made where there is none yet."""
    found = codes.known(store.db, offer.name)
    if found is not None:
        return found
    with store.transaction() as tx:
        return codes.ensure(tx, offer.name)
