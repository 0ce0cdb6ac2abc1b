"""Files, the owner and undo in any order: the bulk importer keeps the same consent rule as the ledger."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.cli.main import run
from mailflow.model import Basis, ConsentState
from mailflow.store import consents
from mailflow.workspace import Workspace

PEOPLE = [f"p{n}@example.com" for n in range(24)]
CELLS = ["yes", "no", "", "TRUE", "false", "subscribed", "unsubscribed", "pending", "perhaps"]


def write_file(path: Path, dice: random.Random) -> list[str]:
    """Write a contacts file, with or without a consent column, and return how to import it."""
    people = dice.sample(PEOPLE, dice.randint(1, len(PEOPLE)))
    if dice.random() < 0.6:
        rows = ["Email,Accepts Marketing", *(f"{email},{dice.choice(CELLS)}" for email in people)]
    else:
        rows = ["Email,City", *(f"{email},Wien" for email in people)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    basis = dice.choice(["express", "purchase", None])
    return ["import", str(path)] + (["--consent", basis, "--evidence", "a list"] if basis else [])


def act(shop: Workspace, folder: Path, dice: random.Random, step: int) -> None:
    """Do one thing that says something about consent."""
    some = dice.sample(PEOPLE, 3)
    done = [row["id"] for row in shop.store.db.execute("SELECT id FROM imports WHERE state = 'done'")]
    match dice.randrange(8):
        case 0 | 1 | 2 | 3:
            words = write_file(folder / f"{step}.csv", dice)
        case 4:
            words = ["contact", "subscribe", *some, "--evidence", f"said so at step {step}"]
        case 5 | 6:
            words = ["contact", "unsubscribe", *some]
        case _:
            words = ["import", "--undo", str(dice.choice(done))] if done else ["contact", "unsubscribe", *some]
    assert run([*words, "--workspace", str(shop.root), "--quiet"]) in {0, 1}, words


def check(shop: Workspace) -> int:
    """Compare what holds with the ledger for everybody; return how many are subscribed."""
    db, now = shop.store.db, clock.now()
    subscribed = 0
    for (contact_id,) in db.execute("SELECT id FROM contacts").fetchall():
        holds = consents.state_of(db, contact_id)
        history = consents.history(db, contact_id)
        assert consents.state_at(db, contact_id, now) is holds, [(entry.state, entry.lifts) for entry in history]
        after_the_last_no = history
        for place, entry in enumerate(history):
            if entry.state is ConsentState.UNSUBSCRIBED:
                after_the_last_no = history[place + 1 :]
        if holds is ConsentState.SUBSCRIBED:
            subscribed += 1
            said_no = len(after_the_last_no) < len(history)
            yeses = [entry for entry in after_the_last_no if entry.state is ConsentState.SUBSCRIBED]
            assert any(entry.basis is not Basis.UNKNOWN and (entry.lifts or not said_no) for entry in yeses)
    return subscribed


@pytest.mark.parametrize("seed", range(6))
def test_what_holds_is_what_the_ledger_says_whatever_came_in(tmp_path: Path, seed: int) -> None:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    shop = Workspace.at(tmp_path / "shop")
    dice = random.Random(seed)
    seen = []
    for step in range(15):
        act(shop, tmp_path, dice, step)
        seen.append(check(shop))
    assert max(seen) > 0
