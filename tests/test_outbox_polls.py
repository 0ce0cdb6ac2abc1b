"""Polls in a message: a signed link for each answer, or a mail in its place, and what stands in the page for all."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import poll_shop
from mail_shop import NOW, mailflow
from mailflow.jobs import preview
from mailflow.outbox.polls import ASKED
from mailflow.store import polls
from mailflow.tracking.polls import Said, read, sign
from mailflow.workspace import Workspace

TOKEN = "t0k-en_0123456789"
SPRING = ["green", "black", "none"]


def parts(data: bytes) -> tuple[str, str]:
    """Return the HTML and the text of a message."""
    mail = message_from_bytes(data, policy=policy.default)
    bodies = {part.get_content_subtype(): part.get_content() for part in mail.walk() if not part.is_multipart()}
    return bodies["html"], bodies["plain"]


def links(html: str, question: str = "Which tea") -> list[str]:
    """Return where the answers to a question lead."""
    found = html[html.index(question) :]
    return [unescape(link) for link in re.findall(r'href="([^"]*v1\.[^"]*\.a\.[^"]*)"', found)]


def test_each_answer_has_a_link_of_its_own_to_the_page(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path, extra=poll_shop.ONLINE)
    html, text = parts(poll_shop.letter(shop, token=TOKEN).data)
    found = links(html)
    assert [urlsplit(link)._replace(path="").geturl() for link in found] == ["https://mail.quitte.example"] * 5
    assert [read(shop.keys, urlsplit(link).path.removeprefix("/a/")) for link in found] == [
        *(Said(TOKEN, "spring", key) for key in SPRING), Said(TOKEN, "brew", "a"), Said(TOKEN, "brew", "b"),
    ]  # fmt: skip
    assert all(link in text for link in found)
    assert "A black one & a cup" in text
    assert "Answers count until April 15, 2026." in text


def test_links_of_polls_are_not_counted_over_another_page(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path, extra=poll_shop.ONLINE + "utm: {hosts: [mail.quitte.example]}\n")
    content = poll_shop.letter(shop)
    assert not any("/a/" in url for url in content.links.values())
    assert "utm_" not in "".join(links(parts(content.data)[0]))


def test_without_a_page_an_answer_is_a_mail_with_a_subject(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    html, text = parts(poll_shop.letter(shop, token=TOKEN).data)
    found = [urlsplit(link) for link in links(html)]
    assert {(link.scheme, link.path) for link in found} == {("mailto", "hello@quitte.example")}
    subjects = [parse_qs(link.query)["subject"][0] for link in found]
    assert subjects[1] == f"A black one & a cup [{sign(shop.keys, Said(TOKEN, 'spring', 'black'))}]"
    assert "A click opens a mail to us: send it as it is." in text
    assert unquote(found[0].query) in unquote(text)


def test_the_reader_s_language_and_their_answer_so_far_are_told(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET language = 'de-AT' WHERE id = 1")
    assert mailflow(shop, "poll", "answer", "spring", "p1@example.com", "green", now=NOW) == 0
    _, text = parts(poll_shop.letter(shop).data)
    assert "Welchen Tee sollen wir holen?" in text
    assert "Bisherige Antwort: Einen grünen." in text
    assert "Antworten zählen bis 15. April 2026." in text
    assert "Which tea" not in text


def test_a_poll_is_in_the_language_of_the_letter_around_it(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    (shop.templates / "hello.fr.md").write_text("---\nsubject: Thé\n---\nBonjour.\n", encoding="utf-8")
    with shop.store.transaction() as tx:
        tx.execute(
            "UPDATE contacts SET language = 'de-AT' WHERE id = 1"
        )  # the letter has French and the shop's English
    _, text = parts(poll_shop.letter(shop).data)
    assert "Which tea shall we bring in?" in text
    assert "Answers count until April 15, 2026." in text


def test_a_poll_that_is_closed_has_no_links(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    html, text = parts(poll_shop.letter(shop, now=datetime(2026, 4, 15, 22, tzinfo=UTC)).data)
    assert [read(shop.keys, token) for token in poll_shop.tokens(unquote(html))] == [
        Said(TOKEN, "brew", "a"), Said(TOKEN, "brew", "b")
    ]  # fmt: skip
    assert "This poll is closed." in text


def test_the_page_for_all_has_no_links_of_anybody(tmp_path: Path) -> None:
    extra = f"archive: {{folder: archive, url: https://quitte.example/mail}}\n{poll_shop.ONLINE}"
    shop = poll_shop.make(tmp_path, extra=extra)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    page = (tmp_path / "archive" / "hello.html").read_text(encoding="utf-8")
    assert "Which tea shall we bring in?" in page
    assert "A green one" in page
    assert not poll_shop.tokens(page)


def test_who_was_asked_is_noted_with_the_bytes(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path, 3, template=poll_shop.TEMPLATE.replace(
        "{% with poll=polls.brew", "{% if contact.city == 'Graz' %}{% with poll=polls.brew"
    ) + "{% endif %}\n")  # fmt: skip
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET city = 'Graz' WHERE id = 2")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    rows = shop.store.db.execute("SELECT poll, count(*) FROM polls_asked GROUP BY poll ORDER BY poll").fetchall()
    assert [tuple(row) for row in rows] == [("brew", 1), ("spring", 3)]
    with shop.store.transaction() as tx:
        tx.execute("DELETE FROM message_contents")  # as when bytes are thrown away, to be made anew
    assert shop.store.db.execute("SELECT count(*) FROM polls_asked").fetchone()[0] == 0


def test_an_edit_of_the_poll_holds_a_campaign_that_was_approved(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    from mailflow.campaigns import spec
    from mailflow.jobs.campaign import OpenCampaign

    def hash_now() -> str:
        return OpenCampaign(Workspace.at(tmp_path), spec.read(tmp_path / "campaigns" / "hello.yaml")).hash

    before, path = hash_now(), tmp_path / "polls.yaml"
    path.write_text(
        path.read_text(encoding="utf-8") + "other: {question: q, answers: {a: x, b: y}}\n", encoding="utf-8"
    )
    assert hash_now() == before  # a poll that is not in it
    path.write_text(path.read_text(encoding="utf-8").replace("A green one", "A greener one"), encoding="utf-8")
    assert hash_now() != before
    del shop


def test_a_preview_shows_the_poll_and_its_links_are_trials(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path)
    shown = preview.preview(shop, "hello", None, now=NOW)
    assert "Which tea shall we bring in?" in shown.rendered.text
    said = read(shop.keys, poll_shop.tokens(unquote(shown.rendered.html))[0])
    assert said is not None
    assert polls.asked_in(shop.store.db, said.token) is None


def test_no_template_can_speak_what_polls_are_made_from(tmp_path: Path) -> None:
    shop = poll_shop.make(tmp_path, template=f"---\nsubject: x\n---\n{{{{ {ASKED} }}}} {{{{ polls.spring.name }}}}\n")
    assert mailflow(shop, "preview", "hello") != 0
