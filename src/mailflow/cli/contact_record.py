"""One person's profile as machines and the HTML page read it: plain values with stable names. Gathered by: profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mailflow.clock import from_ms, iso
from mailflow.jobs import present
from mailflow.model import ConsentState

if TYPE_CHECKING:
    from mailflow.jobs.profile import Profile
    from mailflow.segments.traits import TraitOf
    from mailflow.store.companies import Company
    from mailflow.store.consents import ConsentEntry
    from mailflow.store.ledger import Held
    from mailflow.store.lifecycle import StageNow
    from mailflow.store.origins import Origin
    from mailflow.store.owners import Owner
    from mailflow.store.profiles import OrderSummary, RfmSummary
    from mailflow.store.timeline import Moment


def as_record(profile: Profile, zone: ZoneInfo) -> dict[str, Any]:
    """Return a profile as JSON can hold it; instants are ISO 8601 in UTC, amounts decimal text beside a currency.

    Only what is told in words (`now`) has its times in the account's zone.
    """
    contact = profile.contact
    keys = {one.id: one.key for one in (contact, *profile.merged)}
    return {
        "contact": contact.key,
        "email": contact.email,
        "source": contact.source,
        "first_heard": origin_record(profile.first),
        "created_at": iso(profile.known_since),
        "updated_at": iso(contact.updated_at),
        "fields": fields(profile),
        "origins": {name: origin_record(origin) for name, origin in profile.origins.items()},
        "merged": [one.key for one in profile.merged],
        "identities": [dict(one) for one in profile.identities],
        "consent": _standing(profile.consent),
        "consents": [held_record(held) for held in profile.consent],
        "ledger": [entry_record(entry) for entry in profile.ledger],
        "suppressions": [
            {
                "address": address,
                "reason": str(one.reason),
                "evidence": one.evidence,
                "source": one.source,
                "at": iso(one.created_at),
            }
            for address, one in profile.suppressions
        ],
        "orders": None if profile.orders is None else _orders(profile.orders),
        "class": None if profile.rfm is None else profile.rfm.name,
        "rfm": None if profile.rfm is None else _rfm(profile.rfm),
        "lifecycle": None if profile.stage is None else _stage(profile.stage),
        "scores": [asdict(score) for score in profile.scores],
        "segments": list(profile.segments),
        "traits": [trait_record(trait) for trait in profile.traits],
        "favourite_category": profile.favourite_category,
        "company": _named(profile.company, "name", "domain", "industry", "size", "country", "source"),
        "owner": _named(profile.owner, "name", "email", "phone", "title", "source"),
        "flags": list(profile.flags.words),
        "suggestion": profile.flags.suggestion,
        **present.record(profile.present),
        "now": [{"what": what, "text": text} for what, text in present.in_words(profile.present, zone)],
        "timeline": [_moment(moment, keys) for moment in profile.timeline],
        "earlier": profile.earlier,
    }


def fields(profile: Profile) -> dict[str, Any]:
    """Return every field that is filled in, built-in ones first."""
    known = {name: value for name, value in profile.contact.fields.items() if value}
    return {**known, **profile.contact.attributes}


def origin_record(origin: Origin) -> dict[str, Any]:
    """Return where a value comes from: `origin` is self, import, inferred, owner or recorded."""
    return {
        "origin": str(origin.kind),
        "source": origin.source,
        "at": iso(origin.at),
        "import_id": origin.import_id,
        "file": origin.file,
        "undone": origin.undone,
        "question": origin.question,
    }


def trait_record(trait: TraitOf) -> dict[str, Any]:
    """Return a trait with the signs that tell so; confidence is 0 to 1, that of a sign what it alone makes us."""
    return {
        "trait": trait.name,
        "title": trait.title or None,
        "confidence": round(trait.confidence, 4),
        "sensitive": trait.sensitive,
        "signs": [
            {
                "rule": sign.rule,
                "confidence": sign.percent / 100,
                "against": sign.against,
                "source": sign.source or None,
                "seen": sign.seen or None,
            }
            for sign in trait.signs
        ],
    }


def entry_record(entry: ConsentEntry) -> dict[str, Any]:
    """Return an entry of the ledger of consent."""
    return {
        "state": str(entry.state),
        "basis": str(entry.basis),
        "channel": entry.channel,
        "topic": entry.topic,
        "address": entry.address,
        "occurred_at": iso(entry.occurred_at),
        "recorded_at": iso(entry.recorded_at),
        "source": entry.source,
        "wording": entry.wording,
        "evidence": entry.evidence,
        "lifts": entry.lifts,
        "import_id": entry.import_id,
    }


def held_record(held: Held) -> dict[str, Any]:
    """Return what holds, or held, on one channel and topic."""
    return {
        "channel": held.channel,
        "topic": held.topic,
        "state": str(held.state),
        "basis": str(held.basis),
        "since": iso(held.since),
        "address": held.address,
        "source": held.source,
        "wording": held.wording,
        "evidence": held.evidence,
    }


def _standing(held: Sequence[Held]) -> dict[str, Any]:
    """Return the consent to all marketing mail, which most people mean."""
    mail = next((one for one in held if (one.channel, one.topic) == ("email", "")), None)
    return {
        "state": str(mail.state if mail else ConsentState.NEVER),
        "basis": str(mail.basis) if mail else None,
        "since": iso(mail.since) if mail else None,
        "address": mail.address if mail else None,
    }


def _orders(orders: OrderSummary) -> dict[str, Any]:
    return {
        "count": orders.count,
        "first_at": iso(orders.first_at),
        "last_at": iso(orders.last_at),
        "revenue": [{"currency": currency, "revenue": text} for currency, text in orders.revenue.items()],
    }


def _stage(stage: StageNow) -> dict[str, Any]:
    return {
        "stage": str(stage.stage),
        "previous": None if stage.previous is None else str(stage.previous),
        "since": iso(from_ms(stage.entered_at)),
        "orders": stage.orders,
        "gap_days": stage.gap_days,
        "silence_days": stage.silence_days,
    }


def _rfm(rfm: RfmSummary) -> dict[str, Any]:
    return {
        "class": rfm.name,
        **{name: getattr(rfm, name) for name in ("r", "f", "m", "recency_days", "frequency", "monetary", "currency")},
        "as_of": rfm.as_of,
    }


def _named(thing: Company | Owner | None, *names: str) -> dict[str, Any] | None:
    return None if thing is None else {name: getattr(thing, name) for name in names}


def _moment(moment: Moment, keys: Mapping[int, str]) -> dict[str, Any]:
    return {
        "at": iso(moment.at),
        "what": str(moment.what),
        "text": moment.text,
        "source": moment.source,
        "contact": keys.get(moment.contact_id),
        "details": dict(moment.details),
    }
