"""Consent of people who were merged: a no of one contact holds for the person, and goes again when they are parted.

The ledger stays append-only and each contact keeps its own. What another contact said is an entry with the source
`merge` on the contact it was merged into; taking it back is an entry that lifts it. The merges themselves: merges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from mailflow import clock, policy
from mailflow.addresses import normalise
from mailflow.model import Basis, ConsentState
from mailflow.store import consents
from mailflow.store.connection import Connection, Row
from mailflow.store.consents import ConsentEntry
from mailflow.store.contacts import EMAIL
from mailflow.store.pace import Pace

SOURCE = "merge"
_NO = ConsentState.UNSUBSCRIBED


def pass_on(tx: Connection, contact_id: int, *, now: datetime) -> None:
    """Let a no that was just recorded for a contact hold for who they are now, if they were merged."""
    above = _above(tx, contact_id)
    if above is not None:
        carry(tx, above["id"], now=now)


def has_said_no(db: Connection, contact_id: int) -> bool:
    """Return whether a contact said no to all marketing mail themselves, and it holds."""
    row = db.execute(
        """SELECT n.state, n.source FROM consent_states AS s JOIN consents AS n ON n.id = s.consent_id
           WHERE s.contact_id = ? AND s.channel = ? AND s.topic = ?""",
        (contact_id, consents.EMAIL, consents.ALL_TOPICS),
    ).fetchone()
    return row is not None and row["state"] == _NO and row["source"] != SOURCE


def keep_noes(pace: Pace, import_id: int, source: str, now_ms: int) -> None:
    """Write each no of a staged file for the address of a merged contact into that contact's own ledger.

    The person has it too, by what the file says of them; this one stays with the address when they are parted.
    """
    now = clock.from_ms(now_ms)
    for row in pace.store.db.execute(_NOES_OF_MERGED).fetchall():
        if not has_said_no(pace.store.db, row["contact_id"]):
            at = now if row["consent_at"] is None else clock.from_ms(row["consent_at"])
            entry = ConsentEntry(
                row["contact_id"], _NO, Basis(row["basis"] or Basis.UNKNOWN), row["email"], at, now,
                row["consent_source"] or source, evidence=row["evidence"], import_id=import_id,
            )  # fmt: skip
            with pace.store.transaction() as tx:
                consents.append(tx, entry)
                pass_on(tx, entry.contact_id, now=now)


def carry(tx: Connection, merge_id: int, *, now: datetime) -> None:
    """Write what the merged contact said into the ledger of the kept one, as far as it decides, and so on upwards.

    A no always does, unless the person said yes since. A yes only where the kept one has none, said no no, and gets
    their mail at the very address it is for.
    """
    merge = tx.execute("SELECT * FROM merges WHERE id = ?", (merge_id,)).fetchone()
    wrote = [_append(tx, merge, entry) for entry in _news(tx, merge, now)]
    if wrote:
        ids = json.dumps([*json.loads(merge["consents"]), *wrote])
        tx.execute("UPDATE merges SET consents = ? WHERE id = ?", (ids, merge_id))
    pass_on(tx, merge["kept_id"], now=now)


def part(tx: Connection, merge_id: int, *, now: datetime) -> None:
    """Take back what an undone merge wrote, give each the no that was said for their address, carry what is left."""
    merge = tx.execute("SELECT * FROM merges WHERE id = ?", (merge_id,)).fetchone()
    _give_back(tx, merge, now)
    _release(tx, merge, json.loads(merge["consents"]), now)
    _settle(tx, merge["kept_id"], now)


def _settle(tx: Connection, contact_id: int, now: datetime) -> None:
    """Carry again what the others who are merged into a contact say, then what it passes on itself."""
    below = tx.execute("SELECT id FROM merges WHERE kept_id = ? AND undone_at IS NULL ORDER BY id", (contact_id,))
    for row in below.fetchall():
        carry(tx, row["id"], now=now)
    above = _above(tx, contact_id)
    if above is not None:
        lost = [number for number in json.loads(above["consents"]) if not _is_warranted(tx, above, number)]
        _release(tx, above, lost, now)
        _settle(tx, above["kept_id"], now)


def _above(db: Connection, contact_id: int) -> Row | None:
    """Return the merge that made a contact part of another."""
    row: Row | None = db.execute(
        "SELECT * FROM merges WHERE merged_id = ? AND undone_at IS NULL", (contact_id,)
    ).fetchone()
    return row


def _news(db: Connection, merge: Row, now: datetime) -> Iterator[ConsentEntry]:
    """Yield what the merged contact says that the kept one does not, as entries for the kept one."""
    rows = db.execute(
        """SELECT n.*, s.state AS holds, s.basis AS ground
           FROM consent_states AS s JOIN consents AS n ON n.id = s.consent_id
           WHERE s.contact_id = ? AND s.state IN ('unsubscribed', 'subscribed') ORDER BY n.id""",
        (merge["merged_id"],),
    )
    for row in rows.fetchall():
        said, basis = ConsentState(row["holds"]), Basis(row["ground"])
        held = consents.state_of(db, merge["kept_id"], row["channel"], row["topic"])
        if said is held or not (_lasts(db, merge, row) if said is _NO else _may_say_yes(db, merge, row, held)):
            continue
        whose = row["address"] or f"contact {row['contact_id']}"
        yield ConsentEntry(
            merge["kept_id"], said, basis, row["address"], now, now, SOURCE,
            evidence=f"merge {merge['id']}: said by {whose} (from {row['source']})",
            channel=row["channel"], topic=row["topic"], import_id=None if said is _NO else row["import_id"],
        )  # fmt: skip


def _lasts(db: Connection, merge: Row, no: Row) -> bool:
    """Return whether nobody lifted a no since the merge, by a yes of the person that lifts."""
    lifted = db.execute(
        """SELECT 1 FROM consents WHERE contact_id = ? AND channel = ? AND topic = ? AND id > ? AND lifts
             AND state = 'subscribed' AND source <> ?""",
        (merge["kept_id"], no["channel"], no["topic"], max(no["id"], merge["ledger_at"]), SOURCE),
    ).fetchone()
    return lifted is None


def _may_say_yes(db: Connection, merge: Row, yes: Row, held: ConsentState) -> bool:
    kept = db.execute("SELECT email FROM contacts WHERE id = ?", (merge["kept_id"],)).fetchone()
    is_free = held in (ConsentState.NEVER, ConsentState.PENDING)
    return is_free and yes["address"] is not None and _key(yes["address"]) == _key(kept["email"])


def _append(tx: Connection, merge: Row, entry: ConsentEntry) -> int:
    consents.append(tx, entry)
    return _last(tx, merge["kept_id"])


def _last(db: Connection, contact_id: int) -> int:
    return int(db.execute("SELECT max(id) FROM consents WHERE contact_id = ?", (contact_id,)).fetchone()[0])


def _is_warranted(db: Connection, merge: Row, consent_id: int) -> bool:
    """Return whether the merged contact still says what a merge wrote for the kept one."""
    row = db.execute("SELECT * FROM consents WHERE id = ?", (consent_id,)).fetchone()
    said = ConsentState(row["state"])
    return consents.state_of(db, merge["merged_id"], row["channel"], row["topic"]) is said


def _release(tx: Connection, merge: Row, ids: Sequence[int], now: datetime) -> None:
    """Take back the entries of a merge that still decide, each by one that says what held without it."""
    for consent_id in ids:
        taken = tx.execute(
            "SELECT n.* FROM consents AS n JOIN consent_states AS s ON s.consent_id = n.id WHERE n.id = ?",
            (consent_id,),
        ).fetchone()
        if taken is None:
            continue  # something newer decides
        for state, basis, address in _without(tx, taken):
            entry = ConsentEntry(
                taken["contact_id"], state, basis, address, now, now, SOURCE,
                evidence=f"merge {merge['id']} taken back", lifts=True, channel=taken["channel"], topic=taken["topic"],
            )  # fmt: skip
            consents.append(tx, entry)


def _without(db: Connection, taken: Row) -> list[tuple[ConsentState, Basis, str | None]]:
    """Return what held for a contact without one entry of its ledger, as sayings that bring it about."""
    state, nothing = ConsentState.NEVER, (ConsentState.NEVER, Basis.UNKNOWN, taken["address"])
    sayings = [nothing]
    rows = db.execute(
        "SELECT * FROM consents WHERE contact_id = ? AND channel = ? AND topic = ? AND id <> ? ORDER BY id",
        (taken["contact_id"], taken["channel"], taken["topic"], taken["id"]),
    )
    for row in rows:
        said, basis = ConsentState(row["state"]), Basis(row["basis"])
        if policy.takes_effect(state, said, basis, lifts=bool(row["lifts"])):
            state = said
            # Somebody is asked to confirm only where nothing holds.
            sayings = [*([nothing] if said is ConsentState.PENDING else []), (said, basis, row["address"])]
    return sayings


def _give_back(tx: Connection, merge: Row, now: datetime) -> None:
    """Give a no that was said to the person since the merge to the contact whose address it was said for."""
    whose = _addresses(tx, merge["merged_id"])
    for row in _said_since(tx, merge):
        owner = merge["merged_id"] if row["address"] is None else whose.get(_key(row["address"]))
        if owner is None or consents.state_of(tx, owner, row["channel"], row["topic"]) is _NO:
            continue
        told = f"merge {merge['id']} taken back: said meanwhile (from {row['source']})"
        entry = ConsentEntry(
            owner, _NO, Basis(row["basis"]), row["address"], now, now, SOURCE, evidence=told, channel=row["channel"],
            topic=row["topic"],
        )  # fmt: skip
        consents.append(tx, entry)
        pass_on(tx, owner, now=now)


def _said_since(db: Connection, merge: Row) -> list[Row]:
    """Return each no of the kept contact, and of whom it was merged into, that was said since and holds."""
    return db.execute(
        """WITH RECURSIVE person (id) AS (
             SELECT :kept UNION SELECT m.kept_id FROM person AS p JOIN merges AS m ON m.merged_id = p.id
               AND m.undone_at IS NULL)
           SELECT n.* FROM person AS p JOIN consents AS n ON n.contact_id = p.id
           WHERE n.id > :ledger AND n.state = 'unsubscribed' AND n.source <> :source
             AND NOT EXISTS (SELECT 1 FROM consents AS y WHERE y.contact_id = n.contact_id AND y.channel = n.channel
               AND y.topic = n.topic AND y.id > n.id AND y.lifts AND y.state = 'subscribed')
           ORDER BY n.id""",
        {"kept": merge["kept_id"], "ledger": merge["ledger_at"], "source": SOURCE},
    ).fetchall()


def _addresses(db: Connection, contact_id: int) -> dict[str | None, int]:
    """Return address → contact of everybody who is one person with a contact."""
    rows = db.execute(
        """SELECT i.value, i.contact_id FROM contacts AS c JOIN identities AS i ON i.contact_id = c.id
           WHERE (c.id = :id OR c.merged_into = :id) AND i.kind = :kind""",
        {"id": contact_id, "kind": EMAIL},
    )
    return {row["value"]: row["contact_id"] for row in rows}


def _key(email: str | None) -> str | None:
    """Return an address for comparison, None for what is none."""
    try:
        return normalise(email).key if email else None
    except ValueError:
        return email


_NOES_OF_MERGED = """WITH merged (value, contact_id) AS (
      SELECT i.value, i.contact_id FROM main.contacts AS c CROSS JOIN main.identities AS i ON i.contact_id = c.id
      WHERE c.merged_into IS NOT NULL AND i.kind = 'email')
    SELECT m.contact_id, d.email, d.basis, d.consent_at, d.consent_source, d.evidence
    FROM stage.cards AS d CROSS JOIN merged AS m ON m.value = d.email_key
    WHERE d.consent = 'unsubscribed' AND EXISTS (SELECT 1 FROM merged)"""
