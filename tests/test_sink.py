"""The witness itself: what it counts, and that each fault happens where it is said to."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable

import pytest

from conftest import Certificate
from sink import Fault, Sink

LETTER = b"Message-ID: <1@mailflow.example>\r\nSubject: hello\r\n\r\nfirst\r\n.dotted\r\n"

Start = Callable[..., Sink]


def send(client: smtplib.SMTP, to: str = "anna@customers.example") -> None:
    client.sendmail("shop@bakery.example", [to], LETTER)


def test_an_accepted_message_is_counted_with_its_bytes_and_recipient(mail_sink: Start) -> None:
    sink = mail_sink(keep_bodies=True)
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        send(client)
        send(client)
    assert sink.accepted() == [("<1@mailflow.example>", "anna@customers.example")] * 2
    assert sink.copies()["<1@mailflow.example>"] == 2
    assert sink.bodies() == [LETTER, LETTER]


def test_a_lost_reply_still_counts_and_a_lost_dot_does_not(mail_sink: Start) -> None:
    sink = mail_sink(Fault("DOT", "drop", keep=True, times=1), Fault("DOT", "drop", times=1))
    for _ in range(2):
        with pytest.raises(smtplib.SMTPServerDisconnected), smtplib.SMTP("127.0.0.1", sink.port) as client:
            send(client)
    assert len(sink.accepted()) == 1


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_scripted_reply_comes_where_it_was_asked_for(mail_sink: Start, at: str) -> None:
    sink = mail_sink(Fault(at, "reply", text="451 4.3.0 later", times=1))
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        with pytest.raises(smtplib.SMTPException, match="later"):
            send(client)
        send(client)
    assert len(sink.accepted()) == 1


@pytest.mark.parametrize("at", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "DOT"])
def test_a_drop_ends_the_connection(mail_sink: Start, at: str) -> None:
    sink = mail_sink(Fault(at, "drop"))
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        smtplib.SMTP("127.0.0.1", sink.port, timeout=5).sendmail("a@b.example", ["c@d.example"], LETTER)
    assert sink.accepted() == []


def test_a_fault_can_be_meant_for_one_recipient(mail_sink: Start) -> None:
    sink = mail_sink(Fault("RCPT", "reply", text="550 5.1.1 no such user", match="gone@"))
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        send(client)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(client, "gone@customers.example")
    assert [to for _, to in sink.accepted()] == ["anna@customers.example"]


def test_starttls_and_a_login_work(mail_sink: Start, loopback_certificate: Certificate) -> None:
    pair = {"certificate": str(loopback_certificate.certificate), "key": str(loopback_certificate.key)}
    sink = mail_sink(starttls=True, password="secret", **pair)
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.starttls(context=ssl.create_default_context(cafile=pair["certificate"]))
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("shop", "wrong")
        client.login("shop", "secret")
        send(client)
    assert len(sink.accepted()) == 1
    assert "(tls)" in sink.commands()


def test_implicit_tls_works(mail_sink: Start, loopback_certificate: Certificate) -> None:
    pair = {"certificate": str(loopback_certificate.certificate), "key": str(loopback_certificate.key)}
    sink = mail_sink(implicit_tls=True, **pair)
    trusting = ssl.create_default_context(cafile=pair["certificate"])
    with smtplib.SMTP_SSL("127.0.0.1", sink.port, context=trusting) as client:
        send(client)
    assert len(sink.accepted()) == 1


def test_postfix_own_sink_takes_mail_too(postfix_sink: Callable[..., int]) -> None:
    with smtplib.SMTP("127.0.0.1", postfix_sink()) as client:
        assert client.sendmail("a@b.example", ["c@d.example"], LETTER) == {}
