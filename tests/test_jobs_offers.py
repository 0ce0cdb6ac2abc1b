"""What became of codes: redeemed, late, used by others; whatever came first, and whatever is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mail_shop import mailflow
from mailflow import clock
from mailflow.jobs import offers as job
from mailflow.workspace import Workspace
from offer_shop import POOL, given, offer_shop, pool
from sink import Sink

Sinks = Callable[..., Sink]
Out = pytest.CaptureFixture[str]


def asked(shop: Workspace, capsys: Out, *words: str) -> Any:
    """Return what a command prints as JSON."""
    capsys.readouterr()
    assert mailflow(shop, *words, "--format", "json") == 0
    return json.loads(capsys.readouterr().out)


def order(shop: Workspace, text: str, name: str = "orders.csv", head: str = "") -> None:
    path = shop.root.parent / name
    path.write_text(f"Order ID,Email,Date,Total,Status,Refunded,Coupon{head}\n{text}", encoding="utf-8")
    assert mailflow(shop, "import", str(path), "--quiet") == 0


def day(days: float = 0) -> str:
    """Return the instant that many days from now, as files write it."""
    return clock.iso(clock.from_ms(clock.to_ms(clock.now()) + int(days * 86_400_000)))


@pytest.fixture
def shop(mail_sink: Sinks, tmp_path: Path) -> Workspace:
    made = offer_shop(tmp_path / "shop", mail_sink().port, 4, offers=POOL + "  expires: 7d\n", codes=pool(6))
    assert mailflow(made, "send", "back", "--yes", "--quiet") == 0
    return made


def figures(shop: Workspace, capsys: Out) -> dict[str, Any]:
    (found,) = asked(shop, capsys, "offers", "comeback")
    return {name: found[name] for name in ("free", "given", "redeemed", "late", "by_others", "orders", "revenue")}


def test_orders_with_a_code_redeem_it_whoever_wrote_it_how(shop: Workspace, capsys: Out) -> None:
    have = given(shop)
    assert figures(shop, capsys) == {
        "free": 2, "given": 4, "redeemed": 0, "late": 0, "by_others": 0, "orders": 0, "revenue": "0.00",
    }  # fmt: skip
    order(
        shop,
        f"1,p1@example.com,{day(1)},20.00,paid,,{have['p1@example.com'].lower()}\n"
        f"2,p2@example.com,{day(9)},30.00,paid,,{have['p2@example.com']}\n"
        f"3,somebody@example.com,{day(1)},40.00,paid,,{have['p3@example.com']}\n"
        f'4,p4@example.com,{day(1)},50.00,paid,5.00,"FREESHIP, {have["p4@example.com"]}"\n'
        f"5,p1@example.com,{day(2)},10.00,paid,,UNKNOWN\n",
    )
    assert figures(shop, capsys) == {
        "free": 2, "given": 4, "redeemed": 2, "late": 1, "by_others": 1, "orders": 2, "revenue": "65.00",
    }  # fmt: skip
    states = {
        line["email"]: (line["state"], line["order_id"])
        for line in asked(shop, capsys, "offers", "comeback", "--codes")
    }
    assert states == {
        "p1@example.com": ("redeemed", "1"), "p2@example.com": ("given", None), "p3@example.com": ("given", None),
        "p4@example.com": ("redeemed", "4"), None: ("free", None),
    }  # fmt: skip


def test_an_order_that_is_cancelled_refunded_or_undone_redeems_nothing(shop: Workspace, capsys: Out) -> None:
    code = given(shop)["p1@example.com"]
    order(shop, f"1,p1@example.com,{day(1)},20.00,paid,,{code}\n")
    assert figures(shop, capsys)["redeemed"] == 1
    order(shop, f"1,p1@example.com,{day(1)},20.00,paid,20.00,{code}\n", "refunded.csv")
    assert (figures(shop, capsys)["redeemed"], figures(shop, capsys)["revenue"]) == (0, "0.00")
    order(shop, f"1,p1@example.com,{day(1)},20.00,paid,1.50,{code}\n", "part.csv")
    assert (figures(shop, capsys)["redeemed"], figures(shop, capsys)["revenue"]) == (1, "18.50")
    order(shop, f"1,p1@example.com,{day(1)},20.00,cancelled,1.50,{code}\n", "cancelled.csv")
    assert figures(shop, capsys)["redeemed"] == 0
    for record in asked(shop, capsys, "import", "--list"):
        assert mailflow(shop, "import", "--undo", str(record["id"]), "--quiet") == 0
        capsys.readouterr()
    assert figures(shop, capsys)["redeemed"] == 0
    assert shop.store.db.execute("SELECT count(*) FROM order_codes").fetchone()[0] == 0


def test_an_order_worth_nothing_after_the_discount_redeems_its_code(shop: Workspace, capsys: Out) -> None:
    order(shop, f"1,p1@example.com,{day(1)},0.00,paid,,{given(shop)['p1@example.com']}\n")
    assert figures(shop, capsys)["redeemed"] == 1


def test_whether_the_order_or_the_code_is_known_first_does_not_matter(
    mail_sink: Sinks, tmp_path: Path, capsys: Out
) -> None:
    found = []
    for first in ("order", "code"):
        shop = offer_shop(tmp_path / first, mail_sink().port, 1, offers="comeback:\n  generate: {prefix: C-}\n")
        if first == "code":
            assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
            order(shop, f"1,p1@example.com,{day(0.01)},20.00,paid,,{given(shop)['p1@example.com']}\n", f"{first}.csv")
        else:
            assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
            code = given(shop)["p1@example.com"]
            with shop.store.transaction() as tx:  # what was given is put aside while the order comes in
                kept = tx.execute("SELECT * FROM codes").fetchone()
                tx.execute("DELETE FROM codes")
            order(shop, f"1,p1@example.com,{day(0.01)},20.00,paid,,{code}\n", f"{first}.csv")
            with shop.store.transaction() as tx:
                tx.execute(f"INSERT INTO codes VALUES ({', '.join('?' * len(kept))})", tuple(kept))
        found.append(figures(shop, capsys))
    assert found[0] == found[1]
    assert found[0]["redeemed"] == 1


def test_who_was_merged_redeems_their_code(shop: Workspace, capsys: Out) -> None:
    order(shop, f"1,other@example.com,{day(1)},20.00,paid,,{given(shop)['p1@example.com']}\n")
    assert (figures(shop, capsys)["redeemed"], figures(shop, capsys)["by_others"]) == (0, 1)
    assert mailflow(shop, "contact", "merge", "p1@example.com", "other@example.com", "--yes", "--quiet") == 0
    assert (figures(shop, capsys)["redeemed"], figures(shop, capsys)["by_others"]) == (1, 0)


def test_a_shared_code_is_redeemed_by_everybody_who_got_it(mail_sink: Sinks, tmp_path: Path, capsys: Out) -> None:
    shop = offer_shop(tmp_path / "shop", mail_sink().port, 3, offers="comeback:\n  code: SPRING\n")
    order(shop, f"0,p1@example.com,{day(-30)},99.00,paid,,SPRING\n", "before.csv")
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    order(
        shop,
        f"1,p1@example.com,{day(1)},20.00,paid,,spring\n2,p1@example.com,{day(2)},5.00,paid,,SPRING\n"
        f"3,p2@example.com,{day(1)},7.00,paid,,SPRING\n4,stranger@example.com,{day(1)},8.00,paid,,SPRING\n",
    )
    assert figures(shop, capsys) == {
        "free": None, "given": 3, "redeemed": 2, "late": 0, "by_others": 2, "orders": 3, "revenue": "32.00",
    }  # fmt: skip


def test_revenue_in_several_currencies_is_not_added_up(shop: Workspace, capsys: Out) -> None:
    have = given(shop)
    order(
        shop,
        f"1,p1@example.com,{day(1)},20.00,paid,,{have['p1@example.com']},EUR\n"
        f"2,p2@example.com,{day(1)},10.00,paid,,{have['p2@example.com']},USD\n",
        head=",Currency",
    )
    (found,) = asked(shop, capsys, "offers", "comeback")
    assert (found["revenue"], found["currency"]) == (None, None)
    assert found["revenue_by_currency"] == {"EUR": "20.00", "USD": "10.00"}


def test_a_code_that_is_over_and_was_not_used_is_expired(shop: Workspace, capsys: Out) -> None:
    order(shop, f"1,p1@example.com,{day(1)},20.00,paid,,{given(shop)['p1@example.com']}\n")
    later = clock.from_ms(clock.to_ms(clock.now()) + 9 * 86_400_000)
    capsys.readouterr()
    assert mailflow(shop, "offers", "--format", "json", now=later) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["given"], found["redeemed"], found["expired"]) == (4, 1, 3)


def test_check_tells_whose_a_code_is(shop: Workspace, capsys: Out) -> None:
    code = given(shop)["p2@example.com"]
    order(shop, f"1,p2@example.com,{day(1)},20.00,paid,,{code}\n")
    (found,) = asked(shop, capsys, "offers", "check", code.lower())
    assert (found["code"], found["email"], found["state"], found["order_id"]) == (
        code,
        "p2@example.com",
        "redeemed",
        "1",
    )
    assert found["what"] == "back"
    assert asked(shop, capsys, "offers", "check", "NOBODYS") == []


def test_why_and_the_timeline_tell_of_the_code(shop: Workspace, capsys: Out) -> None:
    code = given(shop)["p1@example.com"]
    order(shop, f"1,p1@example.com,{day(1)},20.00,paid,,{code}\n")
    (answer,) = [each for each in asked(shop, capsys, "why", "p1@example.com", "back") if each["what"] == "back"]
    assert answer["code"] == code
    assert f"Its code is {code}, valid until " in answer["sentence"]
    assert "They used it with order 1." in answer["sentence"]
    shown = asked(shop, capsys, "contact", "show", "p1@example.com")
    texts = [each["text"] for each in shown["timeline"] if each["what"] == "offer"]
    assert [text.split(",")[0] for text in texts] == [
        f"comeback: got the code {code}",
        f"comeback: used the code {code} with 1",
    ]


def test_codes_of_an_offer_that_is_gone_from_the_file_are_still_told(shop: Workspace, capsys: Out) -> None:
    (shop.root / "offers.yaml").write_text("")
    (found,) = asked(shop, capsys, "offers")
    assert (found["offer"], found["kind"], found["given"]) == ("comeback", "gone", 4)


def test_codes_made_ahead_are_a_pool(mail_sink: Sinks, tmp_path: Path, capsys: Out) -> None:
    offers = "comeback:\n  generate: {prefix: C-, ahead: true}\n"
    shop = offer_shop(tmp_path / "shop", mail_sink().port, 3, offers=offers)
    capsys.readouterr()
    assert mailflow(shop, "plan", "back") == 78
    assert "0 codes are left: `mailflow offers comeback --make 3` makes them" in capsys.readouterr().err
    made = [line["code"] for line in asked(shop, capsys, "offers", "comeback", "--make", "3")]
    assert len(set(made)) == 3
    assert mailflow(shop, "send", "back", "--yes", "--quiet") == 0
    assert sorted(given(shop).values()) == sorted(made)
    assert not set(made) & {line["code"] for line in asked(shop, capsys, "offers", "comeback", "--make", "50")}


def test_two_commands_that_make_codes_at_once_make_different_ones(tmp_path: Path) -> None:
    offers = "comeback:\n  generate: {prefix: C-, ahead: true}\n"
    shop = offer_shop(tmp_path / "shop", None, 1, offers=offers)
    others: list[str] = []

    def meanwhile(sql: str) -> None:
        if sql.startswith("BEGIN IMMEDIATE") and not others:
            others.append("")  # once
            others[:] = job.make(Workspace.at(shop.root), "comeback", 20, clock.now())

    made = job.make(shop, "comeback", 20, clock.now())
    shop.store.db.set_trace_callback(meanwhile)
    assert len({*made, *others}) == 40


def test_why_tells_of_the_order_that_redeemed_a_code_whatever_came_later(shop: Workspace, capsys: Out) -> None:
    code = given(shop)["p1@example.com"]
    order(
        shop,
        f"1,p1@example.com,{day(1)},20.00,paid,,{code}\n2,p1@example.com,{day(20)},5.00,paid,,{code}\n",
    )
    (answer,) = [each for each in asked(shop, capsys, "why", "p1@example.com", "back") if each["what"] == "back"]
    assert "They used it with order 1." in answer["sentence"]
