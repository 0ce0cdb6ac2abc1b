"""Take in a file of products, with their variants and categories. Rows: product_rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mailflow.importers.orders.product_rows import ProductRows
from mailflow.importers.pipeline import Advance, Staged, Task, Verdict, size, stage_rejects
from mailflow.importers.values.survey import survey
from mailflow.phrases import many
from mailflow.store import products_bulk
from mailflow.store.pace import Pace
from mailflow.store.staging import Staging


class ProductPipeline:
    """A `Pipeline` for products."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def stage(self, staging: Staging, advance: Advance) -> Staged:
        task = self._task
        findings = survey(task.source, task.recognised, task.options, of_dates=(), of_amounts=("price",))
        products = ProductRows(task.recognised, task.options.currency, findings.marks.get("price"))
        products_bulk.open_stage(staging.db)
        rows = 0
        for sheet in task.sheets():
            products_bulk.add(staging.db, products.read(sheet))
            stage_rejects(staging, [*sheet.block.rejects, *sheet.rejects()])
            rows += size(sheet.block)
            advance(size(sheet.block))
        return Staged(rows, warnings=list(self._warnings()))

    def compare(self, staging: Staging, staged: Staged) -> Verdict:
        counts = products_bulk.compare(staging.db, self._task.shop)
        warnings = []
        if counts.merged:
            rows = many(counts.merged, "row is", "rows are")
            warnings.append(
                f"{rows} about a product of an earlier row: read as one, the first word on each field counts."
            )
        return Verdict(counts.new, counts.changed, counts.unchanged, warnings, counts.merged)

    def changes(self, staging: Staging, limit: int) -> list[dict[str, Any]]:
        return products_bulk.differences(staging.db, limit)

    def write(self, pace: Pace, import_id: int, now_ms: int) -> None:
        products_bulk.write(pace, import_id, self._task.shop)

    def _warnings(self) -> Iterator[str]:
        recognised = self._task.recognised
        if "price" in recognised.columns and "currency" not in recognised.columns:
            yield f"No column says the currency: all prices were read as {self._task.options.currency}."
