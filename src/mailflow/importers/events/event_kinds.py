"""How the rows of each kind of file become events: one table, a line per noun. Who reads the rows by it: event_rows.

A file may be a *log*, a row each time something happened (`event`, `time`), or a *state*, a row a thing with its status
and the times at which it got there (`status`, `opened_at`, `closed_at`). Of a state several events come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailflow.importers.nouns import Noun
from mailflow.importers.wording.words_events import MOMENTS

_WEB = (
    "url title product_id product sku category price quantity value currency query seconds referrer feature plan count"
    " cart_id"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What is particular about one noun.

    `properties` are the fields that become properties under their own name. `thing` is the property that names what a
    row is about: its events are known by it. `told_by` tells rows apart where neither an id nor a thing does; without,
    everything a row says does. `name` is what happened where no cell says it, `begins` the event that a thing of a
    state has in any case. `starts` are the events that happen when the thing takes place. `parts`: fields of one line
    of a thing that is told in several rows, as a list under the name `parts_as`. `flag` tells whether the thing still
    needs somebody, by what of its last status came.
    """

    noun: Noun
    properties: tuple[str, ...]
    thing: str | None = None
    told_by: tuple[str, ...] = ()
    name: str | None = None
    begins: str | None = None
    starts: frozenset[str] = frozenset()
    instants: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    parts_as: str = "items"
    flag: str | None = None
    ended_by: str | None = None

    @property
    def moments(self) -> Mapping[str, str]:
        """Return the columns that are times of their own: field → the event that happened then."""
        return MOMENTS.get(self.noun, {})


def _kind(noun: Noun, properties: str, **more: object) -> tuple[Noun, Kind]:
    return noun, Kind(noun, tuple(properties.split()), **more)  # type: ignore[arg-type]


KINDS: Mapping[Noun, Kind] = MappingProxyType(
    dict(
        [
            _kind(Noun.EVENTS, _WEB),
            _kind(
                Noun.CARTS,
                "cart_id value currency items url order_id category",
                thing="cart_id",
                name="cart_updated",
                parts=("product_id", "sku", "product", "quantity", "price"),
            ),
            _kind(
                Noun.ENGAGEMENT,
                "campaign subject url kind reason",
                told_by=("campaign", "subject"),
            ),
            _kind(
                Noun.TICKETS,
                "ticket_id subject status priority channel agent rating",
                thing="ticket_id",
                told_by=("subject",),
                name="ticket_opened",
                begins="ticket_opened",
                flag="open",
                ended_by="ticket_closed",
            ),
            _kind(
                Noun.BOOKINGS,
                "booking_id service starts_at ends_at status location staff guests value currency reason",
                thing="booking_id",
                told_by=("service", "starts_at"),
                name="booking_made",
                begins="booking_made",
                starts=frozenset({"booking_attended", "booking_missed"}),
                instants=frozenset({"starts_at", "ends_at"}),
            ),
            _kind(Noun.SOCIAL, "platform handle text url"),
        ]
    )
)
