"""Tell from its header what a file is, which tool wrote it, and what each column means. The words: words, layouts here.

A new tool is a new `Layout`: data, no code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mailflow.errors import DataError, UsageError
from mailflow.importers.nouns import Noun
from mailflow.importers.source import LINE_COLUMN, REASON_COLUMN, Source
from mailflow.importers.words import CONTACT_WORDS, ORDER_WORDS, WEAK_DATES, fold

IGNORE = "ignore"
ATTRIBUTE = "attribute"
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Layout:
    """An export of one tool: the headers that give it away, and the columns whose plain meaning would be wrong."""

    tool: str
    noun: Noun
    signs: frozenset[str]
    columns: Mapping[str, str]


def _layout(tool: str, noun: Noun, signs: Iterable[str], columns: Mapping[str, str]) -> Layout:
    folded = {fold(header): meaning for header, meaning in columns.items()}
    return Layout(tool, noun, frozenset(map(fold, signs)), MappingProxyType(folded))


LAYOUTS = (
    _layout(
        "shopify",
        Noun.ORDERS,
        ("Name", "Financial Status", "Created at", "Total", "Lineitem quantity", "Lineitem name"),
        {
            "Name": "order_id",
            "Created at": "placed_at",
            "Financial Status": "status",
            "Cancelled at": "cancelled_at",
            "Billing Name": "full_name",
            "Phone": "phone",
            "Billing Phone": "phone",
            "Refunded Amount": "refunded",
            "Source": IGNORE,
        },
    ),
    _layout(
        "shopify",
        Noun.CONTACTS,
        ("First Name", "Last Name", "Email", "Total Spent", "Total Orders"),
        {"Customer ID": "customer_id", "Phone": "phone", "Default Address Phone": "phone", "Note": ATTRIBUTE},
    ),
)

CONTACT_FIELDS = tuple(dict.fromkeys(CONTACT_WORDS.values()))
ORDER_FIELDS = (*dict.fromkeys(ORDER_WORDS.values()), "cancelled_at")
CUSTOMER_KEYS = ("email", "customer_id", "phone")
# Fields that several columns may give: the first of them that is not blank counts, or all of them together.
_MANY = frozenset({"phone", "consent", "opt_out"})
_MAPPED = -1_000  # what the user says is surest
_POSITIONS = {
    Noun.CONTACTS: {header: rank for rank, header in enumerate(CONTACT_WORDS)},
    Noun.ORDERS: {header: rank for rank, header in enumerate(ORDER_WORDS)},
}


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is. `columns` gives for each field the places of its columns, in order of preference."""

    noun: Noun
    tool: str
    columns: Mapping[str, tuple[int, ...]]
    attributes: Mapping[str, int] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def place(self, name: str) -> int | None:
        """Return the place of a field's first column, or None."""
        places = self.columns.get(name)
        return places[0] if places else None


def recognise(source: Source, *, noun: Noun | None, tool: str | None, mapping: Mapping[str, str]) -> Recognised:
    """Read a header. `noun`, `tool` and `mapping` (column → field) are what the user says, and win over what is found.

    `DataError` where the file cannot be used or its kind cannot be known, `UsageError` for a mapping that names
    no column or no field.
    """
    folded = [fold(header) for header in source.header]
    layout = _find_layout(folded, noun, tool)
    if noun is None:
        noun = layout.noun if layout else _guess_noun(source, folded, mapping)
    words = CONTACT_WORDS if noun is Noun.CONTACTS else ORDER_WORDS
    meanings = [_meaning(header, words, layout) for header in folded]
    ranks = [_rank(header, noun, layout) for header in folded]
    for column, wanted in mapping.items():
        place = _find_column(source, column)
        meanings[place], ranks[place] = _field_name(wanted, noun), _MAPPED
    recognised = _arrange(source, noun, layout.tool if layout else PLAIN, meanings, ranks)
    _require(source, recognised)
    return recognised


def _find_layout(folded: Sequence[str], noun: Noun | None, tool: str | None) -> Layout | None:
    known = {layout.tool for layout in LAYOUTS} | {PLAIN}
    if tool is not None and tool not in known:
        raise UsageError(f"--from {tool}: not a tool that is known; use one of {', '.join(sorted(known))}")
    fitting = [layout for layout in LAYOUTS if tool in (None, layout.tool) and noun in (None, layout.noun)]
    found = next((layout for layout in fitting if layout.signs <= set(folded)), None)
    if found is None and tool not in (None, PLAIN):
        raise DataError(
            f"--from {tool}: the header is not that of an export of {tool}. Leave --from out, or use"
            " --map 'column=field'"
        )
    return found


def _guess_noun(source: Source, folded: Sequence[str], mapping: Mapping[str, str]) -> Noun:
    as_order = {ORDER_WORDS.get(header) for header in folded} | set(mapping.values())
    strong_date = any(ORDER_WORDS.get(header) == "placed_at" and header not in WEAK_DATES for header in folded)
    amount = bool(as_order & {"total", "unit_price"})
    dated = "placed_at" in as_order
    if amount and (strong_date or "placed_at" in mapping.values() or (dated and as_order & {"order_id", "quantity"})):
        return Noun.ORDERS
    if dated and "order_id" in as_order:
        return Noun.ORDERS
    if amount and dated and "email" in as_order:
        raise DataError(
            f"{source.path}: this may be a file of contacts or of orders; say which with --as contacts or --as orders"
        )
    if amount and as_order & {"order_id", "quantity", "refunded"}:
        raise DataError(
            f"{source.path}: this looks like orders, but no column is known as their date."
            f" Its columns: {_names(source)}. Say which it is with --map 'column=placed_at',"
            " or --as contacts if these are people"
        )
    if "email" in as_order:
        return Noun.CONTACTS
    raise DataError(
        f"{source.path}: this is neither a file of contacts (no e-mail column) nor one of orders (a customer, a date"
        f" and an amount). Its columns: {_names(source)}. Say what they are with --as and --map 'column=email'"
    )


def _meaning(header: str, words: Mapping[str, str], layout: Layout | None) -> str | None:
    if layout is not None and header in layout.columns:
        return layout.columns[header]
    return words.get(header)


def _rank(header: str, noun: Noun, layout: Layout | None) -> int:
    """Return how sure a header's meaning is: lower is surer. The tables list the surer words first."""
    if layout is not None and header in layout.columns:
        return list(layout.columns).index(header) - len(layout.columns)
    return _POSITIONS[noun].get(header, len(_POSITIONS[noun]))


def _find_column(source: Source, wanted: str) -> int:
    names = list(source.header)
    if wanted in names:
        return names.index(wanted)
    folded = [fold(name) for name in names]
    if fold(wanted) in folded:
        return folded.index(fold(wanted))
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise UsageError(f"--map: {source.path} has no column {wanted!r}{hint}. Its columns: {_names(source)}")


def _field_name(wanted: str, noun: Noun) -> str:
    known = CONTACT_FIELDS if noun is Noun.CONTACTS else ORDER_FIELDS
    if wanted == IGNORE or wanted in known:
        return wanted
    if noun is Noun.CONTACTS:
        return f"{ATTRIBUTE}:{wanted}"
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise UsageError(f"--map: {wanted!r} is no field of orders{hint}. Use one of {', '.join(known)}, or {IGNORE}")


def _arrange(source: Source, noun: Noun, tool: str, meanings: Sequence[str | None], ranks: Sequence[int]) -> Recognised:
    """Give each column its use. Where several may be a field, the one of the lowest rank is."""
    columns: dict[str, list[int]] = {}
    attributes: dict[str, int] = {}
    ignored: list[str] = []
    for place in sorted(range(len(meanings)), key=lambda place: ranks[place]):
        name, meaning = source.header[place], meanings[place]
        if name in (LINE_COLUMN, REASON_COLUMN):
            continue
        field_name, _, wanted = (meaning or ATTRIBUTE).partition(":")
        if field_name not in (IGNORE, ATTRIBUTE) and (field_name in _MANY or field_name not in columns):
            columns.setdefault(field_name, []).append(place)
        elif noun is Noun.CONTACTS and field_name != IGNORE:
            attributes[_attribute_name(wanted or name, place, attributes)] = place
        else:
            ignored.append(name or f"column {place + 1}")
    if {"first_name", "last_name"} & set(columns) and "full_name" in columns:
        place = columns.pop("full_name")[0]
        if noun is Noun.CONTACTS:
            attributes[_attribute_name(source.header[place], place, attributes)] = place
        else:
            ignored.append(source.header[place])
    if "total" not in columns and "quantity" not in columns and "unit_price" in columns:
        columns["total"] = columns.pop("unit_price")
    places = {meaning: tuple(found) for meaning, found in columns.items()}
    in_file_order = dict(sorted(attributes.items(), key=lambda item: item[1]))
    return Recognised(noun, tool, MappingProxyType(places), MappingProxyType(in_file_order), tuple(ignored))


def _attribute_name(header: str, place: int, taken: Mapping[str, int]) -> str:
    """Return a header as the name of an attribute: `Lead Status` is `lead_status`."""
    words = "".join(char if char.isalnum() else " " for char in header.casefold()).split()
    base = "_".join(words) or f"column_{place + 1}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def _require(source: Source, recognised: Recognised) -> None:
    """Refuse a file that lacks what its noun needs, and say how to name the column."""
    has = set(recognised.columns)
    if recognised.noun is Noun.CONTACTS:
        if "email" not in has:
            raise DataError(
                f"{source.path}: a file of contacts needs an e-mail column, and none was recognised."
                f" Its columns: {_names(source)}. Name it with --map 'column=email'"
            )
        return
    if not has & set(CUSTOMER_KEYS):
        raise DataError(
            f"{source.path}: a file of orders needs a column that tells the customer (e-mail, customer id or phone),"
            f" and none was recognised. Its columns: {_names(source)}. Name it with --map 'column=customer_id'"
        )
    if "placed_at" not in has:
        raise DataError(
            f"{source.path}: a file of orders needs a date, and none was recognised. Its columns: {_names(source)}."
            " Name it with --map 'column=placed_at'"
        )
    if "total" not in has and not {"quantity", "unit_price"} <= has:
        raise DataError(
            f"{source.path}: a file of orders needs an amount (a total, or quantity and unit price), and none was"
            f" recognised. Its columns: {_names(source)}. Name it with --map 'column=total'"
        )


def _names(source: Source) -> str:
    return ", ".join(repr(name) for name in source.header[:30]) + (" …" if len(source.header) > 30 else "")
