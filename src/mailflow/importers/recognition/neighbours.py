"""Columns of a plain file that mean something else beside each other: `Vorname, Name`, `Datum, Uhrzeit`, `Refunded?`.

What each header means alone: words, headers; by its cells: phrases; columns of known tools: layouts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from mailflow.importers.recognition.phrases import Sample
from mailflow.importers.recognition.shape import Column, Faults, Plan, Step
from mailflow.importers.wording.consent_words import CONSENT_YES, PLAIN_NO
from mailflow.importers.wording.words import WEAK_DATES, fold
from mailflow.importers.wording.words_shop import are_lines

_CLOCK_HEADERS = frozenset(map(fold, "time uhrzeit zeit hora heure ora tid tijd godzina order_time sale_time".split()))
_CLOCK = re.compile(r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\s*[ap]\.?m\.?)?\Z", re.IGNORECASE)
# The date of a double opt-in is a yes of that day.
_CONFIRMED = frozenset(
    map(
        fold,
        """doi_date doi_datum doi_timestamp doi_am doi_bestatigt_am doi_confirmed_at doi_confirmed_on double_opt-
        in_date double_opt-in_datum double_opt-in_time double_opt-in_at double_opt-in_am double_opt-in_confirmed_at
        opt-in_confirmed_at date_double_opt-in date_du_double_opt-in fecha_doble_opt-in fecha_double_opt-in
        data_double_opt-in confirmed_opt-in_date optin_confirmed_at""".split(),
    )
)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_CANCELLED = frozenset(
    map(
        fold,
        """cancelled canceled is_cancelled is_canceled order_cancelled cancelled_at canceled_at cancelled_on
        cancelled_date voided is_void storniert storno storniert_am annule annulee annullato annullata cancelado
        cancelada anulado anulada geannuleerd avbestilt annulleret makulerad anulowane""".split(),
    )
)
_HAS_CLOCK = re.compile(r"\d:\d")


def settle(plan: Plan, fields: Collection[str], sample: Sample) -> None:
    """Change what columns of a plain file mean by those beside them. `fields` are those of its kind."""
    _part_name(plan, sample)
    if "consent" in fields and "opted_in_at" in fields:
        _read_dates_of_yes(plan, sample)
        if "consent" not in plan.columns:
            _read_confirmations(plan)
    if "total" in fields:
        _leave_out_weak_date(plan)
        _join_clock(plan, sample)
        _read_refund_marks(plan, sample)
        _read_cancel_marks(plan)


def _part_name(plan: Plan, sample: Sample) -> None:
    """Read `Name` beside a first name as the last name, unless its cells hold the first name too."""
    has = plan.columns
    if "first_name" not in has or "full_name" not in has or "last_name" in has:
        return
    first, name = (sample.column(has[field][0]) for field in ("first_name", "full_name"))
    if not any(one and one.casefold() in other.casefold().split() for one, other in zip(first, name, strict=True)):
        has["last_name"] = has.pop("full_name")


def _leave_out_weak_date(plan: Plan) -> None:
    """Leave out when the rows of a database were made, where they are lines of orders without a buyer."""
    places = plan.columns.get("placed_at", ())
    weak = len(places) == 1 and plan.folded[places[0]] in WEAK_DATES and "placed_at" not in plan.said
    if weak and are_lines(set(plan.columns) - {"placed_at"}):
        plan.used.update(plan.columns.pop("placed_at"))


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


def _read_confirmations(plan: Plan) -> None:
    """Make a yes of each date of a double opt-in, where nothing else in the file says one."""
    for place in plan.columns.get("opted_in_at", ()):
        if plan.folded[place] in _CONFIRMED:
            plan.give(Step((plan.header[place],), ((place,),), _confirmed), ("consent",))


def _confirmed(count: int, columns: Sequence[Column], faults: Faults) -> Sequence[Column]:
    return [[f"confirmed ({date})" if (date := cell.strip()).strip("0-:./ TZ") else "" for cell in columns[0]]]


def _read_dates_of_yes(plan: Plan, sample: Sample) -> None:
    """Read a column such as `Subscribed` that holds dates alone as a yes of each day."""
    for place in plan.columns.get("consent", ()):
        cells = sample.cells(place)
        if "consent" not in plan.said and cells and all(map(_DATE.match, cells)):
            plan.columns["opted_in_at"] = (place, *plan.columns.get("opted_in_at", ()))
            plan.columns["consent"] = tuple(each for each in plan.columns["consent"] if each != place)
            plan.give(Step((plan.header[place],), ((place,),), _confirmed), ("consent",), keep=True)


def _read_cancel_marks(plan: Plan) -> None:
    """Read a column that says whether, or when, an order was cancelled."""
    places = [place for place, header in enumerate(plan.folded) if header in _CANCELLED]
    taken = {place for some in plan.columns.values() for place in some}
    if len(places) == 1 and places[0] not in taken and "cancelled_at" not in plan.columns:
        plan.columns["cancelled_at"] = (places[0],)
        plan.translate("cancelled_at", dict.fromkeys(PLAIN_NO, ""))
