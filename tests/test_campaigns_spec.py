"""What a file in campaigns/ may say, and how each mistake in it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailflow.campaigns import spec
from mailflow.campaigns.spec import CampaignSpec
from mailflow.errors import ProblemsError, UsageError
from mailflow.model import MessageKind

VIENNA, NEW_YORK, KIRITIMATI = ZoneInfo("Europe/Vienna"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati")
LEAST = "audience: everyone\ntemplate: hello\n"
NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "campaigns"
    made.mkdir()
    return made


def read(folder: Path, text: str, name: str = "spring") -> CampaignSpec:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return spec.load(folder, name).spec


def told(folder: Path, text: str) -> str:
    with pytest.raises(ProblemsError) as caught:
        read(folder, text)
    said = str(caught.value)
    assert all(line.startswith("campaigns/spring.yaml") for line in said.splitlines()), said
    return said


def test_two_lines_are_a_campaign(folder: Path) -> None:
    found = read(folder, LEAST)
    assert (found.id, found.name, found.audience, found.template) == ("spring", "", "everyone", "hello")
    assert (found.send_at, found.not_after, found.holdout, found.kind) == (
        None,
        timedelta(hours=24),
        0,
        None,  # that of its template
    )


def test_every_key(folder: Path) -> None:
    found = read(
        folder,
        "id: spring-2026\nname: Spring\naudience: country == 'AT'\ntemplate: letters/spring\n"
        "send_at: 2026-03-20 09:00 local\nnot_after: 2d\nholdout: 10%\nkind: value\n",
    )
    assert (found.id, found.name, found.audience) == ("spring-2026", "Spring", "country == 'AT'")
    assert found.send_at is not None
    assert found.send_at.is_local
    assert (found.not_after, found.holdout, found.kind) == (timedelta(days=2), Decimal("0.1"), MessageKind.VALUE)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "the key 'audience' is missing"),
        ("audience: everyone\n", "campaigns/spring.yaml:1:1: the key 'template' is missing"),
        (LEAST + "audiense: x\n", ":3:1: unknown key 'audiense' (did you mean 'audience'?)"),
        (LEAST + "id: a b\n", ":3:5: 'a b' cannot be an id"),
        (LEAST + "id: ../up\n", ":3:5: '../up' cannot be an id"),
        (LEAST + "not_after: 24\n", ":3:12: '24' is not a duration"),
        (LEAST + "not_after: 0h\n", ":3:12: '0h' cannot be"),
        (LEAST + "not_after: 400d\n", ":3:12: '400d' cannot be"),
        (LEAST + "not_after: 99999999999999999d\n", ":3:12: '99999999999999999d'"),
        (LEAST + "holdout: lots\n", ":3:10: 'lots' is not a share: write it as 10%"),
        (LEAST + "holdout: 10\n", ":3:10: 10 is not a share of the audience: write it as 10%"),
        (LEAST + "holdout: 100%\n", ":3:10: '100%' is not a share of the audience"),
        (LEAST + "holdout: -5%\n", ":3:10: '-5%' is not a share"),
        (LEAST + "holdout: nan\n", ":3:10: 'nan' is not a share"),
        (LEAST + "holdout:\n", ":3:9: None is not a share"),
        (LEAST + "kind: sale\n", ":3:7: input should be 'promo' or 'value'"),
        (LEAST + "send_at: tomorrow\n", ":3:10: 'tomorrow' is not a time: write 2026-03-20 09:00 (yours)"),
        (LEAST + "send_at: 2026-03-20\n", ":3:10: '2026-03-20' is not a time"),
        (LEAST + "send_at: 2026-02-30 09:00\n", ":3:10: '2026-02-30 09:00' is not a time"),
        (LEAST + "send_at: 2026-03-20 25:00\n", ":3:10: '2026-03-20 25:00' is not a time"),
        (LEAST + "send_at: 9999-12-31 23:00 local\n", ":3:10: '9999-12-31 23:00 local' is not a time"),
        (LEAST + "send_at: 0001-01-01T00:00+14:00\n", ":3:10: '0001-01-01T00:00+14:00' is not a time"),
        ("audience:\ntemplate: hello\n", "campaigns/spring.yaml:1:10: is empty"),
        ('audience: ""\ntemplate: hello\n', "campaigns/spring.yaml:1:11: is empty: write a rule, or everyone"),
        ("audience: true\ntemplate: hello\n", "campaigns/spring.yaml:1:11: must be text"),
        ("- audience\n", "campaigns/spring.yaml:1:1: must hold `key: value` lines"),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Path, text: str, wanted: str) -> None:
    assert wanted in told(folder, text)


def test_all_mistakes_are_told_in_one_go(folder: Path) -> None:
    said = told(folder, "audience: everyone\nholdout: lots\nnot_after: soon\nsend_at: then\nkin: promo\n")
    assert len(said.splitlines()) == 5


@pytest.mark.parametrize("share", ["10%", "10 %", "0.1", "'0.10'", "10.0%"])
def test_a_holdout_is_a_share_however_it_is_written(folder: Path, share: str) -> None:
    assert read(folder, LEAST + f"holdout: {share}\n").holdout == Decimal("0.1")


@pytest.mark.parametrize(
    ("text", "vienna", "new_york"),
    [
        ("2026-03-20 09:00", "2026-03-20T08:00", "2026-03-20T08:00"),
        ("2026-03-20 9:00", "2026-03-20T08:00", "2026-03-20T08:00"),
        ("2026-03-20T09:00", "2026-03-20T08:00", "2026-03-20T08:00"),
        ("2026-03-20 09:00 local", "2026-03-20T08:00", "2026-03-20T13:00"),
        ("2026-03-20T09:00:00Z", "2026-03-20T09:00", "2026-03-20T09:00"),
        ("2026-03-20T09:00+05:30", "2026-03-20T03:30", "2026-03-20T03:30"),
        ('"2026-03-20 09:00"', "2026-03-20T08:00", "2026-03-20T08:00"),
        # Clocks in Vienna skip 02:00 to 03:00 on 29 March 2026, those in New York on 8 March.
        ("2026-03-29 02:30", "2026-03-29T01:00", "2026-03-29T01:00"),
        ("2026-03-29 02:30 local", "2026-03-29T01:00", "2026-03-29T06:30"),
        ("2026-03-08 02:30 local", "2026-03-08T01:30", "2026-03-08T07:00"),
        # They show 02:00 to 03:00 twice on 25 October: the first one counts.
        ("2026-10-25 02:30 local", "2026-10-25T00:30", "2026-10-25T06:30"),
    ],
)
def test_when_it_goes_out(folder: Path, text: str, vienna: str, new_york: str) -> None:
    send_at = read(folder, LEAST + f"send_at: {text}\n").send_at
    assert send_at is not None
    found = [send_at.for_zone(zone, VIENNA).strftime("%Y-%m-%dT%H:%M") for zone in (VIENNA, NEW_YORK)]
    assert found == [vienna, new_york]


@pytest.mark.parametrize("text", ["2026-03-20 09:00 local", "2026-03-29 02:30 local"])
def test_the_window_of_a_local_time_holds_every_zone_of_the_world(folder: Path, text: str) -> None:
    found = read(folder, LEAST + f"send_at: {text}\nnot_after: 3h\n")
    assert found.send_at is not None
    first, last = found.window(NOW, VIENNA)
    for zone in (VIENNA, NEW_YORK, KIRITIMATI, ZoneInfo("Etc/GMT+12"), ZoneInfo("Asia/Kathmandu")):
        due = found.send_at.for_zone(zone, VIENNA)
        assert first <= due <= due + timedelta(hours=3) <= last


def test_without_a_time_the_window_begins_now(folder: Path) -> None:
    assert read(folder, LEAST).window(NOW, VIENNA) == (NOW, NOW + timedelta(hours=24))


def test_a_campaign_is_found_by_its_id_and_by_the_name_of_its_file(folder: Path) -> None:
    read(folder, LEAST + "id: spring-2026\n", "spring")
    assert spec.load(folder, "spring-2026").spec.id == "spring-2026"
    assert spec.load(folder, "spring").spec.id == "spring-2026"


def test_an_id_wins_over_the_name_of_another_file(folder: Path) -> None:
    (folder / "summer.yaml").write_text(LEAST + "id: autumn\n", encoding="utf-8")
    (folder / "spring.yaml").write_text(LEAST + "id: summer\nname: this\n", encoding="utf-8")
    assert spec.load(folder, "summer").spec.name == "this"


def test_two_files_with_one_id_are_a_mistake(folder: Path) -> None:
    (folder / "a.yaml").write_text(LEAST + "id: spring\n", encoding="utf-8")
    (folder / "b.yml").write_text(LEAST + "id: spring\n", encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        spec.load(folder, "spring")
    assert str(caught.value).splitlines() == [
        "campaigns/a.yaml:3:5: the id 'spring' belongs to several files",
        "campaigns/b.yml:3:5: the id 'spring' belongs to several files",
    ]


def test_a_broken_file_does_not_stop_the_others(folder: Path) -> None:
    (folder / "broken.yaml").write_text("audience: [\n", encoding="utf-8")
    (folder / "folder.yaml").mkdir()
    assert read(folder, LEAST, "fine").id == "fine"
    with pytest.raises(ProblemsError, match=r"campaigns/broken\.yaml:2:1"):
        spec.load(folder, "broken")


def test_an_unknown_name_is_told_with_the_nearest(folder: Path) -> None:
    read(folder, LEAST, "spring")
    with pytest.raises(UsageError, match=r"there is no campaign 'sprnig'.* \(did you mean 'spring'\?\)"):
        spec.load(folder, "sprnig")
