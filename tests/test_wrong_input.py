"""Whatever is wrong with what a user gives, the answer is a sentence and an exit code, never a traceback."""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailflow.cli.main import run
from mailflow.model import ConsentState
from mailflow.store import Store
from mailflow.workspace import Workspace
from people import add_contact
from sink import Fault, Sink

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
USAGE, BAD_DATA, UNAVAILABLE, CONFIGURATION = 2, 65, 69, 78
GOOD_CONTACTS = "email,first name\nada@example.com,Ada\nbob@example.com,Bob\n"
GOOD_ORDERS = "order id,email,date,total\n1,ada@example.com,2026-01-05,12.50\n"
CAMPAIGN = "audience: everyone\ntemplate: hello\n"
TEMPLATE = "---\nsubject: Hello\n---\nHello there.\n"

Said = Callable[..., str]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pristine") / "shop"
    assert run(["init", str(root), "--quiet"]) == 0
    shop = Workspace.at(root)
    with shop.store.transaction() as tx:
        add_contact(tx, "ada@example.com", now=NOW, consent=ConsentState.SUBSCRIBED)
    shop.store.close()
    (root / "campaigns" / "hello.yaml").write_text(CAMPAIGN, encoding="utf-8")
    (root / "templates" / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    return root


@pytest.fixture
def shop(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace of its own, in which the test then is."""
    root = tmp_path / "shop"
    shutil.copytree(pristine, root)
    monkeypatch.chdir(root)
    monkeypatch.delenv("MAILFLOW_DEBUG", raising=False)
    return root


@pytest.fixture
def fails(shop: Path, capfd: pytest.CaptureFixture[str]) -> Said:
    """Return a function that runs a command, checks its exit code and manners, and gives what it said."""

    def command(code: int, *words: str) -> str:
        capfd.readouterr()
        assert (run(list(words)), words) == (code, words)
        return well_said(capfd.readouterr().err)

    return command


def well_said(said: str) -> str:
    """Check that an error is told as one sentence or list of problems, and return it."""
    assert "Traceback" not in said
    assert "internal error" not in said
    lines = [line for line in said.splitlines() if line.startswith("mailflow: ")]
    assert len(lines) == 1, said
    assert len(lines[0]) > len("mailflow: ") + 15
    return said


def is_sound(root: Path) -> bool:
    with Store.open(root / "mailflow.db", backups=root) as store:
        return store.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def with_relay(root: Path, port: int, *, address: str = "1 Long Lane, Springfield") -> None:
    """Make a workspace ready for real mail over a relay on loopback."""
    (root / "mailflow.yaml").write_text(
        "name: Quitte\n"
        "sender: {name: Quitte, email: hello@quitte.example}\n"
        f"address: {address!r}\n"
        "currency: EUR\n"
        "timezone: Europe/Vienna\n"
        "unsubscribe: {mailto: out@quitte.example}\n"
        f"relay: {{host: 127.0.0.1, port: {port}, tls: none, timeout: 5}}\n",
        encoding="utf-8",
    )


# Files to import -------------------------------------------------------------------------------------------------


def test_a_missing_file(fails: Said) -> None:
    assert "nowhere.csv" in fails(USAGE, "import", "nowhere.csv")


def test_a_folder(fails: Said, shop: Path) -> None:
    (shop / "exports").mkdir()
    assert "exports" in fails(USAGE, "import", "exports")


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 40,
        b"PK\x03\x04" + b"\x00" * 400,
        gzip.compress(GOOD_CONTACTS.encode()),
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00\x00\x00\x01\x00" * 20,
        b"SQLite format 3\x00" + b"\x10\x00\x01\x01" * 200,
    ],
    ids=["every byte", "zip", "gzip", "png", "sqlite"],
)
def test_a_binary_file(fails: Said, shop: Path, content: bytes) -> None:
    (shop / "contacts.csv").write_bytes(content)
    assert "contacts.csv" in fails(BAD_DATA, "import", "contacts.csv")


@pytest.mark.parametrize(
    "content", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"\xff\xfe"], ids=["nothing", "blank", "bom", "bom 16"]
)
def test_an_empty_file(fails: Said, shop: Path, content: bytes) -> None:
    (shop / "contacts.csv").write_bytes(content)
    assert "contacts.csv" in fails(BAD_DATA, "import", "contacts.csv")


def test_a_contacts_file_without_an_email_column(fails: Said, shop: Path) -> None:
    (shop / "people.csv").write_text("first name,last name,city\nAda,Lovelace,London\n", encoding="utf-8")
    said = fails(USAGE, "import", "people.csv", "--as", "contacts")  # a question with no terminal to ask on
    assert "people.csv" in said
    assert "mail" in said


def test_an_orders_file_without_a_customer(fails: Said, shop: Path) -> None:
    (shop / "orders.csv").write_text("order id,date,total\n1,2026-01-05,12.50\n", encoding="utf-8")
    said = fails(USAGE, "import", "orders.csv", "--as", "orders")
    assert "orders.csv" in said
    assert "customer" in said


@pytest.mark.parametrize(
    "words",
    [
        ["--as", "elephants"],
        ["--from", "elephants"],
        ["--map", "nonsense"],
        ["--map", "email=elephants"],
        ["--map", "no such column=email"],
        ["--consent", "express"],
        ["--consent", "elephants", "--evidence", "e"],
        ["--date-format", "elephants"],
        ["--undo", "99"],
        ["--undo", "x"],
    ],
    ids=" ".join,
)
def test_options_of_import_that_mean_nothing(shop: Path, capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    (shop / "contacts.csv").write_text(GOOD_CONTACTS, encoding="utf-8")
    file = [] if "--undo" in words else ["contacts.csv"]
    code = run(["import", *file, *words])
    said = capfd.readouterr().err
    assert code in {USAGE, BAD_DATA}, said
    assert "internal error" not in said
    assert "Traceback" not in said


def test_rows_that_cannot_be_read_are_counted_and_the_rest_is_imported(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (shop / "contacts.csv").write_text(GOOD_CONTACTS + "not an address,Eve\n,Nobody\n", encoding="utf-8")
    assert run(["import", "contacts.csv"]) == 1
    said = capfd.readouterr()
    assert "Traceback" not in said.err + said.out
    assert run(["contact", "show", "bob@example.com"]) == 0


# Files that the user edits ---------------------------------------------------------------------------------------

BROKEN_YAML = [
    "audience: [everyone\n",
    "audience: everyone\n  template: hello\n",
    "audience: everyone\naudience: nobody\ntemplate: hello\n",
    "audience: everyone\ntemplate: hello\nholdout: lots\n",
    "audience: everyone\ntemplat: hello\n",
    "- audience\n- template\n",
    "just words\n",
    "",
    "audience: &a everyone\ntemplate: *a\n",
    "audience: everyone\ntemplate: hello\nsend_at: tomorrow\n",
    'audience: contry == "AT"\ntemplate: hello\n',
    "audience: country ==\ntemplate: hello\n",
    "audience: everyone\ntemplate: \x00\n",
]


@pytest.mark.parametrize("text", BROKEN_YAML)
@pytest.mark.parametrize("words", [["plan", "hello"], ["send", "hello", "--yes"], ["why", "ada@example.com", "hello"]])
def test_a_broken_campaign_file_is_named_with_its_place(fails: Said, shop: Path, text: str, words: list[str]) -> None:
    (shop / "campaigns" / "hello.yaml").write_text(text, encoding="utf-8")
    assert "campaigns/hello.yaml:" in fails(CONFIGURATION, *words)


@pytest.mark.parametrize("content", [b"name: \xff\xfe\n", b"name: [\n", b"", b"nmae: x\n", b"\x00\x01\x02"])
def test_broken_settings_are_named_by_every_command_that_needs_them(fails: Said, shop: Path, content: bytes) -> None:
    (shop / "mailflow.yaml").write_bytes(content)
    for words in (["contact", "show", "ada@example.com"], ["plan", "hello"], ["send", "hello", "--yes"], ["segment"]):
        assert "mailflow.yaml" in fails(CONFIGURATION, *words)


@pytest.mark.parametrize(
    "text",
    [
        "---\nsubject: Hi\n---\nHello {{ contact.frist_name }}\n",
        "---\nsubject: Hi {{ nobody }}\n---\nHello\n",
        "---\nsubject: Hi\n---\nHello {% if %}\n",
        "---\nsubject: Hi\n---\nHello {{ contact.first_name | shout }}\n",
        "---\nsubject: Hi\n---\n{% include 'blocks/none.md' %}\n",
        "---\nsubject: [Hi\n---\nHello\n",
        "no front matter\n",
        "",
    ],
)
@pytest.mark.parametrize(
    "words",
    [["preview", "hello", "--for", "ada@example.com"], ["send", "hello", "--yes"], ["send", "hello", "--dry-run"]],
)
def test_a_broken_template_is_named(fails: Said, shop: Path, text: str, words: list[str]) -> None:
    (shop / "templates" / "hello.md").write_text(text, encoding="utf-8")
    assert "hello.md" in fails(CONFIGURATION, *words)


def test_a_template_that_is_not_there(fails: Said, shop: Path) -> None:
    (shop / "templates" / "hello.md").unlink()
    assert "hello" in fails(CONFIGURATION, "send", "hello", "--yes")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan", "nonesuch"], USAGE),
        (["send", "nonesuch", "--yes"], USAGE),
        (["why", "ada@example.com", "nonesuch"], USAGE),
        (["preview", "nonesuch"], CONFIGURATION),
    ],
)
def test_a_name_that_nothing_has(fails: Said, words: list[str], code: int) -> None:
    assert "nonesuch" in fails(code, *words)


@pytest.mark.parametrize("rule", ["contry == 'AT'", "country ==", "country == 5", "(", "orders.count > 'x'", ""])
def test_a_rule_that_means_nothing(shop: Path, capfd: pytest.CaptureFixture[str], rule: str) -> None:
    code = run(["segment", "--rule", rule])
    said = capfd.readouterr().err
    assert code in {USAGE, CONFIGURATION}, said
    well_said(said)


# The command line and the workspace ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["elephant"],
        ["segment", "--as-of", "yesterday"],
        ["segment", "--format", "elephant"],
        ["run", "--now", "soon"],
        ["contact", "show"],
        ["contact", "show", "a@b"],
        ["why", "nonsense"],
        ["segment", "--as-of", "9999-12-31"],
        ["run", "--now", "0001-01-01"],
        ["import", "--undo", "9" * 30],
        ["outbox", "show", "9" * 30],
        ["outbox", "show", "99999"],
        ["contact", "show", "\udcff@example.com"],
        ["contact", "unsubscribe", "--file", "\udcff.csv"],
        ["outbox", "show", "x"],
        ["stop", "nonesuch"],
        ["plan", "--until", "soon"],
        ["send", "hello", "--limit", "0"],
        ["send", "hello", "--plan", "0123456789abcdef"],
        ["preview", "hello", "--for", "who@example.com"],
        ["send", "hello"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_means_nothing(
    shop: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull, encoding="utf-8"))  # noqa: SIM115 - closed with the test
    code = run(words)
    said = capfd.readouterr().err
    assert code in {USAGE, CONFIGURATION}, said
    assert "internal error" not in said
    assert "Traceback" not in said


def test_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAILFLOW_WORKSPACE", raising=False)
    for words in (["segment"], ["run"], ["import", "x.csv"], ["contact", "show", "ada@example.com"]):
        assert run(words) == USAGE
        assert "mailflow init" in well_said(capfd.readouterr().err)


def test_a_missing_database(fails: Said, shop: Path) -> None:
    (shop / "mailflow.db").unlink()
    assert "mailflow.db" in fails(UNAVAILABLE, "contact", "show", "ada@example.com")


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 40, b""])
def test_a_damaged_database(fails: Said, shop: Path, content: bytes) -> None:
    (shop / "mailflow.db").write_bytes(content)
    assert "mailflow.db" in fails(BAD_DATA, "contact", "show", "ada@example.com")


def test_missing_keys_of_a_workspace_with_suppressions(fails: Said, shop: Path) -> None:
    assert run(["contact", "suppress", "eve@example.com", "--reason", "r"]) == 0
    (shop / ".mailflow" / "keys.json").unlink()
    assert "keys.json" in fails(CONFIGURATION, "send", "hello", "--yes")


# The relay -------------------------------------------------------------------------------------------------------


def test_a_relay_that_nobody_runs(fails: Said, shop: Path) -> None:
    with socket.socket() as taken:  # bound and not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        with_relay(shop, taken.getsockname()[1])
        assert "127.0.0.1" in fails(UNAVAILABLE, "send", "hello", "--test-to", "me@quitte.example")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("CONNECT", "reply", "554 5.7.1 go away"),
        Fault("CONNECT", "drop"),
        Fault("CONNECT", "garbage"),
        Fault("EHLO", "reply", "502 5.5.1 no"),
        Fault("MAIL", "reply", "550 5.7.1 sender refused"),
        Fault("RCPT", "reply", "550 5.1.1 unknown"),
        Fault("DATA", "reply", "554 5.6.0 no"),
        Fault("DOT", "reply", "550 5.7.1 spam"),
        Fault("DOT", "drop"),
    ],
    ids=lambda fault: f"{fault.at} {fault.action}",
)
def test_a_relay_that_refuses(
    shop: Path, mail_sink: Callable[..., Sink], capfd: pytest.CaptureFixture[str], fault: Fault
) -> None:
    with_relay(shop, mail_sink(fault).port)
    code = run(["send", "hello", "--test-to", "me@quitte.example"])
    said = capfd.readouterr().err
    assert code in {1, UNAVAILABLE}, said
    assert "internal error" not in said
    assert "Traceback" not in said


def test_the_first_real_send_without_a_postal_address_is_refused(fails: Said, shop: Path) -> None:
    with_relay(shop, 9, address="")
    assert "address" in fails(CONFIGURATION, "send", "hello", "--yes")


# The disk --------------------------------------------------------------------------------------------------------


def in_a_child(shop: Path, *words: str, file_size: int | None = None, stdout: int | None = None) -> tuple[int, str]:
    """Run a command in a process of its own, in which no file may grow past `file_size` bytes; as on a full disk."""

    def limit() -> None:
        if file_size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))

    done = subprocess.run(
        [sys.executable, "-m", "mailflow", *words],
        cwd=shop,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture
def big_files(shop: Path) -> Path:
    rows = [f"p{n}@example.com,Person {n},{n}" for n in range(4_000)]
    (shop / "contacts.csv").write_text("\n".join(["email,first name,code", *rows]), encoding="utf-8")
    (shop / "list.txt").write_text("\n".join(f"p{n}@example.com" for n in range(4_000)), encoding="utf-8")
    return shop


@pytest.mark.parametrize(
    "words",
    [["import", "contacts.csv"], ["contact", "subscribe", "--file", "list.txt", "--evidence", "e"]],
    ids=" ".join,
)
@pytest.mark.parametrize("room", [0, 20_000, 100_000])
def test_a_full_disk(big_files: Path, words: list[str], room: int) -> None:
    size = (big_files / "mailflow.db").stat().st_size
    code, said = in_a_child(big_files, *words, file_size=size + room)
    assert code == UNAVAILABLE, said
    assert "disk" in well_said(said)
    assert is_sound(big_files)
    code, said = in_a_child(big_files, *words)
    assert code == 0, said


def test_no_room_for_a_single_byte(shop: Path) -> None:
    code, said = in_a_child(shop, "send", "hello", "--yes", file_size=0)
    assert code == UNAVAILABLE, said
    assert "disk" in well_said(said)
    assert is_sound(shop)


@pytest.mark.parametrize(
    "words", [["contact", "show", "ada@example.com"], ["segment", "--format", "json"], ["--help"]], ids=" ".join
)
def test_output_to_a_full_disk(shop: Path, words: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        code, said = in_a_child(shop, *words, stdout=full.fileno())
    assert code == UNAVAILABLE, said
    well_said(said)
