"""Tokens and keys: forgeries fail, old links live on, the file is private and whole."""

from __future__ import annotations

import json
import multiprocessing
import random
import stat
from pathlib import Path

import pytest

from mailflow.errors import ConfigError
from mailflow.tokens import Keys, Purpose

SUBJECT = "k3Jx_9-Zq"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys.load_or_create(tmp_path / "keys.json")


def test_a_signed_token_gives_its_subject_back(keys: Keys) -> None:
    token = keys.sign(Purpose.UNSUBSCRIBE, SUBJECT)
    assert token.split(".")[:4] == ["v1", keys.current, "u", SUBJECT]
    assert keys.verify(token, Purpose.UNSUBSCRIBE) == SUBJECT


def test_purposes_are_not_interchangeable(keys: Keys) -> None:
    token = keys.sign(Purpose.CONFIRM, SUBJECT)
    assert keys.verify(token, Purpose.UNSUBSCRIBE) is None
    assert keys.verify(token.replace(".c.", ".u."), Purpose.UNSUBSCRIBE) is None


def test_a_mac_has_at_least_128_bits(keys: Keys) -> None:
    mac = keys.sign(Purpose.UNSUBSCRIBE, SUBJECT).rpartition(".")[2]
    assert len(mac) * 6 >= 128


def test_ten_thousand_forgeries_are_refused(keys: Keys) -> None:
    dice = random.Random(20261122)
    token = keys.sign(Purpose.UNSUBSCRIBE, SUBJECT)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=% é\x00"
    tried = 0
    while tried < 10_000:
        forged = list(token)
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(len(forged))
            match dice.randrange(3):
                case 0:
                    forged[place] = dice.choice(letters)
                case 1:
                    forged.insert(place, dice.choice(letters))
                case _:
                    del forged[place]
        if (text := "".join(forged)) != token:
            tried += 1
            assert keys.verify(text, Purpose.UNSUBSCRIBE) is None, text


@pytest.mark.parametrize(
    "text", ["", ".", "v1", "v1....", "a.b.c.d.e", "v1.x.u.s.", "." * 1000, "v1.x.u.s." + "A" * 5000]
)
def test_what_is_no_token_is_refused_without_an_exception(keys: Keys, text: str) -> None:
    assert keys.verify(text, Purpose.UNSUBSCRIBE) is None


@pytest.mark.parametrize("subject", ["", "a.b", "a/b", "é", "a" * 129, "a\n"])
def test_a_subject_that_would_break_a_token_is_not_signed(keys: Keys, subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        keys.sign(Purpose.UNSUBSCRIBE, subject)


def test_old_links_survive_two_rotations_and_a_reload(keys: Keys) -> None:
    old = keys.sign(Purpose.UNSUBSCRIBE, SUBJECT)
    rotated = keys.rotate().rotate()
    reloaded = Keys.load(keys.path)
    assert reloaded == rotated
    assert reloaded.current != keys.current
    assert reloaded.verify(old, Purpose.UNSUBSCRIBE) == SUBJECT
    assert keys.verify(reloaded.sign(Purpose.UNSUBSCRIBE, SUBJECT), Purpose.UNSUBSCRIBE) is None


def test_an_address_hash_survives_rotation_and_differs_between_workspaces(keys: Keys, tmp_path: Path) -> None:
    other = Keys.load_or_create(tmp_path / "other.json")
    assert keys.rotate().address_hash("ada@example.com") == keys.address_hash("ada@example.com")
    assert other.address_hash("ada@example.com") != keys.address_hash("ada@example.com")


def test_the_key_file_is_private_and_secrets_stay_out_of_repr(keys: Keys) -> None:
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert list(keys.path.parent.iterdir()) == [keys.path]
    assert keys.pepper.hex() not in repr(keys)
    assert repr(keys.pepper) not in repr(keys)


def _current_key(path: Path) -> str:
    return Keys.load_or_create(path).current


def test_processes_that_make_the_keys_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(_current_key, [tmp_path / "keys.json"] * 8)
    assert len(set(made)) == 1


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"current": "a", "pepper": "00", "keys": {"a": "00"}}', '{"keys": 5}', "\x80"]
)
def test_a_damaged_key_file_is_named_and_never_replaced(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"keys\.json: not a key file"):
        Keys.load_or_create(path)
    assert path.read_text(encoding="latin-1") == text


def test_a_current_key_that_is_not_among_the_keys_is_damage(keys: Keys) -> None:
    data = json.loads(keys.path.read_text())
    keys.path.write_text(json.dumps({**data, "current": "gone"}))
    with pytest.raises(ConfigError):
        Keys.load(keys.path)
