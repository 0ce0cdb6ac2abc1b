"""Compare a staged file of a register with its table, and write what is new or changed. Taking back: registers_undo.

A blank says nothing. Rows of a file with one id are read as one thing, and the last word on each field counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mailflow import money
from mailflow.store import staging
from mailflow.store.connection import Connection, Row
from mailflow.store.pace import Pace
from mailflow.store.registers import COSTS, ROW, Register

_SLICE = 20_000  # rows compared in one statement


@dataclass(frozen=True, slots=True)
class RegisterCounts:
    """What a file would do to a register."""

    new: int
    changed: int


def open_stage(db: Connection, register: Register) -> None:
    """Make the staging tables of one file."""
    db.execute(
        f"""CREATE TABLE stage.register (
              n INTEGER PRIMARY KEY, line INTEGER, key TEXT, {", ".join(register.columns)}, attributes TEXT)"""
    )
    db.execute("CREATE TABLE stage.register_new (rank INTEGER PRIMARY KEY, n INTEGER)")
    db.execute("CREATE TABLE stage.register_changed (rank INTEGER PRIMARY KEY, n INTEGER, id INTEGER)")


def add(db: Connection, register: Register, rows: Iterable[Sequence[Any]]) -> None:
    """Add rows of a file: tuples of line, key, the register's columns, and attributes as JSON or None."""
    names = ("line", "key", *register.columns, "attributes")
    db.executemany(f"INSERT INTO stage.register ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)


def number_equal_rows(db: Connection) -> None:
    """Tell rows without an id apart: their key is a hash (`registers.ROW`), and gets its number among equal rows."""
    _index(db)
    # The hash is hexadecimal.
    staging.number_equals(db, "register", "key", among=f"key >= '{ROW}' AND key < '{ROW}g'")


def fold_repeated(db: Connection, register: Register) -> int:
    """Make one row of those with one id; return how many went into another."""
    _index(db)
    last_words = ", ".join(
        f"""{name} = coalesce({name}, (SELECT e.{name} FROM stage.register AS e WHERE e.key = r.key
                 AND e.{name} IS NOT NULL ORDER BY e.n DESC LIMIT 1))"""
        for name in register.columns
    )
    repeated = "SELECT key FROM stage.register GROUP BY key HAVING count(*) > 1"
    last_rows = f"SELECT max(n) FROM stage.register WHERE key IN ({repeated}) GROUP BY key"
    db.execute(f"UPDATE stage.register AS r SET {last_words} WHERE n IN ({last_rows})")
    rows = db.execute(f"SELECT key, n, attributes FROM stage.register WHERE key IN ({repeated}) ORDER BY key, n")
    db.executemany("UPDATE stage.register SET attributes = ? WHERE n = ?", list(_folded_attributes(rows)))
    return db.execute(
        f"""DELETE FROM stage.register WHERE key IN ({repeated})
            AND n NOT IN (SELECT max(n) FROM stage.register GROUP BY key)"""
    ).rowcount


def _folded_attributes(rows: Iterable[Row]) -> Iterator[tuple[str | None, int]]:
    """Yield the attributes of all rows of a thing as one object, and the number of its last row."""
    for _, theirs in groupby(rows, key=lambda row: row["key"]):
        said: dict[str, Any] = {}
        for row in theirs:
            said |= json.loads(row["attributes"] or "{}")
            last = row["n"]
        yield (json.dumps(said, ensure_ascii=False, separators=(",", ":")) if said else None), last


def drop_totals(db: Connection) -> int:
    """Leave out a row of costs that is the sum of all others, as ad tools add one; return how many there were.

    Such a row names no campaign, though every other one does, and its amount is what they add up to.
    """
    row = db.execute(
        """SELECT count(*) FILTER (WHERE campaign IS NULL) AS blank, count(*) AS rows,
                  sum(amount_minor) FILTER (WHERE campaign IS NULL) AS total,
                  sum(amount_minor) FILTER (WHERE campaign IS NOT NULL) AS parts,
                  count(DISTINCT currency) AS currencies FROM stage.register"""
    ).fetchone()
    if row["blank"] != 1 or row["rows"] < 2 or row["currencies"] != 1 or row["total"] != row["parts"]:
        return 0
    return db.execute("DELETE FROM stage.register WHERE campaign IS NULL").rowcount


def compare(db: Connection, register: Register, source: str) -> RegisterCounts:
    """Find out which staged rows are new and which say something else than the register. `source` is of the ids."""
    _index(db)
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.register").fetchone()[0])
    for first in range(1, last + 1, _SLICE):
        ends = {"source": source, "first": first, "last": first + _SLICE - 1}
        db.execute(_NEW.format(table=register.table, key=register.key), ends)
        db.execute(_changed_sql(register), ends)
    new = db.execute("SELECT count(*) FROM stage.register_new").fetchone()[0]
    changed = db.execute("SELECT count(*) FROM stage.register_changed").fetchone()[0]
    return RegisterCounts(new, changed)


def staged_count(db: Connection) -> int:
    """Return how many things the file speaks of."""
    return int(db.execute("SELECT count(*) FROM stage.register").fetchone()[0])


def add_new(pace: Pace, register: Register, import_id: int, source: str) -> None:
    """Write what nobody knew yet, slice by slice."""
    names = ", ".join((register.key, *register.columns))
    staged = ", ".join(f"s.{name}" for name in ("key", *register.columns))
    for first, last in pace.ranks("register_new"):
        with pace.transaction() as tx:
            base = tx.execute(f"SELECT coalesce(max(id), 0) FROM main.{register.table}").fetchone()[0] + 1 - first
            ends = {"base": base, "first": first, "last": last, "source": source}
            tx.execute(
                f"""INSERT INTO main.{register.table} (id, source, {names}, attributes)
                    SELECT a.rank + :base, :source, {staged}, coalesce(s.attributes, '{{}}')
                    FROM stage.register_new AS a JOIN stage.register AS s ON s.n = a.n
                    WHERE a.rank BETWEEN :first AND :last ORDER BY a.rank""",
                ends,
            )
            tx.execute(
                "INSERT INTO main.import_changes (import_id, noun, first_id, last_id) VALUES (?, ?, ?, ?)",
                (import_id, register.table, first + base, last + base),
            )


def revise_known(pace: Pace, register: Register, import_id: int) -> None:
    """Write what the file says anew, the old rows into the journal first."""
    before = ", ".join(f"'{name}', m.{name}" for name in (*register.columns, "attributes"))
    values = ", ".join(f"{name} = coalesce(s.{name}, m.{name})" for name in register.columns)
    for first, last in pace.ranks("register_changed"):
        ends = {"first": first, "last": last, "import": import_id, "noun": register.table}
        with pace.transaction() as tx:
            tx.execute(
                f"""INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
                    SELECT :import, :noun, m.id, m.id, json_object({before})
                    FROM stage.register_changed AS a JOIN main.{register.table} AS m ON m.id = a.id
                    WHERE a.rank BETWEEN :first AND :last ORDER BY a.rank""",
                ends,
            )
            tx.execute(
                f"""UPDATE main.{register.table} AS m SET {values},
                      attributes = json_patch(m.attributes, coalesce(s.attributes, '{{}}'))
                    FROM stage.register_changed AS a JOIN stage.register AS s ON s.n = a.n
                    WHERE a.rank BETWEEN :first AND :last AND m.id = a.id""",
                ends,
            )


def differences(db: Connection, register: Register, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would change: `{line, owner | company | cost, field, old, new}`, for a dry run."""
    named = ", ".join(f"m.{name} AS old_{name}, s.{name} AS new_{name}" for name in (*register.columns, "attributes"))
    rows = db.execute(
        f"""SELECT s.line, m.{register.key} AS key, {named}
            FROM stage.register_changed AS a JOIN stage.register AS s ON s.n = a.n
            JOIN main.{register.table} AS m ON m.id = a.id ORDER BY a.rank LIMIT ?""",
        (limit,),
    )
    return [change for row in rows for change in _differences_of(register, row)]


def _differences_of(register: Register, row: Row) -> Iterator[dict[str, Any]]:
    who = {"line": row["line"], register.one: _shown(register, row)}
    for field in (name for name in register.columns if name != "name_key"):
        old, new = row[f"old_{field}"], row[f"new_{field}"]
        if field == "amount_minor" and new is not None and new != old:
            amounts = [money.labelled(old, row["old_currency"]), money.labelled(new, row["new_currency"])]
            yield {**who, "field": "amount", "old": amounts[0], "new": amounts[1]}
        elif new is not None and new != old:
            yield {**who, "field": field, "old": old, "new": new}
    known = json.loads(row["old_attributes"])
    for field, new in json.loads(row["new_attributes"] or "{}").items():
        if new != known.get(field):
            yield {**who, "field": field, "old": known.get(field), "new": new}


def _shown(register: Register, row: Row) -> str:
    """Return what people call it: its name, the day and campaign of a cost, else its key."""
    if register is COSTS:
        return " ".join(filter(None, (row["old_spent_on"], row["old_channel"], row["old_campaign"])))
    return str(row["old_name"] or row["new_name"] or row["key"])


def _index(db: Connection) -> None:
    db.execute("CREATE INDEX IF NOT EXISTS stage.register_by_key ON register (key)")


def _changed_sql(register: Register) -> str:
    differs = [f"(s.{name} IS NOT NULL AND s.{name} IS NOT m.{name})" for name in register.columns]
    differs.append("(s.attributes IS NOT NULL AND json_patch(m.attributes, s.attributes) <> m.attributes)")
    return f"""INSERT INTO stage.register_changed (n, id)
        SELECT s.n, m.id FROM stage.register AS s
        JOIN main.{register.table} AS m ON m.source = :source AND m.{register.key} = s.key
        WHERE s.n BETWEEN :first AND :last AND ({" OR ".join(differs)}) ORDER BY s.n"""


_NEW = """INSERT INTO stage.register_new (n)
    SELECT s.n FROM stage.register AS s
    WHERE s.n BETWEEN :first AND :last
      AND NOT EXISTS (SELECT 1 FROM main.{table} AS m WHERE m.source = :source AND m.{key} = s.key) ORDER BY s.n"""
