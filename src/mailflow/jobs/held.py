"""Which campaigns the last run held, and why: kept for `status`, which finds nothing out anew."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mailflow.store import Store, state

_HELD = "held"


def keep(store: Store, held: Mapping[str, str], *, campaign: str | None) -> None:
    """Keep what a run held, of all campaigns or, where it was about one `campaign`, of that one."""
    before = read(store)
    now = dict(held)
    if campaign is not None:
        now = {**{name: why for name, why in before.items() if name != campaign}, **now}
    if now != before:
        with store.transaction() as tx:
            state.put(tx, _HELD, json.dumps(now, ensure_ascii=False))


def read(store: Store) -> dict[str, str]:
    """Return campaign → why the last run held it."""
    kept = state.get(store.db, _HELD)
    return dict(json.loads(kept)) if kept else {}
