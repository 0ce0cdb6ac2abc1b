"""Take the rows that an import brought into the registers back, from its journal. Orders, contacts, consents: undo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from mailflow.store import journal
from mailflow.store.connection import Connection
from mailflow.store.pace import Pace
from mailflow.store.registers import REGISTERS, Register


def take_back(pace: Pace, import_id: int) -> tuple[dict[str, int], int]:
    """Delete owners, companies and costs that the import added, and restore what it changed.

    Return how many of each table were taken back, and how many stay because something newer changed them since.
    """
    gone: dict[str, int] = {}
    kept = 0
    for register in REGISTERS:
        gone[register.table], left = journal.take_back(
            pace, import_id, register.table, delete=partial(_delete, register), restore=partial(_restore, register)
        )
        kept += left
    return gone, kept


def _delete(register: Register, tx: Connection, ids: Sequence[int]) -> tuple[int, Sequence[int]]:
    tx.execute(f"DELETE FROM {register.table} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
    return len(ids), ()


def _restore(register: Register, tx: Connection, row_id: int, before: Mapping[str, Any]) -> None:
    names = ", ".join(f"{name} = :{name}" for name in (*register.columns, "attributes"))
    tx.execute(f"UPDATE {register.table} SET {names} WHERE id = :id", {**before, "id": row_id})
