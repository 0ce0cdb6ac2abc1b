"""Every export in tests/importers/<tool>/ does to an empty database exactly what the JSON beside it says.

A sample is composed by us under the header of the tool, word by word. `NAME.options.json` beside it holds what the user
says at the import. To write the JSON anew, and then to read its difference:

    python tests/test_importers_golden.py --write [TOOL…]
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mailflow.importers import ImportOptions, ImportResult, Noun, import_file
from mailflow.model import Basis
from mailflow.store import Store
from mailflow.tokens import Keys

FOLDER = Path(__file__).parent / "importers"
ENDINGS = (".csv", ".jsonl", ".tsv", ".txt")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

# What is the same after every import, or another thing each time.
_TABLES_LEFT_OUT = frozenset(
    """_sqlite_migrations imports import_changes state consent_states contact_facts contact_revenue score_runs
    rfm_scores rfm_moves scores campaigns occurrences plans messages message_contents attempts stops""".split()
)
_COLUMNS_LEFT_OUT = frozenset("id key address_hash import_id fingerprint recorded_at updated_at".split())
_POINTERS = {"contact_id": "contacts", "order_id": "orders", "product_id": "products", "parent_id": "products"}


def samples() -> list[Path]:
    """Return every export that has, or should have, its JSON beside it."""
    return sorted(path for path in FOLDER.glob("*/*") if path.suffix in ENDINGS)


@pytest.mark.parametrize("sample", samples(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_export_does_what_its_golden_file_says(sample: Path, tmp_path: Path) -> None:
    golden = golden_of(sample)
    assert golden.exists(), f"write it with: python tests/{Path(__file__).name} --write {sample.parent.name}"
    assert imported(sample, tmp_path) == json.loads(golden.read_text(encoding="utf-8"))


@pytest.mark.parametrize("sample", samples(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_tool_is_told_by_the_sample_alone(sample: Path, tmp_path: Path) -> None:
    if not options_of(sample):
        assert imported(sample, tmp_path)["import"]["tool"] == sample.parent.name


def golden_of(sample: Path) -> Path:
    """Return where the JSON of a sample is: `orders.csv` has `orders.json`."""
    return sample.with_suffix(".json")


def options_of(sample: Path) -> dict[str, Any]:
    """Return what the user says at the import of a sample, in the words of `ImportOptions`."""
    path = sample.with_suffix(".options.json")
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if "noun" in said:
        said["noun"] = Noun(said["noun"])
    if "basis" in said:
        said["basis"] = Basis(said["basis"])
    if "zone" in said:
        said["zone"] = ZoneInfo(said["zone"])
    return said


def imported(sample: Path, folder: Path) -> dict[str, Any]:
    """Import a sample into a new database and return everything that came of it, ready to be compared as JSON."""
    private = folder / ".mailflow"
    private.mkdir(mode=0o700)
    keys = Keys.load_or_create(private / "keys.json")
    store = Store.create(folder / "mailflow.db")
    options = ImportOptions(**{"currency": "EUR", "zone": ZoneInfo("Europe/Vienna"), **options_of(sample)})
    result = import_file(store, private, keys, sample, options, now=NOW)
    assert result.rows == result.inserted + result.updated + result.unchanged + result.merged + result.rejected
    return {"import": _told(result), **dict(_tables(store))}


def _told(result: ImportResult) -> dict[str, Any]:
    counts = {
        name: getattr(result, name) for name in ("rows", "inserted", "updated", "unchanged", "merged", "rejected")
    }
    problems = [f"{problem.line}: {problem.reason}" for problem in result.problems]
    return {
        "tool": result.tool,
        "layout": result.layout,
        "noun": result.noun.value,
        **{name: count for name, count in counts.items() if count},
        **({"problems": problems} if problems else {}),
        **({"warnings": list(result.warnings)} if result.warnings else {}),
    }


def _tables(store: Store) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of each table that has any: without NULLs, with names for ids and text for instants, in order."""
    names = [row[0] for row in store.db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    called = {table: _names_of(store, table) for table in set(_POINTERS.values())}
    for table in names:
        if table in _TABLES_LEFT_OUT or table.startswith("sqlite_"):
            continue
        rows = [_readable(dict(row), table, called) for row in store.db.execute(f"SELECT * FROM {table}")]
        if rows:
            yield table, sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def _names_of(store: Store, table: str) -> dict[int, str]:
    """Return what to call the rows of a table that others point to."""
    if table == "orders":
        return dict(store.db.execute("SELECT id, order_id FROM orders").fetchall())
    if table == "products":
        return dict(store.db.execute("SELECT id, product_id FROM products").fetchall())
    rows = store.db.execute(
        """SELECT c.id, coalesce(c.email, (SELECT min(kind || ' ' || value) FROM identities WHERE contact_id = c.id),
                                 c.last_name, '?') FROM contacts AS c"""
    )
    return dict(rows.fetchall())


def _readable(row: dict[str, Any], table: str, called: dict[str, dict[int, str]]) -> dict[str, Any]:
    readable: dict[str, Any] = {}
    for name, value in row.items():
        if name in _COLUMNS_LEFT_OUT or value is None or (table == "contacts" and name == "created_at"):
            continue
        if name in _POINTERS and isinstance(value, int):
            value = called[_POINTERS[name]].get(value, value)
        elif (name.endswith("_at") or name == "known_since") and isinstance(value, int):
            value = datetime.fromtimestamp(value / 1000, UTC).isoformat().replace("+00:00", "Z")
        elif name in ("attributes", "properties"):
            value = json.loads(value)
        if value not in ({}, []):
            readable[name] = value
    return readable


def write(tools: list[str]) -> None:
    """Write the JSON of all samples, or of some tools'."""
    for sample in samples():
        if not tools or sample.parent.name in tools:
            with tempfile.TemporaryDirectory() as folder:
                found = imported(sample, Path(folder))
            text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
            golden_of(sample).write_text(text, encoding="utf-8")
            print(golden_of(sample))


if __name__ == "__main__":
    if "--write" not in sys.argv:
        sys.exit(__doc__)
    write([name for name in sys.argv[1:] if name != "--write"])
