"""The segments that every new workspace has: each finds whom a question in plain SQL finds, in a made-up shop."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from mailflow import clock
from mailflow.config.rates import load_rates
from mailflow.jobs import members
from mailflow.jobs.init import Brand, init
from mailflow.model import Basis, ConsentState, MessageState
from mailflow.scoring import rfm
from mailflow.store import Connection, consents, imports
from mailflow.store.consents import ConsentEntry
from mailflow.workspace import Workspace
from people import add_contact, add_message
from shop import Order, at, keep_orders

ZONE = clock.zone("Europe/Vienna")
NOW = at("2026-03-30", ZONE)
DAY = timedelta(days=1)

_BOUGHT = (
    "EXISTS (SELECT 1 FROM orders o WHERE o.contact_id = c.id AND o.status IN ('open', 'paid') AND o.placed_at >= {})"
)
_HEARD = """EXISTS (SELECT 1 FROM events e WHERE e.contact_id = c.id AND e.occurred_at >= {}
    AND (e.name IN ('opened', 'clicked') AND coalesce(e.properties ->> 'machine', 0) = 0
         OR e.name IN ('product_viewed', 'category_viewed', 'page_viewed')))"""


def ago(days: int) -> int:
    return clock.to_ms(NOW - days * DAY)


def _lively(days: int) -> str:
    return f"({_HEARD.format(ago(days))} OR {_BOUGHT.format(ago(days))})"


def _class(names: str) -> str:
    return f"(SELECT class FROM rfm_now s WHERE s.contact_id = c.id) IN ({names})"


def _fifth(numbers: str) -> str:
    return f"(SELECT m FROM rfm_now s WHERE s.contact_id = c.id) IN ({numbers})"


_COUNTED = "(SELECT {} FROM orders o WHERE o.contact_id = c.id AND o.status IN ('open', 'paid'))"
_TWICE = "(SELECT count(*) FROM events e WHERE e.contact_id = c.id AND e.name = '{}' AND e.occurred_at >= {}) >= 2"
_GOT_MAIL = """EXISTS (SELECT 1 FROM messages m WHERE m.contact_id = c.id AND m.state = 'accepted' AND NOT m.rehearsal
    AND m.settled_at >= {})"""

_DOUBT = "round({}, 9)"


def _left(percent: int, sign: str) -> str:
    return f"iif({sign}, {(100 - percent) / 100}, 1.0)"


def _said(question: str, answer: str) -> str:
    return f"""(EXISTS (SELECT 1 FROM json_each(c.attributes, '$.{question}') j WHERE j.value = '{answer}')
        OR coalesce(c.attributes ->> '{question}' LIKE '%{answer}%', 0)
        AND json_type(c.attributes, '$.{question}') = 'text')"""


def _bought_of(category: str, and_: str = "TRUE") -> str:
    return f"""(SELECT count(DISTINCT o.id) FROM orders o JOIN order_lines l ON l.order_id = o.id
        JOIN product_categories k ON k.product_id = l.product_id WHERE o.contact_id = c.id AND {and_}
        AND lower(k.category) = '{category}' AND o.status IN ('open', 'paid'))"""


def _events(name: str, property_: str, like: str, days: int) -> str:
    return f"""(SELECT count(*) FROM events e WHERE e.contact_id = c.id AND e.name = '{name}'
        AND e.properties ->> '{property_}' LIKE '{like}' AND coalesce(e.properties ->> 'machine', 0) = 0
        AND e.occurred_at >= {ago(days)})"""


BY_HAND = {
    "vip": _class("'champions', 'loyal_customers'"),
    "slipping_away": _class("'at_risk', 'cannot_lose_them'"),
    "new_here": _class("'new_customers'"),
    "german_readers": "lower(language) = 'de'",
    "first_timers": f"{_COUNTED.format('count(*)')} = 1 AND {_COUNTED.format('min(placed_at)')} >= {ago(30)}",
    "returning_customers": f"{_COUNTED.format('count(*)')} >= 2",
    "lapsed_by_own_gap": f"""({clock.to_ms(NOW)} - {_COUNTED.format("max(placed_at)")})
        >= 3.0 * {_COUNTED.format("(max(placed_at) - min(placed_at)) / (count(*) - 1.0)")}
        AND {_COUNTED.format("max(placed_at) - min(placed_at)")} > 0""",
    "repeat_cart_abandoners": f"""({_TWICE.format("cart_abandoned", ago(60))}
        OR {_TWICE.format("checkout_started", ago(60))}) AND NOT {_BOUGHT.format(ago(60))}""",
    "tea_lovers": f"""(SELECT count(DISTINCT o.id) FROM orders o JOIN order_lines l ON l.order_id = o.id
        JOIN product_categories k ON k.product_id = l.product_id WHERE o.contact_id = c.id AND k.category = 'Tea'
        AND o.status IN ('open', 'paid') AND o.placed_at >= {ago(365)}) >= 3""",
    "top_value": _fifth("5"),
    "middle_value": _fifth("3, 4"),
    "small_value": _fifth("1, 2"),
    "engaged": _lively(30),
    "cooling": f"{_lively(90)} AND NOT {_lively(30)}",
    "silent": f"{_GOT_MAIL.format(ago(90))} AND NOT {_lively(90)}",
    "birthday_week": "substr(birthday, -5) IN ('03-30', '03-31', '04-01', '04-02', '04-03', '04-04', '04-05')",
    "from_mailchimp": "source = 'mailchimp'",
    "near_the_shop": "country = 'AT' AND postcode LIKE '80%'",
    "values_organic": f"""{_said("values", "organic")} OR {
        _DOUBT.format(
            " * ".join(
                (
                    _left(
                        70,
                        "EXISTS (SELECT 1 FROM consent_states n WHERE n.contact_id = c.id AND n.topic = 'organic'"
                        " AND n.state = 'subscribed')",
                    ),
                    _left(60, f"{_bought_of('organic', 'o.placed_at >= ' + str(ago(365)))} >= 3"),
                    _left(20, f"{_events('product_viewed', 'category', '%organic%', 90)} >= 5"),
                    _left(20, f"{_events('clicked', 'url', '%organic%', 180)} >= 1"),
                )
            )
        )
    } <= 0.3""",
    "looking_for_gifts": f"""{_said("buys_for", "others")} OR {_bought_of("gifts")} >= 2""",
    "bargain_hunters": f"""(1 - {
        _DOUBT.format(
            " * ".join(
                (
                    _left(80, _said("values", "price")),
                    _left(40, f"{_events('clicked', 'url', '%/sale%', 365)} >= 2"),
                    _left(40, f"{_events('product_viewed', 'category', '%sale%', 90)} >= 3"),
                )
            )
        )
    })
        * {_left(30, f"coalesce({_fifth('5')}, 0)")} >= 0.5""",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = init(tmp_path_factory.mktemp("ready") / "shop", Brand(timezone="Europe/Vienna")).workspace
    _fill(made, random.Random(11))
    rfm.refresh(made.store, made.settings, load_rates(made.root / "rates.csv"), root=made.root, now=NOW)
    return made


def _fill(shop: Workspace, dice: random.Random) -> None:
    people, statuses = [f"p{number}" for number in range(400)], ["paid"] * 9 + ["failed"]
    orders = [
        Order(who, NOW - dice.randint(1, 700) * DAY, dice.randint(500, 20_000), status=dice.choice(statuses))
        for who in people
        for _ in range(dice.choice([0, 1, 1, 2, 3, 6]))
    ]  # fmt: skip
    keep_orders(shop.store, orders)
    with shop.store.transaction() as tx:
        add_contact(tx, "never@example.com", now=NOW)
        _goods(tx, dice)
        for (number,) in tx.execute("SELECT id FROM contacts").fetchall():
            _person(tx, number, dice)
            _deeds(tx, number, dice)
        imports.data_changed(tx)


def _goods(tx: Connection, dice: random.Random) -> None:
    for number, categories in enumerate([["Tea"], ["Tea", "Organic"], ["Cups", "Gifts"]], start=1):
        tx.execute(
            "INSERT INTO products (id, source, product_id, title) VALUES (?, 'test', ?, ?)",
            (number, f"g{number}", f"Good {number}"),
        )
        for category in categories:
            tx.execute("INSERT INTO product_categories VALUES (?, ?)", (number, category))
    for (order,) in tx.execute("SELECT id FROM orders").fetchall():
        tx.execute(
            "INSERT INTO order_lines (order_id, product_id, title, quantity) VALUES (?, ?, 'x', 1)",
            (order, dice.randint(1, 3)),
        )


def _person(tx: Connection, number: int, dice: random.Random) -> None:
    answers = dice.choice(
        [{}, {"values": ["organic", "fair"]}, {"values": "organic"}, {"values": ["price"]}, {"buys_for": "others"}]
    )
    for topic in dice.choice([["organic"], [], []]):
        yes = ConsentEntry(
            number, ConsentState.SUBSCRIBED, Basis.EXPRESS, "x@example.com", NOW, NOW, "test", topic=topic
        )
        consents.append(tx, yes)
    tx.execute(
        """UPDATE contacts SET language = ?, birthday = ?, source = ?, country = ?, postcode = ?, attributes = ?
           WHERE id = ?""",
        (
            dice.choice(["de", "DE", "en", None]),
            dice.choice(["1980-03-29", "1980-03-30", "--04-05", "1999-04-06", None]),
            dice.choice(["plain", "mailchimp"]),
            dice.choice(["AT", "DE"]),
            dice.choice(["8010", "8055", "1010", "80331", None]),
            json.dumps(answers),
            number,
        ),
    )


def _deeds(tx: Connection, number: int, dice: random.Random) -> None:
    for _ in range(dice.choice([0, 1, 2, 4, 12])):
        name = dice.choice(
            ["opened", "clicked", "product_viewed", "cart_abandoned", "cart_abandoned", "checkout_started"]
        )
        properties: dict[str, object] = (
            {"machine": True} if name in ("opened", "clicked") and dice.random() < 0.5 else {}
        )
        if name == "clicked":
            properties["url"] = "https://shop.example" + dice.choice(["/", "/organic-tea", "/sale/cups"])
        if name == "product_viewed":
            properties["category"] = dice.choice(["organic", "sale", "tea"])
        tx.execute(
            """INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)
               VALUES (?, ?, 'test', (SELECT count(*) FROM events), ?, 0, ?)""",
            (number, name, ago(dice.randint(0, 120)), json.dumps(properties)),
        )
    if dice.random() < 0.6:
        add_message(
            tx, number, "x@example.com", now=NOW, state=MessageState.ACCEPTED, settled=dice.randint(1, 150) * DAY,
            rehearsal=dice.random() < 0.2,
        )  # fmt: skip


def _ids(shop: Workspace, name: str) -> list[int]:
    return list(members.found(shop, members.named(shop, name), now=NOW).contact_ids)


@pytest.mark.parametrize("name", BY_HAND)
def test_a_ready_segment_finds_whom_plain_sql_finds(shop: Workspace, name: str) -> None:
    by_hand = f"SELECT c.id FROM contacts AS c WHERE {BY_HAND[name]} ORDER BY c.id"
    wanted = [row[0] for row in shop.store.db.execute(by_hand)]
    assert wanted, "the made-up shop has nobody of this kind: it tests nothing"
    assert _ids(shop, name) == wanted


def test_every_ready_segment_is_held_to_sql(shop: Workspace) -> None:
    assert set(members.named(shop, "vip").known.rules) == set(BY_HAND)


def test_engaged_cooling_and_silent_have_nobody_in_common(shop: Workspace) -> None:
    found = [set(_ids(shop, name)) for name in ("engaged", "cooling", "silent")]
    assert sum(map(len, found)) == len(set().union(*found))


def test_the_docs_show_a_trait_as_it_is_shipped(shop: Workspace) -> None:
    page = (Path(__file__).parents[1] / "docs" / "segments.md").read_text(encoding="utf-8")
    block = page.partition("<!-- ready traits -->")[2].partition("```yaml\n")[2].partition("```")[0]
    assert block.strip()
    assert block in (shop.root / "traits.yaml").read_text(encoding="utf-8")


def test_the_docs_show_every_ready_segment_as_it_is_shipped(shop: Workspace) -> None:
    page = (Path(__file__).parents[1] / "docs" / "segments.md").read_text(encoding="utf-8")
    block = page.partition("<!-- ready segments -->")[2].partition("```yaml\n")[2].partition("```")[0]
    assert block.strip()
    assert (shop.root / "segments.yaml").read_text(encoding="utf-8").endswith(block)
