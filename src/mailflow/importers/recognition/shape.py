"""Columns that a layout adds to a file: joined, constant, translated or made by a rule. Tables: layouts; rules: rules.

A block gets the cells of these columns behind its own, so whoever reads it sees plain columns. A file whose layout adds
none is passed through as it is. Rejected rows are cut back to the file's own columns (cells.Sheet).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mailflow.importers.reading.source import Block, Reject, Source, blocks
from mailflow.importers.recognition.layouts import ATTRIBUTE, Layout
from mailflow.importers.recognition.rules import RULES, Rule
from mailflow.importers.values.memo import Memo
from mailflow.importers.wording.words import fold

Column = Sequence[str]
Faults = dict[int, str]  # why a row cannot be read, by its index in the block
Make = Callable[[int, Sequence[Column], Faults], Sequence[Column]]


# What people said or did: the ledger keeps it in the words of the file too.
_EVIDENCE = frozenset("consent opt_out hard_bounced complained suppressed suppression_reason".split())


@dataclass(frozen=True, slots=True)
class Step:
    """Some new columns: what they are called, the columns they are made of, and how.

    Of each group of places the first cell that is not blank is read. `make` gets the number of rows, the columns read
    and the faults of rows, to which it may add, and returns the new columns.
    """

    names: tuple[str, ...]
    reads: tuple[tuple[int, ...], ...]
    make: Make


@dataclass(slots=True)
class Plan:
    """The columns of a file while its layout adds to them: fields and attributes by place."""

    header: list[str]
    folded: list[str]
    columns: dict[str, tuple[int, ...]]
    attributes: dict[str, int]
    many: frozenset[str]
    said: frozenset[str] = frozenset()  # fields that the user mapped: no layout overrides these
    steps: list[Step] = field(default_factory=list)
    used: set[int] = field(default_factory=set)  # places that a join or a rule reads

    def add(self, layout: Layout) -> None:
        """Add what a layout adds: joins, constants and translated words, then its rules in their order."""
        for name, headers in layout.join.items():
            self.join(name, headers)
        for name, text in layout.constants.items():
            self.give(Step((f"{layout.title} {layout.name}",), (), _constant(text)), (name,), keep=True)
        for name, words in layout.values.items():
            self.translate(name, words)
        for rule in (RULES[name] for name in layout.rules):
            self._apply(rule)

    def join(self, name: str, headers: Sequence[str]) -> None:
        """Make a field of several columns, joined by a space."""
        places = [self.folded.index(header) for header in headers if header in self.folded]
        if places:
            called = " + ".join(self.header[place] for place in places)
            self.give(Step((called,), tuple((place,) for place in places), _joined), (name,))

    def translate(self, name: str, words: Mapping[str, str]) -> None:
        """Replace each column of a field by one with the words that mailflow knows."""
        group, _, attribute = name.partition(":")
        places = self.columns.get(name, ()) if group != ATTRIBUTE else (self.attributes.get(attribute, -1),)
        for place in places:
            if place >= 0:
                new = self._append(
                    Step((self.header[place],), ((place,),), _translated(words, aside=name in _EVIDENCE))
                )[0]
                self._replace(name, place, new)

    def _apply(self, rule: Rule) -> None:
        groups = tuple(self._places(name) for name in rule.reads)
        if any(groups):
            called = " + ".join(self.header[group[0]] for group in groups if group)
            step = Step(tuple(called for _ in rule.gives), groups, _ruled(rule))
            self.give(step, rule.gives, read=frozenset(rule.reads))

    def _places(self, name: str) -> tuple[int, ...]:
        """Return the columns of a field, else the one with this header."""
        if name in self.columns:
            return self.columns[name]
        folded = fold(name)
        return (self.folded.index(folded),) if folded in self.folded else ()

    def give(self, step: Step, names: Sequence[str], *, keep: bool = False, read: frozenset[str] = frozenset()) -> None:
        """Append a step's columns as these fields; what the user mapped stays as it is.

        `keep`: a field that several columns may give keeps the others too, as does one that the step did not read.
        """
        for name, new in zip(names, self._append(step), strict=True):
            group, _, attribute = name.partition(":")
            if group == ATTRIBUTE:
                self.attributes[attribute] = new
            elif name not in self.said:
                others = self.columns.get(name, ()) if name in self.many and (keep or name not in read) else ()
                self.columns[name] = (new, *others)

    def _append(self, step: Step) -> range:
        first = len(self.header)
        self.steps.append(step)
        self.header.extend(step.names)
        self.used.update(place for group in step.reads for place in group)
        return range(first, len(self.header))

    def _replace(self, name: str, old: int, new: int) -> None:
        group, _, attribute = name.partition(":")
        if group == ATTRIBUTE:
            self.attributes[attribute] = new
        else:
            self.columns[name] = tuple(new if place == old else place for place in self.columns[name])


def shaped_blocks(source: Source, steps: Sequence[Step]) -> Iterator[Block]:
    """Yield the blocks of a file with the cells of all steps behind its own."""
    for block in blocks(source):
        if steps:
            _extend(block, steps)
        yield block


def _extend(block: Block, steps: Sequence[Step]) -> None:
    count = len(block.rows)
    if not count:
        return
    columns: list[Column] = list(zip(*block.rows, strict=True))
    own = len(columns)
    faults: dict[int, tuple[str, str]] = {}
    for step in steps:
        found: Faults = {}
        columns.extend(step.make(count, [_first_filled(columns, group, count) for group in step.reads], found))
        for index, reason in found.items():
            faults.setdefault(index, (step.names[0], reason))
    if faults:
        block.rejects.extend(
            Reject(block.lines[index], tuple(block.rows[index]), reason, name)
            for index, (name, reason) in sorted(faults.items())
        )
    # New lists: those of the reader stay as they are.
    rows = [[*row, *cells] for row, cells in zip(block.rows, zip(*columns[own:], strict=True), strict=True)]
    block.rows = [row for index, row in enumerate(rows) if index not in faults] if faults else rows
    block.lines = [line for index, line in enumerate(block.lines) if index not in faults] if faults else block.lines


def _first_filled(columns: Sequence[Column], places: Sequence[int], count: int) -> Column:
    if len(places) == 1:
        return columns[places[0]]
    cells = [""] * count
    for place in places:
        cells = [old if old.strip() else new for old, new in zip(cells, columns[place], strict=True)]
    return cells


def _constant(text: str) -> Make:
    return lambda count, columns, faults: [[text] * count]


def _joined(count: int, columns: Sequence[Column], faults: Faults) -> Sequence[Column]:
    return [[" ".join(text for cell in cells if (text := cell.strip())) for cells in zip(*columns, strict=True)]]


def _translated(words: Mapping[str, str], *, aside: bool) -> Make:
    """Return what translates a column; with `aside` the file's own word stays beside: `subscribed (1)`."""

    def read(cell: str) -> str:
        known = words.get(fold(cell) or cell.strip(), cell)
        differs = known and fold(known) != fold(cell)
        return f"{known} ({cell.strip()})" if aside and differs else known

    memo = Memo(read)
    return lambda count, columns, faults: [list(map(memo.__getitem__, columns[0]))]


def _ruled(rule: Rule) -> Make:
    """Return what applies a rule; a row for which it raises `ValueError` is at fault."""
    blanks = ("",) * len(rule.gives)

    def read(index: int, cells: Sequence[str], faults: Faults) -> tuple[str, ...]:
        try:
            given = rule.read(*cells)
        except ValueError as error:
            faults[index] = str(error)
            return blanks
        return (given,) if isinstance(given, str) else given

    def make(count: int, columns: Sequence[Column], faults: Faults) -> Sequence[Column]:
        rows = zip(*columns, strict=True)
        return list(zip(*(read(index, cells, faults) for index, cells in enumerate(rows)), strict=True))

    return make
