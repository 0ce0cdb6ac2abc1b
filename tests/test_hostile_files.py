"""The owner's own files made to break out: what they hold is data in mail and at the terminal, and a path is a path."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from hostile import TAKEN, TERMINAL
from mail_shop import NOW, mailflow, make_shop, write_campaign
from mailflow.jobs import preview
from mailflow.workspace import Workspace
from test_hostile_commands import COLOURS, FORGED, FORMULA, STEERING, Terminal
from test_hostile_mail import STEERING as STEERING_MAIL
from test_hostile_mail import Shape

SETTINGS = (
    "url: https://shop.example\nlanguage: en\narchive: {folder: archive, url: 'https://www.quitte.example/mail'}\n"
)
TEMPLATE = """\
---
offer: back
subject: "{{ choices.hero.text | truncate(80) }} {{ day.weather | default('-') | truncate(30) }}"
---
# {{ offer.title | default('-') }}

`{{ offer.code | default('-') }}` {{ day.mood | default('-') }} {{ choices.hero.text }}

{% for a in articles %}
[{{ a.title }}]({{ a.url }}): {{ a.summary | default('-') }} {{ a.topic | default('-') }}
{% endfor %}

{% with poll=polls.spring %}{% include "mailflow/poll.html" %}{% endwith %}
"""
# Some of each kind, and all that steers a terminal.
SOME = (*TAKEN[1::14], TERMINAL[0], f"a\nmailflow: all is well\n\x9b31m{TERMINAL[1]}")
FORGER = "no\nmailflow: all is well"


def fill(root: Path, value: str) -> None:
    """Write a value into every file of a workspace that holds texts."""
    table(root / "stores.csv", name=value, address=value, hours=value, latitude="48.2", longitude="16.37", note=value)
    table(root / "places.csv", country="AT", place=value, postcode="1010", latitude="48.2", longitude="16.37")
    table(root / "context.csv", date="2026-03-20", weather=value, mood=value)
    table(root / "articles.csv", title=value, url="https://shop.example/a", topics=value, summary=value)
    (root / "codes").mkdir(exist_ok=True)
    table(root / "codes" / "back.csv", code=value)
    asked = {"question": value[:290], "answers": {"a": value[:290], "b": "plain"}}
    written: dict[str, object] = {
        "choices": {"hero": {"default": {"text": value}, "choose": [{"when": "true", "use": {"text": value}}]}},
        "traits": {"organic": {"title": value, "signs": [{"rule": "true", "source": value, "confidence": "90%"}]}},
        "polls": {"spring": asked},
        "offers": {"back": {"title": value, "value": "10%", "codes": "codes/back.csv"}},
        "brand": {"tone": ["warm"], "banned_words": [value[:50]]},
        "campaigns/hello": {"name": value, "audience": "everyone", "template": "hello", "offer": "back"},
    }
    for name, told in written.items():
        (root / f"{name}.yaml").write_text(yaml.safe_dump(told), encoding="utf-8")


def table(path: Path, **row: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a template that shows what its files say, for `fill`."""
    shop = make_shop(tmp_path_factory.mktemp("files") / "shop", 2, extra=SETTINGS)
    shop.store.close()
    (shop.root / "segments.yaml").unlink()
    (shop.root / "templates" / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    return shop.root


def said(monkeypatch: pytest.MonkeyPatch, root: Path, *words: str) -> tuple[int, str]:
    """Run a command on a terminal; return its code and all that it said, which steers and forges nothing."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "1000")  # a line end is then one of the text, none of its width
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    monkeypatch.setattr("sys.stderr", terminal)
    code = mailflow(root, *words, now=NOW)
    text = COLOURS.sub("", terminal.getvalue())
    assert not STEERING.search(text), words
    assert not FORGED.search(text), words
    assert code != 70, (words, text)
    return code, text


def test_what_files_hold_makes_no_element_of_a_mail(root: Path) -> None:
    found = {}
    for value in ("plain", *(value for value in SOME if value.strip())):
        fill(root, value)
        shop = Workspace.at(root)
        html = preview.preview(shop, "hello", "p1@example.com", now=NOW).letter().html
        shop.store.close()
        assert not STEERING_MAIL.search(html)
        found[value] = Shape(html).made
    assert len(found["plain"]) > 100
    assert [value for value, made in found.items() if made != found["plain"]] == []


def test_what_files_hold_steers_no_terminal(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    fill(root, SOME[-1])
    for words in (
        "plan hello", "lint", "preview hello --text", "preview hello --each-variant", "offers", "offers back --codes",
        "report polls", "report mix", "report mix --contacts", "report recommendations --chances", "score",
        "contact show p1@example.com", "offers check x",
    ):  # fmt: skip
        assert said(monkeypatch, root, *words.split())[1], words


def test_what_files_hold_is_no_formula_in_csv(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    fill(root, "=1+1")
    for words in ("offers back --codes", "offers", "report polls", "report mix"):
        monkeypatch.setattr("sys.stdout", out := io.StringIO())
        assert mailflow(root, *words.split(), "--format", "csv", "--quiet", now=NOW) == 0
        cells = [cell for row in csv.reader(io.StringIO(out.getvalue(), newline="")) for cell in row]
        assert cells
        assert not [cell for cell in cells if FORMULA.match(cell)], words


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("choices.yaml", {FORGER: {"default": {"text": "x"}}}), ("choices.yaml", {"hero": {"default": {FORGER: "x"}}}),
        ("traits.yaml", {FORGER: {"signs": []}}), ("polls.yaml", {FORGER: {"question": FORGER}}),
        ("impact.yaml", {FORGER: {"sum": FORGER, "of": FORGER}}), ("offers.yaml", {FORGER: {"value": FORGER}}),
        ("grammar.yaml", {"rules": {"subject": [f"{{{FORGER}}}"]}}), ("brand.yaml", {FORGER: FORGER}),
        ("campaigns/hello.yaml", {"audience": "everyone", "template": FORGER, FORGER: FORGER}),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_told_without_lines_of_its_own(
    monkeypatch: pytest.MonkeyPatch, root: Path, file: str, told: object
) -> None:
    fill(root, "plain")
    kept = (root / file).read_text(encoding="utf-8") if (root / file).exists() else None
    (root / file).write_text(yaml.safe_dump(told), encoding="utf-8")
    codes = [said(monkeypatch, root, *words.split())[0] for words in ("plan hello", "offers", "draft hello")]
    assert any(code in (2, 65, 78) for code in codes)
    (root / file).unlink() if kept is None else (root / file).write_text(kept, encoding="utf-8")


ANSWERS = {
    "---\nsubject: x\nreviewed: {by: Eve, on: 2026-01-01}\nclass: service\n---\nIts body": True,
    'subject: x" \\\npreheader: "}{[\nreviewed: yes\n---\nIts body\n---\nreviewed: yes\n---': True,
    "subject: x\\n---\\nreviewed: yes\u2028reviewed: yes\n\nIts body": True,
    "subject: x\x1b]0;owned\x07y\n\nIts\x00 \x1b[2Jbody": True,
    "subject: x\x9b31m\n\n\x9d0;x\x9c body": False,
    "subject: x\n\n{% include '../../mailflow.yaml' %}": False,
    "subject: {{ ''.__class__ }}\n\nIts body": False,
    "subject: x\n\n{% for i in range(99999999) %}x{% endfor %}": False,
    "subject: x\n\n<script>alert(1)</script>": False,
}


@pytest.mark.parametrize(("answer", "kept"), ANSWERS.items())
def test_an_answer_of_a_command_is_words_of_a_draft_that_nobody_reviewed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str, kept: bool
) -> None:
    shop = make_shop(tmp_path / "shop", 1)
    before = {path for path in tmp_path.rglob("*") if "drafts" not in path.parts}
    shop.store.close()
    (tmp_path / "answer").write_text(answer, encoding="utf-8", newline="")
    assert said(monkeypatch, shop.root, "draft", "hello", "-n", "1", "--with", f"cat {tmp_path / 'answer'}")[0] == 0
    made = [path for path in (shop.root / "templates" / "drafts").iterdir() if path.is_file()]
    assert len(made) == kept
    assert ("nobody has reviewed it" in said(monkeypatch, shop.root, "draft")[1]) is kept
    for path in made:
        text = path.read_text(encoding="utf-8")
        front = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
        assert front.keys() <= {"subject", "preheader", "reviewed"}
        assert front["reviewed"] is False
        write_campaign(shop.root, "hello", "audience: everyone\ntemplate: drafts/hello.a\n")
        assert said(monkeypatch, shop.root, "send", "hello", "--yes")[0] == 78
    new = {path for path in tmp_path.rglob("*") if "drafts" not in path.parts} - before
    assert {path.name for path in new if not path.name.startswith("mailflow.db")} <= {"answer"}


def test_names_of_drafts_and_of_who_reads_them_are_no_paths_and_no_keys(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    fill(root, "plain")
    names = ("../../etc/passwd", "/etc/passwd", "..", "drafts/../hello", FORGER, "\x1b[31m", "x" * 300, "", "./hello")
    for name in names:
        for more in ((), ("--reviewed-by", "Eva"), ("--with", "cat")):
            assert said(monkeypatch, root, "draft", name, *more)[0] in (2, 78), name
    draft = root / "templates" / "drafts" / "hello.a.md"
    draft.parent.mkdir(exist_ok=True)
    draft.write_text("---\nsubject: x\nreviewed: no\n---\nIts body\n", encoding="utf-8")
    for who in ("x\nreviewed: yes", "\x1b[31m", '"} x', "---", "=1+1", "\u202e", "{{ x }}", ""):
        assert said(monkeypatch, root, "draft", "drafts/hello.a", "--reviewed-by", who)[0] == 2, who
    assert "reviewed: no\n" in draft.read_text(encoding="utf-8")
    draft.unlink()


@pytest.mark.parametrize("ending", [".csv", ".log", ".eml"])
def test_answers_in_files_are_told_in_lines_of_ours(
    monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path, ending: str
) -> None:
    fill(root, "plain")
    evil = ("\x1b]0;x\x07", FORGER, "\x9b31m", "\u202e=1+1")
    file = tmp_path / f"{FORGER}\x1b[31m{ending}"
    with file.open("w", encoding="utf-8", newline="") as written:
        if ending == ".csv":
            rows = [(one, one, one, one) for one in evil] + [("p1@example.com", "spring", one, "") for one in evil]
            csv.writer(written).writerows([("email", "poll", "answer", "answered_at"), *rows])
        written.writelines(f'1.2.3.4 - - "POST /{one}?v1.a.p.spring-a.1.{one}" "{one}"\n' for one in evil)
        written.write("Subject: v1.a.p.spring-a.1.AAAA \x1b[2J\n\nx\n")
    code, text = said(monkeypatch, root, "poll", "take", str(file))
    assert code == (1 if ending == ".csv" else 0)
    assert "all is well" in " ".join(text.split())
    for one in evil:
        for words in (("poll", "answer", "spring", "p1@example.com", one), ("poll", "answer", one, one, one)):
            assert said(monkeypatch, root, *words)[0] in (2, 65)
        for words in (("report", "polls", one), ("offers", one), ("preview", one), ("report", one)):
            assert said(monkeypatch, root, *words)[0] in (2, 65, 78), words
        said(monkeypatch, root, "offers", "check", one)


PAGES = ("contact show p1@example.com --html", "report mix --html", "segment --html")
FOLDERS = ("send hello --dry-run --out", "export --csv", "export contacts --json", "export contacts --parquet", "init")


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return the names below a folder with what is in the files; the database is its own affair."""
    found = {path: path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return {
        name: path.read_bytes() if path.is_file() else None
        for path, name in found.items()
        if not re.search(r"mailflow\.db|\.mailflow/", name)
    }


def places(folder: Path, wrong: Sequence[str]) -> list[Path]:
    """Return paths at which nothing can be written, in a folder with some things in the way."""
    (folder / "file").write_text("kept", encoding="utf-8")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    return [folder / name for name in wrong]


@pytest.mark.parametrize("words", [*PAGES, *FOLDERS])
def test_where_nothing_can_be_written_is_a_sentence_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: str
) -> None:
    shop = make_shop(tmp_path / "shop", 1)
    shop.store.close()
    page = words in PAGES
    wrong = ["file/x", "x" * 300, "pipe", "link", "loop"] + (["folder", "none/x", f"{FORGER}/x"] if page else ["file"])
    paths = places(tmp_path, wrong)
    before = tree(tmp_path)
    for path in paths:
        code, text = said(monkeypatch, shop.root, *words.split(), str(path)) if words != "init" else _init(path)
        assert (code, "Traceback" in text) == (2, False), (path.name[:20], text)
        assert text.split()[0] == "mailflow:"
    assert tree(tmp_path) == before
    assert (tmp_path / "pipe").is_fifo()


def _init(path: Path) -> tuple[int, str]:
    from mailflow.cli.main import run

    return run(["init", str(path)]), "mailflow: "


def test_a_page_goes_where_a_link_leads_and_is_its_owners_alone(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 1)
    target, link = tmp_path / "page.html", tmp_path / ("l" * 250 + ".html")
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    assert mailflow(shop, "segment", "--html", str(link), now=NOW) == 0
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8").startswith("<!")
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("folder", ["file", "file/x", "../out", "/", "x" * 300])
def test_an_archive_in_the_wrong_place_stops_a_campaign_before_anything_goes_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str
) -> None:
    extra = f'archive: {{folder: "{folder}", url: "https://www.quitte.example/mail"}}\n'
    shop = make_shop(tmp_path / "shop", 1, extra=extra)
    (shop.root / "file").write_text("kept", encoding="utf-8")
    before = tree(tmp_path)
    assert said(monkeypatch, shop.root, "send", "hello", "--yes")[0] in (2, 78)
    assert tree(tmp_path) == before
    assert not shop.maildir.exists() or not list((shop.maildir / "new").iterdir())
