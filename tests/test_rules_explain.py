"""An explanation names each part of a rule, whether it is true, and what was seen."""

from __future__ import annotations

from datetime import UTC, datetime

from mailflow import clock
from mailflow.rules import Context, Explained, explain, parse
from mailflow.rules.derived import derive
from mailflow.rules.history import Good, History, PastEvent, PastLine, PastMail, PastOrder
from mailflow.rules.predicate import HISTORY
from rule_shop import FIELDS

CONTEXT = Context(datetime(2026, 3, 30, 12, tzinfo=UTC), clock.zone("Europe/Vienna"), "EUR")
SEGMENTS = {"vip": "orders.revenue >= 500 or vip", "best": 'segment("vip") and country == "AT"'}


def at(day: str) -> int:
    return clock.to_ms(datetime.fromisoformat(f"{day}T10:00+01:00"))


TEA = Good(frozenset({"p-1", "oolong"}), frozenset({"tea"}))
ADA = derive(
    {
        "country": "AT",
        "birthday": "1984-04-02",
        "orders.count": 7,
        "orders.revenue": 41250,
        "orders.first_at": at("2025-01-10"),
        "orders.last_at": at("2025-11-01"),
        "tags": ["tea", "gift"],
        "attributes.vip": True,
        HISTORY: History(
            orders=(
                PastOrder(at("2025-10-01"), {}, (PastLine(TEA, {"quantity": 2}),)),
                PastOrder(at("2025-11-01"), {}, (PastLine(TEA, {"quantity": 1}),)),
            ),
            events=(
                PastEvent("clicked", at("2026-01-03"), {}),
                PastEvent("opened", at("2026-03-01"), {"machine": True}),
            ),
            mails=(PastMail(at("2026-03-01"), "spring"), PastMail(at("2026-03-08"), "spring")),
        ),
    },
    CONTEXT,
)


def told(text: str) -> Explained:
    return explain(parse(text, fields=FIELDS, segments=SEGMENTS), ADA, CONTEXT)


def leaf(text: str) -> tuple[bool, str]:
    found = told(text)
    assert (found.text, found.parts) == (text, ())
    return found.truth, found.value


def test_a_rule_is_a_tree_of_its_parts() -> None:
    found = told("orders.count >= 2 and orders.last_at < now - 90d and\n  not clicked(within=60d)")
    assert found == Explained(
        "orders.count >= 2 and orders.last_at < now - 90d and not clicked(within=60d)",
        True,
        "",
        (
            Explained("orders.count >= 2", True, "7"),
            Explained("orders.last_at < now - 90d", True, "2025-11-01 10:00"),
            Explained(
                "not clicked(within=60d)", True, "", (Explained("clicked(within=60d)", False, "last 2026-01-03"),)
            ),
        ),
    )


def test_a_segment_is_explained_by_its_own_rule() -> None:
    found = told('segment("best") or vip == false')
    best = found.parts[0]
    assert (best.text, best.truth) == ('segment("best")', True)
    assert best.parts[0].text == SEGMENTS["best"]
    assert best.parts[0].parts[0].parts[0] == Explained(
        "orders.revenue >= 500 or vip",
        True,
        "",
        (Explained("orders.revenue >= 500", False, "412.50 EUR"), Explained("vip", True, "true")),
    )


def test_what_was_seen_is_told_as_people_read_it() -> None:
    assert leaf('country == "DE"') == (False, "AT")
    assert leaf('city != "Graz"') == (True, "missing")
    assert leaf('tags contains "gift"') == (True, "tea, gift")
    assert leaf("age >= 40") == (True, "41")
    assert leaf("birthday within next 7d") == (True, "1984-04-02")
    assert leaf("orders.usual_gap > 40") == (True, "49.1667")
    assert leaf("orders.first_at < orders.last_at") == (
        True,
        "orders.first_at 2025-01-10 10:00, orders.last_at 2025-11-01 10:00",
    )
    assert leaf('attributes.shoe == "x"') == (False, "missing")


def test_what_they_did_is_told_with_how_often_and_when_last() -> None:
    assert leaf('bought(category="tea", at_least=2)') == (True, "2, last 2025-11-01")
    assert leaf('bought(category="tea", where=quantity > 1)') == (True, "1, last 2025-10-01")
    assert leaf("bought(within=60d)") == (False, "last 2025-11-01")
    assert leaf('bought("mug")') == (False, "never")
    assert leaf("opened()") == (False, "never")
    assert leaf("opened(machines=true)") == (True, "1, last 2026-03-01")
    assert leaf('received("Spring", at_least=3)') == (False, "2, last 2026-03-08")
