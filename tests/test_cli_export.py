"""`mailflow export`: every noun, in every shape, safe to open in a spreadsheet, light on memory."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.cli import main
from mailflow.jobs import export
from mailflow.jobs.init import Brand, init
from mailflow.workspace import Workspace
from shop import Order, at, keep_orders

ZONE = clock.zone("Europe/Vienna")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = init(tmp_path / "shop", Brand(timezone="Europe/Vienna", currency="EUR")).workspace
    refund = ((at("2026-03-02", ZONE), 250),)
    orders = [
        Order("ada", at("2026-03-01", ZONE, 23, 30), 1_050, refunds=refund),
        Order(None, at("2026-03-02", ZONE), 7, "JPY"),
    ]
    keep_orders(made.store, orders)
    with made.store.transaction() as tx:
        tx.execute(
            "UPDATE contacts SET first_name = ?, phone = ?, attributes = ?",
            ('=HYPERLINK("x")', "+43 1 234", '{"size": "+4"}'),
        )
        tx.execute("INSERT INTO products (id, source, product_id, title) VALUES (1, 's', 'tea', '@cmd')")
        tx.execute("INSERT INTO product_categories VALUES (1, 'gifts'), (1, 'tea')")
        tx.execute(
            "INSERT INTO order_lines (order_id, product_id, title, quantity, price_minor)"
            " VALUES (1, 1, 'Tea', 1.5, 700)"
        )
        tx.execute(
            "INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)"
            " VALUES (1, 'clicked', 's', '1', 0, 0, '{\"url\": \"https://x.example\"}')"
        )
    return made


def told(workspace: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main.run(["export", *arguments, "--workspace", str(workspace.root)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_orders_go_to_stdout_as_csv(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(workspace, capsys, "orders")
    assert code == 0
    first, second = rows(out)
    assert first == {
        "order_id": "1",
        "shop": "test",
        "contact_id": "1",
        "contact": "key-ada",
        "email": "ada@example.com",
        "status": "paid",
        "placed_at": "2026-03-01T22:30:00Z",
        "placed_on": "2026-03-01",
        "total": "10.50",
        "total_minor": "1050",
        "currency": "EUR",
    }
    assert (second["contact"], second["total"]) == ("", "7")


def test_json_has_the_same_rows(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = told(workspace, capsys, "order_lines", "--format", "json")
    assert json.loads(out) == [
        {
            "order_id": "1", "shop": "test", "contact_id": 1, "contact": "key-ada", "placed_at": "2026-03-01T22:30:00Z",
            "product_id": "tea", "title": "Tea", "quantity": 1.5, "price": "7.00", "price_minor": 700,
            "currency": "EUR",
        }
    ]  # fmt: skip
    _, out, _ = told(workspace, capsys, "events", "--format", "jsonl")
    assert json.loads(out)["properties"] == {"url": "https://x.example"}


def test_what_a_spreadsheet_would_run_is_text_unless_raw_is_asked_for(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (safe,) = rows(told(workspace, capsys, "contacts")[1])
    (raw,) = rows(told(workspace, capsys, "contacts", "--raw")[1])
    assert (safe["first_name"], raw["first_name"]) == ('\'=HYPERLINK("x")', '=HYPERLINK("x")')
    assert (safe["phone"], raw["phone"]) == ("'+43 1 234", "+43 1 234")
    (product,) = rows(told(workspace, capsys, "products")[1])
    assert (product["title"], product["categories"]) == ("'@cmd", "gifts; tea")


def test_a_folder_gets_a_file_for_each_noun(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shape, ending in (("csv", "csv"), ("json", "jsonl")):
        folder = tmp_path / shape
        code, _, err = told(workspace, capsys, f"--{shape}", str(folder))
        assert (code, sorted(path.name for path in folder.iterdir())) == (
            0,
            sorted(f"{noun}.{ending}" for noun in export.ALL),
        )
        assert "orders" in err
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    members = rows((tmp_path / "csv" / "segments.csv").read_text())
    assert {"segment": "new_customers", "contact": "key-ada", "email": "ada@example.com"} in members


def test_parquet_has_typed_columns(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'mailflow-cli[parquet]'")
    assert told(workspace, capsys, "orders", "contacts", "--parquet", str(tmp_path / "out"))[0] == 0
    table = parquet.read_table(tmp_path / "out" / "orders.parquet").to_pylist()
    assert table[0]["placed_at"] == clock.to_ms(at("2026-03-01", ZONE, 23, 30))
    assert (table[0]["total_minor"], table[1]["contact_id"]) == (1050, None)
    assert parquet.read_table(tmp_path / "out" / "contacts.parquet").to_pylist()[0]["phone"] == "+43 1 234"


def test_what_cannot_be_done_is_told(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(workspace, capsys, "order")
    assert (code, "did you mean 'orders'?" in err) == (2, True)
    assert told(workspace, capsys, "orders", "contacts")[0] == 2
    assert told(workspace, capsys, "orders", "--csv", str(tmp_path), "--json", str(tmp_path))[0] == 2
    assert told(workspace, capsys, "orders", "--json", str(tmp_path), "--raw")[0] == 2
    (tmp_path / "file").write_text("")
    assert told(workspace, capsys, "orders", "--csv", str(tmp_path / "file"))[0] == 2


def test_memory_does_not_grow_with_the_shop(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.store.transaction() as tx:
        tx.execute(
            "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
            " WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
            " SELECT 'test', 'o' || i, 1, 'paid', i * 100000, i, 'EUR', 0 FROM n"
        )
    peak = "[line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1]"
    code = f"import sys; from mailflow.cli import main; main.run(sys.argv[1:]); print(int({peak}) // 1024)"
    command = [sys.executable, "-c", code, "export", "orders", "--csv", str(tmp_path), "-q"]
    done = subprocess.run([*command, "--workspace", str(workspace.root)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 150
    assert sum(1 for _ in (tmp_path / "orders.csv").open()) == 1 + 2 + 200_000 - 9
