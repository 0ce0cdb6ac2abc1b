"""Gather what is known of one person, for `mailflow contact show`. Who is meant: who; what is decided: why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailflow import clock
from mailflow.addresses import Flags, flags
from mailflow.errors import ProblemsError, UsageError
from mailflow.jobs import present
from mailflow.jobs.present import Present
from mailflow.segments import Segments, traits
from mailflow.segments.traits import TraitOf
from mailflow.store import (
    Connection,
    Row,
    companies,
    consents,
    contacts,
    favourites,
    first_heard,
    ledger,
    lifecycle,
    origins,
    owners,
    profiles,
    suppressions,
    timeline,
)
from mailflow.store.companies import Company
from mailflow.store.consents import ConsentEntry
from mailflow.store.contacts import Contact
from mailflow.store.ledger import Held
from mailflow.store.lifecycle import StageNow
from mailflow.store.origins import Origin
from mailflow.store.owners import Owner
from mailflow.store.profiles import OrderSummary, RfmSummary, ScoreSummary
from mailflow.store.suppressions import Suppression
from mailflow.store.timeline import Moment, What
from mailflow.tokens import Keys
from mailflow.workspace import Workspace

# What `--only` may say, and the moments it means.
SORTS: Mapping[str, frozenset[What]] = {
    "orders": frozenset({What.ORDER, What.REFUND}),
    "events": frozenset({What.EVENT}),
    "messages": frozenset({What.MESSAGE}),
    "offers": frozenset({What.OFFER}),
    "consents": frozenset({What.CONSENT, What.SUPPRESSION}),
    "statements": frozenset({What.STATEMENT}),
    "scores": frozenset({What.SCORE}),
    "imports": frozenset({What.IMPORT, What.MERGE}),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of what happened somebody asks for: since when, of which sorts, the latest how many."""

    since: datetime | None = None
    sorts: frozenset[What] | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything known of one person; `timeline` is what happened, the oldest first, `earlier` what is left out of it.

    `first` is where we first read of them, `known_since` when we first heard of them as rules have it (`created_at`).
    `merged` are contacts that were found to be the same person: what is theirs is in here.
    """

    contact: Contact
    merged: Sequence[Contact]
    identities: Sequence[Row]  # kind, source, value
    origins: Mapping[str, Origin]
    first: Origin
    known_since: datetime
    consent: Sequence[Held]
    ledger: Sequence[ConsentEntry]
    suppressions: Sequence[tuple[str, Suppression]]  # (address, why)
    orders: OrderSummary | None
    rfm: RfmSummary | None
    stage: StageNow | None
    scores: Sequence[ScoreSummary]
    company: Company | None
    owner: Owner | None
    segments: Sequence[str]
    traits: Sequence[TraitOf]
    favourite_category: str | None
    flags: Flags
    present: Present
    timeline: Sequence[Moment]
    earlier: int


def sorts(text: str) -> frozenset[What]:
    """Read what `--only` says, such as `orders,messages`; `UsageError` names what may be said."""
    found: set[What] = set()
    for word in filter(None, (part.strip().casefold() for part in text.split(","))):
        name = word if word in SORTS else f"{word}s"
        if name not in SORTS:
            raise UsageError(f"--only {word!r}: say {', '.join(SORTS)}, or several of them with commas")
        found |= SORTS[name]
    if not found:
        raise UsageError(f"--only needs a word: {', '.join(SORTS)}")
    return frozenset(found)


def of_contact(
    db: Connection, keys: Keys, contact: Contact, part: Part, *, now: datetime, segments: Segments | None = None
) -> Profile:
    """Return the profile of a contact and of those merged into them; what is open is so as of `now`.

    `segments` are the rules that they may be meant by.
    """
    ids = contacts.whole(db, contact.id)
    others = [contacts.get(db, number) for number in ids if number != contact.id]
    identities = [row for number in ids for row in contacts.identities_of(db, number)]
    moments, earlier = _chosen(timeline.of_person(db, keys, ids), part)
    return Profile(
        contact=contact,
        merged=[other for other in others if other is not None],
        identities=identities,
        origins=origins.of_fields(db, contact),
        first=origins.first(db, contact),
        known_since=first_heard.of_contact(db, contact.id) or contact.created_at,
        consent=ledger.now(db, contact.id),
        ledger=consents.of_contacts(db, ids),
        suppressions=_suppressions(db, keys, identities),
        orders=profiles.orders(db, ids),
        rfm=profiles.rfm(db, contact.id),
        stage=lifecycle.of_contact(db, contact.id),
        scores=profiles.scores(db, contact.id),
        company=companies.of_contact(db, contact.id),
        owner=owners.of_contact(db, contact.id),
        segments=[] if segments is None else segments.of_contact(db, contact.id, now=now),
        traits=[] if segments is None else traits.of_contact(segments, db, contact.id, now=now),
        favourite_category=favourites.category(db, contact.id, until=clock.to_ms(now)),
        flags=flags(contact.email) if contact.email else Flags(),
        present=present.of_person(db, ids, now=now),
        timeline=moments,
        earlier=earlier,
    )


def rules(workspace: Workspace) -> Segments | None:
    """Return the segments and traits there are; None where a file cannot be read, which hides nobody's profile."""
    try:
        return Segments.open(workspace.root, workspace.settings)
    except ProblemsError:
        return None


def _chosen(moments: Sequence[Moment], part: Part) -> tuple[Sequence[Moment], int]:
    """Return the moments that are asked for, and how many of them are left out for the limit."""
    meant = [
        moment
        for moment in moments
        if (part.since is None or moment.at >= part.since) and (part.sorts is None or moment.what in part.sorts)
    ]
    shown = meant if part.limit is None else meant[max(0, len(meant) - part.limit) :]
    return shown, len(meant) - len(shown)


def _suppressions(db: Connection, keys: Keys, identities: Collection[Row]) -> list[tuple[str, Suppression]]:
    return [
        (row["value"], held)
        for row in identities
        if row["kind"] == contacts.EMAIL
        for held in suppressions.history(db, keys, row["value"])
        if held.lifted_at is None
    ]
