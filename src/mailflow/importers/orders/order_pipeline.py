"""Take in a file of orders, with their lines, refunds, products and buyers. Rows: order_rows; cells: order_columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailflow.importers.orders.order_columns import Writing
from mailflow.importers.orders.order_rows import Batch, OrderRows
from mailflow.importers.people.contact_pipeline import refused_warnings, write_people
from mailflow.importers.people.visitor_links import VisitorLinks
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.values.consent import ConsentReader, consent_warnings
from mailflow.importers.values.survey import survey
from mailflow.phrases import many
from mailflow.store import (
    codes,
    consents_bulk,
    contacts_bulk,
    goods_bulk,
    matching,
    order_differences,
    orders_bulk,
    overpaid,
    returns_bulk,
)
from mailflow.store.orders_bulk import OrderCounts, Parts
from mailflow.store.pace import Pace
from mailflow.store.returns_bulk import ReturnCounts
from mailflow.store.staging import Staging


class OrderPipeline:
    """A `Pipeline` for orders."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._visitors = VisitorLinks(task.recognised)
        self._parts = Parts(lines=False, refunds=False)
        self._may_repeat = True

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task = self._task
        findings = survey(task.source, task.recognised, task.options)
        consent = ConsentReader(task.source.path.name, task.options.basis, task.options.evidence)
        line_totals = findings.line_totals or bool({"detail", "total_of"} & set(task.recognised.columns))
        columns = Writing(
            findings.instants["placed_at"], findings.instants["refunded_at"], findings.marks, task.options.currency,
            line_totals,
        )  # fmt: skip
        returns_bulk.open_stage(staging.db)
        goods_bulk.open_stage(staging.db)
        orders = OrderRows(task.recognised, consent, columns)
        rows = 0
        for sheet in task.sheets():
            _stage_batch(staging, orders, orders.read(sheet))
            self._visitors.stage(staging, sheet)
            stage_rejects(staging, sheet.block.rejects)
            rows += size(sheet.block)
            advance(size(sheet.block))
        _stage_batch(staging, orders, orders.finish())
        merged = orders.merged
        if not orders.has_ids:
            orders_bulk.number_equal_rows(staging.db)
        elif orders.has_lines and not orders.ids_ascend:
            merged += orders_bulk.join_scattered(staging.db, add_totals=orders.adds_totals)
        self._parts = Parts(
            orders.has_lines, orders.has_refunds, sketches=orders.sketches, detail=orders.is_detail,
            codes=orders.has_codes,
        )  # fmt: skip
        self._may_repeat = not orders.ids_ascend
        warnings = [*self._warnings(line_totals=findings.line_totals), *consent_warnings(consent)]
        return Staged(rows, merged, warnings)

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        db, shop = staging.db, self._task.shop
        matching.match_people(db, shop)
        matching.index_buyers(db)
        self._visitors.compare(db)
        repeated = orders_bulk.drop_repeated(db) if self._may_repeat else 0
        rejected = staging.reject_count()
        returns = returns_bulk.compare(db, shop, self._parts)
        if staging.reject_count() > rejected:
            returns_bulk.drop_strangers(db)
        contacts_bulk.compare(db, shop, staging.card_columns, fill_only=True)
        warnings = refused_warnings(consents_bulk.compare(db))
        orders = orders_bulk.compare(db, shop, self._parts)
        warnings += _remarks(orders, returns, repeated)
        too_much = overpaid.of_file(db) if self._parts.refunds else None
        if too_much is not None:
            warnings.append(f"{too_much.sentence}.")
        read = db.execute("SELECT count(*) FROM stage.orders").fetchone()[0] + repeated
        unchanged = read - orders.new - orders.changed + returns.unchanged
        return Verdict(orders.new + returns.new, orders.changed + returns.changed, unchanged, warnings, returns.merged)

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        found = order_differences.differences(staging.db, self._parts, limit)
        left = limit if limit < 0 else max(0, limit - len(found))
        return [*found, *order_differences.of_returns(staging.db, left)]

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        shop, parts = self._task.shop, self._parts
        newest = orders_bulk.newest(pace.store.db)
        write_people(pace, import_id, shop, now_ms, fill_only=True)
        self._visitors.write(pace, import_id)
        if parts.lines:
            goods_bulk.add(pace, import_id, shop)
        orders_bulk.add_new(pace, import_id, shop, parts)
        orders_bulk.revise_known(pace, import_id, shop, parts)
        returns_bulk.write(pace, import_id, shop, newest)

    def _warnings(self, *, line_totals: bool) -> Iterator[str]:
        recognised = self._task.recognised
        if recognised.ignored and recognised.layout is None:  # of a tool that is known, they are no surprise
            yield f"Columns of no use for orders were left out: {', '.join(recognised.ignored)}."
        if line_totals and recognised.layout is None:
            yield "The amount differs between the rows of one order, so it was read as that of each line and added up."
        if "currency" not in recognised.columns and recognised.currency is None:
            yield f"No column says the currency: all amounts were read as {self._task.options.currency}."


def _stage_batch(staging: Staging, orders: OrderRows, batch: Batch) -> None:
    staging.add_cards(orders.card_columns, batch.cards)
    staging.add_orders(orders.order_columns, batch.orders)
    staging.add_lines(batch.lines)
    staging.add_refunds(batch.refunds)
    staging.add_codes((number, codes.key_of(code), code) for number, code in batch.codes)
    if batch.products:
        goods_bulk.add_names(staging.db, (names for names in batch.products if names[0]))
    if batch.categories:
        goods_bulk.add_categories(staging.db, batch.categories)
    returned = batch.returned
    if returned.returns:
        returns_bulk.add(staging.db, returned.returns, returned.parts, returned.rows)
    stage_rejects(staging, batch.rejects)


def _remarks(orders: OrderCounts, returns: ReturnCounts, repeated: int) -> Iterator[str]:
    """Yield what the user should know about how rows were counted."""
    if repeated:
        yield f"{many(repeated, 'row repeats', 'rows repeat')} an order of the file: the last of each counts."
    if orders.anonymous:
        names = many(orders.anonymous, "order names", "orders name")
        yield f"{names} no customer: kept, but counted for nobody."
    count = returns.new + returns.changed + returns.unchanged
    if count:
        yield f"{many(count, 'return was', 'returns were')} read as refunds of earlier orders, counted like orders."
    if returns.anonymous:
        names = many(returns.anonymous, "return names", "returns name")
        yield f"{names} no customer: taken as of the latest earlier order with the product."
