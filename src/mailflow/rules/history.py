"""What one person did, for rules about it: the face of `Done` that needs no database. All people at once: store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mailflow.rules.resolve import Done
from mailflow.rules.types import Deed

_FOLD = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


def fold(text: str) -> str:
    """Return a text as SQLite's NOCASE compares it: A to Z are a to z, other letters stay as they are."""
    return text.translate(_FOLD)


@dataclass(frozen=True, slots=True)
class Good:
    """What an order's line or an event is about: every folded id, SKU and title of it, and its folded categories."""

    names: frozenset[str]
    categories: frozenset[str]


@dataclass(frozen=True, slots=True)
class PastLine:
    """A line of an order; `facts` by the names that `where=` uses."""

    good: Good
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PastOrder:
    """A counted order; `facts` are those of its head, for one without lines."""

    at: int
    facts: Mapping[str, Any]
    lines: tuple[PastLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event; `goods` are those its properties name."""

    name: str
    at: int
    properties: Mapping[str, Any]
    goods: tuple[Good, ...] = ()


@dataclass(frozen=True, slots=True)
class PastMail:
    """A message that was accepted, and of what campaign or flow."""

    at: int
    campaign: str


@dataclass(frozen=True, slots=True)
class History:
    """Everything one person did."""

    orders: tuple[PastOrder, ...] = ()
    events: tuple[PastEvent, ...] = ()
    mails: tuple[PastMail, ...] = ()


def times(done: Done, history: History) -> Iterator[tuple[int, tuple[Mapping[str, Any], ...]]]:
    """Yield (when, facts to ask `where` about) of everything that a rule may count, before `where` is asked.

    A deed counts if its `where` holds for one of the facts, so an order comes with each line that fits.
    """
    match done.deed:
        case Deed.ORDER:
            yield from _orders(done, history.orders)
        case Deed.EVENT if done.poll is not None:
            yield from _answers(done, done.poll, history.events)
        case Deed.EVENT:
            yield from ((event.at, (event.properties,)) for event in _events(done, history.events))
        case Deed.MAIL:
            yield from _mails(done, history)


def _orders(done: Done, orders: Iterable[PastOrder]) -> Iterator[tuple[int, tuple[Mapping[str, Any], ...]]]:
    for order in orders:
        if not _in_window(done, order.at):
            continue
        if done.product is None and done.category is None:
            yield order.at, tuple(line.facts for line in order.lines) or (order.facts,)
            continue
        fitting = tuple(line.facts for line in order.lines if _fits(done, (line.good,)))
        if fitting:
            yield order.at, fitting


def _events(done: Done, events: Iterable[PastEvent]) -> Iterator[PastEvent]:
    for event in events:
        if event.name not in done.names or not _in_window(done, event.at) or not _fits(done, event.goods):
            continue
        if done.people_only and event.properties.get("machine") not in (None, False, 0):
            continue
        if done.campaign is None or _is_text(event.properties.get("campaign"), done.campaign):
            yield event


def _answers(done: Done, poll: str, events: Iterable[PastEvent]) -> Iterator[tuple[int, tuple[Mapping[str, Any], ...]]]:
    """Yield the last answer to a poll before the end of the window, if it is the one that is asked for."""
    given = [
        event
        for event in events
        if event.name in done.names and event.at < done.until and _is_key(event.properties.get("poll"), poll)
    ]
    if not given:
        return
    last = max(enumerate(given), key=lambda each: (each[1].at, each[0]))[1]
    answer = last.properties.get("answer")
    fits = answer is not None and (done.answer is None or _is_key(answer, done.answer))
    if fits and _in_window(done, last.at):
        yield last.at, (last.properties,)


def _mails(done: Done, history: History) -> Iterator[tuple[int, tuple[Mapping[str, Any], ...]]]:
    for mail in history.mails:
        if _in_window(done, mail.at) and (done.campaign is None or fold(mail.campaign) == fold(done.campaign)):
            yield mail.at, ({},)
    for event in _events(done, history.events):
        if event.properties.get("origin") is not None:  # what an old tool delivered; our own are messages
            yield event.at, ({},)


def _in_window(done: Done, at: int) -> bool:
    return (done.since is None or at >= done.since) and at < done.until


def _fits(done: Done, goods: tuple[Good, ...]) -> bool:
    product, category = done.product, done.category
    return (product is None or any(fold(product) in good.names for good in goods)) and (
        category is None or any(fold(category) in good.categories for good in goods)
    )


def _is_key(value: object, wanted: str) -> bool:
    """Say whether a name or a key is the wanted one; files of other tools may have written it as a number."""
    return isinstance(value, str | int) and not isinstance(value, bool) and fold(str(value)) == fold(wanted)


def _is_text(value: object, wanted: str) -> bool:
    return isinstance(value, str) and fold(value) == fold(wanted)
