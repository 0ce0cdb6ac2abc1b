"""Which products each of some contacts is shown now, and whether what a run found out still holds. No frames here.

What a run finds out: recommend.py. A list is made when its message is: of the orders, views, stock and prices of that
moment, in a few queries for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from mailflow import clock, money
from mailflow.analytics import recommend
from mailflow.analytics.chances import Chances
from mailflow.analytics.recommend import History, Neighbour, Suggestion
from mailflow.config import Settings
from mailflow.rules import never_show
from mailflow.store import Connection, imports, scores, suggestions
from mailflow.store.scores import ScoreRun
from mailflow.store.suggestions import Good

VERSION = 2  # goes up when analytics.neighbours gives other results for the same data
_MOST_NEIGHBOURS = 5_000  # products whose neighbours are kept in memory between two looks
_MOST_GOODS = 20_000

Item = dict[str, Any]


def inputs(db: Connection, settings: Settings) -> Mapping[str, str]:
    """Return what a run depends on: the data's version, and a hash of the settings."""
    chosen = settings.recommendations.model_dump_json(exclude={"items", "articles", "viewed_days"})
    return {
        "data_version": str(imports.data_version(db)),
        "settings": hashlib.sha256(chosen.encode()).hexdigest()[:16],
    }


def is_stale(db: Connection, settings: Settings, *, now: datetime) -> bool:
    """Say whether the last run is of other data or settings, or of a later day than today."""
    run = scores.latest(db, suggestions.RECOMMENDATIONS)
    if run is None or run.version != VERSION or run.as_of > clock.local_date(now, settings.zone):
        return True
    return any(run.inputs.get(name) != value for name, value in inputs(db, settings).items())


@dataclass(frozen=True, slots=True)
class _Run:
    """What is the same for everybody."""

    id: int
    data_version: int
    popular: Sequence[int]
    prior: Sequence[Neighbour]
    again: Mapping[int, float]
    chances: Chances | None
    listing: frozenset[str]  # sources whose products have pages: what has none there is no article of theirs


class Suggester:
    """Looks up what contacts are shown. Keeps what many of them need in memory, until the data changes."""

    def __init__(self, db: Connection, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._run: _Run | None = None
        self._neighbours: dict[int, list[Neighbour]] = {}
        self._goods: dict[int, Good | None] = {}

    def items(self, contacts: Mapping[int, Mapping[str, Any]], *, now: datetime) -> dict[int, list[Item]]:
        """Return the products for contacts, given as templates know them, by contact id; empty without a run.

        An item has `id sku title url image_url price currency source because probability`. What is not known is None;
        the probability is of being bought within the days of the run's `chances`.
        """
        run = self._current()
        if run is None:
            return {contact_id: [] for contact_id in contacts}
        return {
            contact_id: [self._item(run, one, place) for place, one in enumerate(chosen)]
            for contact_id, chosen in self._suggestions(run, contacts, now).items()
        }

    def _suggestions(
        self, run: _Run, contacts: Mapping[int, Mapping[str, Any]], now: datetime
    ) -> dict[int, list[Suggestion]]:
        chosen, until = self._settings.recommendations, clock.to_ms(now)
        since = clock.to_ms(now - timedelta(days=chosen.viewed_days))
        bought = suggestions.bought(self._db, contacts, until=until)
        viewed = suggestions.viewed(self._db, contacts, since=since, until=until)
        histories = {
            contact_id: History(bought.get(contact_id, ()), viewed.get(contact_id, ())) for contact_id in contacts
        }
        self._prepare(run, histories.values())
        found = {}
        for contact_id, contact in contacts.items():
            may_see = never_show.for_contact(self._settings.never_show, contact)
            found[contact_id] = recommend.suggest(
                histories[contact_id],
                self._neighbours,
                run.popular,
                prior=run.prior,
                again=run.again,
                allowed=lambda product, may_see=may_see: self._is_shown(run, product, may_see),  # type: ignore[misc]
                named=lambda product, may_see=may_see: self._is_named(product, may_see),  # type: ignore[misc]
                order=self._order,
                items=chosen.items,
            )
        return found

    def _current(self) -> _Run | None:
        """Return the last finished run; what is kept of an older one, or of other data, is forgotten."""
        last, version = scores.latest(self._db, suggestions.RECOMMENDATIONS), imports.data_version(self._db)
        if last is None:
            return None
        if self._run is None or (self._run.id, self._run.data_version) != (last.id, version):
            self._neighbours.clear()
            self._goods.clear()
            self._run = self._read(last, version)
        return self._run

    def _read(self, last: ScoreRun, version: int) -> _Run:
        db = self._db
        popular, again = suggestions.popular(db, last.id), suggestions.consumables(db, last.id)
        told, weight = last.inputs.get("chances"), last.inputs.get("popular_weight", 0.0)
        return _Run(
            last.id,
            version,
            popular=[product for product, _ in popular],
            prior=recommend.prior(popular, weight),
            again=again,
            chances=None if told is None else Chances(**told),
            listing=suggestions.listing(db),
        )

    def _prepare(self, run: _Run, histories: Collection[History]) -> None:
        """Have the neighbours of all that these people bought or looked at, and all goods that may come up."""
        longest = recommend.LONGEST_HISTORY
        mine = {product for one in histories for product in (*one.bought[:longest], *one.viewed[:longest])}
        if len(self._neighbours) > _MOST_NEIGHBOURS:
            self._neighbours.clear()
        missing = mine - self._neighbours.keys()
        for product, rows in suggestions.neighbours(self._db, run.id, missing).items():
            self._neighbours[product] = [(other, round(score * recommend.UNIT)) for other, score in rows]
        if len(self._goods) > _MOST_GOODS:
            self._goods.clear()
        candidates = {other for product in mine for other, _ in self._neighbours[product]}
        wanted = (candidates | mine | set(run.popular)) - self._goods.keys()
        goods = suggestions.goods(self._db, wanted, with_fields=bool(self._settings.never_show))
        self._goods.update({product: goods.get(product) for product in wanted})

    def _is_named(self, product: int, may_see: never_show.Allowed) -> bool:
        """Whether a person may read the name of what they bought or looked at, as a reason would say it."""
        good = self._goods[product]
        return good is None or may_see(good.fields)

    def _is_shown(self, run: _Run, product: int, may_see: never_show.Allowed) -> bool:
        good = self._goods[product]
        if good is None or not good.is_available or (good.url is None and good.source in run.listing):
            return False
        return may_see(good.fields, good.on_sale)

    def _order(self, product: int) -> tuple[str, str]:
        good = self._goods[product]
        return ("", "") if good is None else good.key

    def _item(self, run: _Run, one: Suggestion, place: int) -> Item:
        good = self._goods[one.product]
        because = None if one.because is None else self._goods[one.because]
        assert good is not None
        price = good.price_minor if good.currency else None
        return {
            "id": good.product_id,
            "sku": good.sku,
            "title": good.title,
            "url": good.url,
            "image_url": good.image_url,
            "price": None if price is None else Decimal(money.to_text(price, good.currency or "")),
            "currency": good.currency,
            "source": str(one.source),
            "because": None if because is None or because is good else because.title,
            "probability": None if run.chances is None else run.chances.of(place, is_popular=one.because is None),
        }
