"""No password and no mail without protection: stripped STARTTLS, certificates, logins."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Certificate
from mailflow.cli.main import run
from mailflow.delivery.connect import Credentials
from mailflow.delivery.replies import Fault as Blame
from mailflow.delivery.replies import judge
from mailflow.delivery.smtp import SmtpCarrier
from mailflow.errors import ConfigError
from posting import Post, audit, make_shop, relay, states_of
from sink import Fault, Sink

Start = Callable[..., Sink]
PASSWORD = "canary-of-the-relay"
LOGIN = Credentials("shop", PASSWORD)


def secrets_sent(sink: Sink) -> list[str]:
    """Return the lines of a login, and of mail, that reached the server."""
    return [line for line in sink.commands() if line.upper().startswith(("AUTH", "MAIL"))]


def files_of(certificate: Certificate) -> dict[str, str]:
    return {"certificate": str(certificate.certificate), "key": str(certificate.key)}


@pytest.fixture(scope="session")
def expired_certificate(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for loopback whose time is over."""
    folder = tmp_path_factory.mktemp("expired")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\n"
        "policy = any\nx509_extensions = names\n[any]\ncommonName = supplied\n[names]\nsubjectAltName = IP:127.0.0.1\n"
    )
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    request = ["req", "-new", "-nodes", *kind, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem"]
    dates = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
    files = ["-keyfile", "key.pem", "-in", "request.pem", "-out", "certificate.pem"]
    sign = ["ca", "-selfsign", "-batch", "-notext", "-config", "ca.cnf", *dates, *files]
    for command in (request, sign):
        subprocess.run([tool("openssl"), *command], cwd=folder, check=True, capture_output=True)
    return made


@pytest.fixture(scope="session")
def other_certificate(tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate for another host."""
    folder = tmp_path_factory.mktemp("other")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", "/CN=other.example", "-addext", "subjectAltName=DNS:other.example"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    command = [tool("openssl"), "req", "-x509", "-nodes", "-days", "2", *kind, *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return made


def test_a_stripped_starttls_gets_neither_password_nor_mail(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(password=PASSWORD)
    post = Post(tmp_path / "post", 3)
    report = post.run(relay(sink.port, tls="starttls"), credentials=LOGIN)
    assert secrets_sent(sink) == []
    assert "does not offer STARTTLS" in str(report.down)
    assert post.states() == ["ready"] * 3


@pytest.mark.parametrize("text", ["454 4.7.0 TLS not available", "502 5.5.1 no", "421 4.3.2 bye"])
def test_a_refused_starttls_gets_neither_password_nor_mail(mail_sink: Start, tmp_path: Path, text: str) -> None:
    sink = mail_sink(Fault("STARTTLS", "reply", text=text), starttls=True, password=PASSWORD)
    post = Post(tmp_path / "post", 3)
    report = post.run(relay(sink.port, tls="starttls"), credentials=LOGIN)
    assert secrets_sent(sink) == []
    assert text in str(report.down)
    assert post.states() == ["ready"] * 3


@pytest.mark.parametrize("mode", ["implicit", "starttls"])
@pytest.mark.parametrize("wrong", ["unknown", "other", "expired"])
def test_a_wrong_certificate_gets_neither_password_nor_mail(
    mail_sink: Start,
    tmp_path: Path,
    loopback_certificate: Certificate,
    other_certificate: Certificate,
    expired_certificate: Certificate,
    mode: str,
    wrong: str,
) -> None:
    shown = {"unknown": loopback_certificate, "other": other_certificate, "expired": expired_certificate}[wrong]
    trusted = None if wrong == "unknown" else str(shown.certificate)
    tls = {"implicit_tls": mode == "implicit", "starttls": mode == "starttls", **files_of(shown)}
    sink = mail_sink(password=PASSWORD, **tls)
    post = Post(tmp_path / "post", 3)
    report = post.run(relay(sink.port, tls=mode, ca_file=trusted), credentials=LOGIN)
    assert secrets_sent(sink) == []
    assert "certificate of 127.0.0.1 cannot be trusted" in str(report.down)
    assert "relay.ca_file" in str(report.down)
    assert post.states() == ["ready"] * 3


def test_a_password_does_not_leave_this_machine_unprotected(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink(password=PASSWORD)
    post = Post(tmp_path / "post", 3)
    # Settings refuse tls: none for any host but loopback; should they not, the carrier does.
    elsewhere = relay(sink.port).model_copy(update={"host": "127.1"})
    report = post.run(elsewhere, credentials=LOGIN)
    assert secrets_sent(sink) == []
    assert "the password was not sent" in str(report.down)


def test_settings_refuse_a_plain_line_to_another_machine() -> None:
    with pytest.raises(ValueError, match="only for a relay on this machine"):
        relay(25, host="mail.shop.example")


@pytest.mark.parametrize("mode", ["implicit", "starttls", "none"])
def test_a_protected_line_or_loopback_carries_login_and_mail(
    mail_sink: Start, tmp_path: Path, loopback_certificate: Certificate, mode: str
) -> None:
    tls = {"implicit_tls": mode == "implicit", "starttls": mode == "starttls", **files_of(loopback_certificate)}
    sink = mail_sink(password=PASSWORD, **tls)
    post = Post(tmp_path / "post", 5)
    ca_file = str(loopback_certificate.certificate)
    report = post.run(relay(sink.port, tls=mode, ca_file=None if mode == "none" else ca_file), credentials=LOGIN)
    audit(post, sink)
    assert report.down is None
    assert post.states() == ["accepted"] * 5
    commands = sink.commands()
    if mode == "starttls":
        assert commands.index("(tls)") < min(index for index, line in enumerate(commands) if line.startswith("AUTH"))


def test_a_wrong_password_is_tried_once_and_keeps_everything_open(
    mail_sink: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = mail_sink(password="another one")
    settings = f"{{host: 127.0.0.1, port: {sink.port}, tls: none, username: shop, password_env: RELAY_PASSWORD}}"
    shop = make_shop(tmp_path / "shop", settings, 20)
    monkeypatch.setenv("RELAY_PASSWORD", PASSWORD)
    assert run(["send", "hello", "--yes", "--workspace", str(shop.root)]) == 78
    said = capsys.readouterr()
    assert "refuses the login: 535 5.7.8 wrong password" in said.err
    assert len([line for line in sink.commands() if line.startswith("AUTH")]) == 1
    assert set(states_of(shop)) <= {"planned", "ready"}
    assert shop.store.db.execute("SELECT count(*) FROM suppressions").fetchone()[0] == 0
    written = b"".join(path.read_bytes() for path in shop.root.rglob("*") if path.is_file())
    assert PASSWORD not in said.out + said.err
    assert PASSWORD.encode() not in written


def test_a_missing_password_or_certificate_file_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "{host: 127.0.0.1, port: 9, tls: none, username: shop, password_env: NOT_SET_ANYWHERE}"
    shop = make_shop(tmp_path / "shop", settings, 1)
    assert run(["send", "hello", "--yes", "--workspace", str(shop.root)]) == 78
    assert "NOT_SET_ANYWHERE: it is not set" in capsys.readouterr().err
    post = Post(tmp_path / "post", 1)
    with pytest.raises(ConfigError, match=r"relay\.ca_file"):
        post.run(relay(9, tls="starttls", ca_file=str(tmp_path / "nowhere.pem")))


def test_nobody_listening_is_a_sentence_and_code_69(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shop = make_shop(tmp_path / "shop", "{host: 127.0.0.1, port: 1, tls: none}", 3)
    assert run(["send", "hello", "--yes", "--workspace", str(shop.root)]) == 69
    said = capsys.readouterr().err
    assert "the relay cannot be used" in said
    assert "Nobody was mailed" in said
    assert set(states_of(shop)) <= {"planned", "ready"}


def test_a_login_that_the_relay_does_not_offer_is_a_sentence(mail_sink: Start, tmp_path: Path) -> None:
    sink = mail_sink()
    report = Post(tmp_path / "post", 1).run(relay(sink.port), credentials=LOGIN)
    assert report.down is not None
    assert "relay.username is set" in report.down.text
    assert judge(report.down).fault is Blame.RELAY


def test_a_certificate_file_is_seen_from_the_workspace(
    mail_sink: Start, tmp_path: Path, loopback_certificate: Certificate
) -> None:
    sink = mail_sink(starttls=True, **files_of(loopback_certificate))
    settings = f"{{host: 127.0.0.1, port: {sink.port}, tls: starttls, ca_file: relay.pem}}"
    shop = make_shop(tmp_path / "shop", settings, 2)
    (shop.root / "relay.pem").write_bytes(loopback_certificate.certificate.read_bytes())
    assert run(["send", "hello", "--yes", "--quiet", "--workspace", str(shop.root)]) == 0
    assert states_of(shop) == {"accepted": 2}


def test_credentials_do_not_show_their_password() -> None:
    carrier = SmtpCarrier(relay(25), LOGIN, hello="shop.example")
    assert PASSWORD not in f"{LOGIN!r} {LOGIN} {carrier!r}"
