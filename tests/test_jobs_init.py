"""`mailflow init` makes a workspace that is complete, private and its owner's."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from mailflow.cli.main import run
from mailflow.config import Settings, load_settings
from mailflow.config.yaml_files import read_yaml
from mailflow.errors import UsageError
from mailflow.jobs.init import Brand, init, packs, system_zone
from mailflow.workspace import Workspace


def _snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("pack", packs())
def test_a_new_workspace_has_settings_messages_campaigns_and_a_database(tmp_path: Path, pack: str) -> None:
    new = init(tmp_path / "shop", Brand(), pack=pack)
    assert {"mailflow.yaml", "segments.yaml", "mailflow.db", ".gitignore"} <= set(new.made)
    assert sum(name.startswith("templates/") for name in new.made) >= 2
    assert sum(name.startswith("campaigns/") for name in new.made) >= 2
    assert new.kept == ()
    assert Workspace.at(tmp_path / "shop").store.db.execute("SELECT count(*) FROM contacts").fetchone()[0] == 0


def test_what_must_stay_private_is_private(tmp_path: Path) -> None:
    mask = os.umask(0o000)
    try:
        init(tmp_path, Brand())
    finally:
        os.umask(mask)
    assert _mode(tmp_path / ".mailflow") == 0o700
    assert _mode(tmp_path / ".mailflow" / "keys.json") == 0o600
    assert _mode(tmp_path / ".mailflow" / ".gitignore") == 0o600
    assert _mode(tmp_path / "mailflow.db") == 0o600
    assert (tmp_path / ".gitignore").read_text(encoding="utf-8").split()[-2:] == ["mailflow.db*", ".mailflow/"]


def test_the_default_settings_can_mail_nobody(tmp_path: Path) -> None:
    init(tmp_path, Brand())
    settings = load_settings(tmp_path / "mailflow.yaml")
    assert settings.relay is None
    assert settings.sender.domain == "example.com"
    assert settings.address == ""
    assert (settings.currency, settings.timezone, settings.language) == ("EUR", "UTC", "en")


@pytest.mark.parametrize(
    "name", ['Quitte & "Kanne": #1', "NO", "@email@", "{{ x }}", "O'Reilly \\n", "茶と陶器", "null"]
)
def test_any_shop_name_is_written_so_that_it_reads_back(tmp_path: Path, name: str) -> None:
    init(tmp_path, Brand(name=name, address="Musterweg 4, 8010 Graz"))
    settings = load_settings(tmp_path / "mailflow.yaml")
    assert (settings.name, settings.sender.name, settings.address) == (name, name, "Musterweg 4, 8010 Graz")


def test_a_folder_that_is_a_workspace_is_refused_and_left_alone(tmp_path: Path) -> None:
    init(tmp_path, Brand())
    before = _snapshot(tmp_path)
    with pytest.raises(UsageError, match="already is a workspace"):
        init(tmp_path, Brand(name="Another"))
    assert _snapshot(tmp_path) == before


def test_files_that_are_there_are_kept_as_they_are(tmp_path: Path) -> None:
    mine = {
        ".gitignore": "*.pyc\n",
        "segments.yaml": "mine: true\n",
        "notes.txt": "mine\n",
        "templates/thank_you.md": "mine",
    }
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    new = init(tmp_path, Brand())
    assert set(new.kept) == {".gitignore", "segments.yaml", "templates/thank_you.md"}
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in mine} == mine
    assert (tmp_path / ".mailflow" / ".gitignore").read_text(encoding="utf-8") == "*\n"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--currency", "euro", "not a currency"),
        ("--timezone", "Mars/Olympus", "unknown time zone"),
        ("--email", "hello", "not an e-mail address"),
        ("--name", "a\x07b", "cannot be written"),
        ("--pack", "shp", "did you mean 'shop'"),
    ],
)
def test_a_wrong_option_makes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], option: str, value: str, words: str
) -> None:
    assert run(["init", str(tmp_path / "shop"), option, value]) == 2
    assert words in capfd.readouterr().err
    assert not (tmp_path / "shop").exists()


def test_a_file_in_the_way_is_a_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop").touch()
    assert run(["init", str(tmp_path / "shop")]) == 2
    assert "in the way" in capfd.readouterr().err


def test_an_interrupted_init_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailflow.jobs import init as job

    def full(path: Path, text: str, **_: object) -> bool:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(job, "_write_new", full)
        with pytest.raises(OSError, match="No space"):
            init(tmp_path, Brand())
    assert not (tmp_path / "mailflow.yaml").exists()
    init(tmp_path, Brand())
    assert Workspace.at(tmp_path).settings.name == "My Shop"


def test_init_says_what_it_made_and_what_to_type_next(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "my shop"]) == 0
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.split("(")[0].strip() for line in err.splitlines()[-4:]] == [
        "cd 'my shop'",
        "mailflow import contacts.csv orders.csv",
        "mailflow segment",
        "mailflow plan thank_you",
    ]
    assert all(len(line) <= 80 for line in err.splitlines() if str(tmp_path) not in line)


def test_init_prints_json_on_demand(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path), "--format", "json", "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)[0]["workspace"] == str(tmp_path)
    assert err == ""


def _keys(model: type[BaseModel]) -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        parts: list[Any] = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= _keys(part)
    return found


@pytest.mark.parametrize("pack", packs())
def test_the_settings_file_explains_every_setting_there_is(tmp_path: Path, pack: str) -> None:
    init(tmp_path, Brand(), pack=pack)
    text = (tmp_path / "mailflow.yaml").read_text(encoding="utf-8")
    missing = {key for key in _keys(Settings) if f"{key}:" not in text}
    assert not missing


def test_the_settings_that_are_switched_off_are_right_when_switched_on(tmp_path: Path) -> None:
    init(tmp_path, Brand())
    path = tmp_path / "mailflow.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    drop = ("password_file:", "…}")
    on = [line.replace("# ", "", 1) if line.lstrip().startswith("# ") and _is_setting(line) else line for line in lines]
    path.write_text("\n".join(line for line in on if not any(word in line for word in drop)), encoding="utf-8")
    settings = load_settings(path)
    assert settings.relay is not None
    assert settings.relay.password_env == "MAILFLOW_PASSWORD"
    assert settings.unsubscribe.url == "https://mail.example.com"
    assert settings.sender.reply_to == "you@example.com"
    assert settings.fields["allergies"].sensitive
    assert settings.countries["CA"].never


def _is_setting(line: str) -> bool:
    word = line.lstrip().removeprefix("# ").lstrip().removeprefix("- ").removeprefix("{").split(":")[0]
    return word in _keys(Settings) | {"favourite_tea", "allergies", "shoe_size", "diet", "DE", "CA"}


def test_the_time_zone_is_the_machines(tmp_path: Path) -> None:
    link = tmp_path / "localtime"
    link.symlink_to("/usr/share/zoneinfo/Europe/Vienna")
    assert system_zone({}, link) == "Europe/Vienna"
    assert system_zone({"TZ": ":America/New_York"}, link) == "America/New_York"
    assert system_zone({"TZ": "nonsense"}, tmp_path / "absent") == "UTC"


@pytest.mark.parametrize("pack", packs())
def test_every_yaml_file_of_a_pack_can_be_read(tmp_path: Path, pack: str) -> None:
    init(tmp_path, Brand(), pack=pack)
    for path in tmp_path.rglob("*.yaml"):
        data = read_yaml(path).data
        assert data is None or isinstance(data, dict), path  # None: all of it is an example that is switched off
