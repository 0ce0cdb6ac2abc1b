"""Write planned messages as rows, in slices, so that a stop half-way is taken up again without anybody twice."""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import islice

from mailflow.idset import IdSet
from mailflow.model import MessageState, Scope
from mailflow.policy import Reason
from mailflow.store import Store, campaigns, messages
from mailflow.store.campaigns import Occurrence
from mailflow.store.messages import NewMessage
from mailflow.store.pace import Pace


@dataclass(frozen=True, slots=True)
class Addressee:
    """One contact of a plan, with what is to be recorded for them."""

    contact_id: int
    state: MessageState
    reason: str | None
    due_at: int
    not_after: int
    address: str


def write(
    store: Store, scope: Scope, occurrence: Occurrence, people: Iterable[Addressee], *, kind: str, at: int
) -> int:
    """Plan a message for each, and close the occurrence with the last of them. Return how many rows were written.

    Whoever was planned before, got nothing yet and is not among them any more is taken out: the last plan holds.
    """
    made = 0
    getting = IdSet()
    remaining, pace = iter(people), Pace(store)
    while slice_ := list(islice(remaining, pace.rows)):
        rows = _rows(slice_)
        for row in rows:
            if row.state is MessageState.PLANNED:
                getting.add(row.contact_id)
        with pace.transaction() as tx:
            made += messages.insert(
                tx, str(scope), rows, rehearsal=scope.is_rehearsal, kind=kind, at=at, occurrence=occurrence.occurrence
            )
    _take_out(store, scope, occurrence, getting, at)
    with store.transaction() as tx:
        campaigns.finish_planning(tx, occurrence, at=at)
    return made


def _take_out(store: Store, scope: Scope, occurrence: Occurrence, getting: Set[int], at: int) -> None:
    planned = messages.unsent(store.db, str(scope), occurrence.occurrence)
    unwanted = array("q", (message_id for message_id, contact in planned if contact not in getting))
    left = ((message_id, Reason.NOT_IN_AUDIENCE) for message_id in unwanted)
    pace = Pace(store)
    while slice_ := list(islice(left, pace.rows)):
        with pace.transaction() as tx:
            # Nobody looks at them again before it is too late: only another plan brings them back.
            messages.refuse(tx, slice_, at=at, again_at=occurrence.not_after)


def _rows(people: Sequence[Addressee]) -> list[NewMessage]:
    return [
        NewMessage(
            contact_id=person.contact_id,
            state=person.state,
            reason=person.reason,
            due_at=person.due_at,
            not_after=person.not_after,
            address=person.address,
            token=secrets.token_urlsafe(12),
        )
        for person in people
    ]
