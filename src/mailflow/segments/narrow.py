"""Whom a round must look at for one segment: those whom something came about, where that can be known, else everybody.

Everybody where a rule compares people with each other (scores are of all people's figures), where its time has come,
where it or a file was edited, or where too much came at once. What came: store/changed.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from mailflow import clock
from mailflow.errors import MailflowError
from mailflow.rules import Rule
from mailflow.rules.types import FAVOURITE, Deed, Did
from mailflow.segments import due
from mailflow.segments.segments import Segments
from mailflow.store import Connection, contacts
from mailflow.store.changed import Changed, Changes
from mailflow.store.marks import Mark, Marks
from mailflow.store.membership import Kept

# One person in so many is looked at by themselves; of more people it is quicker to ask about all at once.
_SHARE, _FEWEST = 200, 50


class Narrow:
    """What came since each segment was last compared; `db` sees nothing of tomorrow."""

    def __init__(self, db: Connection, segments: Segments, marks: Marks, now: datetime) -> None:
        self._db = db
        self._segments = segments
        self._marks = marks
        self._now = now
        self._changes = Changes(db, marks, most=max(_FEWEST, contacts.highest_id(db) // _SHARE))
        self._amounts: str | None = None

    def whom(self, old: Kept, hash_: str, rule: Rule) -> frozenset[int] | None:
        """Return the contacts whose membership may be another since a segment was last compared; None for everybody."""
        if old.checked_at is None or old.hash != hash_ or old.due_at is None or old.due_at <= clock.to_ms(self._now):
            return None
        reads = due.reads(rule)
        same = {Mark.FILES, Mark.SCORES} & ({Mark.FILES} | reads)
        if any(old.seen.get(mark) != self._marks.get(mark) for mark in same):
            return None
        changed = self._changes.since(old.seen, sorted(reads - same))
        if changed is None or _concerns_others(rule, changed) or not self._in_same_money(old.seen, rule):
            return None
        return changed.people

    def seen(self, rule: Rule) -> dict[str, str]:
        """Return how far all has come that a rule reads, to be kept until the next round."""
        found = {str(mark): self._marks[mark] for mark in sorted({Mark.FILES} | due.reads(rule))}
        return found | ({str(Mark.AMOUNTS): self._money()} if rule.asks_amounts() else {})

    def _in_same_money(self, seen: Mapping[str, str], rule: Rule) -> bool:
        """Say whether amounts are what they were: the first order in another currency makes all of them other sums."""
        if not rule.asks_amounts():
            return True
        try:
            return seen.get(Mark.AMOUNTS) == self._money()
        except MailflowError:
            return False  # a rate is missing, which is told where the members are looked for

    def _money(self) -> str:
        if self._amounts is None:
            context, factors = self._segments.context(self._db, self._now, amounts=True)
            self._amounts = json.dumps([context.currency, sorted(factors.items())])
        return self._amounts


def _concerns_others(rule: Rule, changed: Changed) -> bool:
    """Say whether what came about products may concern people whom nothing else came about."""
    if not changed.goods and not changed.new_goods:
        return False
    asked = {deed.deed for deed in rule.did() if _names_goods(deed)}
    if changed.goods and (asked or rule.asks(FAVOURITE)):
        return True
    return Deed.EVENT in asked


def _names_goods(deed: Did) -> bool:
    return deed.product is not None or deed.category is not None or deed.where is not None
