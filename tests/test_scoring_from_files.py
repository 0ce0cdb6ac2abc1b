"""Every engine gives the rows that the database gives, from Parquet and from CSV; and says what it misses."""

from __future__ import annotations

import csv
import importlib.util
import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from mailflow import clock, money
from mailflow.cli import main
from mailflow.jobs import export, segment
from mailflow.jobs.export import Shape
from mailflow.jobs.init import Brand, init
from mailflow.scoring.engine import Engine
from mailflow.store import merges
from mailflow.workspace import Workspace
from shop import Order, at, keep_orders, recount

ZONE = clock.zone("Europe/Vienna")
NOW = at("2026-04-20", ZONE)
NEEDS = {Engine.PANDAS: ["pyarrow"], Engine.DUCKDB: ["duckdb", "pyarrow"], Engine.SPARK: ["pyspark", "pyarrow"]}


def need(engine: Engine) -> None:
    missing = [name for name in NEEDS[engine] if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{engine} needs {', '.join(missing)}: pip install 'mailflow-cli[{engine}]'")


def random_orders(dice: Random, count: int, currencies: list[str]) -> list[Order]:
    def instant() -> Any:
        day = date(2026, 3, 1) + timedelta(days=dice.randint(0, 40))
        return at(day.isoformat(), ZONE, dice.choice([0, 2, 12, 23]), dice.choice([0, 30, 59]))

    def order() -> Order:
        placed, total = instant(), dice.choice([0, 500, 1_999, 100_000, 10**12])
        refunds = tuple((instant(), dice.choice([1, total])) for _ in range(dice.choice([0, 0, 1, 2])))
        return Order(
            dice.choice([None, *"abcdefghijklmnop", "=no-address"]),
            placed,
            total,
            dice.choice(currencies),
            dice.choice(["paid", "paid", "open", "cancelled", "failed"]),
            refunds,
        )

    return [order() for _ in range(count)]


@pytest.fixture(params=[["EUR"], ["EUR", "USD", "JPY"]], ids=["one currency", "three currencies"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    made = init(tmp_path / "shop", Brand(timezone="Europe/Vienna", currency="EUR")).workspace
    rates = "date,from,to,rate\n2026-01-01,USD,EUR,0.9137\n2026-01-01,JPY,EUR,0.00611\n"
    (made.root / "rates.csv").write_text(rates)
    ids = keep_orders(made.store, random_orders(Random(7), 300, request.param))
    with made.store.transaction() as tx:
        merges.merge(tx, ids["a"], ids["b"], evidence="same phone", now=NOW)
        recount(tx)
        for table in ("facts", "revenue"):  # recount knows no merges: everybody is read from the orders
            tx.execute(f"DELETE FROM contact_{table} WHERE contact_id = ?", (ids["b"],))
    return made


def exported(workspace: Workspace, folder: Path, shape: Shape) -> Path:
    list(export.to_folder(workspace, ["orders", "refunds"], folder, shape, now=NOW))
    return folder


@pytest.mark.parametrize("shape", [Shape.PARQUET, Shape.CSV])
@pytest.mark.parametrize("engine", [Engine.PANDAS, Engine.DUCKDB])
@pytest.mark.parametrize("day", [date(2026, 3, 12), date(2026, 3, 29)])
def test_rows_from_files_are_those_of_the_database(
    workspace: Workspace, tmp_path: Path, engine: Engine, shape: Shape, day: date
) -> None:
    need(engine)
    folder = exported(workspace, tmp_path / "out", shape)
    report, rows = segment.from_files(workspace, day, folder, engine)
    assert rows == list(segment.contacts(workspace, day))
    assert report == segment.report(workspace, day)
    assert report.strangers > 0


@pytest.mark.spark
def test_rows_by_spark_are_those_of_the_database(workspace: Workspace, tmp_path: Path) -> None:
    need(Engine.SPARK)
    for shape in (Shape.PARQUET, Shape.CSV):
        folder = exported(workspace, tmp_path / shape, shape)
        for day in (date(2026, 3, 12), date(2026, 3, 29)):
            report, rows = segment.from_files(workspace, day, folder, Engine.SPARK)
            assert rows == list(segment.contacts(workspace, day))
            assert report == segment.report(workspace, day)


@pytest.mark.parametrize("engine", [Engine.PANDAS, Engine.DUCKDB])
def test_a_shop_without_orders_has_no_rows(tmp_path: Path, engine: Engine) -> None:
    need(engine)
    workspace = init(tmp_path / "shop", Brand(timezone="Europe/Vienna", currency="EUR")).workspace
    for shape in (Shape.PARQUET, Shape.CSV):
        folder = exported(workspace, tmp_path / shape, shape)
        report, rows = segment.from_files(workspace, date(2026, 3, 29), folder, engine)
        assert (rows, report.contacts, report.strangers) == ([], 0, 0)


def told(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main.run([*arguments, "--workspace", str(workspace.root)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_command_gives_the_same_json(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need(Engine.DUCKDB)
    out = str(exported(workspace, tmp_path / "out", Shape.PARQUET))
    for options in (["--as-of", "2026-03-29"], ["--as-of", "2026-03-29", "--contacts"]):
        _, usual, _ = told(workspace, capsys, "segment", *options, "--format", "json")
        code, found, err = told(
            workspace, capsys, "segment", *options, "--format", "json", "--engine", "duckdb", "--from", out
        )
        assert (code, json.loads(found)) == (0, json.loads(usual)), err


def test_what_is_missing_is_told(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(workspace, capsys, "segment", "--engine", "pandas")
    assert (code, "mailflow export orders refunds --parquet DIR" in err) == (2, True)
    code, _, err = told(workspace, capsys, "segment", "--from", str(tmp_path))
    assert (code, "neither orders.parquet nor orders.csv" in err) == (2, True)
    (tmp_path / "orders.csv").write_text("a,b\n1,2\n")
    (tmp_path / "refunds.csv").write_text("a,b\n1,2\n")
    code, _, err = told(workspace, capsys, "segment", "--from", str(tmp_path))
    assert (code, "orders in" in err and "contact_id" in err) == (65, True)
    assert told(workspace, capsys, "segment", "--list", "--from", str(tmp_path))[0] == 2


def test_an_engine_that_is_not_installed_is_told(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    out = str(exported(workspace, tmp_path, Shape.CSV))
    code, _, err = told(workspace, capsys, "segment", "--engine", "duckdb", "--from", out)
    assert (code, "pip install 'mailflow-cli[duckdb]'" in err) == (2, True)


def test_exports_sum_up_to_what_the_shop_knows(workspace: Workspace, tmp_path: Path) -> None:
    folder = exported(workspace, tmp_path / "out", Shape.CSV)
    with (folder / "orders.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 300
    kept = workspace.store.db.execute("SELECT currency, sum(total_minor) FROM orders GROUP BY 1").fetchall()
    for currency, total in kept:
        mine = [row for row in rows if row["currency"] == currency]
        assert sum(int(row["total_minor"]) for row in mine) == total
        assert sum(money.parse(row["total"], currency) for row in mine) == total
