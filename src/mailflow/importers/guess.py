"""Guess from the plain words of a header what the rows of a file are, or ask. Words and signs: vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailflow.errors import QuestionError
from mailflow.importers.nouns import Noun
from mailflow.importers.source import Source
from mailflow.importers.vocabulary import VOCABULARY
from mailflow.importers.words import ORDER_WORDS, WEAK_DATES

_PRODUCT_FIELDS = frozenset({"order_id", "quantity"})
_BUYER_FIELDS = frozenset({"order_id", "email", "customer_id", "phone"})
_NAMES = frozenset({"first_name", "last_name"})


def guess_noun(source: Source, folded: Sequence[str], mapping: Mapping[str, str]) -> Noun:
    """Return what a file without a layout is; `QuestionError` where its header leaves that open."""
    found = [noun for noun in VOCABULARY if _has_sign(noun, folded, mapping)]
    if Noun.ORDERS not in found and _is_orders(folded, mapping):
        found.append(Noun.ORDERS)
    if Noun.PRODUCTS in found:  # whatever is about people names products too
        found = [noun for noun in found if noun is not Noun.PRODUCTS] if _names_people(folded) else [Noun.PRODUCTS]
    if Noun.COSTS in found and Noun.ORDERS in found:  # an order has somebody who buys; what was spent has not
        found.remove(Noun.COSTS if _fields_as(Noun.ORDERS, folded, mapping) & _BUYER_FIELDS else Noun.ORDERS)
    found = _people_or_registers(source, found, _fields_as(Noun.CONTACTS, folded, mapping))
    if len(found) == 1:
        return found[0]
    if found:
        raise ask_which(source, found)
    as_order = _fields_as(Noun.ORDERS, folded, mapping)
    amount, dated, who = bool(as_order & {"total", "unit_price"}), "placed_at" in as_order, "email" in as_order
    if amount and dated and who:
        raise ask_which(source, [Noun.CONTACTS, Noun.ORDERS])
    if amount and as_order & {"order_id", "quantity", "refunded"}:
        raise ask_for(
            source, "this looks like orders, but no column is known as their date", "placed_at",
            ", or --as contacts if these are people",
        )  # fmt: skip
    if who:
        return Noun.CONTACTS
    raise ask_for(
        source,
        "this is neither a file of contacts (no e-mail column) nor one of orders (a customer, a date and an amount),"
        " nor of anything else that is known",
        "email", ", and what the rows are with --as",
    )  # fmt: skip


def _people_or_registers(source: Source, found: list[Noun], as_contacts: frozenset[str]) -> list[Noun]:
    """Return what a file may be that looks like owners or companies: with e-mail addresses it may be contacts too.

    The file's name decides, or for companies that its rows have first and last names.
    """
    alike = [noun for noun in found if noun in (Noun.OWNERS, Noun.COMPANIES)]
    if not alike or "email" not in as_contacts:
        return found
    named: list[Noun] = [noun for noun in alike if noun.value in source.path.stem.lower()]
    if named:
        return named
    if Noun.COMPANIES in alike and as_contacts & _NAMES:
        return [Noun.CONTACTS if noun is Noun.COMPANIES else noun for noun in found]
    return [*found, Noun.CONTACTS]


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


def _has_sign(noun: Noun, folded: Sequence[str], mapping: Mapping[str, str]) -> bool:
    signs = VOCABULARY[noun].signs
    return bool(signs) and any(sign <= _fields_as(noun, folded, mapping) for sign in signs)


def _names_people(folded: Sequence[str]) -> bool:
    fields = _fields_as(Noun.ORDERS, folded, {})
    return bool(fields & {"email", "customer_id", "phone", "order_id", "return_id", "refund_of"})


def _is_orders(folded: Sequence[str], mapping: Mapping[str, str]) -> bool:
    """Return whether this is orders beyond doubt: an order date and an amount, or a date and an order id."""
    fields = _fields_as(Noun.ORDERS, folded, mapping)
    surely_dated = "placed_at" in mapping.values() or any(
        ORDER_WORDS.get(header) == "placed_at" and header not in WEAK_DATES for header in folded
    )
    if not {"placed_at"} <= fields:
        return False
    if fields & {"total", "unit_price"} and (surely_dated or fields & _PRODUCT_FIELDS):
        return True
    return "order_id" in fields
