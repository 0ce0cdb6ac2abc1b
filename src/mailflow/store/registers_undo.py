"""Take the rows that an import brought into the registers back, from its journal. Orders, contacts, consents: undo."""

from __future__ import annotations

import json

from mailflow.store import journal
from mailflow.store.pace import Pace
from mailflow.store.registers import REGISTERS, Register


def take_back(pace: Pace, import_id: int) -> tuple[dict[str, int], int]:
    """Delete owners, companies and costs that the import added, and restore what it changed.

    Return how many of each table were taken back, and how many stay because something newer changed them since.
    """
    gone = {register.table: 0 for register in REGISTERS}
    kept = 0
    for register in REGISTERS:
        for change in journal.entries(pace.store.db, import_id, register.table):
            newer = journal.newer(pace.store.db, import_id, register.table, change)
            kept += len(newer)
            if change.before is None:
                for ids in journal.slices(pace, change, newer):
                    gone[register.table] += _delete(pace, register, ids)
            elif not newer:
                _restore(pace, register, change.first_id, json.loads(change.before))
                gone[register.table] += 1
    return gone, kept


def _delete(pace: Pace, register: Register, ids: list[int]) -> int:
    with pace.transaction() as tx:
        among = (json.dumps(ids),)
        return tx.execute(f"DELETE FROM {register.table} WHERE id IN (SELECT value FROM json_each(?))", among).rowcount


def _restore(pace: Pace, register: Register, row_id: int, before: dict[str, object]) -> None:
    names = (*register.columns, "attributes")
    with pace.transaction() as tx:
        tx.execute(
            f"UPDATE {register.table} SET {', '.join(f'{name} = :{name}' for name in names)} WHERE id = :id",
            {**before, "id": row_id},
        )
