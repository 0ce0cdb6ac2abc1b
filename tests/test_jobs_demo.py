"""`mailflow demo` does the main job for real: what lies in the mailbox folder is what the files and the ledger say."""

from __future__ import annotations

import csv
import json
import mailbox
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from mailflow.cli.main import run
from mailflow.jobs.demo import BRAND, DATA_FILES
from mailflow.workspace import Workspace

NOW = "2026-11-22T12:00:00Z"


@dataclass(frozen=True)
class Done:
    """A demo that has run: its folder and what it printed."""

    folder: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    folder = tmp_path_factory.mktemp("demo") / "shop"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("NO_COLOR", "1")
        yield _run(folder)


def _run(folder: Path, *options: str) -> Done:
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["demo", str(folder), "--now", NOW, *options])
    assert code == 0, err.getvalue()
    return Done(folder, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def delivered(demo: Done) -> dict[str, list[EmailMessage]]:
    """Recipient → messages, read by the standard library's parser from the Maildir."""
    found: dict[str, list[EmailMessage]] = {}
    for path in sorted((demo.folder / ".mailflow" / "rehearsal" / "new").iterdir()):
        message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        assert isinstance(message, EmailMessage)
        found.setdefault(message["To"].addresses[0].addr_spec, []).append(message)
    return found


@pytest.fixture(scope="module")
def people(demo: Done) -> dict[str, dict[str, str]]:
    """E-mail → line of contacts.csv."""
    with (demo.folder / "contacts.csv").open(encoding="utf-8", newline="") as file:
        return {row["email"]: row for row in csv.DictReader(file) if row["email"]}


def test_it_tells_every_step_as_a_command(demo: Done) -> None:
    typed = [line.split()[2] for line in demo.err.splitlines() if line.startswith("$ mailflow ")]
    assert typed == ["init", "import", "import", "import", "segment", "plan", "send", "plan", "send", "send", "run"]


def test_it_ends_with_the_report_the_counts_three_messages_and_what_to_type(demo: Done) -> None:
    assert "champions" in demo.out
    assert "3,000 contacts" in demo.out
    files = [line.strip() for line in demo.out.splitlines() if line.endswith(".eml")]
    assert len(files) == 3
    assert all(Path(file).is_file() for file in files)
    assert "\nNext:\n  cd " in demo.err


def test_what_it_prints_fits_eighty_columns(demo: Done) -> None:
    lines = [line for line in (demo.out + demo.err).splitlines() if str(demo.folder) not in line]
    assert all(len(line.rstrip()) <= 80 for line in lines)


def test_the_mailbox_holds_as_many_messages_as_the_ledger_says(
    demo: Done, delivered: dict[str, list[EmailMessage]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "--workspace", str(demo.folder), "--format", "json"]) == 0
    states = json.loads(capfd.readouterr().out)
    accepted = sum(row["accepted"] for row in states)
    assert accepted == sum(map(len, delivered.values())) > 400
    assert accepted == len(mailbox.Maildir(demo.folder / ".mailflow" / "rehearsal", create=False))
    assert sum(row[state] for row in states for state in ("planned", "ready", "armed", "failed", "in_doubt")) == 0


def test_nobody_got_mail_who_did_not_say_yes(
    delivered: dict[str, list[EmailMessage]], people: dict[str, dict[str, str]]
) -> None:
    assert {people[address]["accepts_marketing"] for address in delivered} == {"yes"}


def test_nobody_got_a_letter_twice(delivered: dict[str, list[EmailMessage]]) -> None:
    for messages in delivered.values():
        subjects = [message["Subject"].rpartition(",")[2] for message in messages]
        assert len(set(subjects)) == len(subjects)


def test_everybody_who_said_yes_and_reads_english_got_the_newsletter(
    delivered: dict[str, list[EmailMessage]], people: dict[str, dict[str, str]]
) -> None:
    wanted = {
        address for address, row in people.items() if row["language"] == "en" and row["accepts_marketing"] == "yes"
    }
    got = {
        address
        for address, messages in delivered.items()
        if any("on the shelves" in message["Subject"] for message in messages)
    }
    assert got == wanted


def test_every_message_is_personal_whole_and_can_be_declined(
    delivered: dict[str, list[EmailMessage]], people: dict[str, dict[str, str]]
) -> None:
    for address, messages in delivered.items():
        name, language = people[address]["first_name"], people[address]["language"]
        for message in messages:
            english, german = f"Hi {name or 'there'},", f"Hallo {name},".replace(" ,", ",")
            plain = message.get_body(("plain",))
            html = message.get_body(("html",))
            assert plain is not None
            assert html is not None
            assert (german if language == "de" else english) in plain.get_content(), address
            assert BRAND.address in plain.get_content()
            assert "{{" not in plain.get_content() + html.get_content() + message["Subject"]
            assert message["List-Unsubscribe"].startswith("<mailto:")
            assert message["From"].addresses[0].addr_spec == BRAND.email


def test_who_is_to_come_back_gets_a_code_with_its_last_day_in_their_language(
    delivered: dict[str, list[EmailMessage]], people: dict[str, dict[str, str]]
) -> None:
    letters = {
        address: body.get_content()
        for address, messages in delivered.items()
        for message in messages
        if "how have you been" in message["Subject"] or "wie geht es dir" in message["Subject"]
        if (body := message.get_body(("plain",))) is not None
    }
    codes = [re.findall(r"SAMPLE-[0-9A-Z]{8}", text) for text in letters.values()]
    assert len({code for (code,) in codes}) == len(letters) > 150
    for address, text in letters.items():
        german, british, american = "13. Dezember 2026", "13 December 2026", "December 13, 2026"
        days = (german,) if people[address]["language"] == "de" else (british, american)
        assert any(re.search(rf"(until|bis)\s+{day}", text) for day in days), address


def test_its_files_and_letters_lint_clean(demo: Done, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "--workspace", str(demo.folder), "--now", NOW]) == 0
    assert "nothing is wrong" in capfd.readouterr().err


def test_the_newsletter_shows_products_that_its_reader_has_not_and_says_why(
    demo: Done, delivered: dict[str, list[EmailMessage]]
) -> None:
    with (demo.folder / "products.csv").open(encoding="utf-8", newline="") as file:
        sold_out = {row["url"] for row in csv.DictReader(file) if row["stock"] == "0"}
    letters = [message for messages in delivered.values() for message in messages if "shelves" in message["Subject"]]
    bodies = [body.get_content() for message in letters if (body := message.get_body(("plain",))) is not None]
    reasons = [re.findall(r"because you bought (.+)|popular this month", text) for text in bodies]
    assert all(1 <= len(each) <= 4 for each in reasons)  # fewer than four for who has nearly everything
    assert sum(any(each) for each in reasons) > len(letters) / 2
    for text, bought in zip(bodies, reasons, strict=True):
        assert not any(f"{title} (https" in text for title in bought if title)
        assert sold_out
        assert not any(f"({url})" in text for url in sold_out)


def test_the_demo_is_a_private_workspace_in_its_own_folder(demo: Done) -> None:
    assert stat.S_IMODE((demo.folder / ".mailflow").stat().st_mode) == 0o700
    assert stat.S_IMODE((demo.folder / "mailflow.db").stat().st_mode) == 0o600
    assert {path.name for path in demo.folder.parent.iterdir()} == {"shop"}
    assert Workspace.at(demo.folder).settings.name == "Quitte & Kanne"


def test_importing_the_same_files_again_changes_nothing(demo: Done, capfd: pytest.CaptureFixture[str]) -> None:
    files = [str(demo.folder / name) for name in DATA_FILES]
    assert run(["import", *files, "--workspace", str(demo.folder), "--format", "json", "--now", NOW]) == 0
    for result in json.loads(capfd.readouterr().out):
        assert (result["inserted"], result["updated"], result["rejected"]) == (0, 0, 0)


def test_a_demo_is_not_made_over_without_being_asked(demo: Done, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", str(demo.folder)]) == 2
    assert "--again" in capfd.readouterr().err


@pytest.mark.parametrize("again", [[], ["--again"]])
def test_a_folder_in_use_is_left_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str], again: list[str]) -> None:
    (tmp_path / "letters.txt").write_text("mine", encoding="utf-8")
    assert run(["demo", str(tmp_path), *again]) == 2
    assert "Name another folder" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_again_makes_the_same_demo_and_keeps_what_others_put_there(demo: Done) -> None:
    (demo.folder / "notes.txt").write_text("mine", encoding="utf-8")
    (demo.folder / "templates" / "thank_you.md").write_text("spoiled", encoding="utf-8")
    again = _run(demo.folder, "--again", "--format", "json", "--quiet")
    made = json.loads(again.out)
    assert again.err == ""
    assert made["contacts"] == 3000
    assert {message["campaign"] for message in made["messages"]} == {"thank_you", "win_back", "newsletter"}
    assert (demo.folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert len(list((demo.folder / ".mailflow" / "rehearsal" / "new").iterdir())) == made["delivered"]
