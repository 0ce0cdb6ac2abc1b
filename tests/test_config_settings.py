"""mailflow.yaml: what must be there, what may not, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailflow.config import RelaySettings, Settings, Tls, load_settings
from mailflow.errors import ConfigError, ProblemsError

GOOD = """\
name: Quitte
sender: {name: Quitte, email: Hello@Quitte.example}
currency: EUR
timezone: Europe/Vienna
"""
RELAY = GOOD + "relay:\n  host: smtp.quitte.example\n"


def load(folder: Path, text: str) -> Settings:
    (folder / "mailflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder / "mailflow.yaml")


def relay(folder: Path, text: str) -> RelaySettings:
    found = load(folder, RELAY + text).relay
    assert found is not None
    return found


def test_four_lines_are_enough(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.zone.key == "Europe/Vienna"
    assert settings.sender.domain == "quitte.example"
    assert (settings.relay, settings.address, settings.language) == (None, "", "en")
    assert (settings.limits.per_day, settings.limits.per_week) == (2, 5)


def test_the_settings_of_the_pack_hold(tmp_path: Path) -> None:
    from mailflow.cli.main import run

    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    assert load_settings(tmp_path / "shop" / "mailflow.yaml").relay is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "the key 'name' is missing"),
        (GOOD.replace("currency: EUR\n", ""), "the key 'currency' is missing"),
        (GOOD.replace("timezone: Europe/Vienna\n", ""), "the key 'timezone' is missing"),
        (GOOD.replace("EUR", "euro"), "3:11: 'euro' is not a currency: did you mean EUR?"),
        (GOOD.replace("Europe/Vienna", "CEST"), "4:11: unknown time zone 'CEST'"),
        (GOOD.replace("Europe/Vienna", "../../etc/passwd"), "4:11: unknown time zone"),
        (GOOD.replace("Europe/Vienna", "Europe"), "4:11: unknown time zone"),
        (GOOD.replace("Hello@Quitte.example", "Quitte"), "2:31: 'Quitte' is not an e-mail address"),
        (GOOD.replace("Hello@Quitte.example", '"a@b.example\\r\\nBcc: c@d.example"'), "is not an e-mail address"),
        (GOOD + "language: english language\n", "5:11: 'english language' is not a language"),
        (GOOD + "unsubscribe: {url: http://quitte.example}\n", "5:20: must be an https:// address"),
        (GOOD + "unsubscribe: {mailto: nobody}\n", "5:23: 'nobody' is not an e-mail address"),
        (GOOD + "limits: {per_day: 0}\n", "5:19: input should be greater than or equal to 1"),
        (GOOD + "fields: {tea: {typ: text}}\n", "5:16: unknown key 'typ' (did you mean 'type'?)"),
        (GOOD + "fields: {tea: {type: colour}}\n", "5:22: unknown type 'colour': say text, number, date or bool"),
        (GOOD + "adress: x\n", "5:1: unknown key 'adress' (did you mean 'address'?)"),
        (RELAY + "  port: 0\n", "7:9: input should be greater than or equal to 1"),
        (RELAY + "  port: 70000\n", "7:9: input should be less than or equal to 65535"),
        (RELAY + "  tls: ssl\n", "7:8: input should be 'implicit', 'starttls' or 'none'"),
        (RELAY + "  tls: none\n", "tls: none is only for a relay on this machine"),
        (RELAY + "  password: hunter2\n", "7:3: unknown key 'password' (did you mean 'password_env'?)"),
        (RELAY + "  password_env: P\n  password_file: f\n", "say password_env or password_file, not both"),
        (RELAY + "  username: me\n", "username needs password_env or password_file"),
        (GOOD + "relay: smtp://me:hunter2@quitte.example\n", "5:8: must be a group of `key: value` lines"),
        (GOOD + "relay: {port: 25}\n", "5:8: the key 'host' is missing"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path, text)
    said = str(caught.value)
    assert wanted in said
    assert all(line.startswith("mailflow.yaml") for line in said.splitlines())
    assert "hunter2" not in said


def test_all_mistakes_are_told_in_one_go(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        load(tmp_path, "nmae: x\nsender: {name: Q, email: q}\ncurrency: 5\ntimezone: Nowhere\nrelay: {tls: off}\n")
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize(
    ("text", "tls", "port"),
    [
        ("", Tls.STARTTLS, 587),
        ("  port: 465\n", Tls.IMPLICIT, 465),
        ("  tls: implicit\n", Tls.IMPLICIT, 465),
        ("  tls: implicit\n  port: 2465\n", Tls.IMPLICIT, 2465),
        ("  tls: starttls\n  port: 465\n", Tls.STARTTLS, 465),
    ],
)
def test_port_and_protection_go_together(tmp_path: Path, text: str, tls: Tls, port: int) -> None:
    found = relay(tmp_path, text)
    assert (found.tls, found.port) == (tls, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "'::1'", "127.8.9.1"])
def test_no_protection_only_to_this_machine(tmp_path: Path, host: str) -> None:
    found = load(tmp_path, GOOD + f"relay: {{host: {host}, tls: none, port: 25}}\n").relay
    assert found is not None
    assert found.is_loopback


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost.example.com", "0.0.0.0", "smtp.example.com"])
def test_another_machine_needs_protection(tmp_path: Path, host: str) -> None:
    with pytest.raises(ProblemsError, match="only for a relay on this machine"):
        load(tmp_path, GOOD + f"relay: {{host: {host}, tls: none}}\n")


def test_a_password_comes_from_the_environment(tmp_path: Path) -> None:
    found = relay(tmp_path, "  username: me\n  password_env: MAIL_PASSWORD\n")
    assert found.password({"MAIL_PASSWORD": "s3cret"}, tmp_path) == "s3cret"
    for missing in ({}, {"MAIL_PASSWORD": ""}):
        with pytest.raises(ConfigError, match="MAIL_PASSWORD: it is not set"):
            found.password(missing, tmp_path)
    assert "s3cret" not in repr(found)


def test_a_password_comes_from_a_file_beside_the_settings(tmp_path: Path) -> None:
    found = relay(tmp_path, "  username: me\n  password_file: secret\n")
    with pytest.raises(ConfigError, match=r"secret cannot be read"):
        found.password({}, tmp_path)
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    assert found.password({}, tmp_path) == "s3cret"
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        found.password({}, tmp_path)


def test_without_a_user_name_there_is_no_password(tmp_path: Path) -> None:
    assert relay(tmp_path, "").password({"MAIL_PASSWORD": "s3cret"}, tmp_path) is None


def test_limits_can_be_lifted(tmp_path: Path) -> None:
    limits = load(tmp_path, GOOD + "limits: {per_day: null, per_week: 9}\n").limits
    assert (limits.per_day, limits.per_week) == (None, 9)
