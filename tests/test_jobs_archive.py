"""The page for "view in browser": complete, for everybody, and with nobody in it."""

from __future__ import annotations

import os
import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from mail_shop import NOW, TEMPLATE, mailflow, make_shop

ARCHIVE = "archive: {folder: pages, url: 'https://quitte.example/mail'}\nimages: embed\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def test_a_campaign_that_is_sent_has_a_page_with_nobody_in_it(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", extra=ARCHIVE)
    (shop.templates / "assets").mkdir()
    (shop.templates / "assets" / "tea.png").write_bytes(PNG)
    body = "![Tea](tea.png) Mail for {{ contact.email | default('everybody') }}.\n"
    (shop.templates / "hello.md").write_text(TEMPLATE + body, encoding="utf-8")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    page = (shop.root / "pages" / "hello.html").read_text(encoding="utf-8")
    assert "Mail for everybody." in page
    assert "data:image/png;base64,iVBOR" in page
    assert "cid:" not in page
    assert not re.search(r"example\.com|v1\.[0-9a-f]+\.|Anna", page)
    for path in (shop.maildir / "new").glob("*.eml"):
        message = message_from_bytes(path.read_bytes(), policy=default)
        for kind in ("html", "plain"):
            assert "https://quitte.example/mail/hello.html" in message.get_body((kind,)).get_content()  # type: ignore[attr-defined]


def test_a_page_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", extra=ARCHIVE)
    page, reader = shop.root / "pages" / "hello.html", tmp_path / "what a website was about to send"
    page.parent.mkdir()
    page.write_text("an older page", encoding="utf-8")
    os.link(page, reader)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert reader.read_text(encoding="utf-8") == "an older page"
    assert page.read_text(encoding="utf-8").startswith("<!")
    assert list(page.parent.iterdir()) == [page]


def test_a_template_that_needs_a_person_is_told_before_anything_is_sent(tmp_path: Path, capsys: object) -> None:
    shop = make_shop(tmp_path / "shop", extra=ARCHIVE)
    (shop.templates / "hello.md").write_text(TEMPLATE + "{{ contact.email }}{{ contact.key }}\n", encoding="utf-8")
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET first_name = 'Ada'")
    (shop.templates / "hello.md").write_text(TEMPLATE + "Dear {{ contact.first_name }}\n", encoding="utf-8")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 78
    assert shop.store.db.execute("SELECT count(*) FROM messages").fetchone()[0] == 0


def test_without_archive_there_is_no_page_and_no_link(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert not (shop.root / "pages").exists()
    assert b"browser" not in next((shop.maildir / "new").glob("*.eml")).read_bytes()
