"""Guess from the plain words of a header what the rows of a file are, or ask. Words and signs: vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailflow.errors import QuestionError
from mailflow.importers.nouns import Noun
from mailflow.importers.reading.source import Source
from mailflow.importers.recognition.headers import Header, read_header
from mailflow.importers.recognition.phrases import Sample
from mailflow.importers.recognition.vocabulary import VOCABULARY, unmet
from mailflow.importers.wording.words import WEAK_DATES, fold
from mailflow.importers.wording.words_shop import are_lines

_PRODUCT_FIELDS = frozenset({"order_id", "quantity"})
_LIKE_CONTACTS = frozenset({Noun.OWNERS, Noun.COMPANIES})  # with an e-mail address, their rows may be people too
_LIKE_EVENTS = (Noun.EVENTS, Noun.ENGAGEMENT, Noun.ORDERS)  # what may be known of people by their customer id
# Dates that may be those of anything: beside an e-mail address they do not make a file one of orders.
_ANY_DATES = WEAK_DATES | frozenset(map(fold, "date datum fecha datetime date_time".split()))
_CLEAR_LEAD = 2  # columns that one kind must know more than the next to be taken without asking
_QUESTION_WORDS = 4  # a header of so many words that ends in a question mark was put to somebody
_Known = Mapping[Noun, frozenset[str]]  # the fields that the columns would be in a file of each noun


def guess_noun(source: Source, headers: Sequence[Header], mapping: Mapping[str, str]) -> Noun:
    """Return what a file without a layout is; `QuestionError` where its header leaves that open."""
    known = {noun: _fields_as(noun, headers, mapping) for noun in VOCABULARY}
    signed = [noun for noun in VOCABULARY if _has_sign(noun, known)]
    if Noun.ANSWERS not in signed and _has_needs(Noun.ANSWERS, known) and _asks_questions(source):
        signed.append(Noun.ANSWERS)
    if Noun.ORDERS not in signed and _is_orders(headers, mapping, known[Noun.ORDERS]):
        signed.append(Noun.ORDERS)
    if len(signed) > 1 and Noun.EVENTS in signed:
        signed.remove(Noun.EVENTS)  # which is what fits where nothing more special does
    beaten = frozenset().union(*(VOCABULARY[noun].beats for noun in signed))
    found = [noun for noun in signed if noun not in beaten and _has_needs(noun, known)]
    if found and "email" in known[Noun.CONTACTS] and not set(found) - _LIKE_CONTACTS:
        found.append(Noun.CONTACTS)
    if found:
        return _clearest(source, found, known)
    sure = [noun for noun in signed if noun is Noun.ORDERS or _has_own_id(noun, known)]
    if sure or (signed and "email" not in known[Noun.CONTACTS]):
        return _clearest(source, sure or signed, known)  # it will be asked for what is missing
    return _contacts_or_ask(source, headers, known)


def _has_sign(noun: Noun, known: _Known) -> bool:
    """Return whether a header has a sign of a noun, and nothing that such a file cannot have."""
    words = VOCABULARY[noun]
    has_sign = any(sign <= known[noun] for sign in words.signs)
    return has_sign and not words.unless & (known[Noun.ORDERS] | known[Noun.CONTACTS])


def _has_own_id(noun: Noun, known: _Known) -> bool:
    """Return whether one column alone shows what the rows are, such as the id of a ticket."""
    return any(len(sign) == 1 and sign <= known[noun] for sign in VOCABULARY[noun].signs)


def _has_needs(noun: Noun, known: _Known) -> bool:
    return unmet(noun, known[noun]) is None


def _asks_questions(source: Source) -> bool:
    return any(name.rstrip().endswith(("?", "？")) and len(name.split()) >= _QUESTION_WORDS for name in source.header)


def _clearest(source: Source, found: Sequence[Noun], known: _Known) -> Noun:
    """Return the kind that the file's name says, else the one that knows clearly more of its columns; or ask."""
    name = source.name.lower()
    named = [noun for noun in found if noun.value in name]
    if len(named) == 1:
        return named[0]
    ranked = sorted(found, key=lambda noun: -len(known[noun]))
    if len(ranked) == 1 or len(known[ranked[0]]) - len(known[ranked[1]]) >= _CLEAR_LEAD:
        return ranked[0]
    raise ask_which(source, ranked)


def _contacts_or_ask(source: Source, headers: Sequence[Header], known: _Known) -> Noun:
    """Return contacts for a file that names people and has no sign of anything else, or ask what is missing."""
    as_order = known[Noun.ORDERS]
    amount, dated, who = bool(as_order & {"total", "unit_price"}), "placed_at" in as_order, "email" in as_order
    of_an_order = any(_is_order_date(header, _ANY_DATES) for header in headers)
    if who and (of_an_order or (amount and dated)):
        raise ask_which(source, [Noun.CONTACTS, Noun.ORDERS])
    if amount and as_order & {"order_id", "quantity", "refunded"}:
        raise ask_for(
            source, "this looks like orders, but no column is known as their date", "placed_at",
            ", or --as contacts if these are people",
        )  # fmt: skip
    if "email" in known[Noun.CONTACTS]:
        return Noun.CONTACTS
    if _has_needs(Noun.CONTACTS, known):
        raise ask_which(source, [Noun.CONTACTS, *_LIKE_EVENTS], "people without e-mail addresses, or what they did")
    raise ask_for(
        source,
        "this is neither a file of contacts (no e-mail column) nor one of orders (a customer, a date and an amount),"
        " nor of anything else that is known",
        "email", ", and what the rows are with --as",
    )  # fmt: skip


def ask_which(source: Source, nouns: Sequence[Noun], what: str | None = None) -> QuestionError:
    """Return the question what the rows of a file are."""
    names = [noun.value for noun in nouns]
    return QuestionError(
        f"{source.path}: this may be {what or 'a file of ' + ' or of '.join(names)}",
        option="--as",
        choices={name: name for name in names},
    )


def ask_for(source: Source, what: str, field: str, or_else: str = "") -> QuestionError:
    """Return the question which column a field is; those that mean nothing to anybody are offered first.

    Where an e-mail address is asked for, and columns hold some, those are offered alone.
    """
    known = {name: _is_known(name) for name in source.header if name}
    if field == "email":
        sample = Sample(source)
        known = {
            name: False for place, name in enumerate(source.header) if name and sample.holds_addresses(place)
        } or known
    return QuestionError(
        f"{source.path}: {what}. Its columns: {names_of(source)}",
        option="--map",
        choices={name: f"{name}={field}" for name in sorted(known, key=known.__getitem__)},
        how=f"--map 'column={field}'{or_else}",
    )


def _is_known(name: str) -> bool:
    header = read_header(name)
    return any(header.field(VOCABULARY[noun]) for noun in (Noun.CONTACTS, Noun.ORDERS))


def names_of(source: Source) -> str:
    """Return the columns of a file for a message, the first 30 of them."""
    return ", ".join(repr(name) for name in source.header[:30]) + (" …" if len(source.header) > 30 else "")


def _fields_as(noun: Noun, headers: Sequence[Header], mapping: Mapping[str, str]) -> frozenset[str]:
    words = VOCABULARY[noun]
    return frozenset({field for header in headers if (field := header.field(words))} | set(mapping.values()))


def _is_orders(headers: Sequence[Header], mapping: Mapping[str, str], fields: frozenset[str]) -> bool:
    """Return whether this is orders beyond doubt: an order date and an amount, a date and an order id, or lines."""
    if are_lines(fields):
        return True
    surely_dated = "placed_at" in mapping.values() or any(_is_order_date(header) for header in headers)
    if "placed_at" not in fields:
        return False
    if fields & {"total", "unit_price"} and (surely_dated or fields & _PRODUCT_FIELDS):
        return True
    return "order_id" in fields


def _is_order_date(header: Header, weak: frozenset[str] = WEAK_DATES) -> bool:
    """Return whether a header is that of an order's date, and not one of the `weak` words that any date may have."""
    return header.field(VOCABULARY[Noun.ORDERS]) == "placed_at" and not weak & {header.whole, header.word}
