"""The fault matrix: every point of the dialogue, every way to fail there, and what becomes of the messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import sink
from conftest import Certificate
from mailflow.delivery.connect import Credentials
from mailflow.delivery.dispatch import Report
from posting import UNSETTLED, Post, audit, letter, relay
from sink import Fault, Plan, Sink

PEOPLE = 5
BEFORE_LOGIN = ("CONNECT", "EHLO", "STARTTLS", "AUTH")
POINTS = (*BEFORE_LOGIN, "MAIL", "RCPT", "DATA", "BODY", "DOT", "RSET", "QUIT")
LOGIN = Credentials("shop", "right")

REPLIES = {"421": "421 4.3.2 going down", "4xx": "451 4.3.0 not now", "5xx": "554 5.3.0 never"}
ACTIONS = (*REPLIES, "drop", "hang", "garbage", "delay")


@dataclass(frozen=True)
class Cell:
    """One fault: struck once at the second message (or the first connection), or always."""

    at: str
    action: str
    always: bool
    pipelining: bool

    def __str__(self) -> str:
        return f"{self.at}-{self.action}-{'always' if self.always else 'once'}{'' if self.pipelining else '-in-turns'}"

    @property
    def needs_tls(self) -> bool:
        return self.at in {"STARTTLS", "AUTH"}

    def faults(self) -> list[Fault]:
        return [*self._provocation(), self._fault()]

    def _provocation(self) -> list[Fault]:
        # RSET is sent only after an envelope that was not finished.
        return [Fault("RCPT", "reply", text="450 4.2.1 not now", match="p1@")] if self.at == "RSET" else []

    def _fault(self) -> Fault:
        text = "535 5.7.8 wrong" if (self.at, self.action) == ("AUTH", "5xx") else REPLIES.get(self.action, "")
        return Fault(
            self.at,
            "reply" if text else self.action,
            text=text,
            seconds=0.05 if self.action == "delay" else 0.0,
            skip=0 if self.always or self.at in {*BEFORE_LOGIN, "RSET", "QUIT"} else 1,
            times=None if self.always else 1,
            keep=self.action in {"drop", "hang", "garbage"},
        )


# Each fault once with pipelining, and again and again without; a hang that never ends would only take longer.
CELLS = [
    *(Cell(at, action, always=False, pipelining=True) for at in POINTS for action in ACTIONS),
    *(Cell(at, action, always=action != "hang", pipelining=False) for at in POINTS for action in ACTIONS),
]


@pytest.fixture(scope="module")
def sinks(
    tmp_path_factory: pytest.TempPathFactory, loopback_certificate: Certificate
) -> Iterator[dict[Cell, tuple[Sink, Path]]]:
    """Return a sink for every cell, all in one process beside the test's."""
    folder = tmp_path_factory.mktemp("sinks")
    tls = {"certificate": str(loopback_certificate.certificate), "key": str(loopback_certificate.key)}
    plans = [
        Plan(
            folder=str(folder / str(cell)),
            faults=cell.faults(),
            starttls=cell.needs_tls,
            password=LOGIN.password if cell.needs_tls else "",
            pipelining=cell.pipelining,
            **tls,
        )
        for cell in CELLS
    ]
    started = sink.start_all(plans)
    yield {cell: (each, loopback_certificate.certificate) for cell, each in zip(CELLS, started, strict=True)}
    started[0].stop()


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Post:
    post = Post(tmp_path_factory.mktemp("pattern") / "post", PEOPLE)
    post.close()
    return post


def expected(cell: Cell) -> set[str]:
    """Return the states that messages may be in after the first run: written down by hand, from reliability's table."""
    if cell.action == "delay" or cell.at == "QUIT":
        return {"accepted"}
    if cell.at in BEFORE_LOGIN:
        return {"ready"}
    if cell.at == "DOT" and cell.action in {"drop", "hang", "garbage"}:
        return {"accepted", "in_doubt", "ready"}
    if cell.at == "BODY" and cell.action in {"drop", "hang", "garbage"}:
        return {"accepted", "in_doubt", "deferred", "ready"}  # the dot may be on its way when the line is lost
    if cell.action == "5xx" and cell.at in {"RCPT", "DATA", "BODY", "DOT"}:
        return {"accepted", "failed", "ready"}
    return {"accepted", "deferred", "ready"}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_message_ends_where_the_fault_says(
    cell: Cell, sinks: dict[Cell, tuple[Sink, Path]], pattern: Post, tmp_path: Path
) -> None:
    witness, certificate = sinks[cell]
    post = Post.copy_of(pattern, tmp_path / "post")
    wait = 1 if cell.action == "hang" else 30
    settings = relay(
        witness.port,
        tls="starttls" if cell.needs_tls else "none",
        ca_file=str(certificate) if cell.needs_tls else None,
        connections=1 if cell.at == "RSET" else 2,
        timeout=wait,
        dot_timeout=wait,
    )
    login = LOGIN if cell.needs_tls else None

    first = post.run(settings, credentials=login)
    audit(post, witness)
    assert set(post.states()) <= expected(cell) | ({"deferred"} if cell.at == "RSET" else set())
    assert post.suppressions() == []
    check_report(cell, first, post)

    post.run(settings, credentials=login, after=timedelta(hours=1))
    audit(post, witness)
    assert post.suppressions() == []
    if not cell.always:
        waiting = [state for state in post.states() if state in UNSETTLED]
        assert waiting == [] or cell.at == "RSET"  # whose first message is refused in every run
    post.close()


def check_report(cell: Cell, report: Report, post: Post) -> None:
    """Check who is blamed: the login and the sender stop, the relay's faults count against no message."""
    is_login = cell.at == "AUTH" and cell.action == "5xx"
    assert (report.login_refused is not None) == is_login
    assert bool(report.stopped) == (cell.at == "MAIL" and cell.action == "5xx")
    if cell.at in BEFORE_LOGIN and cell.action != "delay":
        assert report.down is not None
    counted = {row["attempts"] for row in post.rows() if row["state"] == "deferred"}
    if cell.at in {"MAIL", "RCPT", "DATA", "BODY", "DOT"} and cell.action != "4xx":
        assert counted <= {0}
    if (cell.action, cell.at) in {("4xx", "RCPT"), ("4xx", "DATA"), ("4xx", "DOT")}:
        assert counted == {1}


def test_a_broken_handshake_leaves_everything_open(
    mail_sink: Callable[..., Sink], loopback_certificate: Certificate, tmp_path: Path
) -> None:
    tls = {"certificate": str(loopback_certificate.certificate), "key": str(loopback_certificate.key)}
    says_220_and_talks_on = mail_sink(Fault("STARTTLS", "reply", text="220 2.0.0 go ahead"), starttls=True, **tls)
    speaks_plainly = mail_sink()
    for number, (witness, mode) in enumerate([(says_220_and_talks_on, "starttls"), (speaks_plainly, "implicit")]):
        post = Post(tmp_path / f"post-{number}", PEOPLE)
        ca_file = str(loopback_certificate.certificate)
        report = post.run(relay(witness.port, tls=mode, ca_file=ca_file, timeout=1), credentials=LOGIN)
        assert report.down is not None
        assert set(post.states()) == {"ready"}
        assert not [line for line in witness.commands() if line.startswith(("AUTH", "MAIL"))]


def test_an_address_that_does_not_exist_is_suppressed_and_nobody_else(
    mail_sink: Callable[..., Sink], tmp_path: Path
) -> None:
    witness = mail_sink(
        Fault("RCPT", "reply", text="550 5.1.1 no such user", match="p1@"),
        Fault("DOT", "reply", text="550 5.1.10 null MX", match="p2@"),
        Fault("RCPT", "reply", text="550 mailbox unavailable", match="p3@"),
        Fault("RCPT", "reply", text="552 5.2.2 mailbox full", match="p4@"),
        Fault("DOT", "reply", text="554 5.7.1 spam", match="p5@"),
    )
    post = Post(tmp_path / "post", 7)
    report = post.run(relay(witness.port))
    audit(post, witness)
    assert post.states() == ["failed"] * 5 + ["accepted"] * 2
    assert post.suppressions() == ["p1@example.com", "p2@example.com"]
    assert [row["reason"] for row in post.rows()[:5]] == ["hard_bounce"] * 2 + ["refused"] * 3
    assert not report.stopped


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_body_refused_too_early_is_blamed_on_no_other_message(
    mail_sink: Callable[..., Sink], tmp_path: Path, pipelining: bool
) -> None:
    """The relay says no while the body comes, and refuses line by line what it reads as commands: late ones too."""
    witness = mail_sink(
        Fault("BODY", "reply", text="554 5.3.0 never", seconds=0.1, match="p1@"),
        Fault("UNKNOWN", "delay", seconds=0.02),
        pipelining=pipelining,
    )
    post = Post(tmp_path / "post", 4)
    report = post.run(relay(witness.port, connections=1))
    audit(post, witness)
    assert not report.stopped
    assert post.states() == ["failed", "accepted", "accepted", "accepted"]


def test_a_251_after_the_dot_is_an_acceptance(mail_sink: Callable[..., Sink], tmp_path: Path) -> None:
    witness = mail_sink(Fault("DOT", "reply", text="251 2.1.5 will forward"))
    post = Post(tmp_path / "post", 3)
    post.run(relay(witness.port))
    audit(post, witness)
    assert set(post.states()) == {"accepted"}


@pytest.mark.parametrize("people", [PEOPLE])
@pytest.mark.parametrize("option", ["-q", "-Q", "-r", "-f"])
@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_postfix_own_sink_fails_and_no_message_is_called_accepted(
    postfix_sink: Callable[..., int], tmp_path: Path, option: str, command: str, people: int
) -> None:
    post = Post(tmp_path / "post", people)
    report = post.run(relay(postfix_sink(option, command)))
    states = set(post.states())
    assert "accepted" not in states
    assert post.suppressions() == []
    assert ("in_doubt" in states) == (option == "-q" and command == ".")
    assert bool(report.stopped) == (option == "-f" and command == "MAIL")
    if option == "-f" and command != "MAIL":
        assert "failed" in states


def test_postfix_own_sink_takes_everything_else(postfix_sink: Callable[..., int], tmp_path: Path) -> None:
    for number, options in enumerate([(), ("-a",), ("-p",), ("-W", "1:2:0")][:3]):
        post = Post(tmp_path / f"post-{number}", 20, size=20_000)
        post.run(relay(postfix_sink(*options), connections=4))
        assert set(post.states()) == {"accepted"}, options


def test_the_bytes_arrive_as_they_were_frozen(mail_sink: Callable[..., Sink], tmp_path: Path) -> None:
    witness = mail_sink(keep_bodies=True)
    post = Post(tmp_path / "post", 3, size=100_000)
    post.run(relay(witness.port, connections=1))
    assert witness.bodies() == [letter(number, 100_000) for number in (1, 2, 3)]
