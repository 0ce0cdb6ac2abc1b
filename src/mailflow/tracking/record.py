"""Record what happened, once, with what follows from it: a no, a suppression. What may still go: policy."""

from __future__ import annotations

from mailflow.addresses import Address, normalise
from mailflow.model import Basis, ConsentState, SuppressionReason
from mailflow.store import consents, events, merged_consent, suppressions
from mailflow.store.connection import Connection
from mailflow.store.consents import ALL_TOPICS, ConsentEntry
from mailflow.store.events import Event
from mailflow.tokens import Keys

UNSUBSCRIBED = "unsubscribed"
BOUNCED = "bounced"
COMPLAINED = "complained"

HARD = "hard"  # properties["kind"] of a bounce that says that the address itself is no good


def record(tx: Connection, event: Event, *, keys: Keys) -> bool:
    """Write an event and what follows from it; return False, and change nothing, where it was known already.

    `unsubscribed` is a no of its contact, and of who they were merged into, to `properties["topic"]`, or to all
    marketing where that names none. `complained`, and `bounced` with `kind: hard`, suppress `properties["address"]`; a
    complaint is a no besides.
    """
    if not events.insert(tx, event):
        return False
    if event.name in (UNSUBSCRIBED, COMPLAINED) and event.contact_id is not None:
        consents.append(tx, _no(event, event.contact_id))
        merged_consent.pass_on(tx, event.contact_id, now=event.recorded_at)
    reason = _suppression(event)
    address = _address(event)
    if reason is not None and address is not None:
        suppressions.suppress(
            tx, keys, address, reason, source=event.source, now=event.recorded_at, evidence=_text(event, "reply")
        )
    return True


def _no(event: Event, contact_id: int) -> ConsentEntry:
    return ConsentEntry(
        contact_id=contact_id,
        state=ConsentState.UNSUBSCRIBED,
        basis=Basis.UNKNOWN,
        address=_text(event, "address"),
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        source=event.source,
        evidence=_text(event, "evidence"),
        topic=_text(event, "topic") or ALL_TOPICS,
    )


def _text(event: Event, name: str) -> str | None:
    """Return a property as text; None where it is missing, blank, or something else that JSON can hold."""
    value = event.properties.get(name)
    return (value.strip() or None) if isinstance(value, str) else None


def _suppression(event: Event) -> SuppressionReason | None:
    if event.name == COMPLAINED:
        return SuppressionReason.COMPLAINT
    if event.name == BOUNCED and event.properties.get("kind") == HARD:
        return SuppressionReason.HARD_BOUNCE
    return None


def _address(event: Event) -> Address | None:
    """Return the address an event is about; None where it names none, or what no address can be."""
    text = _text(event, "address")
    try:
        return None if text is None else normalise(text)
    except ValueError:
        return None
