"""Guess from the plain words of a header what the rows of a file are, or ask. Words and signs: vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailflow.errors import QuestionError
from mailflow.importers.nouns import Noun
from mailflow.importers.source import Source
from mailflow.importers.vocabulary import VOCABULARY
from mailflow.importers.words import ORDER_WORDS, WEAK_DATES

_PRODUCT_FIELDS = frozenset({"order_id", "quantity"})
_LIKE_CONTACTS = frozenset({Noun.OWNERS, Noun.COMPANIES})  # with an e-mail address, their rows may be people too
_CLEAR_LEAD = 2  # columns that one kind must know more than the next to be taken without asking


def guess_noun(source: Source, folded: Sequence[str], mapping: Mapping[str, str]) -> Noun:
    """Return what a file without a layout is; `QuestionError` where its header leaves that open."""
    known = {noun: _fields_as(noun, folded, mapping) for noun in VOCABULARY}
    found = [noun for noun in VOCABULARY if _may_be(noun, known)]
    if Noun.ORDERS not in found and _is_orders(folded, mapping, known[Noun.ORDERS]) and _has_needs(Noun.ORDERS, known):
        found.append(Noun.ORDERS)
    if found and "email" in known[Noun.CONTACTS] and not set(found) - _LIKE_CONTACTS:
        found.append(Noun.CONTACTS)
    if found:
        return _clearest(source, found, known)
    return _contacts_or_orders(source, folded, mapping, known)


def _may_be(noun: Noun, known: Mapping[Noun, frozenset[str]]) -> bool:
    """Return whether a header has a sign of a noun and all that it needs, and nothing that such a file cannot have."""
    words = VOCABULARY[noun]
    has_sign = any(sign <= known[noun] for sign in words.signs)
    return has_sign and _has_needs(noun, known) and not words.unless & (known[Noun.ORDERS] | known[Noun.CONTACTS])


def _has_needs(noun: Noun, known: Mapping[Noun, frozenset[str]]) -> bool:
    return all(each.met_by(known[noun]) for each in VOCABULARY[noun].needs)


def _clearest(source: Source, found: Sequence[Noun], known: Mapping[Noun, frozenset[str]]) -> Noun:
    """Return the kind that the file's name says, else the one that knows clearly more of its columns; or ask."""
    name = source.name.lower()
    named = [noun for noun in found if noun.value in name]
    if len(named) == 1:
        return named[0]
    ranked = sorted(found, key=lambda noun: -len(known[noun]))
    if len(ranked) == 1 or len(known[ranked[0]]) - len(known[ranked[1]]) >= _CLEAR_LEAD:
        return ranked[0]
    raise ask_which(source, ranked)


def _contacts_or_orders(
    source: Source, folded: Sequence[str], mapping: Mapping[str, str], known: Mapping[Noun, frozenset[str]]
) -> Noun:
    """Return which of the two a file is that has no sign of anything else, or ask what is missing."""
    as_order = known[Noun.ORDERS]
    if _is_orders(folded, mapping, as_order):
        return Noun.ORDERS  # and it will be asked who bought
    amount, dated, who = bool(as_order & {"total", "unit_price"}), "placed_at" in as_order, "email" in as_order
    if amount and dated and who:
        raise ask_which(source, [Noun.CONTACTS, Noun.ORDERS])
    if amount and as_order & {"order_id", "quantity", "refunded"}:
        raise ask_for(
            source, "this looks like orders, but no column is known as their date", "placed_at",
            ", or --as contacts if these are people",
        )  # fmt: skip
    if "email" in known[Noun.CONTACTS]:
        return Noun.CONTACTS
    raise ask_for(
        source,
        "this is neither a file of contacts (no e-mail column) nor one of orders (a customer, a date and an amount),"
        " nor of anything else that is known",
        "email", ", and what the rows are with --as",
    )  # fmt: skip


def ask_which(source: Source, nouns: Sequence[Noun]) -> QuestionError:
    """Return the question what the rows of a file are."""
    names = [noun.value for noun in nouns]
    return QuestionError(
        f"{source.path}: this may be a file of {' or of '.join(names)}",
        option="--as",
        choices={name: name for name in names},
    )


def ask_for(source: Source, what: str, field: str, or_else: str = "") -> QuestionError:
    """Return the question which column a field is."""
    return QuestionError(
        f"{source.path}: {what}. Its columns: {names_of(source)}",
        option="--map",
        choices={name: f"{name}={field}" for name in source.header if name},
        how=f"--map 'column={field}'{or_else}",
    )


def names_of(source: Source) -> str:
    """Return the columns of a file for a message, the first 30 of them."""
    return ", ".join(repr(name) for name in source.header[:30]) + (" …" if len(source.header) > 30 else "")


def _fields_as(noun: Noun, folded: Sequence[str], mapping: Mapping[str, str]) -> frozenset[str]:
    words = VOCABULARY[noun].words
    return frozenset({words[header] for header in folded if header in words} | set(mapping.values()))


def _is_orders(folded: Sequence[str], mapping: Mapping[str, str], fields: frozenset[str]) -> bool:
    """Return whether this is orders beyond doubt: an order date and an amount, or a date and an order id."""
    surely_dated = "placed_at" in mapping.values() or any(
        ORDER_WORDS.get(header) == "placed_at" and header not in WEAK_DATES for header in folded
    )
    if "placed_at" not in fields:
        return False
    if fields & {"total", "unit_price"} and (surely_dated or fields & _PRODUCT_FIELDS):
        return True
    return "order_id" in fields
