"""Write planned messages as rows, in slices, so that a stop half-way is taken up again without anybody twice."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from mailflow.model import MessageState, Scope
from mailflow.store import Store, campaigns, messages
from mailflow.store.campaigns import Occurrence
from mailflow.store.messages import NewMessage

_SLICE = 1_000  # rows a transaction: about 20 ms


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
    """Plan a message for each, and close the occurrence with the last of them. Return how many rows were made."""
    made = 0
    remaining = iter(people)
    while slice_ := list(islice(remaining, _SLICE)):
        rows = _rows(slice_)
        with store.transaction() as tx:
            made += messages.insert(
                tx, str(scope), rows, rehearsal=scope.is_rehearsal, kind=kind, at=at, occurrence=occurrence.occurrence
            )
    with store.transaction() as tx:
        campaigns.finish_planning(tx, occurrence, at=at)
    return made


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
