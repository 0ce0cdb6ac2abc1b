"""`mailflow preview` shows what one person would get, and keeps and sends nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import webbrowser
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from mailflow.cli.main import run
from mailflow.workspace import Workspace
from people import add_contact

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Workspace:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    shop = Workspace.at(tmp_path / "shop")
    (shop.templates / "hello.md").write_text(
        "---\nsubject: \"{{ contact.first_name | default('Hello') }}, tea\"\npreheader: Fresh\n---\n"
        "Hi {{ contact.first_name }}!\n"
        "{% if 'vip' in contact.segments %}\nFor you only.\n{% endif %}\n",
        encoding="utf-8",
    )
    capsys.readouterr()
    return shop


def preview(shop: Workspace, *words: str) -> int:
    return run(["preview", *words, "--workspace", str(shop.root), "--now", "2026-03-20T09:00Z"])


def add(shop: Workspace, email: str, first_name: str | None) -> None:
    with shop.store.transaction() as tx:
        number = add_contact(tx, email, now=NOW)
        tx.execute("UPDATE contacts SET first_name = ? WHERE id = ?", (first_name, number))


def test_without_a_name_a_sample_person_is_shown_and_said(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(shop, "hello") == 0
    said = capsys.readouterr()
    assert "sample person" in said.err
    assert "Anna, tea" in said.out
    assert "Hi Anna!" in said.out
    assert "Fresh" in said.out


def test_every_template_of_the_pack_can_be_previewed(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted(shop.templates.glob("*.md")):
        assert preview(shop, path.stem) == 0


def test_for_one_contact_with_the_segments_they_are_in(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "segments.yaml").write_text('vip: country == "AT"\n', encoding="utf-8")
    add(shop, "ada@example.com", "Ada")
    assert preview(shop, "hello", "--for", "ADA@example.com", "--format", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["email"] == "ada@example.com"
    assert shown["sample"] is False
    assert shown["subject"] == "Ada, tea"
    assert "For you only" not in shown["text"]
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET country = 'AT'")
    assert preview(shop, "hello", "--for", "ada@example.com", "--text") == 0
    assert "For you only." in capsys.readouterr().out


def test_eml_prints_the_exact_bytes_and_nothing_else(shop: Workspace) -> None:
    words = ["preview", "hello", "--eml", "--workspace", str(shop.root), "--now", "2026-03-20T09:00Z"]
    data = subprocess.run([sys.executable, "-m", "mailflow", *words], capture_output=True, check=True).stdout
    message = message_from_bytes(data, policy=default)
    assert data.startswith(b"Date: Fri, 20 Mar 2026 09:00:00 +0000\r\n")
    assert message["Subject"] == "Anna, tea"
    assert message["List-Unsubscribe"]
    assert b"\n" not in data.replace(b"\r\n", b"")


def test_what_is_missing_is_named_with_line_and_person(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    add(shop, "noname@example.com", None)
    assert preview(shop, "hello", "--for", "noname@example.com") == 78
    said = capsys.readouterr().err
    assert "templates/hello.md:5: contact.first_name is empty" in said
    assert "noname@example.com" in said
    assert "Traceback" not in said


def test_nobody_with_that_address_is_a_sentence(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(shop, "hello", "--for", "nobody@example.com") == 2
    assert preview(shop, "hello", "--for", "not an address") == 2
    assert preview(shop, "nosuch") == 78
    assert preview(shop, "hello", "--eml", "--text") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_open_writes_a_private_page_and_opens_it(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    assert preview(shop, "hello", "--open") == 0
    page = shop.private / "preview" / "hello.html"
    assert opened == [page.as_uri()]
    assert "Hi Anna!" in page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o077 == 0


def test_what_a_name_holds_never_steers_the_terminal(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    add(shop, "evil@example.com", "\x1b[31m[link=https://evil.example]x[/link]\x07")
    assert preview(shop, "hello", "--for", "evil@example.com") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[link=https://evil.example]x[/link]" in out


def test_pictures_and_links_are_made_as_the_settings_say(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with (shop.root / "mailflow.yaml").open("a", encoding="utf-8") as settings:
        settings.write("url: https://shop.example\nasset_url: https://img.shop.example\nutm: {source: letter}\n")
    (shop.templates / "assets").mkdir()
    (shop.templates / "assets" / "tea.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (shop.templates / "picture.md").write_text(
        "---\nsubject: Tea\n---\n![Tea](tea.png)\n\n[Look](https://shop.example/tea)\n", encoding="utf-8"
    )
    assert preview(shop, "picture", "--format", "json") == 0
    html = json.loads(capsys.readouterr().out)["html"]
    assert "https://img.shop.example/" in html
    assert "utm_source=letter" in html


def test_pictures_that_travel_in_the_mail_are_seen_on_the_page(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    (shop.templates / "assets").mkdir()
    (shop.templates / "assets" / "tea.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (shop.templates / "picture.md").write_text("---\nsubject: Tea\nimages: embed\n---\n![Tea](tea.png)\n")
    assert preview(shop, "picture", "--open") == 0
    page = Path(opened[0].removeprefix("file://")).read_text(encoding="utf-8")
    assert "data:image/png;base64,iVBORw0KGgo=" in page
    capsys.readouterr()
    assert preview(shop, "picture", "--html") == 0
    assert 'src="cid:' in capsys.readouterr().out  # as the mail has it


def test_the_page_for_a_browser_is_printed_and_stands_on_the_page_of_previews(
    shop: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "---\nsubject: Tea\n---\nHi {{ contact.first_name | default('there') }}!\n"
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    assert preview(shop, "hello", "--archive") == 0
    printed = capsys.readouterr()
    assert "Hi there!" in printed.out
    assert "has no `archive:`" in printed.err
    with (shop.root / "mailflow.yaml").open("a", encoding="utf-8") as file:
        file.write("archive: {folder: pages, url: 'https://quitte.example/mail'}\n")
    monkeypatch.setattr(webbrowser, "open", lambda address: True)
    assert preview(shop, "hello", "--open") == 0
    page = (shop.private / "preview" / "hello.html").read_text(encoding="utf-8")
    assert "Hi there!" in page
    assert "whoever opens it in a browser" in page
    assert preview(shop, "hello", "--archive", "--open") == 2


def test_a_page_that_cannot_be_written_is_told_and_hides_no_preview(
    shop: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (shop.root / "mailflow.yaml").open("a", encoding="utf-8") as file:
        file.write("archive: {folder: pages, url: 'https://quitte.example/mail'}\n")
    monkeypatch.setattr(webbrowser, "open", lambda address: True)
    assert preview(shop, "hello", "--open") == 0
    assert "the page for reading this mail in a browser cannot be made" in (
        (shop.private / "preview" / "hello.html").read_text("utf-8")
    )
    capsys.readouterr()
    assert preview(shop, "hello", "--archive") == 78
    said = capsys.readouterr().err.splitlines()
    assert "knows no name and no code" in said[0]
    assert said[1].startswith("  templates/hello.md:")
    assert "everybody still reads their own" in said[-1]


def test_scores_of_old_are_said(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = "---\nsubject: Tea\n---\n{% if contact.rfm %}{{ contact.rfm.class }}{% endif %}\n"
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    assert preview(shop, "hello") == 0
    assert "The scores that this goes by are out of date" in capsys.readouterr().err


def test_a_template_is_shown_as_its_campaign_would_send_it(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    body = "---\nsubject: Until then\n---\nIt {{ campaign.deadline | countdown }}.\n"
    (shop.templates / "last.md").write_text(body, encoding="utf-8")
    assert preview(shop, "last") == 78
    assert "say `deadline:` in the campaign's file" in capsys.readouterr().err
    (shop.campaigns / "last.yaml").write_text(
        "audience: everyone\ntemplate: last\ndeadline: 2026-03-21\n", encoding="utf-8"
    )
    assert preview(shop, "last") == 0
    assert "It ends tomorrow." in capsys.readouterr().out
    assert preview(shop, "last", "--each-variant") == 0
