"""Columns of a plain file that mean something else beside each other: `Vorname, Name`, `Datum, Uhrzeit`, `Refunded?`.

What each header means alone: words, headers; by its cells: phrases; columns of known tools: layouts.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from mailflow.importers.consent_words import CONSENT_YES, PLAIN_NO
from mailflow.importers.phrases import Sample
from mailflow.importers.shape import Plan
from mailflow.importers.words import fold

_CLOCK_HEADERS = frozenset(map(fold, "time uhrzeit zeit hora heure ora tid tijd godzina order_time sale_time".split()))
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s*[ap]\.?m\.?)?\Z", re.IGNORECASE)
_HAS_CLOCK = re.compile(r"\d:\d")


def settle(plan: Plan, fields: Collection[str], sample: Sample) -> None:
    """Change what columns of a plain file mean by those beside them. `fields` are those of its kind."""
    _part_name(plan, sample)
    if "total" in fields:
        _join_clock(plan, sample)
        _read_refund_marks(plan, sample)


def _part_name(plan: Plan, sample: Sample) -> None:
    """Read `Name` beside a first name as the last name, unless its cells hold the first name too."""
    has = plan.columns
    if "first_name" not in has or "full_name" not in has or "last_name" in has:
        return
    first, name = (sample.column(has[field][0]) for field in ("first_name", "full_name"))
    if not any(one and one.casefold() in other.casefold().split() for one, other in zip(first, name, strict=True)):
        has["last_name"] = has.pop("full_name")


def _join_clock(plan: Plan, sample: Sample) -> None:
    """Join the date of an order with the time of day in a column of its own."""
    clocks = [place for place, header in enumerate(plan.folded) if header in _CLOCK_HEADERS]
    dates = plan.columns.get("placed_at", ())
    if len(clocks) != 1 or len(dates) != 1 or clocks == list(dates) or "placed_at" in plan.said:
        return
    cells = sample.cells(clocks[0])
    if not cells or not all(map(_CLOCK.match, cells)) or any(map(_HAS_CLOCK.search, sample.cells(dates[0]))):
        return
    plan.join("placed_at", [plan.folded[dates[0]], plan.folded[clocks[0]]])


def _read_refund_marks(plan: Plan, sample: Sample) -> None:
    """Read a column of refunds that says yes and no, and no amounts, as the status of the orders."""
    places = plan.columns.get("refunded", ())
    if not places or "refunded" in plan.said or "status" in plan.columns:
        return
    words = set(map(fold, sample.cells(places[0])))
    if words and not any(word.isdigit() for word in words) and words <= CONSENT_YES | PLAIN_NO:
        plan.columns["status"] = plan.columns.pop("refunded")
        plan.translate("status", dict.fromkeys(CONSENT_YES, "refunded") | dict.fromkeys(PLAIN_NO, ""))
