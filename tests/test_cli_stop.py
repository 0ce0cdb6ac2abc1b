"""The emergency stop finds its campaign by whatever it is called, and never stops nothing in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from mail_shop import CAMPAIGN, mailflow, make_shop, write_campaign
from mailflow.store import campaigns
from mailflow.workspace import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return make_shop(tmp_path / "shop", people=1)


def stops(shop: Workspace) -> dict[str, str]:
    return campaigns.stops(shop.store.db)


def test_a_stop_holds_once_and_is_taken_back_once(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "stop", "--reason", "first") == 0
    assert mailflow(shop, "stop", "--reason", "second") == 0
    assert stops(shop) == {"": "first"}
    assert mailflow(shop, "resume") == 0
    assert stops(shop) == {}
    capsys.readouterr()
    assert mailflow(shop, "resume") == 0
    assert "everything was not stopped" in capsys.readouterr().err


def test_a_campaign_is_stopped_by_its_id_or_the_name_of_its_file(shop: Workspace) -> None:
    write_campaign(shop.root, "spring", CAMPAIGN + "id: spring-2026\n")
    for name in ("spring", "spring-2026"):
        assert mailflow(shop, "stop", name) == 0
        assert list(stops(shop)) == ["campaign:spring-2026"]
        assert mailflow(shop, "send", "spring", "--yes") == 78
        assert mailflow(shop, "resume", name) == 0
        assert stops(shop) == {}


def test_an_unknown_campaign_is_refused_with_the_nearest(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("stop", "resume"):
        assert mailflow(shop, command, "helo") == 2
        assert "there is no campaign 'helo'" in capsys.readouterr().err
    assert stops(shop) == {}


def test_a_campaign_whose_file_is_broken_or_gone_can_still_be_stopped(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mailflow(shop, "send", "hello", "--yes") == 0
    write_campaign(shop.root, "hello", "audience: [\n")
    assert mailflow(shop, "stop", "hello") == 0
    assert mailflow(shop, "resume", "hello") == 0
    (shop.root / "campaigns" / "hello.yaml").unlink()
    assert mailflow(shop, "stop", "hello") == 0
    assert list(stops(shop)) == ["campaign:hello"]


def test_a_broken_file_that_nobody_approved_points_to_the_stop_of_everything(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write_campaign(shop.root, "spring", "audience: [\n")
    assert mailflow(shop, "stop", "spring") == 78
    assert "`mailflow stop` stops everything" in capsys.readouterr().err


def test_one_stop_left_is_told(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert mailflow(shop, "stop") == 0
    assert mailflow(shop, "stop", "hello") == 0
    capsys.readouterr()
    assert mailflow(shop, "resume") == 0
    assert "still stopped: hello" in capsys.readouterr().err
