"""Every row of the table of replies: what becomes of the message, and who is at fault."""

from __future__ import annotations

import pytest

from mailflow.delivery.replies import Fault, Reply, Stage, enhanced_code, judge
from mailflow.model import MessageState

ACCEPTED, DEFERRED, FAILED = MessageState.ACCEPTED, MessageState.DEFERRED, MessageState.FAILED
IN_DOUBT = MessageState.IN_DOUBT
RCPT, DOT, MAIL, DATA, CONNECT = Stage.RCPT, Stage.DOT, Stage.MAIL, Stage.DATA, Stage.CONNECT

SENDER_CODES = ["7.23", "7.27", "7.29", "7.30", "7.31", "7.32", "7.40"]

TABLE = [
    # any 2xx to the dot
    (DOT, 250, "2.0.0 queued as 4F1", ACCEPTED, Fault.NONE),
    (DOT, 251, "2.1.5 will forward", ACCEPTED, Fault.NONE),
    (DOT, 252, "", ACCEPTED, Fault.NONE),
    (DOT, 299, "no such code", ACCEPTED, Fault.NONE),
    # 421 anywhere, connection and EHLO failures: the relay's fault
    *((stage, 421, "4.3.2 going down", DEFERRED, Fault.RELAY) for stage in Stage),
    *((stage, 0, "the connection was lost", DEFERRED, Fault.RELAY) for stage in Stage if stage is not DOT),
    *((stage, -1, "unreadable reply: 550 5.1.1", DEFERRED, Fault.RELAY) for stage in Stage if stage is not DOT),
    (CONNECT, 554, "5.7.1 your address is listed", DEFERRED, Fault.RELAY),
    (CONNECT, 451, "4.3.0 not now", DEFERRED, Fault.RELAY),
    (CONNECT, 500, "5.5.1 RSET? what is that", DEFERRED, Fault.RELAY),
    # MAIL knows no recipient: for now the relay's fault, for good the sender's
    (MAIL, 451, "4.3.0 not now", DEFERRED, Fault.RELAY),
    (MAIL, 452, "4.3.1 no space", DEFERRED, Fault.RELAY),
    (MAIL, 550, "5.7.1 we do not take mail from you", DEFERRED, Fault.SENDER),
    (MAIL, 553, "5.1.8 no such domain", DEFERRED, Fault.SENDER),
    (MAIL, 550, "5.1.1 no such user", DEFERRED, Fault.SENDER),
    (MAIL, 552, "5.3.4 too big", FAILED, Fault.MESSAGE),
    # for now
    *(
        (stage, code, text, DEFERRED, Fault.MESSAGE)
        for stage in (RCPT, DATA, DOT)
        for code, text in [
            (450, "4.2.1 greylisted"),
            (451, "4.3.0 not now"),
            (452, "4.2.2 mailbox full"),
            (452, "4.5.3 too many recipients"),
            (450, "4.4.1 no answer from host"),
            (451, "4.7.1 greylisted"),
            (421 + 29, "4.7.28 too fast"),
            (451, "4.7.0 try later"),
            (450, "5.1.1 a code that contradicts itself"),
            (450, ""),
        ]
    ),
    # our domain's fault, as 4.7.x and 5.7.x
    *(
        (stage, 421, f"4.{code} unauthenticated", DEFERRED, Fault.SENDER)
        for code in SENDER_CODES
        for stage in (RCPT, DOT)
    ),
    *(
        (stage, 550, f"5.{code} unauthenticated", DEFERRED, Fault.SENDER)
        for code in SENDER_CODES
        for stage in (RCPT, DOT)
    ),
    (DOT, 550, "5.7.515 Access denied, sending domain does not pass", DEFERRED, Fault.SENDER),
    # addresses that do not exist
    *(
        (stage, code, f"{enhanced} no", FAILED, Fault.ADDRESS)
        for stage in (RCPT, DOT)
        for code in (550, 553)
        for enhanced in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
    ),
    # refused for good, but not for the address's sake
    (RCPT, 550, "mailbox unavailable", FAILED, Fault.MESSAGE),
    (RCPT, 550, "", FAILED, Fault.MESSAGE),
    (RCPT, 550, "5.2.1 disabled", FAILED, Fault.MESSAGE),
    (RCPT, 552, "5.2.2 full", FAILED, Fault.MESSAGE),
    (DOT, 552, "5.2.3 too big for the mailbox", FAILED, Fault.MESSAGE),
    (DOT, 554, "5.7.1 spam", FAILED, Fault.MESSAGE),
    (DOT, 554, "rejected", FAILED, Fault.MESSAGE),
    (DOT, 552, "5.3.4 too big", FAILED, Fault.MESSAGE),
    (DATA, 554, "5.5.1 no valid recipients", FAILED, Fault.MESSAGE),
    (DATA, 550, "5.1.1 said of no address", FAILED, Fault.MESSAGE),
    (RCPT, 550, "5.1.11 unknown code", FAILED, Fault.MESSAGE),
    (RCPT, 550, "5.1.0 address rejected", FAILED, Fault.MESSAGE),
    (RCPT, 550, "host 5.1.1.12 is listed", FAILED, Fault.MESSAGE),
    (RCPT, 550, "5.7.1 no relay; 5.1.1 is another code", FAILED, Fault.MESSAGE),
    # the login
    *((stage, code, "5.7.8 no", DEFERRED, Fault.LOGIN) for stage in Stage for code in (530, 534, 535, 538)),
    # no readable reply to the dot
    *((DOT, code, "", IN_DOUBT, Fault.RELAY) for code in (0, -1, 99, 199, 300, 354, 399, 600, 999)),
]


@pytest.mark.parametrize(("stage", "code", "text", "state", "fault"), TABLE)
def test_a_reply_means(stage: Stage, code: int, text: str, state: MessageState, fault: Fault) -> None:
    judgement = judge(Reply(stage, code, text))
    assert (judgement.state, judgement.fault) == (state, fault)
    assert (judgement.reason is None) == (state is ACCEPTED)


def test_nothing_but_a_2xx_after_the_dot_is_an_acceptance() -> None:
    for stage in Stage:
        for code in range(-1, 1000):
            accepted = judge(Reply(stage, code, "2.0.0 ok")).state is ACCEPTED
            assert accepted == (stage is DOT and 200 <= code < 300)


def test_only_a_5xx_with_an_address_code_after_rcpt_or_the_dot_suppresses() -> None:
    for stage in Stage:
        for code in range(-1, 1000):
            for text in ("5.1.1 no such user", "no such user", "5.2.2 full", "4.1.1 not now", "5.7.27 no SPF"):
                suppresses = judge(Reply(stage, code, text)).fault is Fault.ADDRESS
                may = stage in {RCPT, DOT} and 500 <= code < 600 and text.startswith("5.1.1")
                assert suppresses <= may


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("5.1.1", "5.1.1"),
        ("<a@b.example>: 5.1.1 no such user", "5.1.1"),
        ("4.7.28 a 5.1.1 later", "4.7.28"),
        ("no code", None),
        ("", None),
        ("3.1.1", None),
        ("5.1.1.1", None),
        ("15.1.1", None),
        ("x" * 300 + " 5.1.1", None),
    ],
)
def test_the_enhanced_code_is_the_first_that_stands_alone(text: str, code: str | None) -> None:
    assert enhanced_code(text) == code


def test_a_reply_reads_as_the_relay_said_it() -> None:
    assert str(Reply(DOT, 250, "2.0.0 ok")) == "250 2.0.0 ok"
    assert str(Reply(DOT, 0, "the connection was lost")) == "the connection was lost"
