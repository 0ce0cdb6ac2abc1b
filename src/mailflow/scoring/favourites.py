"""Keep what everybody buys most, so that a rule about it looks into a table. Of a few people: store/favourites.py.

After an order only those people are looked at whom something came about; all orders are gone through the first time,
and when categories changed or something was undone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.config import Settings
from mailflow.store import Connection, Store, contacts, favourites, frames_favourites, marks, scores
from mailflow.store.favourites import FAVOURITES, UNTIL, VERSION, Standing
from mailflow.store.marks import Mark
from mailflow.store.pace import Pace

if TYPE_CHECKING:
    from mailflow.analytics.favourites import Categories, Integers

_Kept = tuple[int, str | None]
# So many purchases are sorted at once; what is more goes through files.
_AT_ONCE = 300_000
_IN_MEMORY = 1 << 19


def is_stale(db: Connection, settings: Settings, *, now: datetime) -> bool:
    """Say whether the kept favourites are of other data, or of another day than today."""
    run = scores.latest(db, FAVOURITES)
    if run is None or run.version != VERSION:
        return True
    return run.inputs != _inputs(db, settings, now)


def refresh(
    store: Store, settings: Settings, *, folder: Path, now: datetime, advance: Callable[[int], object] = lambda _: None
) -> int:
    """Bring everybody's favourite up to date and return of how many people it changed; `folder` is for large files.

    `advance` is told of orders that were gone through.

    What they depend on is read before: data that come meanwhile leave them stale. Of two at once the later one goes on.
    """
    inputs = _inputs(store.db, settings, now)
    standing = favourites.standing(store.db, until=inputs[UNTIL])
    with store.transaction() as tx:
        today = clock.local_date(now, settings.zone)
        run = scores.begin(tx, FAVOURITES, VERSION, as_of=today, now=now, inputs=inputs)
    if standing is None:
        found = _all(store.db, _Piles(inputs[UNTIL], folder, advance))
    else:
        found = _some(store.db, inputs[UNTIL], standing)
    changed = _write(Pace(store), run, found)
    with store.transaction() as tx:
        if favourites.is_ours(tx, run):
            scores.finish(tx, run, now=now)
    return changed


def _inputs(db: Connection, settings: Settings, now: datetime) -> dict[str, Any]:
    until = clock.to_ms(clock.end_of_day(clock.local_date(now, settings.zone), settings.zone))
    return {str(Mark.PEOPLE): marks.people(db), UNTIL: until}


def _some(db: Connection, until: int, standing: Standing) -> Iterator[_Kept]:
    """Yield the favourites of those for whom the kept ones do not hold."""
    found = favourites.categories(db, standing.but, until=until)
    yield from ((person, found.get(person)) for person in sorted(standing.but))


@dataclass(frozen=True, slots=True)
class _Piles:
    """How purchases are gone through: those before an instant, dealt out so that all of a person lie on one pile."""

    until: int
    folder: Path
    advance: Callable[[int], object]

    def favourites(self, db: Connection, categories: Categories) -> Iterator[tuple[Integers, Integers]]:
        """Yield people and the number of their favourite, pile by pile."""
        import numpy as np

        from mailflow.analytics import favourites as sums

        with ExitStack() as stack:
            files = [
                stack.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self.folder)))
                for _ in range(1 + frames_favourites.lines(db) // _AT_ONCE)
            ]
            for orders, lines in frames_favourites.windows(db, until=self.until):
                bought = sums.purchases(sums.Orders(*orders), sums.Lines(*lines), categories)
                pile = bought.keys // categories.count % len(files)
                rows = np.stack([bought.keys, bought.at], axis=1)
                for number, file in enumerate(files):
                    file.write(rows[pile == number].tobytes())
                self.advance(frames_favourites.AT_ONCE)
            for file in files:
                file.seek(0)
                rows = np.frombuffer(file.read(), np.int64).reshape(-1, 2)
                yield sums.favourites(sums.Purchases(rows[:, 0], rows[:, 1]), categories.count)


def _all(db: Connection, piles: _Piles) -> Iterator[_Kept]:
    """Yield every favourite that is not the kept one, ascending by contact."""
    import numpy as np

    from mailflow.analytics.favourites import Categories

    names, products, numbers = frames_favourites.categories(db)
    found = np.full(1 + contacts.highest_id(db), -1, np.int32)
    for people, favourite in piles.favourites(db, Categories(products, numbers, max(1, len(names)))):
        found[people] = favourite
    kept = np.full(len(found), -1, np.int32)
    places = {name: place for place, name in enumerate(names)}
    for person, category in favourites.kept(db):
        kept[person] = places.get(category, len(names))
    for person in np.flatnonzero(found != kept).tolist():
        yield person, names[found[person]] if found[person] >= 0 else None


def _write(pace: Pace, run: int, rows: Iterator[_Kept]) -> int:
    written = 0
    while part := list(islice(rows, pace.rows)):
        with pace.transaction() as tx:
            if not favourites.is_ours(tx, run):
                return written
            favourites.put(tx, part)
        written += len(part)
    return written
