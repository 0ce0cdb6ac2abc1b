"""RFM from exported files by a dataframe engine, for shops that outgrow one machine: the rows are the database's.

The engine adds up the orders; people's sums are then scored as always, by `rfm.of_frame`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mailflow.analytics import rfm_frames
from mailflow.analytics.rfm_frames import ORDER_COLUMNS, REFUND_COLUMNS, Lazy
from mailflow.config import Settings
from mailflow.config.rates import Rates
from mailflow.errors import DataError, UsageError
from mailflow.scoring import rfm
from mailflow.scoring.engine import Engine
from mailflow.scoring.rfm import Scored
from mailflow.store import frames

_INTEGERS = ("contact_id", "total_minor", "amount_minor")


@dataclass(frozen=True, slots=True)
class FromFiles:
    """Scores of everybody in exported files; keys and addresses are in the order of `scored.frame`."""

    scored: Scored
    keys: list[str]
    emails: list[str | None]
    strangers: int


def compute(folder: Path, engine: Engine, settings: Settings, rates: Rates, day: date) -> FromFiles:
    """Return the RFM scores as of the end of a day, from orders and refunds that `mailflow export` wrote."""
    orders = _read(folder, "orders", ORDER_COLUMNS, engine)
    refunds = _read(folder, "refunds", REFUND_COLUMNS, engine)
    rows = _collected(rfm_frames.facts(orders, refunds, day))
    strangers = int(_collected(rfm_frames.of_nobody(orders, day))["count"].iloc[0])
    people = rows.drop_duplicates("contact_id")
    emails = [email if isinstance(email, str) and email else None for email in people["email"].tolist()]
    frame, currency = _frame(rows, settings, rates, day)
    return FromFiles(rfm.of_frame(frame, currency, settings, day), people["contact"].tolist(), emails, strangers)


def _frame(rows: pd.DataFrame, settings: Settings, rates: Rates, day: date) -> tuple[pd.DataFrame, str]:
    """Add up the currencies of each contact; return what `analytics.rfm` asks for, by contact, and the currency."""
    ids, place = np.unique(rows["contact_id"].to_numpy(np.int64), return_inverse=True)
    currency, worth = frames.factors(rows["currency"].unique().tolist(), settings.currency, rates, day)
    frequency, money = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    np.add.at(frequency, place, rows["frequency"].to_numpy(np.int64))
    for name, factor in worth.items():
        chosen = (rows["currency"] == name).to_numpy(bool)
        amounts = rows["monetary_minor"].to_numpy(np.int64)[chosen]
        np.add.at(money, place[chosen], frames.converted(amounts, factor))
    last = np.full(len(ids), np.iinfo(np.int64).min)
    np.maximum.at(last, place, _days(rows["last_on"]))
    recency = _days(pd.Series([day.isoformat()]))[0] - last
    columns = {"contact": ids, "recency_days": recency, "frequency": frequency, "monetary_minor": money}
    return pd.DataFrame(columns, copy=False), currency


def _days(dates: pd.Series[str]) -> NDArray[np.int64]:
    """Return ISO dates as days since 1970."""
    return dates.astype("object").to_numpy(dtype="datetime64[D]").astype(np.int64)


def _read(folder: Path, name: str, columns: tuple[str, ...], engine: Engine) -> Lazy:
    """Open an exported file lazily, its columns of the types that the sums need."""
    parquet, plain = folder / f"{name}.parquet", folder / f"{name}.csv"
    if not parquet.exists() and not plain.exists():
        raise UsageError(
            f"there is neither {name}.parquet nor {name}.csv in {folder}:"
            f" `mailflow export orders refunds --parquet {folder}` writes them"
        )
    try:
        frame = _parquet(parquet, engine) if parquet.exists() else _csv(plain, engine)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{engine} cannot be used, because {error.name} is not installed: pip install 'mailflow-cli[{engine}]'"
        ) from error
    missing = [column for column in columns if column not in frame.collect_schema().names()]
    if missing:
        raise DataError(f"{name} in {folder} has no {', '.join(missing)}: `mailflow export {name}` writes them")
    texts = [nw.col(column) for column in columns if column not in _INTEGERS]
    return frame.select(*texts, *(nw.col(column).cast(nw.Int64) for column in columns if column in _INTEGERS))


def _parquet(path: Path, engine: Engine) -> Lazy:
    if engine is Engine.PANDAS:
        return nw.scan_parquet(str(path), backend="pandas", dtype_backend="pyarrow")
    if engine is Engine.SPARK:
        return nw.scan_parquet(str(path), backend="pyspark", session=_spark())
    import_module("duckdb")
    return nw.scan_parquet(str(path), backend="duckdb")


def _csv(path: Path, engine: Engine) -> Lazy:
    """Read cells as text, so that nothing is taken for a number or a date by its looks; blank cells are null."""
    if engine is Engine.PANDAS:
        kinds = defaultdict(lambda: "string", dict.fromkeys(_INTEGERS, "Int64"))
        texts = nw.scan_csv(str(path), backend="pandas", dtype=kinds, keep_default_na=False, na_values=[""])
    elif engine is Engine.SPARK:
        texts = nw.scan_csv(
            str(path), backend="pyspark", session=_spark(), header=True, multiLine=True, escape='"', encoding="UTF-8"
        )
    else:
        import_module("duckdb")
        texts = nw.scan_csv(str(path), backend="duckdb", all_varchar=True, header=True)
    return texts


def _spark() -> Any:
    """Return the Spark session there is, else one on this machine."""
    builder = import_module("pyspark.sql").SparkSession.builder.appName("mailflow")
    quiet = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR"}
    return builder.config(map=quiet).getOrCreate()


def _collected(frame: Lazy) -> pd.DataFrame:
    native: pd.DataFrame = frame.collect(backend="pandas").to_native()
    return native
