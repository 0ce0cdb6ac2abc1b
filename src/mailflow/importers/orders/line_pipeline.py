"""Take in a file of lines of orders that came in before: what was in them. Totals and buyers stay as they are.

Rows: order_lines; orders themselves: order_pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailflow import money
from mailflow.importers.orders.goods import GoodsReader
from mailflow.importers.orders.order_group import fingerprint_of
from mailflow.importers.orders.order_lines import LineBatch, LineRows, names_of
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.reading.source import Reject
from mailflow.importers.values.survey import survey
from mailflow.phrases import many
from mailflow.store import contacts_bulk, goods_bulk, lines_bulk, matching, orders_bulk
from mailflow.store.orders_bulk import Parts
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging

_COLUMNS = ("n", "line", "order_id", "placed_at", "total_minor", "currency", "fingerprint")
_PARTS = Parts(lines=True, refunds=False, detail=True)


class LinePipeline:
    """A `Pipeline` for the lines of orders that are known."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._orders = 0

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        goods_bulk.open_stage(staging.db)
        lines = self._reader(staging)
        rows = read = 0
        for sheet in self._task.sheets():
            read += self._stage(staging, lines.read(sheet))
            stage_rejects(staging, sheet.block.rejects)
            rows += size(sheet.block)
            advance(size(sheet.block))
        read += self._stage(staging, lines.finish())
        parts = self._orders
        if torn := lines_bulk.drop_staged(staging.db, lines.broken):
            rejects = list(self._rest_of(torn, staging))
            stage_rejects(staging, rejects)
            read -= len(rejects)
            parts = int(staging.db.execute("SELECT count(*) FROM stage.orders").fetchone()[0])
        joined = orders_bulk.join_scattered(staging.db, add_totals=False)
        return Staged(rows, read - parts + joined, list(self._warnings()))

    def _reader(self, staging: Staging) -> LineRows:
        task = self._task
        marks = survey(task.source, task.recognised, task.options).marks
        currency = task.options.currency
        goods = GoodsReader(set(task.recognised.columns), currency, dict(marks))
        return LineRows(
            task.shop,
            lambda ids: lines_bulk.known_orders(staging.db, task.shop, ids),
            goods, currency, marks.get("total"),
        )  # fmt: skip

    def _stage(self, staging: Staging, batch: LineBatch) -> int:
        """Stage the orders of a block with their lines; return how many rows that were."""
        for rows in batch.orders:
            order, lines = rows[0].order, [row.line for row in rows if row.line is not None]
            if order is None:
                continue
            self._orders += 1
            said = (order.placed_at, order.total_minor, order.currency, fingerprint_of(lines))
            staging.add_orders(_COLUMNS, [(self._orders, rows[0].number, rows[0].order_id, *said)])
            staging.add_lines((self._orders, position, *line) for position, line in enumerate(lines))
            goods_bulk.add_names(staging.db, map(names_of, rows))
            goods_bulk.add_categories(
                staging.db, ((names_of(row)[0], category) for row in rows for category in row.categories)
            )
        stage_rejects(staging, batch.rejects)
        return sum(map(len, batch.orders))

    def _rest_of(self, torn: set[str], staging: Staging) -> Iterator[Reject]:
        """Yield the sound rows of orders of which another one, elsewhere in the file, is rejected."""
        rejected = {row.line for row in staging.rejects()}
        reader = self._reader(staging)
        for sheet in self._task.sheets():
            for row in reader.rows(sheet):
                if row.order_id in torn and row.number not in rejected:
                    yield Reject(row.number, row.cells, "another line of the same order cannot be read")

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db, shop = staging.db, self._task.shop
        matching.match_people(db, shop)
        matching.index_buyers(db)
        contacts_bulk.compare(db, shop, staging.card_columns, fill_only=True)
        orders = orders_bulk.compare(db, shop, _PARTS)
        count = int(db.execute("SELECT count(*) FROM stage.orders").fetchone()[0])
        return Verdict(0, orders.changed, count - orders.changed, list(_remarks(staging)))

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        return lines_bulk.differences(staging.db, limit)

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        goods_bulk.add(pace, import_id, self._task.shop)
        orders_bulk.revise_known(pace, import_id, self._task.shop, _PARTS)

    def _warnings(self) -> Iterator[str]:
        recognised = self._task.recognised
        yield "Read as the lines of orders that are known: they say what was bought, and change no total."
        if recognised.ignored and recognised.layout is None:
            yield f"Columns of no use for orders were left out: {', '.join(recognised.ignored)}."
        if self._task.options.dry_run:
            yield "In a dry run the orders of other files of the same command are not known yet."


def _remarks(staging: Staging) -> Iterator[str]:
    """Yield what the user should know about lines that are not worth what the order cost."""
    odd = lines_bulk.unequal(staging.db)
    if odd is None:
        return
    add = many(odd.count, "order has lines that do", "orders have lines that do")
    worth, total = (money.to_text(amount, odd.currency) for amount in (odd.lines_minor, odd.total_minor))
    yield (
        f"{add} not add up to the total, as with shipping or discounts; the totals stay as they are (such as order"
        f" {odd.order_id}: lines {worth}, total {total})."
    )
