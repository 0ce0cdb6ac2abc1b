"""`mailflow offers` as people and scripts use it: tables of 80 columns, JSON, CSV, wrong words."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from mail_shop import mailflow
from mailflow.workspace import Workspace
from offer_shop import POOL, given, offer_shop, pool
from sink import Sink

Out = pytest.CaptureFixture[str]
OFFERS = POOL + "  expires: 14d\nxmas:\n  value: free shipping\n  code: XMAS26\n"


@pytest.fixture
def shop(mail_sink: Callable[..., Sink], tmp_path: Path) -> Workspace:
    made = offer_shop(tmp_path / "shop", mail_sink().port, 3, offers=OFFERS, codes=pool(5))
    assert mailflow(made, "send", "back", "--yes", "--quiet") == 0
    return made


def said(shop: Workspace, capsys: Out, *words: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert mailflow(shop, *words) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_the_table_fits_80_columns_and_shows_rare_figures_only_where_there_are_any(
    shop: Workspace, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out, _ = said(shop, capsys, "offers")
    lines = out.splitlines()
    assert lines[0].split() == ["Offer", "Kind", "free", "given", "redeemed", "expired", "revenue"]
    assert lines[1].split() == ["comeback", "pool", "2", "3", "0", "0"]
    assert lines[2].split() == ["xmas", "shared", "0", "0", "0"]
    assert max(map(len, lines)) <= 80


def test_all_codes_go_into_a_csv(shop: Workspace, capsys: Out) -> None:
    out, _ = said(shop, capsys, "offers", "comeback", "--codes", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["state"] for row in rows] == ["given"] * 3 + ["free"] * 2
    assert {row["email"]: row["code"] for row in rows if row["email"]} == given(shop)


def test_a_code_is_told_with_who_has_it(shop: Workspace, capsys: Out) -> None:
    out, err = said(shop, capsys, "offers", "check", given(shop)["p2@example.com"].lower())
    assert "p2@example.com" in out
    assert "is valid until " in err
    out, err = said(shop, capsys, "offers", "check", "NOPE")
    assert "NOPE is none of our codes" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["offers", "comebak"], "there is no offer 'comebak' in offers.yaml (did you mean 'comeback'?)"),
        (["offers", "check"], "which code?"),
        (["offers", "comeback", "CODE"], "mailflow offers check CODE says whose a code is"),
        (["offers", "--codes"], "--codes and --make are about one offer: name it"),
        (["offers", "comeback", "--make", "3"], "--make is for offers with generate: {ahead: true}"),
    ],
)
def test_wrong_words_are_told_with_the_right_ones(words: list[str], says: str, shop: Workspace, capsys: Out) -> None:
    assert says in said(shop, capsys, *words, code=2)[1]


def test_a_file_that_is_missing_is_told_beside_the_figures(shop: Workspace, capsys: Out) -> None:
    (shop.root / "codes.csv").unlink()
    out, err = said(shop, capsys, "offers")
    assert "comeback" in out
    assert "offers.yaml:3:10: there is no file codes.csv" in err


def test_a_rehearsal_says_that_its_codes_are_samples(tmp_path: Path, capsys: Out) -> None:
    shop = offer_shop(tmp_path / "rehearsal", None, 2, codes=pool(2))
    _, err = said(shop, capsys, "send", "back", "--yes")
    assert "the codes in it are samples: none of comeback was used up" in err


def test_the_page_of_a_person_tells_of_their_code(shop: Workspace, capsys: Out) -> None:
    out, _ = said(shop, capsys, "contact", "show", "p1@example.com", "--only", "offers")
    assert "got the code" in out
