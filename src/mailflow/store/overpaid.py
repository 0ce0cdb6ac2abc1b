"""Orders of which more was paid back than they cost: their revenue is negative, which is mostly a slip in the file."""

from __future__ import annotations

from dataclasses import dataclass

from mailflow import money
from mailflow.phrases import many
from mailflow.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Overpaid:
    """How many such orders there are, and one of them by its id; amounts in minor units."""

    count: int
    order_id: str
    total_minor: int
    refunded_minor: int
    currency: str

    @property
    def sentence(self) -> str:
        """Say it to a person, with the example."""
        total, refunded = (money.labelled(minor, self.currency) for minor in (self.total_minor, self.refunded_minor))
        has = many(
            self.count,
            "order has more paid back than it cost, so its revenue is",
            "orders have more paid back than they cost, so their revenue is",
        )
        return f"{has} negative: {self.order_id} cost {total}, and {refunded} were paid back"


def of_file(db: Connection) -> Overpaid | None:
    """Return those of a staged file, returns that are known included; after orders_bulk.compare. None for none."""
    return _first(db, _OF_FILE)


def of_database(db: Connection) -> Overpaid | None:
    """Return those of all orders that count; None for none."""
    return _first(db, _OF_DATABASE)


def _first(db: Connection, question: str) -> Overpaid | None:
    row = db.execute(
        f"""SELECT order_id, total, refunded, currency, count(*) OVER () AS number FROM ({question})
            WHERE refunded > total LIMIT 1"""
    ).fetchone()
    return Overpaid(row["number"], row["order_id"], row["total"], row["refunded"], row["currency"]) if row else None


_OF_FILE = """SELECT o.order_id, o.total_minor AS total, o.currency, r.amount_minor + coalesce(
      (SELECT sum(f.amount_minor) FROM stage.known AS k JOIN main.refunds AS f ON f.order_id = k.order_pk
       WHERE k.n = o.n AND f.source_id <> 'export'), 0) AS refunded
    FROM stage.refunds AS r CROSS JOIN stage.orders AS o ON o.n = r.order_n
    WHERE coalesce(o.status, 'paid') IN ('open', 'paid') ORDER BY o.n"""
_OF_DATABASE = """SELECT o.order_id, o.total_minor AS total, o.currency, r.amount AS refunded
    FROM (SELECT order_id, sum(amount_minor) AS amount FROM main.refunds GROUP BY order_id) AS r
    CROSS JOIN main.orders AS o ON o.id = r.order_id WHERE o.status IN ('open', 'paid')"""
