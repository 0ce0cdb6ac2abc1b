"""Recency, frequency and money of everybody from frames of orders and refunds, whatever engine holds them.

Written once against narwhals: pandas, DuckDB and PySpark give the same rows (tested). What is made of them: rfm.py; the
database's own way, which needs no frame of all orders: store/frames.py. Frames are as `mailflow export` writes them:

    orders   contact_id, contact, email, status, placed_on (ISO date in the account's zone), total_minor, currency
    refunds  contact_id, status and placed_on of the order, refunded_on, amount_minor, currency
"""

from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw

from mailflow.model import COUNTED_STATUSES

ORDER_COLUMNS = ("contact_id", "contact", "email", "status", "placed_on", "total_minor", "currency")
REFUND_COLUMNS = ("contact_id", "status", "placed_on", "refunded_on", "amount_minor", "currency")
_PERSON = ("contact_id", "currency")

Lazy = nw.LazyFrame[Any]


def facts(orders: Lazy, refunds: Lazy, day: date) -> Lazy:
    """Return by contact_id and currency: contact, email, frequency, last_on and monetary_minor, by the end of a day."""
    bought = (
        _counted(orders, day)
        .filter(~nw.col("contact_id").is_null())
        .group_by(*_PERSON)
        .agg(
            nw.col("contact").max(),
            nw.col("email").max(),
            nw.col("status").count().alias("frequency"),
            nw.col("placed_on").max().alias("last_on"),
            nw.col("total_minor").sum().alias("placed_minor"),
        )
    )
    given_back = (
        _counted(refunds, day)
        .filter(~nw.col("contact_id").is_null(), nw.col("refunded_on") <= day.isoformat())
        .group_by(*_PERSON)
        .agg(nw.col("amount_minor").sum().alias("refunded_minor"))
    )
    return (
        bought.join(given_back, on=list(_PERSON), how="left")
        # Cast after the sums: DuckDB adds integers up in 128 bits, which pandas would take for floating point.
        .with_columns(
            (nw.col("placed_minor").cast(nw.Int64) - nw.col("refunded_minor").cast(nw.Int64).fill_null(0)).alias(
                "monetary_minor"
            )
        )
        .select("contact_id", "contact", "email", "currency", "frequency", "last_on", "monetary_minor")
        .sort(*_PERSON)
    )


def of_nobody(orders: Lazy, day: date) -> Lazy:
    """Return one row with the `count` of counted orders, by the end of a day, that name no customer."""
    return _counted(orders, day).filter(nw.col("contact_id").is_null()).select(nw.len().alias("count"))


def _counted(frame: Lazy, day: date) -> Lazy:
    statuses = [str(status) for status in COUNTED_STATUSES]
    return frame.filter(nw.col("status").is_in(statuses), nw.col("placed_on") <= day.isoformat())
