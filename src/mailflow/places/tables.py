"""Read the tables of places that a person keeps: columns by their loose names, every wrong line with its number.

What a line of places.csv is: listed.py; of stores.csv: stores.py.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from pathlib import Path

from mailflow.config import files
from mailflow.errors import Problem, ProblemsError
from mailflow.places.geometry import Spot
from mailflow.places.names import degrees_of, spot

MAX_BYTES = 1 << 26
MAX_COLUMNS = 200
_MOST_PROBLEMS = 50
_BLANKS = re.compile(r"[\W_]+")
# What columns are called, by what they hold; a column of another name keeps its own.
COLUMNS: Mapping[str, Sequence[str]] = {
    "country": ("country", "country_code", "land", "pays", "paese", "país"),
    "postcode": "postcode postal_code postalcode zip zip_code plz postleitzahl code_postal cp cap".split(),
    "place": "place place_name city town locality ort stadt gemeinde ville commune ciudad città".split(),
    "latitude": "latitude lat breite breitengrad latitud latitudine".split(),
    "longitude": "longitude lng lon long länge laenge längengrad laengengrad longitud longitudine".split(),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its number in the file, and its cells by column, without blanks around them."""

    number: int
    cells: Mapping[str, str]

    def spot(self) -> Spot | None:
        """Return the coordinates of the line, None where both cells are empty; `ValueError` for wrong ones."""
        latitude, longitude = self.cells.get("latitude", ""), self.cells.get("longitude", "")
        if not latitude and not longitude:
            return None
        found = spot(degrees_of(latitude), degrees_of(longitude))
        if found is None:
            raise ValueError(
                f"{latitude!r}, {longitude!r} is no latitude and longitude: write degrees such as 47.07 and 15.44"
            )
        return found


class Table:
    """A table being read: its lines, and what is wrong with them so far.

    A heading is one that names at least `fewest` of the known columns. `root` is the folder that the file must be in,
    links followed; that of its path where it is None.
    """

    def __init__(
        self, path: Path, columns: Mapping[str, Sequence[str]], *, fewest: int = 2, root: Path | None = None
    ) -> None:
        self.path = path
        self.root = root or path.parent
        self.fewest = fewest
        self.names = {written: name for name, called in columns.items() for written in called}
        self.heading: list[str] = []  # what its columns hold, once its first line is read
        self.problems: list[Problem] = []

    def lines(self) -> Iterator[Line]:
        """Yield the lines under the heading; `ProblemsError` where the file is no table."""
        for number, cells in self.rows():
            if not self.heading:
                self.heading = [self.name(cell) for cell in cells]
                if len(set(self.heading) & {*self.names.values()}) < self.fewest:
                    raise self.wrong("has no heading: its first line must name the columns, such as name,postcode", 1)
                continue
            yield Line(number, {name: cell.strip() for name, cell in zip(self.heading, cells, strict=False) if name})

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each line that is not blank, with its number."""
        try:
            place = files.inside(self.root, self.path)
            with TextIOWrapper(files.opened(place, MAX_BYTES), encoding="utf-8-sig", newline="") as file:
                lines = files.lines(file)
                first = next(lines, "")
                reader = csv.reader(chain([first], lines), delimiter=max(",;\t", key=first.count))
                for cells in reader:
                    if len(cells) > MAX_COLUMNS:
                        raise self.wrong(f"has more than {MAX_COLUMNS} columns", reader.line_num)
                    if any(cell.strip() for cell in cells):
                        yield reader.line_num, cells
        except files.Unreadable as error:
            raise self.wrong(str(error)) from None
        except UnicodeDecodeError:
            raise self.wrong("is not UTF-8 text: save it as UTF-8") from None
        except (OSError, csv.Error) as error:
            raise self.wrong(f"cannot be read ({error})") from None

    def name(self, written: str) -> str:
        """Return what a column of this heading holds: `ZIP Code` is the postcode."""
        plain = _BLANKS.sub("_", written.strip().lower()).strip("_")
        return self.names.get(plain, plain)

    def refuse(self, line: int, message: str) -> None:
        """Keep what is wrong with a line; `ProblemsError` as soon as there are too many to read."""
        self.problems.append(Problem(self.path.name, message, line))
        if len(self.problems) >= _MOST_PROBLEMS:
            self.done()

    def done(self) -> None:
        """Raise `ProblemsError` with everything that was wrong."""
        if self.problems:
            raise ProblemsError(self.problems)

    def wrong(self, message: str, line: int | None = None) -> ProblemsError:
        return ProblemsError([Problem(self.path.name, message, line)])
