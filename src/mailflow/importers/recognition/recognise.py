"""Tell from its header what a file is, which tool wrote it, and what each column means.

Tables of tools: layouts; words of plain headers: vocabulary; the kind of a plain file: guess; added columns: shape.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from zoneinfo import ZoneInfo

from mailflow.errors import QuestionError, UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.reading.source import LINE_COLUMN, REASON_COLUMN, Source
from mailflow.importers.recognition.guess import ask_for, guess_noun, names_of
from mailflow.importers.recognition.headers import Header, currency_of, read_header, read_headers
from mailflow.importers.recognition.layouts import ATTRIBUTE, IGNORE, PLAIN, Layout, choose, load_layouts
from mailflow.importers.recognition.neighbours import settle
from mailflow.importers.recognition.noun_words import NounWords
from mailflow.importers.recognition.phrases import Reading, Sample, address_columns, consent_columns
from mailflow.importers.recognition.shape import Plan, Step
from mailflow.importers.recognition.vocabulary import VOCABULARY, unmet
from mailflow.importers.values.consent import DOUBTFUL
from mailflow.importers.values.dates import DayOrder
from mailflow.importers.wording.words import fold
from mailflow.importers.wording.words_shop import are_lines

_MAPPED = -10_000  # what the user says is surest
_AMOUNTS = ("total", "unit_price", "price", "amount", "value")  # whose headers may name their currency


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is, and what its columns are.

    `columns` gives for each field the places of its columns, in order of preference, `attributes` the place of each
    column that is kept under its own name. `header` has `width` columns of the file, then those that `steps` add.
    `title` and `layout` name the tool and its export, `inferred` the fields that the tool only guessed. `zone`,
    `day_order` and `currency` are how this export writes times and amounts that do not show it themselves.
    """

    noun: Noun
    tool: str
    columns: Mapping[str, tuple[int, ...]]
    attributes: Mapping[str, int]
    ignored: tuple[str, ...]
    header: tuple[str, ...]
    width: int
    steps: tuple[Step, ...] = ()
    title: str | None = None
    layout: str | None = None
    inferred: frozenset[str] = frozenset()
    zone: ZoneInfo | None = None
    day_order: DayOrder | None = None
    currency: str | None = None
    notes: tuple[str, ...] = field(default=())

    def place(self, name: str) -> int | None:
        """Return the place of a field's first column, or None."""
        places = self.columns.get(name)
        return places[0] if places else None


def recognise(
    source: Source,
    *,
    noun: Noun | None,
    tool: str | None,
    mapping: Mapping[str, str],
    layouts: Sequence[Layout] | None = None,
) -> Recognised:
    """Read a header. `noun`, `tool` and `mapping` (column → field) are what the user says, and win over what is found.

    `layouts` are those of known tools; the shipped ones where it is None. `QuestionError` where only the user can know
    what the file or a column is, `UsageError` for a mapping that names no column or no field.
    """
    known = load_layouts() if layouts is None else layouts
    headers = [read_header(header) for header in source.header]
    folded = [header.whole for header in headers]
    layout = _find_layout(source, known, folded, noun, tool)
    sample, reading = Sample(source), Reading()
    if layout is None:
        headers = read_headers(source.header)
        reading = _read_address(source, headers, noun, mapping, sample)
    if noun is None:
        noun = layout.noun if layout else guess_noun(source, headers, {**mapping, **reading.by_header(source)})
    if "email" in _fields(headers, noun):
        reading = Reading()  # in a file of this kind a header says it plainly
    said = {_find_column(source, column): _field_name(wanted, noun) for column, wanted in mapping.items()}
    reading.add(_read_consent(source, headers, noun, layout, said, sample))
    plan, unused = _plan(source, headers, noun, layout, said, reading, sample)
    _require(source, noun, plan)
    left_out = [
        place for place in unused if place in said or not (place in plan.used or _is_known(layout, folded[place]))
    ]
    ignored = tuple(source.header[place] or f"column {place + 1}" for place in sorted(left_out))
    return _recognised(noun, tool, layout, plan, ignored, len(headers), reading.notes)


def _read_address(
    source: Source, headers: Sequence[Header], noun: Noun | None, mapping: Mapping[str, str], sample: Sample
) -> Reading:
    """Find the e-mail column of a plain file by its cells, where neither the user nor a header alone says it."""
    said = set(mapping.values())
    if noun is not None and "email" not in VOCABULARY[noun].fields:
        return Reading()
    known = {field for each in [noun or Noun.CONTACTS, Noun.ORDERS] for field in _fields(headers, each)}
    if "email" in known | said:
        return Reading()
    elsewhere = any("email" in _fields(headers, each) for each in VOCABULARY)
    others = bool(said or known & {"customer_id", "phone"})
    return address_columns(source, sample, ask=not (elsewhere or others))


def _fields(headers: Sequence[Header], noun: Noun) -> set[str | None]:
    return {header.field(VOCABULARY[noun]) for header in headers}


def _read_consent(
    source: Source,
    headers: Sequence[Header],
    noun: Noun,
    layout: Layout | None,
    said: Mapping[int, str],
    sample: Sample,
) -> Reading:
    """Find columns of consent among those that nobody knows by their header alone."""
    words = VOCABULARY[noun]
    if not {"consent", "opt_out"} <= words.many & set(words.fields):
        return Reading()
    open_places = [
        place for place, header in enumerate(headers) if place not in said and _meaning(header, words, layout) is None
    ]
    return consent_columns(source, open_places, sample).only(words.fields)


def _plan(
    source: Source,
    headers: Sequence[Header],
    noun: Noun,
    layout: Layout | None,
    said: Mapping[int, str],
    reading: Reading,
    sample: Sample,
) -> tuple[Plan, list[int]]:
    """Return the columns of a file, those that its layout adds among them, and the places of those of no use.

    `said` is what the user says a column is, by place; `reading` what its cells show.
    """
    words = VOCABULARY[noun]
    positions = {header: rank for rank, header in enumerate(words.words)}
    shown = {place: name for place, name in reading.fields.items() if name in words.fields}
    meanings = [
        said.get(place) or _meaning(header, words, layout) or shown.get(place) for place, header in enumerate(headers)
    ]
    ranks = [_MAPPED if place in said else _rank(header, positions, layout) for place, header in enumerate(headers)]
    columns, attributes, unused = _arrange(source, words, meanings, ranks)
    # What the user leaves out no join or rule may read either.
    folded = ["" if said.get(place) == IGNORE else header.whole for place, header in enumerate(headers)]
    plan = Plan(list(source.header), folded, columns, attributes, words.many, frozenset(said.values()))
    if layout is not None:
        plan.add(layout)
    else:
        settle(plan, words.fields, sample)
    _tidy(plan, words, unused)
    return plan, unused


def _is_known(layout: Layout | None, header: str) -> bool:
    """Return whether the table of the tool speaks of a header: then it is no surprise that it is left out."""
    return layout is not None and layout.meaning(header) is not None


def _recognised(
    noun: Noun,
    tool: str | None,
    layout: Layout | None,
    plan: Plan,
    ignored: tuple[str, ...],
    width: int,
    notes: Sequence[str],
) -> Recognised:
    in_file_order = dict(sorted(plan.attributes.items(), key=lambda item: item[1]))
    frame = (MappingProxyType(plan.columns), MappingProxyType(in_file_order), ignored, tuple(plan.header), width)
    currency = None if "currency" in plan.columns else currency_of(_amount_headers(plan))
    if layout is None:
        return Recognised(
            noun, tool or PLAIN, *frame, tuple(plan.steps), currency=currency, notes=(*_unlike(tool), *notes)
        )
    return Recognised(
        noun, layout.tool, *frame, tuple(plan.steps), layout.title, layout.name, layout.inferred, layout.zone,
        layout.day_order, currency or layout.currency, tuple(notes),
    )  # fmt: skip


def _amount_headers(plan: Plan) -> list[str]:
    return [plan.header[plan.columns[name][0]] for name in _AMOUNTS if name in plan.columns]


def _unlike(tool: str | None) -> tuple[str, ...]:
    """Say that a file which the user says is of a tool has none of its headers."""
    if tool in (None, PLAIN):
        return ()
    return (f"The header is none that exports of {tool} are known by: its columns were read by their names.",)


def _find_layout(
    source: Source, layouts: Sequence[Layout], folded: Sequence[str], noun: Noun | None, tool: str | None
) -> Layout | None:
    best = choose(layouts, frozenset(folded), source.name, noun, tool)
    if len({(each.tool, each.noun) for each in best}) > 1:
        by_tool = len({each.tool for each in best}) > 1
        choices = {f"{each.title}: {each.name}": each.tool if by_tool else each.noun.value for each in best}
        raise QuestionError(
            f"{source.path}: this may be {' or '.join(choices)}",
            option="--from" if by_tool else "--as",
            choices=choices,
        )
    return best[0] if best else None


def _meaning(header: Header, words: NounWords, layout: Layout | None) -> str | None:
    named = layout.meaning(header.whole) if layout else None
    if named is not None:
        return named[1]
    if layout is not None and any(header.whole in parts for parts in layout.join.values()):
        return IGNORE  # it is part of another column
    return header.field(words)


def _rank(header: Header, positions: Mapping[str, int], layout: Layout | None) -> int:
    """Return how sure a header's meaning is: lower is surer. The tables list the surer words first."""
    named = layout.meaning(header.whole) if layout else None
    return named[0] if named is not None else header.rank(positions)


def _find_column(source: Source, wanted: str) -> int:
    names = list(source.header)
    if wanted in names:
        return names.index(wanted)
    folded = [fold(name) for name in names]
    if fold(wanted) in folded:
        return folded.index(fold(wanted))
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise UsageError(f"--map: {source.path} has no column {wanted!r}{hint}. Its columns: {names_of(source)}")


def _field_name(wanted: str, noun: Noun) -> str:
    words = VOCABULARY[noun]
    if wanted in (IGNORE, ATTRIBUTE) or wanted in words.fields or wanted.startswith(f"{ATTRIBUTE}:"):
        return wanted
    if words.keeps_others:
        return f"{ATTRIBUTE}:{wanted}"
    near = difflib.get_close_matches(wanted, words.fields, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise UsageError(
        f"--map: {wanted!r} is no field of {noun}{hint}. Use one of {', '.join(words.fields)}, or {IGNORE}"
    )


def _arrange(
    source: Source, words: NounWords, meanings: Sequence[str | None], ranks: Sequence[int]
) -> tuple[dict[str, tuple[int, ...]], dict[str, int], list[int]]:
    """Give each column its use: a field, an attribute or none. Where several may be a field, that of lowest rank is."""
    columns: dict[str, tuple[int, ...]] = {}
    attributes: dict[str, int] = {}
    unused: list[int] = []
    for place in sorted(range(len(meanings)), key=lambda place: ranks[place]):
        name, meaning = source.header[place], meanings[place]
        if name in (LINE_COLUMN, REASON_COLUMN):
            continue
        field_name, _, wanted = (meaning or ATTRIBUTE).partition(":")
        if field_name not in (IGNORE, ATTRIBUTE) and (field_name in words.many or field_name not in columns):
            columns[field_name] = (*columns.get(field_name, ()), place)
            if field_name == DOUBTFUL:  # its yes says nothing to us, and something to the owner
                attributes[_attribute_name(name, place, attributes)] = place
        elif field_name != IGNORE and (words.keeps_others or wanted):
            attributes[_attribute_name(wanted or name, place, attributes)] = place
        else:
            unused.append(place)
    return columns, attributes, unused


def _tidy(plan: Plan, words: NounWords, unused: list[int]) -> None:
    """Leave out a full name beside its parts, and read the one amount of an order as its total, an `id` as its own."""
    if {"first_name", "last_name"} & set(plan.columns) and "full_name" in plan.columns:
        place = plan.columns.pop("full_name")[0]
        if words.keeps_others:
            plan.attributes[_attribute_name(plan.header[place], place, plan.attributes)] = place
        else:
            unused.append(place)
    has = set(plan.columns)
    if "total" in words.fields and "unit_price" in has and not has & {"total", "quantity"}:
        plan.columns["total"] = plan.columns.pop("unit_price")
    # A bare `id` says nothing of what a file is, but in one of orders it is theirs.
    bare = next((place for place in unused if plan.folded[place] == "id"), None)
    if bare is not None and "placed_at" in words.fields and "order_id" not in has:
        plan.columns["order_id"] = (bare,)
        unused.remove(bare)


def _attribute_name(header: str, place: int, taken: Mapping[str, int]) -> str:
    """Return a header as the name of an attribute: `Lead Status` is `lead_status`."""
    words = "".join(char if char.isalnum() else " " for char in header.casefold()).split()
    base = "_".join(words) or f"column_{place + 1}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def _require(source: Source, noun: Noun, plan: Plan) -> None:
    """Ask for the column that a file of this noun needs and that was not recognised."""
    names = {name: plan.header[places[0]] for name, places in plan.columns.items()}
    has = frozenset(names)
    if (lacks := unmet(noun, has)) is None:
        return
    or_else = ""
    if noun is Noun.ORDERS and are_lines(aside := has - {"placed_at", "email", "customer_id", "phone", "full_name"}):
        besides = " ".join(f"--map '{column}=ignore'" for column in sorted(names[name] for name in has - aside))
        or_else = f", or {besides} if these are lines of orders that came in before"
    raise ask_for(source, f"a file of {noun} needs {lacks.what}, and none was recognised", lacks.ask, or_else)
