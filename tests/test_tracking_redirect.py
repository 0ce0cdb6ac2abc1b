"""Where counted links lead: only to what the campaign itself links to, and only for a token that was signed for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailflow.store import Store, links
from mailflow.templates.linking import link_id
from mailflow.tokens import Keys, Purpose
from mailflow.tracking import redirect
from people import add_contact, add_message
from posting import NOW

URL = "https://shop.example/spring?a=1&b=2"
OTHER = "https://shop.example/autumn"
LINK = link_id(URL)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load_or_create(tmp_path / "keys.json")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a store with the messages t0 of the campaign spring, which links to URL, and t1 of autumn, to OTHER."""
    with Store.create(tmp_path / "mailflow.db") as made:
        with made.transaction() as tx:
            anna = add_contact(tx, "anna@example.com", now=NOW)
            spring = add_message(tx, anna, "anna@example.com", now=NOW)
            autumn = add_message(tx, anna, "anna@example.com", now=NOW, scope="campaign:autumn")
            links.keep(tx, [(spring, {LINK: URL}), (autumn, {link_id(OTHER): OTHER})])
        yield made


def test_a_link_that_was_sent_leads_where_the_mail_said(store: Store, keys: Keys) -> None:
    followed = redirect.follow(store.db, keys, keys.sign(Purpose.CLICK, "t0"), LINK)
    assert followed == redirect.Followed("t0", URL)


def test_a_rotated_key_keeps_old_links_alive(store: Store, keys: Keys) -> None:
    signed = keys.sign(Purpose.CLICK, "t0")
    assert redirect.follow(store.db, keys.rotate().rotate(), signed, LINK) is not None


def test_thirty_tampered_links_lead_nowhere(store: Store, keys: Keys) -> None:
    signed = keys.sign(Purpose.CLICK, "t0")
    version, key, purpose, token, mac = signed.split(".")
    stranger = Keys.load_or_create(keys.path.with_name("other.json"))
    evil = "https://evil.example/"
    tampered = [
        (keys.sign(Purpose.UNSUBSCRIBE, "t0"), LINK), (keys.sign(Purpose.OPEN, "t0"), LINK),
        (keys.sign(Purpose.CONFIRM, "t0"), LINK), (keys.sign(Purpose.PREFERENCES, "t0"), LINK),
        (keys.sign(Purpose.CLICK, "t1"), LINK), (keys.sign(Purpose.CLICK, "t2"), LINK),
        (stranger.sign(Purpose.CLICK, "t0"), LINK), (signed[:-1], LINK), (signed + "A", LINK), (signed.upper(), LINK),
        (f"{version}.{key}.{purpose}.t1.{mac}", link_id(OTHER)), (f"v2.{key}.{purpose}.{token}.{mac}", LINK),
        (f"{version}.000000.{purpose}.{token}.{mac}", LINK), (f"{version}.{key}.u.{token}.{mac}", LINK),
        (f"{version}.{key}.{purpose}.{token}.", LINK), (f"{version}.{key}.{purpose}.{token}", LINK), ("", LINK),
        ("t0", LINK), (signed, link_id(OTHER)), (signed, link_id(evil)), (signed, evil), (signed, "//evil.example"),
        (signed, "\\\\evil.example"), (signed, "javascript:alert(1)"), (signed, f"{LINK}\r\nLocation: {evil}"),
        (signed, f"{LINK}\n"), (signed, f"{LINK}?to={evil}"), (signed, f"../{LINK}"), (signed, LINK.swapcase()),
        (signed, ""), (signed, "%"), (signed, "' OR 1=1 --"), (signed, "é" * 12), (f"{signed}?to={evil}", LINK),
    ]  # fmt: skip
    assert len(tampered) >= 30
    assert [pair for pair in tampered if redirect.follow(store.db, keys, *pair) is not None] == []


def test_a_stored_link_that_is_no_page_is_not_followed(store: Store, keys: Keys) -> None:
    with store.transaction() as tx:
        links.keep(tx, [(1, {"AAAAAAAAAAAA": "javascript:alert(1)", "BBBBBBBBBBBB": "https://a.example/\r\nX: y"})])
    signed = keys.sign(Purpose.CLICK, "t0")
    assert redirect.follow(store.db, keys, signed, "AAAAAAAAAAAA") is None
    assert redirect.follow(store.db, keys, signed, "BBBBBBBBBBBB") is None


def test_a_link_that_two_people_have_is_nobodys_own(store: Store) -> None:
    with store.transaction() as tx:
        second = add_message(tx, 1, "anna@example.com", now=NOW)
        links.keep(tx, [(1, {LINK: URL, "CCCCCCCCCCCC": f"{URL}&k=1"}), (second, {LINK: URL})])
    owners = dict(store.db.execute("SELECT url, message_id FROM links WHERE scope = 'campaign:spring'").fetchall())
    assert owners == {URL: None, f"{URL}&k=1": 1}


def test_a_picture_is_of_its_message_only_as_it_was_signed(keys: Keys) -> None:
    signed = keys.sign(Purpose.OPEN, "t0")
    assert redirect.opened(keys, f"{signed}.gif") == "t0"
    for wrong in (signed, f"{signed}.png", f"{signed[:-1]}.gif", f"{keys.sign(Purpose.CLICK, 't0')}.gif", ".gif"):
        assert redirect.opened(keys, wrong) is None
