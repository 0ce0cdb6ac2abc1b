"""What travels with a message: files, calendar files, pictures; each read back by a parser."""

from __future__ import annotations

import json
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailflow import templates
from mailflow.templates import TemplateError, compose, context
from mailflow.templates.linking import How
from test_templates_headers import envelope

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
VIENNA = How(zone=ZoneInfo("Europe/Vienna"))


def workspace(tmp_path: Path, front: str, body: str = "Hi") -> Path:
    folder = tmp_path / "templates"
    (folder / "assets" / "images").mkdir(parents=True)
    (folder / "assets" / "images" / "tea cup.png").write_bytes(PNG)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "menü.pdf").write_bytes(b"%PDF-1.4 \x00\xff" * 40)
    suffix = ".html" if body.startswith("<") else ".md"
    (folder / f"news{suffix}").write_text(f"---\nsubject: x\n{front}---\n{body}\n", encoding="utf-8")
    return folder


def built(tmp_path: Path, front: str, body: str = "Hi", how: How = VIENNA, **more: object) -> EmailMessage:
    template = templates.load(workspace(tmp_path, front, body), "news", how)
    known = {**context.sample(), "unsubscribe_url": "https://shop.example/u", **more}
    rendered = template.render(known)
    data = compose.build(rendered, envelope())
    compose.check(data, rendered, envelope())
    assert data == compose.build(template.render(known), envelope())
    return message_from_bytes(data, policy=default)  # type: ignore[return-value]


def lines_of(message: EmailMessage) -> list[str]:
    (part,) = message.iter_attachments()
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert b"\n" not in data.replace(b"\r\n", b"")
    return data.replace(b"\r\n ", b"").decode().split("\r\n")


def test_a_file_is_attached_with_its_name_and_its_bytes(tmp_path: Path) -> None:
    message = built(tmp_path, "attachments: [files/menü.pdf]\n")
    assert message.get_content_type() == "multipart/mixed"
    (part,) = message.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("menü.pdf", "application/pdf")
    assert part.get_payload(decode=True) == b"%PDF-1.4 \x00\xff" * 40
    assert [each.get_content_type() for each in message.walk()][1:4] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../secret.pdf", "leads out of the workspace"),
        ("/etc/passwd", "leads out of the workspace"),
        (".mailflow/keys.json", "own files"),
        ("files/none.pdf", "there is no file"),
        ("files/run.exe", "cannot be attached"),
        ("files/linked.pdf", "leads out of the workspace"),
    ],
)
def test_only_files_of_the_workspace_can_be_attached(tmp_path: Path, path: str, words: str) -> None:
    folder = workspace(tmp_path / "shop", f"attachments: ['{path}']\n")
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    (folder.parent / "files" / "run.exe").write_bytes(b"MZ")
    (folder.parent / "files" / "linked.pdf").symlink_to(tmp_path / "secret.pdf")
    with pytest.raises(TemplateError, match=words) as caught:
        templates.load(folder, "news")
    assert caught.value.problems[0].line == 3


def test_large_attachments_are_warned_of_and_very_large_ones_refused(tmp_path: Path) -> None:
    folder = workspace(tmp_path, "attachments: [files/big.pdf]\n")
    (tmp_path / "files" / "big.pdf").write_bytes(b"x" * 3_000_000)
    known = {**context.sample(), "unsubscribe_url": "https://shop.example/u"}
    (warning,) = templates.load(folder, "news").render(known).problems
    assert "2.9 MB" in warning.message
    (tmp_path / "files" / "big.pdf").write_bytes(b"x" * 11_000_000)
    with pytest.raises(TemplateError, match="larger than 10 MB"):
        templates.load(folder, "news")


CALENDAR = """\
attachments:
  - calendar:
      title: "Tasting; for {{ contact.first_name }}, and friends"
      starts: 2026-04-01 18:00
      ends: 2026-04-01 20:30
      place: "{{ shop.address }}"
      url: https://shop.example/tasting
      description: "{{ long }}\\nzweite Zeile"
"""


def test_a_calendar_file_is_one_persons_and_exact(tmp_path: Path) -> None:
    long = "Grüße aus der Rösterei\\ – " * 12
    lines = lines_of(built(tmp_path, CALENDAR, long=long))
    assert lines == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//mailflow//mailflow//EN", "METHOD:PUBLISH", "BEGIN:VEVENT",
        "UID:0.t0k3n@shop.example", "DTSTAMP:20260320T080000Z", "DTSTART:20260401T160000Z", "DTEND:20260401T183000Z",
        r"SUMMARY:Tasting\; for Anna\, and friends", r"LOCATION:1 Sample Street\, 12345 Sampletown",
        "DESCRIPTION:" + "Grüße aus der Rösterei\\\\ – " * 12 + "\\nzweite Zeile",
        "URL:https://shop.example/tasting", "END:VEVENT", "END:VCALENDAR", "",
    ]  # fmt: skip


def test_a_day_lasts_until_the_next_and_an_hour_goes_without_saying(tmp_path: Path) -> None:
    whole = "attachments: [{calendar: {title: Open day, starts: '2026-04-01'}}]\n"
    lines = lines_of(built(tmp_path / "a", whole))
    assert {"DTSTART;VALUE=DATE:20260401", "DTEND;VALUE=DATE:20260402"} <= set(lines)
    hour = "attachments: [{calendar: {title: Call, starts: '2026-04-01T23:30:00+02:00'}}]\n"
    assert {"DTSTART:20260401T213000Z", "DTEND:20260401T223000Z"} <= set(lines_of(built(tmp_path / "b", hour)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("title: x, starts: tomorrow", "is not a time"),
        ("title: x, starts: '9999-12-31'", "is not a time"),
        ("title: x, starts: '9999-12-31 23:30'", "is not a time"),
        ("title: x, starts: '0001-01-01 00:30'", "is not a time"),
        ("title: x, starts: '2026-04-01', ends: '9999-12-31'", "is not a time"),
        ("title: x, starts: '2026-04-01', ends: '2026-03-01'", "does not come after the start"),
        ("title: x, starts: '2026-04-01', url: 'javascript:alert(1)'", "is not a link"),
        ("title: '{{ contact.nickname }}', starts: '2026-04-01'", "nickname"),
        ("title: '{{ contact. }}', starts: '2026-04-01'", "expected"),
    ],
)
def test_a_wrong_appointment_is_told_with_its_place(tmp_path: Path, values: str, words: str) -> None:
    with pytest.raises(TemplateError, match=words) as caught:
        built(tmp_path, f"attachments:\n  - calendar: {{{values}}}\n")
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == ("templates/news.md", 4)


def test_pictures_have_an_address_online(tmp_path: Path) -> None:
    how = How(asset_url="https://cdn.example/mail")
    message = built(tmp_path, "", "![Tea](<images/tea cup.png>) ![Far](https://x.example/a.png)", how)
    html = message.get_body(("html",))
    assert html is not None
    sources = re.findall(r'src="([^"]*)"', html.get_content())
    assert sources == ["https://cdn.example/mail/images/tea%20cup.png", "https://x.example/a.png"]


def test_pictures_can_travel_in_the_mail(tmp_path: Path) -> None:
    body = "![Tea](<images/tea cup.png>) ![Tea](<images/tea cup.png>)"
    message = built(tmp_path, "images: embed\nattachments: [files/menü.pdf]\n", body)
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip
    html, picture = [part for part in message.walk() if part.get_content_type() in ("text/html", "image/png")]
    assert picture.get_payload(decode=True) == PNG
    assert html.get_content().count(f'src="cid:{picture["Content-ID"][1:-1]}"') == 2


@pytest.mark.parametrize(
    ("source", "how", "words"),
    [
        ("images/none.png", How(asset_url="https://cdn.example"), "there is no picture"),
        ("../../files/menü.pdf", How(asset_url="https://cdn.example"), "leads out of"),
        ("images/tea cup.png", How(), "nowhere online"),
    ],
)
def test_a_picture_that_nobody_would_see_is_told_with_its_line(
    tmp_path: Path, source: str, how: How, words: str
) -> None:
    with pytest.raises(TemplateError, match=words) as caught:
        built(tmp_path, "", f"Hi\n\n![x](<{source}>)", how)
    assert (caught.value.problems[0].file, caught.value.problems[0].line) == ("templates/news.md", 6)


def test_what_is_attached_counts_among_the_files_that_were_approved(tmp_path: Path) -> None:
    folder = workspace(tmp_path, "attachments: [files/menü.pdf]\nimages: embed\n", "![x](<images/tea cup.png>)")
    before = templates.load(folder, "news").hash
    (tmp_path / "files" / "menü.pdf").write_bytes(b"another")
    between = templates.load(folder, "news").hash
    (folder / "assets" / "images" / "tea cup.png").write_bytes(b"another")
    assert len({before, between, templates.load(folder, "news").hash}) == 3


def test_a_long_name_and_a_long_token_keep_every_line_short(tmp_path: Path) -> None:
    folder = workspace(tmp_path, "images: embed\nattachments: [files/menü.pdf]\n", "![x](<images/tea cup.png>)")
    name = "Preisliste für Größen und Röstungen, Frühling und Sommer.pdf"
    (tmp_path / "files" / "menü.pdf").rename(tmp_path / "files" / name)
    (folder / "news.md").write_text(
        f"---\nsubject: x\nimages: embed\nattachments: ['files/{name}']\n---\n![x](<images/tea cup.png>)\n"
    )
    known = {**context.sample(), "unsubscribe_url": "https://shop.example/u"}
    rendered = templates.load(folder, "news").render(known)
    wanted = envelope(message_id=f"{'aB3-_' * 12}@mail.shop.example")
    data = compose.build(rendered, wanted)
    compose.check(data, rendered, wanted)
    (part,) = message_from_bytes(data, policy=default).iter_attachments()  # type: ignore[attr-defined]
    assert part.get_filename() == name


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("Gro\u0308\u00dfen.pdf", "Gr\u00f6\u00dfen.pdf"),  # as macOS writes it
        (f"{'price list ' * 20}.pdf", f"{('price list ' * 20)[:76]}.pdf"),
        ("a\u202efdp.txt", "afdp.txt"),
        ('6" or 8\\10.pdf', '6" or 8_10.pdf'),
    ],
)
def test_a_file_travels_by_a_name_that_is_safe_and_keeps_its_suffix(tmp_path: Path, name: str, seen: str) -> None:
    folder = workspace(tmp_path, "")
    (tmp_path / "files" / name).write_bytes(b"%PDF-1.7")
    (folder / "news.md").write_text(f"---\nsubject: x\nattachments: [{json.dumps(f'files/{name}')}]\n---\nHi\n")
    rendered = templates.load(folder, "news").render({**context.sample(), "unsubscribe_url": "https://shop.example/u"})
    data = compose.build(rendered, envelope())
    compose.check(data, rendered, envelope())
    (part,) = message_from_bytes(data, policy=default).iter_attachments()  # type: ignore[attr-defined]
    assert part.get_filename() == seen


def test_one_picture_under_two_names_travels_once(tmp_path: Path) -> None:
    folder = workspace(tmp_path, "images: embed\n", "![x](<images/tea cup.png>) ![y](copy.png)")
    (folder / "assets" / "copy.png").write_bytes((folder / "assets" / "images" / "tea cup.png").read_bytes())
    (file,) = (
        templates.load(folder, "news").render({**context.sample(), "unsubscribe_url": "https://x.example/u"}).files
    )
    assert file.name == "tea cup.png"
