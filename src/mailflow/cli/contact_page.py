"""Print one person's profile: a page for a terminal, a record for machines. What is known: jobs/profile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mailflow.clock import iso
from mailflow.model import ConsentState

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.profile import Profile
    from mailflow.store.consents import ConsentEntry, Standing
    from mailflow.store.profiles import OrderSummary


def as_record(profile: Profile) -> dict[str, Any]:
    """Return a profile as JSON can hold it; instants are ISO 8601 in UTC."""
    contact = profile.contact
    return {
        "contact": contact.key,
        "email": contact.email,
        "source": contact.source,
        "created_at": iso(contact.created_at),
        "updated_at": iso(contact.updated_at),
        "fields": _fields(profile),
        "identities": [dict(one) for one in profile.identities],
        "consent": _standing_record(profile.consent),
        "ledger": [_entry_record(entry) for entry in profile.ledger],
        "suppressions": [
            {"reason": str(one.reason), "evidence": one.evidence, "source": one.source, "at": iso(one.created_at)}
            for one in profile.suppressions
        ],
        "orders": None if profile.orders is None else _orders_record(profile.orders),
        "class": profile.rfm_class,
        "timeline": [{"at": iso(moment.at), "what": moment.what, "text": moment.text} for moment in profile.timeline],
    }


def _standing_record(held: Standing | None) -> dict[str, Any]:
    return {
        "state": str(held.state if held else ConsentState.NEVER),
        "basis": str(held.basis) if held else None,
        "since": iso(held.since) if held else None,
        "address": held.address if held else None,
    }


def _entry_record(entry: ConsentEntry) -> dict[str, Any]:
    return {
        "state": str(entry.state),
        "basis": str(entry.basis),
        "topic": entry.topic,
        "address": entry.address,
        "occurred_at": iso(entry.occurred_at),
        "recorded_at": iso(entry.recorded_at),
        "source": entry.source,
        "wording": entry.wording,
        "evidence": entry.evidence,
        "lifts": entry.lifts,
    }


def _orders_record(orders: OrderSummary) -> dict[str, Any]:
    return {
        "count": orders.count,
        "first_at": iso(orders.first_at),
        "last_at": iso(orders.last_at),
        "revenue": [{"currency": currency, "revenue": text} for currency, text in orders.revenue.items()],
    }


def page(profile: Profile, zone: ZoneInfo) -> RenderableType:
    """Return a profile as a page: who, consent, orders, then what happened, in the account's time."""
    from rich.console import Group
    from rich.text import Text

    facts = _grid([*_who(profile), *_standing(profile, zone), *_bought(profile, zone)])
    moments = _grid([(_when(moment.at, zone), f"{moment.what:<8} {moment.text}") for moment in profile.timeline])
    return Group(Text(profile.contact.email or profile.contact.key, style="bold"), facts, Text(), moments)


def _fields(profile: Profile) -> dict[str, Any]:
    """Return every field that is filled in, built-in ones first."""
    known = {name: value for name, value in profile.contact.fields.items() if value}
    return {**known, **profile.contact.attributes}


def _who(profile: Profile) -> Iterable[tuple[str, str]]:
    for name, value in _fields(profile).items():
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    shown = {(profile.contact.email or "").lower(), profile.contact.fields["phone"]}
    for one in profile.identities:
        if one["value"] in shown:
            continue
        yield one["kind"], f"{one['value']} ({one['source']})" if one["source"] else one["value"]
    yield "first heard of", profile.contact.source


def _standing(profile: Profile, zone: ZoneInfo) -> Iterable[tuple[str, str]]:
    held = profile.consent
    if held is None:
        yield "consent", "never: nothing says that they agreed to marketing mail"
    else:
        ground = "" if held.state is ConsentState.UNSUBSCRIBED else f" (basis {held.basis}, for {held.address})"
        yield "consent", f"{held.state} since {_when(held.since, zone)}{ground}"
    for one in profile.suppressions:
        told = f": {one.evidence}" if one.evidence else ""
        yield "suppressed", f"{one.reason} since {_when(one.created_at, zone)}, from {one.source}{told}"


def _bought(profile: Profile, zone: ZoneInfo) -> Iterable[tuple[str, str]]:
    orders = profile.orders
    if orders is not None:
        revenue = ", ".join(f"{text} {currency}" for currency, text in orders.revenue.items())
        yield "orders", f"{orders.count}, {revenue}; the last on {_when(orders.last_at, zone)}"
    if profile.rfm_class is not None:
        yield "class", profile.rfm_class


def _grid(rows: Sequence[tuple[str, str]]) -> RenderableType:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for name, text in rows:
        grid.add_row(name, text)
    return grid


def _when(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M")
