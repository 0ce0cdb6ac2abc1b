"""Compare a staged file of cards with the contacts, and write what is new or changed. One contact: contacts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mailflow import clock
from mailflow.store import aliases
from mailflow.store.connection import Connection, Row
from mailflow.store.contacts import CUSTOMER_ID, EMAIL, FIELDS, PHONE
from mailflow.store.pace import Pace

_SLICE = 20_000  # rows compared in one statement
_CONSENT = ("consent", "basis", "consent_at", "consent_source", "wording", "evidence")
_CARD = ("email_key", "email", *FIELDS, "attributes", "source", "known_since", *_CONSENT)
# What differs between rows that agree: what goes with a saying about consent, and since when they are known.
_ATTACHED = frozenset({"known_since", "consent_at", "consent_source", "wording", "evidence"})
_CARDS_OF_PEOPLE = "stage.cards AS c JOIN stage.people AS p ON p.p = c.n"
# How strong a saying of a file is when several of its rows are about one person: a no wins.
_STRENGTH = {"unsubscribed": 3, "subscribed": 2, "pending": 1}
# Since when a file knows somebody; no yes or no is of the first day of computers, which stands for none.
_CONSENT_AT = "iif(m.consent_at > 172800000, m.consent_at, NULL)"
_SINCE = f"min(coalesce(m.known_since, {_CONSENT_AT}), coalesce({_CONSENT_AT}, m.known_since))"

_TABLES = f"""
CREATE TABLE stage.merged (
  target INTEGER PRIMARY KEY, n INTEGER, cards INTEGER, mixed INTEGER, {", ".join(_CARD)},
  email_is_new INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE stage.found (kind TEXT, source TEXT, value TEXT, target INTEGER);
CREATE TABLE stage.fresh (rank INTEGER PRIMARY KEY, target INTEGER UNIQUE, contact_id INTEGER);
CREATE TABLE stage.altered (rank INTEGER PRIMARY KEY, target INTEGER)
"""

# `contact_of` a target: known ones are negative contact ids, new ones are looked up once they are written.
CONTACT_OF = "CASE WHEN {0} < 0 THEN -{0} ELSE (SELECT contact_id FROM stage.fresh WHERE target = {0}) END"


@dataclass(frozen=True, slots=True)
class ContactCounts:
    """What a file would do to contacts. `folded` cards were about a person that an earlier card is about."""

    new: int
    changed: int
    folded: int


def compare(
    db: Connection,
    source: str,
    spoken: Collection[str],
    *,
    fill_only: bool,
    yielding: Collection[str] = (),
    amend: Callable[[Connection], None] | None = None,
) -> ContactCounts:
    """Fold the cards of each person into one and compare it with the contact.

    A blank says nothing. With `fill_only` (orders) a file fills what is blank and changes nothing; without (contacts)
    the last row that says something wins. `spoken` are the columns of cards that the file fills; of these, `yielding`
    ones fill what is blank and change nothing even so. `amend` may change what is said of each person (stage.merged)
    before it is compared: what people stated themselves, see statements_bulk.
    """
    for statement in _TABLES.split(";"):
        db.execute(statement)
    _fold(db, spoken, first_wins=fill_only)
    _find_new_identities(db, source)
    for name in FIELDS:
        if name in yielding and name in spoken:
            _yield_to_known(db, name)
    if amend is not None:
        amend(db)
    _mark_changed(db, fill_only=fill_only)
    db.execute(_FRESH)
    db.execute(
        "INSERT INTO stage.altered (target)"
        " SELECT target FROM stage.merged WHERE target < 0 AND changed > 0 ORDER BY -target"
    )
    row = db.execute(
        """SELECT count(*) FILTER (WHERE target > 0) AS new,
                  count(*) FILTER (WHERE target < 0 AND changed > 0) AS changed,
                  coalesce(sum(cards - 1), 0) AS folded FROM stage.merged"""
    ).fetchone()
    return ContactCounts(row["new"], row["changed"], row["folded"])


def add_new(pace: Pace, import_id: int, source: str, now_ms: int) -> None:
    """Write the people nobody knew yet, with their identities, and remember which contact each became."""
    for first, last in pace.ranks("fresh"):
        with pace.transaction() as tx:
            base = tx.execute("SELECT coalesce(max(id), 0) FROM main.contacts").fetchone()[0] + 1 - first
            parameters = {
                "base": base, "first": first, "last": last, "source": source, "now": now_ms, "import": import_id,
            }  # fmt: skip
            tx.execute(
                f"""INSERT INTO main.contacts (id, key, email, {", ".join(FIELDS)}, attributes,
                                               source, created_at, updated_at, known_since)
                    SELECT f.rank + :base, {_KEY}, m.email,
                           {", ".join(f"m.{name}" for name in FIELDS)},
                           coalesce(m.attributes, '{{}}'), coalesce(m.source, :source), :now, :now,
                           iif({_SINCE} < :now, {_SINCE}, NULL)
                    FROM stage.fresh AS f JOIN stage.merged AS m ON m.target = f.target
                    WHERE f.rank BETWEEN :first AND :last ORDER BY f.rank""",
                parameters,
            )
            tx.execute(
                """INSERT INTO main.identities (kind, source, value, contact_id)
                   SELECT i.kind, i.source, i.value, f.rank + :base
                   FROM stage.fresh AS f JOIN stage.found AS i ON i.target = f.target
                   WHERE f.rank BETWEEN :first AND :last
                   ON CONFLICT DO NOTHING""",
                parameters,
            )
            tx.execute(
                """INSERT INTO main.import_changes (import_id, noun, first_id, last_id)
                   VALUES (:import, 'contacts', :first + :base, :last + :base)""",
                parameters,
            )
        pace.store.db.execute(
            "UPDATE stage.fresh SET contact_id = rank + ? WHERE rank BETWEEN ? AND ?", (base, first, last)
        )


def alter_known(pace: Pace, import_id: int, now_ms: int, *, fill_only: bool) -> None:
    """Write what the file says anew about contacts we know, the old row into the journal first."""
    for first, last in pace.ranks("altered"):
        parameters = {"first": first, "last": last, "now": now_ms, "import": import_id}
        with pace.transaction() as tx:
            tx.execute(_JOURNAL, parameters)
            tx.execute(_fill_sql() if fill_only else _overwrite_sql(), parameters)
            tx.execute(_JOURNAL_IDENTITIES, parameters)
            tx.execute(_ADD_IDENTITIES, parameters)


def known_slices(db: Connection) -> Iterator[dict[str, int]]:
    """Yield ranges of the targets that are known contacts, as `least` and `most`.

    Each is short to read: while a statement reads the database, the web door cannot write.
    """
    row = db.execute("SELECT min(-target) AS first, max(-target) AS last FROM stage.merged WHERE target < 0").fetchone()
    if row["first"] is not None:
        for start in range(row["first"], row["last"] + 1, _SLICE):
            yield {"least": -(start + _SLICE - 1), "most": -start}


def differences(db: Connection, *, fill_only: bool, limit: int) -> list[dict[str, Any]]:
    """Return a sample of what would change: `{line, contact, field, old, new}`, for a dry run."""
    rows = db.execute(
        f"""SELECT d.line, c.email AS old_email, c.attributes AS old_attributes, m.*,
                   coalesce(c.known_since, c.created_at) AS old_since, {_SINCE} AS new_since,
                   {", ".join(f"c.{name} AS old_{name}" for name in FIELDS)}
            FROM stage.altered AS a JOIN stage.merged AS m ON m.target = a.target
            JOIN main.contacts AS c ON c.id = -m.target JOIN stage.cards AS d ON d.n = m.n
            WHERE m.changed & 1 ORDER BY a.rank LIMIT ?""",
        (limit,),
    )
    return [change for row in rows for change in _row_differences(row, fill_only=fill_only)]


def _row_differences(row: Row, *, fill_only: bool) -> Iterator[dict[str, Any]]:
    who = {"line": row["line"], "contact": row["old_email"] or row["email"]}
    for name in FIELDS:
        old, new = row[f"old_{name}"], row[name]
        if new is not None and new != old and not (fill_only and old is not None):
            yield {**who, "field": name, "old": old, "new": new}
    if row["email"] is not None and (row["old_email"] is None or (row["email_is_new"] and not fill_only)):
        yield {**who, "field": "email", "old": row["old_email"], "new": row["email"]}
    if not fill_only and row["new_since"] is not None and row["new_since"] < row["old_since"]:
        old, new = (clock.iso(clock.from_ms(row[name])) for name in ("old_since", "new_since"))
        yield {**who, "field": "known_since", "old": old, "new": new}
    old_attributes = json.loads(row["old_attributes"])
    for name, value in json.loads(row["attributes"] or "{}").items():
        if old_attributes.get(name) != value:
            yield {**who, "field": name, "old": old_attributes.get(name), "new": value}


def _fold(db: Connection, spoken: Collection[str], *, first_wins: bool) -> None:
    """Fill stage.merged. Cards of one person mostly agree, and SQL folds them; those that do not are folded here."""
    said = [name for name in _CARD if name in spoken]
    if not said:  # a file without rows
        return
    if _all_distinct(db):
        names = ", ".join(said)
        db.execute(
            f"""INSERT INTO stage.merged (target, n, cards, mixed, {names})
                SELECT p.target, c.n, 1, 0, {", ".join(f"c.{name}" for name in said)} FROM {_CARDS_OF_PEOPLE}"""
        )
        return
    differ = " OR ".join(f"coalesce(min(c.{name}) <> max(c.{name}), 0)" for name in said if name not in _ATTACHED)
    chosen = ", ".join(f"{'min' if name in _ATTACHED else 'max'}(c.{name})" for name in said)
    db.execute(
        f"""INSERT INTO stage.merged (target, n, cards, mixed, {", ".join(said)})
            SELECT p.target, min(c.n), count(*), {differ}, {chosen} FROM {_CARDS_OF_PEOPLE} GROUP BY p.target"""
    )
    rows = db.execute(
        f"""SELECT p.target, {", ".join(f"c.{name}" for name in _CARD)} FROM {_CARDS_OF_PEOPLE}
            WHERE p.target IN (SELECT target FROM stage.merged WHERE mixed) ORDER BY p.target, c.n"""
    )
    db.executemany(
        f"UPDATE stage.merged SET {', '.join(f'{name} = ?' for name in _CARD)} WHERE target = ?",
        (
            (*_fold_cards(list(cards), first_wins=first_wins), target)
            for target, cards in groupby(rows, key=lambda row: row["target"])
        ),
    )


def _yield_to_known(db: Connection, name: str) -> None:
    """Blank a field of cards whose contact has it: what a tool guessed changes nothing that is known."""
    for targets in known_slices(db):
        db.execute(
            f"""UPDATE stage.merged AS m SET {name} = NULL FROM main.contacts AS c
                WHERE m.target BETWEEN :least AND :most AND c.id = -m.target AND c.{name} IS NOT NULL""",
            targets,
        )


def _all_distinct(db: Connection) -> bool:
    row = db.execute("SELECT count(*) AS cards, count(DISTINCT target) AS people FROM stage.people").fetchone()
    return bool(row["cards"] == row["people"])


def _fold_cards(cards: list[Row], *, first_wins: bool) -> tuple[Any, ...]:
    """Return one card that says what several say: the first or the last word on each field, a no before any yes."""
    inclined = cards if first_wins else cards[::-1]
    named: dict[str, Any] = {}
    for name in ("email_key", "email", *FIELDS):
        named[name] = next((card[name] for card in inclined if card[name] not in (None, "")), None)
    attributes: dict[str, Any] = {}
    for card in reversed(inclined):
        attributes.update(json.loads(card["attributes"] or "{}"))
    named["attributes"] = json.dumps(attributes, ensure_ascii=False, separators=(",", ":")) if attributes else None
    named["source"] = next((card["source"] for card in cards if card["source"]), None)
    named["known_since"] = min((card["known_since"] for card in cards if card["known_since"] is not None), default=None)
    loudest = max(cards, key=lambda card: _STRENGTH.get(card["consent"], 0))
    named.update({name: loudest[name] for name in _CONSENT})
    if loudest["consent"] == "subscribed" and loudest["email"]:  # a yes is for the address it was given with
        named["email_key"], named["email"] = loudest["email_key"], loudest["email"]
    return tuple(named[name] for name in _CARD)


def _find_new_identities(db: Connection, source: str) -> None:
    """Collect the keys that nobody has yet. Phones are on cards: keys of people only where nothing else is."""
    last = int(db.execute("SELECT coalesce(max(n), 0) FROM stage.cards").fetchone()[0])
    has_phones = db.execute("SELECT 1 FROM stage.cards WHERE phone_key <> '' LIMIT 1").fetchone() is not None
    for first in range(1, last + 1, _SLICE):
        ends = {"first": first, "last": first + _SLICE - 1}
        db.execute(_NEW_EMAILS, {"kind": EMAIL, "source": "", **ends})
        db.execute(_NEW_IDS, {"kind": CUSTOMER_ID, "source": source, **ends})
        if has_phones:
            db.execute(_NEW_PHONES, {"kind": PHONE, "source": "", **ends})
    db.execute("CREATE INDEX stage.found_by_target ON found (target)")
    db.execute(
        "UPDATE stage.merged SET email_is_new = 1 FROM stage.found AS f"
        " WHERE f.target < 0 AND f.kind = 'email' AND f.value = merged.email_key AND f.target = merged.target"
    )
    if aliases.there_are(db):
        aliases.find_new(db)
        aliases.keep_agreed_addresses(db)


def _mark_changed(db: Connection, *, fill_only: bool) -> None:
    """Set `changed` of known contacts: bit 1 for the row itself, bit 2 for an identity."""
    if fill_only:
        fields = [f"(m.{name} IS NOT NULL AND c.{name} IS NULL)" for name in FIELDS]
    else:
        fields = [f"(m.{name} IS NOT NULL AND m.{name} IS NOT c.{name})" for name in FIELDS]
        fields.append("(m.attributes IS NOT NULL AND json_patch(c.attributes, m.attributes) <> c.attributes)")
        fields.append(_KNOWN_EARLIER)
        fields.append(f"(m.email_is_new AND m.email IS NOT c.email) OR {_AGREED_ELSEWHERE}")
    fields.append("(m.email IS NOT NULL AND c.email IS NULL)")
    moves = "" if fill_only else f", email_is_new = email_is_new OR {_AGREED_ELSEWHERE} IS TRUE"
    for targets in known_slices(db):
        db.execute(
            f"""UPDATE stage.merged AS m SET changed = 1{moves} FROM main.contacts AS c
                WHERE m.target BETWEEN :least AND :most AND c.id = -m.target AND ({" OR ".join(fields)})""",
            targets,
        )
    db.execute(
        "UPDATE stage.merged SET changed = changed | 2 WHERE target < 0"
        " AND target IN (SELECT target FROM stage.found WHERE target < 0)"
    )


# A file that tells of an earlier day is right: that of the import is only when we read of them.
_KNOWN_EARLIER = f"({_SINCE} < coalesce(c.known_since, c.created_at))"
# Who agrees under another of their addresses than the one we write to, and never did under that, is written to there.
_AGREED_ELSEWHERE = """(m.consent = 'subscribed' AND m.basis <> 'unknown' AND m.email <> c.email COLLATE NOCASE
  AND NOT EXISTS (SELECT 1 FROM main.consent_states AS s JOIN main.consents AS n ON n.id = s.consent_id
                  WHERE s.contact_id = c.id AND s.channel = 'email' AND s.topic = ''
                    AND (s.state = 'unsubscribed'
                      OR (s.state = 'subscribed' AND n.address = c.email COLLATE NOCASE))))"""


def _overwrite_sql() -> str:
    return f"""UPDATE main.contacts AS c SET
        {", ".join(f"{name} = coalesce(m.{name}, c.{name})" for name in FIELDS)},
        attributes = CASE WHEN m.attributes IS NULL THEN c.attributes ELSE json_patch(c.attributes, m.attributes) END,
        email = CASE WHEN c.email IS NULL OR m.email_is_new THEN coalesce(m.email, c.email) ELSE c.email END,
        known_since = iif({_KNOWN_EARLIER}, {_SINCE}, c.known_since), updated_at = :now
        FROM stage.altered AS a JOIN stage.merged AS m ON m.target = a.target
        WHERE a.rank BETWEEN :first AND :last AND c.id = -m.target AND m.changed & 1"""


def _fill_sql() -> str:
    return f"""UPDATE main.contacts AS c SET
        {", ".join(f"{name} = coalesce(c.{name}, m.{name})" for name in FIELDS)}, email = coalesce(c.email, m.email),
        updated_at = :now
        FROM stage.altered AS a JOIN stage.merged AS m ON m.target = a.target
        WHERE a.rank BETWEEN :first AND :last AND c.id = -m.target AND m.changed & 1"""


# New people are written in the order of their addresses, after those who said no; their keys begin with the time and
# the number. So every index grows at its end or in one stretch a slice: with keys all random, a slice writes three
# times as many pages. 56 bits of each key are random.
_KEY = "printf('%011x%07x', :now, f.rank) || lower(hex(randomblob(7)))"
_FRESH = """INSERT INTO stage.fresh (target)
    SELECT target FROM stage.merged WHERE target > 0 ORDER BY consent IS 'unsubscribed' DESC, email_key"""
_NOT_KNOWN = """NOT EXISTS (SELECT 1 FROM main.identities AS i
    WHERE i.kind = :kind AND i.source = :source AND i.value = {column})"""
_NEW_EMAILS = """INSERT INTO stage.found (kind, source, value, target)
    SELECT :kind, :source, email_key, target FROM stage.people
    WHERE p BETWEEN :first AND :last AND email_key <> '' AND NOT met"""
_NEW_IDS = f"""INSERT INTO stage.found (kind, source, value, target)
    SELECT :kind, :source, customer_id, target FROM stage.people
    WHERE p BETWEEN :first AND :last AND customer_id <> '' AND {_NOT_KNOWN.format(column="customer_id")}"""
_NEW_PHONES = f"""INSERT INTO stage.found (kind, source, value, target)
    SELECT :kind, :source, c.phone_key, p.target FROM {_CARDS_OF_PEOPLE}
    WHERE c.n BETWEEN :first AND :last AND c.phone_key <> '' AND {_NOT_KNOWN.format(column="c.phone_key")}"""
_JOURNALLED = ("email", *FIELDS, "attributes", "known_since", "updated_at")
_JOURNAL = f"""INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'contacts', c.id, c.id, json_object({", ".join(f"'{name}', c.{name}" for name in _JOURNALLED)})
    FROM stage.altered AS a JOIN stage.merged AS m ON m.target = a.target JOIN main.contacts AS c ON c.id = -m.target
    WHERE a.rank BETWEEN :first AND :last AND m.changed & 1 ORDER BY a.rank"""
_ADD_IDENTITIES = """INSERT INTO main.identities (kind, source, value, contact_id)
    SELECT i.kind, i.source, i.value, -a.target FROM stage.altered AS a JOIN stage.found AS i ON i.target = a.target
    WHERE a.rank BETWEEN :first AND :last ON CONFLICT DO NOTHING"""
# Identities have no id of their own: what was added to a contact is kept as a list.
_JOURNAL_IDENTITIES = """INSERT INTO main.import_changes (import_id, noun, first_id, last_id, before)
    SELECT :import, 'identities', -a.target, -a.target, json_group_array(json_array(i.kind, i.source, i.value))
    FROM stage.altered AS a JOIN stage.found AS i ON i.target = a.target
    WHERE a.rank BETWEEN :first AND :last
      AND NOT EXISTS (SELECT 1 FROM main.identities AS o
                      WHERE o.kind = i.kind AND o.source = i.source AND o.value = i.value)
    GROUP BY a.target"""
