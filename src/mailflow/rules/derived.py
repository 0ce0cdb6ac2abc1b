"""Facts that follow from other facts: ages, months and weekdays, gaps between orders. As SQL: store/rules_sql.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from mailflow import clock
from mailflow.rules.types import Context

_DAY_MS = 86_400_000
_INSTANTS = ("created_at", "orders.first_at", "orders.last_at")


def derive(facts: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return facts with what follows from them at a moment added."""
    return {**facts, **_birthday(facts, context), **_local_parts(facts, context), **_gaps(facts, context)}


def _birthday(facts: Mapping[str, Any], context: Context) -> dict[str, Any]:
    born = facts.get("birthday")
    if born is None:
        return {}
    found = {"birthday.month": int(born[-5:-3]), "birthday.day": int(born[-2:])}
    if not born.startswith("-"):
        found["age"] = age(born, clock.local_date(context.now, context.zone))
    return found


def age(born: str, today: date) -> int:
    """Return whole years from a day such as 1984-03-07 until another; who was born on 29 February waits for March."""
    return today.year - int(born[:4]) - (f"{today:%m-%d}" < born[-5:])


def _local_parts(facts: Mapping[str, Any], context: Context) -> dict[str, Any]:
    own, account = facts.get("timezone"), str(context.zone)
    return {
        f"{name}.{part}": clock.local_part(facts.get(name), own, account, part)
        for name in _INSTANTS
        for part in ("month", "hour", "weekday")
    }


def _gaps(facts: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the usual gap in days, the mean of those between orders, and how many of them the last order is ago."""
    count, first, last = facts.get("orders.count") or 0, facts.get("orders.first_at"), facts.get("orders.last_at")
    if count < 2 or first is None or last is None:
        return {}
    found = {"orders.usual_gap": (last - first) / _DAY_MS / (count - 1)}
    if last > first:
        found["orders.gaps_since_last"] = (clock.to_ms(context.now) - last) * (count - 1.0) / (last - first)
    return found
