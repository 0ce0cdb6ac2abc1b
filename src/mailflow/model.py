"""The words mailflow is made of: statuses that say what each means, and the records that travel between rooms.

What a user writes in a file is a `*Spec` beside the code that reads it; rows of one table only live in `store/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ConsentState(StrEnum):
    """Whether a contact allowed marketing mail, as the ledger says now."""

    SUBSCRIBED = "subscribed"  # said yes, and nothing since says no
    PENDING = "pending"  # asked to be subscribed, has not confirmed yet
    UNSUBSCRIBED = "unsubscribed"  # said no; no file lifts it
    NEVER = "never"  # nothing is known: that is not consent


class Basis(StrEnum):
    """On what ground a contact may be mailed."""

    EXPRESS = "express"  # ticked a box, filled in a form, asked in person
    IMPLIED = "implied"  # an existing relation that the law counts, for a time
    PURCHASE = "purchase"  # bought, was told, and did not object (soft opt-in)
    UNKNOWN = "unknown"  # nobody can say: not consent


class SuppressionReason(StrEnum):
    """Why an address gets nothing at all, marketing or essential."""

    HARD_BOUNCE = "hard_bounce"  # a mail server said that the address does not exist
    COMPLAINT = "complaint"  # the person pressed "this is spam"
    MANUAL = "manual"  # the owner said so
    ERASED = "erased"  # the person asked to be forgotten; only a keyed hash is left


class OrderStatus(StrEnum):
    """What became of an order. Only `open` and `paid` count in figures."""

    OPEN = "open"  # placed, not paid yet
    PAID = "paid"  # paid, also when refunded since: refunds are rows of their own
    CANCELLED = "cancelled"  # taken back before it was fulfilled
    FAILED = "failed"  # never paid


COUNTED_STATUSES = (OrderStatus.OPEN, OrderStatus.PAID)


class MessageClass(StrEnum):
    """What the law and recovery after a crash make of a message."""

    MARKETING = "marketing"  # needs consent; never a second copy on our initiative
    ESSENTIAL = "essential"  # needs an order, account or opt-in; at least once, at most two copies


class MessageKind(StrEnum):
    """What a message does to the mix: give something, or ask for something."""

    PROMO = "promo"
    VALUE = "value"


class MessageState(StrEnum):
    """Where a message is on its way. `MESSAGE_TRANSITIONS` says what may follow what."""

    PLANNED = "planned"  # the row exists: this is the idempotency key
    SKIPPED = "skipped"  # refused, with a reason; may become planned when the reason is gone
    HELD_OUT = "held_out"  # chosen never to get it, to measure the effect
    READY = "ready"  # rendered and frozen, a few minutes of sending ahead
    ARMED = "armed"  # durable record that the final dot may go out now
    ACCEPTED = "accepted"  # the relay answered 2xx after the dot
    DEFERRED = "deferred"  # not taken for now; tried again at `next_at`
    FAILED = "failed"  # refused for good, or out of attempts
    IN_DOUBT = "in_doubt"  # armed, and no readable reply: may or may not have arrived
    ASSUMED_SENT = "assumed_sent"  # in doubt for seven days without evidence; counted apart
    EXPIRED = "expired"  # its `not_after` passed
    CANCELLED = "cancelled"  # the owner took it back


_S = MessageState

MESSAGE_TRANSITIONS: Mapping[MessageState, frozenset[MessageState]] = MappingProxyType(
    {
        _S.PLANNED: frozenset({_S.READY, _S.SKIPPED, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
        _S.SKIPPED: frozenset({_S.PLANNED, _S.HELD_OUT, _S.EXPIRED, _S.CANCELLED}),
        _S.HELD_OUT: frozenset(),
        _S.READY: frozenset({_S.PLANNED, _S.ARMED, _S.SKIPPED, _S.DEFERRED, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
        _S.ARMED: frozenset({_S.ACCEPTED, _S.DEFERRED, _S.FAILED, _S.IN_DOUBT, _S.READY}),
        _S.ACCEPTED: frozenset(),
        _S.DEFERRED: frozenset({_S.PLANNED, _S.READY, _S.ARMED, _S.SKIPPED, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
        _S.FAILED: frozenset({_S.PLANNED}),
        _S.IN_DOUBT: frozenset({_S.ACCEPTED, _S.FAILED, _S.READY, _S.ASSUMED_SENT, _S.CANCELLED}),
        _S.ASSUMED_SENT: frozenset({_S.ACCEPTED, _S.FAILED}),
        _S.EXPIRED: frozenset(),
        _S.CANCELLED: frozenset(),
    }
)

# A message in one of these may have reached its reader: nobody gets it again on our initiative.
MAY_HAVE_ARRIVED = frozenset({_S.ARMED, _S.ACCEPTED, _S.IN_DOUBT, _S.ASSUMED_SENT})

FINAL_STATES = frozenset(state for state, following in MESSAGE_TRANSITIONS.items() if not following)


REHEARSAL = "rehearsal:"  # how the text of a rehearsal's scope begins


@dataclass(frozen=True, slots=True)
class Scope:
    """Within what a message is unique per contact: a campaign, or one rehearsal of it.

    A rehearsal has a scope of its own for every state of the files, so that an edited campaign can be rehearsed again
    and nobody "already has" what was only rehearsed.
    """

    campaign: str
    rehearsal_of: str | None = None  # hash of the files, None for real

    @property
    def is_rehearsal(self) -> bool:
        return self.rehearsal_of is not None

    def __str__(self) -> str:
        if self.rehearsal_of is None:
            return f"campaign:{self.campaign}"
        return f"{REHEARSAL}{self.campaign}@{self.rehearsal_of[:8]}"

    @staticmethod
    def campaign_of(scope: str) -> str:
        """Return the campaign's id in the text form of a scope."""
        return scope.partition(":")[2].partition("@")[0]


class Stage(StrEnum):
    """Where somebody is in their life as a customer; everybody is in exactly one. The bounds: store/lifecycle.py."""

    LEAD = "lead"  # has not ordered yet
    NEW = "new"  # ordered once, a short while ago
    ACTIVE = "active"  # orders as usual
    LOYAL = "loyal"  # orders as usual, and has done so often
    AT_RISK = "at_risk"  # silent for longer than usual
    LAPSED = "lapsed"  # silent for much longer
    LOST = "lost"  # silent for so long that they are somebody else's customer


class ImportState(StrEnum):
    """How far an import got."""

    APPLYING = "applying"  # found by a later command: it was interrupted and is rolled back
    DONE = "done"
    UNDOING = "undoing"  # found by a later command: its undoing was interrupted and is finished
    UNDONE = "undone"
    ROLLED_BACK = "rolled_back"
