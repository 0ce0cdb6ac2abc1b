"""What commands print, write and say of people whose data is made to break out: every letter of it, and as data."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table
from rich.text import Text

from hostile import REFUSED, TAKEN, VECTORS, address
from mail_shop import NOW, mailflow, make_shop
from mailflow.cli.frame import Format, Session
from mailflow.workspace import Workspace
from test_hostile_mail import Shape

STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
COLOURS = re.compile(r"\x1b\[[\d;]*m")
# How a line begins that only a line break in a value can have made.
FORGED = re.compile(r"^(?:Bcc:|# heading|QUIT|MAIL FROM|END:VEVENT|mailflow: all is well)", re.MULTILINE)
FORMULA = re.compile(r"[\s\u200b-\u200f\ufeff]*[=+\-@＝＋－＠]|[\t\r\n]")
PEOPLE = range(0, len(TAKEN), 5)
NAMES = ("\x1b]0;x\x07", "a\nmailflow: all is well", "[bold]x", "\u202egnp=1+1", "\udce9")  # the last is no UTF-8


class Terminal(io.StringIO):
    """A terminal that keeps what comes to it."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, hostile_shop: Path) -> Run:
    """Return a function that runs a command on a terminal without colours, and checks that nothing steers it."""
    monkeypatch.setenv("TERM", "dumb")

    def command(*words: str, shop: Path = hostile_shop) -> Said:
        out, err = Terminal(), Terminal()
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        said = Said(mailflow(shop, *words, now=NOW), out.getvalue(), err.getvalue())
        assert not STEERING.search(COLOURS.sub("", said.out + said.err)), words
        assert words[0] == "export" or "csv" in words or not FORGED.search(said.out + said.err), words
        assert "internal error" not in said.err, said.err
        return said

    return command


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch, hostile_shop: Path) -> Callable[..., str]:
    """Return a function that runs a command into a pipe and gives what came out of it."""

    def command(*words: str) -> str:
        monkeypatch.setattr("sys.stdout", out := io.StringIO())
        assert mailflow(hostile_shop, *words, "--quiet", now=NOW) == 0
        return out.getvalue()

    return command


@pytest.fixture
def own_shop(hostile_shop: Path, tmp_path: Path) -> Path:
    """Return a copy of the workspace that may be written to."""
    return Path(shutil.copytree(hostile_shop, tmp_path / "shop"))


def table(text: str) -> list[list[str]]:
    """Return the rows of CSV, of which all have as many cells as the header."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {len(rows[0])}
    return rows


# In a terminal ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "segment --rule true", "segment --list", "segment --by category", "segment --by brand", "segment --contacts",
        "segment --rule true --format json", "segment --rule true --format csv", "export contacts", "export products",
        "export order_lines --format json", "export events --format jsonl", "outbox list --limit 999", "outbox show 7",
        "outbox show 124", "outbox list --format csv", "plan news --people", "status", "import --list",
        "contact consent", "contact merge", "contact merge --format csv", "doctor --data", "report recommendations",
        "preview news --each-variant",
    ],
)  # fmt: skip
def test_nothing_that_is_listed_steers_a_terminal(terminal: Run, words: str) -> None:
    said = terminal(*words.split())
    assert said.code == 0, said.err
    assert said.out


@pytest.mark.parametrize(
    "words",
    [
        "contact show WHO", "contact show WHO --format json", "contact consent WHO", "why WHO",
        "preview news --for WHO", "preview news --for WHO --text", "score --explain WHO",
        "report recommendations --for WHO", "segment --rule true --explain WHO", "outbox list --email WHO",
    ],
)  # fmt: skip
def test_nothing_that_is_shown_of_a_person_steers_a_terminal(terminal: Run, words: str) -> None:
    for vector in ("\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\", "Eve\r\nBcc: evil@evil.example"):
        said = terminal(*words.replace("WHO", address(TAKEN.index(vector))).split())
        assert said.code == 0, said.err
        assert said.out


def test_colours_are_all_that_a_terminal_gets_of_our_own(terminal: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    number = TAKEN.index("\x1b[31mred\x1b[0m")
    said = terminal("contact", "show", address(number))
    assert COLOURS.search(said.out)
    assert "\\x1b[31mred\\x1b[0m" in COLOURS.sub("", said.out)


def test_behind_every_command_no_print_and_no_talk_can_steer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout", out := Terminal())
    monkeypatch.setattr("sys.stderr", err := Terminal())
    evil = "a\x1b]0;x\x07\x9b31m\u202eb [bold]c[/bold]"
    grid = Table("head", box=None)
    grid.add_row(evil)
    grid.add_row(Text(evil, style="bold"))
    session = Session(None, Format.TABLE, False, False, None)
    session.out.print(evil, grid)
    session.err.print(evil)
    session.say(evil)
    for said, times in ((out, 3), (err, 2)):
        text = COLOURS.sub("", said.getvalue())
        assert not STEERING.search(text)
        assert text.count("\\x9b31m\\u202eb [bold]c[/bold]") == times
    assert COLOURS.search(out.getvalue())  # its own style is still there


def test_rich_markup_is_shown_as_it_is_written(terminal: Run) -> None:
    for vector in ("[bold]x[/bold]", "[link=https://evil.example]x[/link]", "[/]", "\\[x]"):
        number = TAKEN.index(vector)
        assert vector in terminal("contact", "show", address(number)).out
        assert vector in terminal("preview", "news", "--for", address(number)).out


def test_a_command_that_is_told_runs_nothing_when_it_is_pasted(terminal: Run) -> None:
    told = terminal("contact", "merge").err
    asked = re.search(r"mailflow contact merge (.*); it shows", told)
    assert asked is not None
    for word in re.split(r" (?=(?:[^']*'[^']*')*[^']*$)", asked[1]):
        assert re.fullmatch(r"[\w@%+=:,./-]+|'[^']*'(?:\"'\"'[^']*')*", word), word


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_and_words_of_people_are_said_in_one_line(terminal: Run, tmp_path: Path, name: str) -> None:
    shop = make_shop(tmp_path / "shop", people=1).root
    people = tmp_path / f"{name}.csv"
    people.write_text(f'email,"{name.encode("utf-8", "replace").decode()}"\nq@example.com,x\nbroken,x\n', "utf-8")
    picture = tmp_path / f"{name}.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    text = name.encode("utf-8", "replace").decode()
    for words in (
        ["import", str(people), "--dry-run"], ["import", str(people)], ["import", str(picture)], ["import", "--list"],
        ["contact", "show", "q@example.com"],
        ["contact", "suppress", "q@example.com", "--reason", text], ["contact", "show", "q@example.com"],
        ["contact", "unsubscribe", "q@example.com", "--reason", text], ["contact", "consent", "q@example.com"],
        ["why", "q@example.com"], ["stop", "hello"],
    ):  # fmt: skip
        assert terminal(*words, shop=shop).code in (0, 1, 65), words


def test_rows_that_cannot_be_taken_are_told_and_their_file_is_safe_and_exact(
    terminal: Run, own_shop: Path, tmp_path: Path
) -> None:
    kept = [vector for vector in TAKEN if vector.strip() == vector and len(vector) < 1000 and "\r" not in vector]
    people = tmp_path / "people.jsonl"
    rows = [{"email": f"new{n}@", "first_name": vector, "notes": vector} for n, vector in enumerate(kept)]
    rows += [{"email": f"odd{n}@example.com", "first_name": vector} for n, vector in enumerate(REFUSED)]
    people.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    said = terminal("import", str(people), "--as", "contacts", shop=own_shop)
    assert said.code == 1
    assert "half a character" in said.err or "more rejected rows" in said.err
    (file,) = (own_shop / ".mailflow" / "rejects").glob("*people*")
    text = file.read_bytes().decode("utf-8")
    assert len(table(text)) == 1 + len(rows)
    assert not [cell for row in table(text) for cell in row if FORMULA.match(cell) and cell != "-5"]
    with file.open("w", encoding="utf-8", newline="") as mended:
        mended.write(re.sub(r"(new\d+@)", r"\1example.com", text))
    assert terminal("import", str(file), "--as", "contacts", shop=own_shop).code == 1  # those with half a character
    shop = Workspace.at(own_shop)
    found = dict(shop.store.db.execute("SELECT email, first_name FROM contacts WHERE email LIKE 'new%'").fetchall())
    assert found == {f"new{n}@example.com": vector for n, vector in enumerate(kept)}
    shop.store.close()


# In pipes and files ----------------------------------------------------------------------------------------------


def stored(shop: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return address → fields of the database."""
    workspace = Workspace.at(shop)
    rows = workspace.store.db.execute("SELECT * FROM contacts").fetchall()
    workspace.store.close()
    return {row["email"]: dict(row) for row in rows}


def test_what_comes_in_is_kept_to_the_letter(hostile_shop: Path) -> None:
    people = stored(hostile_shop)
    assert len(VECTORS) >= 40
    assert set(people) == set(map(address, range(len(TAKEN))))
    for number, vector in enumerate(TAKEN):
        row = people[address(number)]
        said = [row[name] for name in ("first_name", "last_name", "company", "city", "region")]
        assert [*said, json.loads(row["attributes"]).get("notes")] == [vector.strip() or None] * 6


def test_json_holds_every_letter(hostile_shop: Path, piped: Callable[..., str]) -> None:
    people = stored(hostile_shop)
    for form in ("json", "jsonl"):
        text = piped("export", "contacts", "--format", form)
        rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.split("\n") if line]
        assert {row["email"]: row["first_name"] for row in rows} == {
            key: row["first_name"] for key, row in people.items()
        }
        assert all(row["attributes"] == json.loads(people[row["email"]]["attributes"]) for row in rows)
    for number in PEOPLE:
        record = json.loads(piped("contact", "show", address(number), "--format", "json", "--only", "orders"))
        assert record["fields"].get("first_name") == people[address(number)]["first_name"]


@pytest.mark.parametrize(
    "noun", ["contacts", "orders", "order_lines", "products", "events", "consents", "segments", "refunds"]
)
def test_csv_is_safe_in_a_spreadsheet_and_exact_when_raw(piped: Callable[..., str], noun: str) -> None:
    safe, raw = table(piped("export", noun)), table(piped("export", noun, "--raw"))
    assert len(safe) == len(raw)
    assert not [cell for row in safe for cell in row if FORMULA.match(cell) and not re.fullmatch(r"-\d+(\.\d+)?", cell)]
    for one, other in zip(safe, raw, strict=True):
        assert all(mine in (its, f"'{its}") for mine, its in zip(one, other, strict=True))
    if noun != "segments":
        records = [json.loads(line) for line in piped("export", noun, "--format", "jsonl").split("\n") if line]
        texts = [[value for value in record.values() if isinstance(value, str)] for record in records]
        assert all(set(told) <= set(row) for told, row in zip(texts, raw[1:], strict=True))


@pytest.mark.parametrize(
    "words", ["segment --rule true", "outbox list", "plan news", "contact merge", "contact consent", "import --list"]
)
def test_csv_of_commands_is_safe_too(piped: Callable[..., str], words: str) -> None:
    rows = table(piped(*words.split(), "--format", "csv"))
    assert len(rows) > 1
    assert not [cell for row in rows for cell in row if FORMULA.match(cell) and not re.fullmatch(r"-\d+(\.\d+)?", cell)]


def test_findings_for_editors_hold_words_and_no_links(hostile_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", out := io.StringIO())
    assert mailflow(hostile_shop, "lint", "news", "--sample", "70", "--format", "sarif", "--quiet", now=NOW) == 1
    results = json.loads(out.getvalue())["runs"][0]["results"]
    assert results
    assert not [one for one in results if re.search(r"(?<!\\)\[[^\[\]]*\]\(", one["message"]["text"])]


# Pages -----------------------------------------------------------------------------------------------------------


def test_a_page_of_a_person_has_the_same_elements_whoever_they_are(terminal: Run, tmp_path: Path) -> None:
    made = {}
    for number in PEOPLE:
        file = tmp_path / f"{number}.html"
        assert terminal("contact", "show", address(number), "--html", str(file)).code == 0
        text = file.read_text(encoding="utf-8")
        assert not STEERING.search(text)
        made[number] = {str(one) for one in Shape(text).made}
    allowed = made[0]
    assert {TAKEN[number]: more for number, found in made.items() if (more := found - allowed)} == {}


def test_a_page_of_a_preview_and_of_the_report_hold_no_element_of_a_value(
    hostile_shop: Path, terminal: Run, tmp_path: Path
) -> None:
    from mailflow.jobs import preview
    from mailflow.reports import preview_page

    workspace = Workspace.at(hostile_shop)
    shapes = []
    for vector in ("plain", "</pre></iframe><script>x</script>", '" onmouseover="alert(1)', "<!-- "):
        made = preview.preview(workspace, "news", address(TAKEN.index(vector)), now=NOW)
        page = preview_page.render(vector, [made.letter()])
        shapes.append([re.sub(r"[\d.]+%", "", str(one)) for one in Shape(page).made])  # how large it is, as a bar
    workspace.store.close()
    assert all(shape == shapes[0] for shape in shapes)
    file = tmp_path / "rfm.html"
    assert terminal("segment", "--html", str(file)).code == 0
    assert "script" not in Shape(file.read_text(encoding="utf-8")).made
