"""A small made-up shop for rules: people, merges, orders in three currencies, events, mail; and rules about it.

Rows are written as they are, with gaps and values of the wrong type. A seed always gives the same shop, the same rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

import rule_places
from mailflow import clock
from mailflow.config import FieldSettings
from mailflow.rules import Context, known_fields
from mailflow.rules.traits import SignText, Trait
from mailflow.store import Connection, facts

ZONE = clock.zone("Europe/Vienna")
NOW = datetime(2026, 3, 30, 9, 30, tzinfo=UTC)
CONTEXT = Context(now=NOW, zone=ZONE, currency="EUR")
FACTORS = {"EUR": 1.0, "USD": 0.8125, "JPY": 0.625}
DECLARED = {
    "vip": FieldSettings(type="bool"),
    "size": FieldSettings(type="number"),
    "since": FieldSettings(type="date"),
    "nick": FieldSettings(),
    "pets": FieldSettings(multi=True),
    "sizes": FieldSettings(type="number", multi=True),
}
STAGES = ["lead", "loyal", "lapsed"]
CLASSES = ["champions", "at_risk", "hibernating"]
TRAIT_NAMES = ["organic", "gifts", "bargains", "music", "travel", "quiet"]
FIELDS = known_fields(DECLARED, CLASSES, TRAIT_NAMES)

TEXTS = ["DE", "de", "AT", "Österreich", "österreich", "O'Reilly", 'a"b', "50%", "5_%", "\\", "NULL", "--", "ß", "1"]
DAYS = ["1984-03-07", "2000-02-29", "1999-03-30", "2026-03-29", "2026-03-30", "2026-04-02"]
ZONES = [None, "Europe/Vienna", "America/New_York", "Asia/Tokyo", "no such zone"]
GOODS = ["P-1", "p-1", "P-2", "V-1", "Oolong", "oolong", "sku-2", "7", "Nothing"]
CATEGORIES = ["tea", "Tea", "mugs", "Grüner Tee", "nothing"]
CAMPAIGNS = ["spring", "Spring", "50%", "autumn"]
EVENTS = ["product_viewed", "category_viewed", "cart_updated", "clicked", "opened", "delivered", "replied", "jumped"]
POLLS = ["spring", "7"]
ANSWERS = ["a", "b", "1"]


def instants() -> list[int]:
    """Return instants around the ends of days, of windows and of the shop's time, in milliseconds."""
    days = [date(2026, 3, day) for day in (28, 29, 30, 31)]
    days += [date(2026, 4, 2), date(2026, 3, 1), date(2025, 12, 24), date(2025, 10, 26), date(2024, 2, 29)]
    walls = [clock.local_instant(day, time(hour, 59), ZONE) for day in days for hour in (0, 11, 23)]
    shifts = [timedelta(), timedelta(days=-1), timedelta(days=-7), timedelta(days=7), timedelta(days=-30)]
    edges = [NOW + shift for shift in shifts] + [NOW + shift - timedelta(milliseconds=1) for shift in shifts]
    return [clock.to_ms(moment) for moment in walls + edges]


INSTANTS = instants()


class Maker:
    """Writes one shop's rows."""

    def __init__(self, db: Connection, seed: int, *, merges: bool) -> None:
        self.db = db
        self.dice = Random(seed)
        self.merges = merges
        self.map = Random(seed)  # of its own, so that the rest of the shop stays as it was

    def maybe(self, values: list[Any]) -> Any:
        return self.dice.choice([None, *values])

    def row(self, table: str, **columns: Any) -> None:
        marks = ", ".join("?" * len(columns))
        self.db.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values()))

    def shop(self, people: int) -> None:
        """Write everything of so many contacts."""
        self.db.execute("BEGIN")
        self.row(
            "score_runs", id=1, name="rfm", version=1, as_of="2026-03-30", computed_at=0, finished_at=1, inputs="{}"
        )
        self.products()
        for number in range(1, people + 1):
            self.contact(number)
        for number in range(1, people * 4):
            self.order(number, self.dice.randint(0, people) or None)
        for number in range(1, people * 9):
            self.event(number, self.dice.randint(0, people) or None)
        for number in range(1, people * 2):
            self.message(number, self.dice.randint(1, people))
        for number in range(1, people + 1):
            self.tickets(number)
        if self.merges:
            for number in range(3, people + 1, 4):
                self.db.execute("UPDATE contacts SET merged_into = ? WHERE id = ?", (number - 1, number))
        facts.recount(self.db, range(1, people + 1))
        self.db.execute("COMMIT")

    def products(self) -> None:
        rows = [
            (1, "P-1", "sku-1", "Oolong", None, ["tea", "Grüner Tee"]),
            (2, "P-2", None, "Mug", None, ["mugs"]),
            (3, "V-1", "SKU-2", "Oolong 50 g", 1, []),
            (4, "7", "sku-2", "Seven", None, ["Tea", "mugs"]),
            (5, "p-1", None, "Plain", 2, ["tea"]),
            (6, "bare", None, "Bare", None, []),
        ]
        for number, name, sku, title, parent, categories in rows:
            self.row("products", id=number, source="s", product_id=name, sku=sku, title=title, parent_id=parent)
            for category in categories:
                self.row("product_categories", product_id=number, category=category)

    def contact(self, number: int) -> None:
        maybe, dice = self.maybe, self.dice
        attributes = {
            "vip": maybe([True, False, "true", 1]),
            "nick": maybe([*TEXTS, 5, True, ["DE"], {"a": "DE"}]),
            "size": maybe([0, 1, -2, 2.5, "2", True]),
            "since": maybe([*DAYS, 1984]),
            "pets": maybe(["DE", 7, [], ["DE", "cat"], [None, 3, "de"], [True], {"x": "DE"}]),
            "sizes": maybe([1, [1, 2.5], ["1"], [], [False, 2]]),
            "tags": maybe([["vip", "50%"], [], "vip", [1, "tea"], ["VIP"]]),
            "lists": maybe([["news"], ["news", "tea"]]),
            "shoe": maybe([{"size": 1}, {"size": "DE"}, "DE", ["DE", 1], [1, 2]]),
            "shoe.size": maybe([1, 2, "de", [1, "AT"], True]),
        }
        kept = {name: value for name, value in attributes.items() if value is not None}
        self.row(
            "contacts",
            id=number, key=f"k{number}", source=dice.choice(TEXTS), created_at=dice.choice(INSTANTS), updated_at=0,
            known_since=maybe(INSTANTS), timezone=dice.choice(ZONES),
            birthday=maybe([*DAYS, "--03-07", "--03-29", "--02-29", "--04-05"]),
            attributes=json.dumps(kept, ensure_ascii=False),
            **{name: maybe(TEXTS) for name in "email first_name last_name country city owner phone".split()},
        )  # fmt: skip
        self.address(number)
        for topic in ("", "news", "tea"):
            if state := maybe(["subscribed", "pending", "unsubscribed"]):
                self.consent(number, topic, state)
        if dice.random() < 0.5:
            self.row(
                "rfm_scores",
                contact_id=number, run_id=1, recency_days=0, frequency=0, monetary_minor=0, currency="EUR",
                r=dice.randint(1, 5), f=dice.randint(1, 5), m=dice.randint(1, 5), **{"class": dice.choice(CLASSES)},
            )  # fmt: skip
        if dice.random() < 0.5:
            stage = dice.choice(STAGES)
            self.row("lifecycle_stages", contact_id=number, stage=stage, entered_at=0, run_id=1, orders=0)
        if dice.random() < 0.5:
            self.row("scores", contact_id=number, name="churn", value=dice.choice([0.0, 0.25, 1.0]), run_id=1)

    def address(self, number: int) -> None:
        """Give most people an address somewhere in the world, or coordinates."""
        known = rule_places.addressed(self.map)
        attributes = json.dumps(known.pop("attributes", {}))
        if self.map.random() < 0.75:
            self.db.execute(
                """UPDATE contacts SET country = coalesce(:country, country), postcode = :postcode,
                   city = coalesce(:city, city), attributes = json_patch(attributes, :attributes) WHERE id = :id""",
                {"country": None, "postcode": None, "city": None, **known, "attributes": attributes, "id": number},
            )

    def consent(self, number: int, topic: str, state: str) -> None:
        self.row(
            "consents",
            contact_id=number, channel="email", topic=topic, state=state, basis="express", occurred_at=0,
            recorded_at=0, source="test",
        )  # fmt: skip
        last = self.db.execute("SELECT max(id) FROM consents").fetchone()[0]
        self.row(
            "consent_states",
            contact_id=number, channel="email", topic=topic, state=state, basis="express", since=0, consent_id=last,
        )  # fmt: skip

    def order(self, number: int, contact: int | None) -> None:
        dice = self.dice
        self.row(
            "orders",
            id=number, source="s", order_id=f"o{number}", contact_id=contact, placed_at=dice.choice(INSTANTS),
            status=dice.choice(["open", "paid", "paid", "cancelled", "failed"]), fingerprint=0,
            currency=dice.choice(["EUR", "EUR", "USD", "JPY"]), total_minor=dice.choice([0, 99, 100, 101, 9950]),
        )  # fmt: skip
        for _ in range(dice.randint(0, 3)):
            self.row(
                "order_lines",
                order_id=number, product_id=self.maybe([1, 2, 3, 4, 5, 6]), title=dice.choice([*TEXTS, *GOODS]),
                quantity=dice.choice([0.5, 1, 2, 3]), price_minor=self.maybe([99, 100, 101, 50]),
            )  # fmt: skip
        if dice.random() < 0.2:
            self.row("refunds", order_id=number, source_id="r", refunded_at=dice.choice(INSTANTS), amount_minor=33)

    def event(self, number: int, contact: int | None) -> None:
        dice, maybe = self.dice, self.maybe
        properties = {
            "product_id": maybe([*GOODS, 7, None, True, ["P-1"]]),
            "title": maybe(["Mug", "x"]),
            "category": maybe([*CATEGORIES, 5]),
            "categories": maybe([["tea", "mugs"], [], {"a": "Tea"}, "mugs", [["tea"]]]),
            "items": maybe([[{"sku": "SKU-2", "categories": ["tea"]}, {"product": "Mug"}], []]),
            "campaign": maybe([*CAMPAIGNS, 7]),
            "machine": maybe([True, False, "false", 0]),
            "origin": maybe(["mailchimp"]),
            "value": maybe([0, 1, 2.5, "2", True, [1]]),
            "flag": maybe([True, False, 1, "true"]),
            "poll": dice.choice([*POLLS, *POLLS, "SPRING", 7, None, True]),
            "answer": dice.choice([*ANSWERS, "A", 1, 1.0, None, True, ["a"]]),
            "starts_at": maybe([*INSTANTS, "2026-03-30"]),
            "a": maybe([{"b": 1}, {"b": "DE"}, {"b": {"c": 1}}, 5]),
            "a.b": maybe([1, 2, "AT", None]),
        }
        self.row(
            "events",
            contact_id=contact, name=dice.choice([*EVENTS, *["poll_answered"] * 3]), source="test",
            source_id=str(number), recorded_at=0,
            occurred_at=dice.choice(INSTANTS),
            properties=json.dumps(
                {name: value for name, value in properties.items() if value is not None or dice.random() < 0.1},
                ensure_ascii=False,
            ),
        )  # fmt: skip

    def message(self, number: int, contact: int) -> None:
        dice = self.dice
        scope = dice.choice(["campaign:", "flow:", "campaign:", "test:"]) + dice.choice(CAMPAIGNS)
        self.row(
            "messages",
            id=number, scope=scope, contact_id=contact, channel="email", step=str(number), occurrence="", variant="",
            kind="promo", rehearsal=int(dice.random() < 0.2), address="", state=dice.choice(["accepted", "failed"]),
            due_at=0, not_after=0, next_at=0, token=str(number), planned_at=0, settled_at=dice.choice(INSTANTS),
            **{"class": "marketing"},
        )  # fmt: skip

    def tickets(self, contact: int) -> None:
        for ticket in range(self.dice.choice([0, 0, 1, 2])):
            for name in ["ticket_opened", *self.dice.choice([[], [], ["ticket_closed"]])]:
                self.row(
                    "events",
                    contact_id=contact, name=name, source="desk", source_id=f"{contact}-{ticket}:{name}",
                    occurred_at=0, recorded_at=0, properties=json.dumps({"ticket_id": f"{contact}-{ticket}"}),
                )  # fmt: skip


def quoted(text: str) -> str:
    """Return a text as it is written in a rule."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Writer:
    """Writes rules of every form there is."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.leaves = [getattr(self, name) for name in dir(self) if name.startswith("leaf_")]
        self.nulls = list(FIELDS)

    def traits(self) -> dict[str, Trait]:
        """Return a trait of each name, told from any rules but such as ask for traits."""
        self.leaves.remove(self.leaf_trait)
        self.nulls = [name for name in FIELDS if FIELDS[name].trait is None]
        return {name: Trait(name, "", tuple(self.signs())) for name in TRAIT_NAMES}

    def signs(self) -> Iterator[SignText]:
        for number in range(self.dice.randint(1, 6)):
            percent = self.dice.choice([1, 7, 20, 50, 50, 60, 90, 99])
            yield SignText(self.rule(depth=1), percent, against=number > 0 and self.dice.random() < 0.5)

    def rule(self, depth: int = 3) -> str:
        if depth == 0 or self.dice.random() < 0.45:
            return str(self.dice.choice(self.leaves)())
        if self.dice.random() < 0.25:
            return f"not ({self.rule(depth - 1)})"
        word = self.dice.choice(["and", "or"])
        return f"({self.rule(depth - 1)}) {word} {self.rule(depth - 1)}"

    def pick(self, *values: str) -> str:
        return self.dice.choice(values)

    def word(self, *values: str) -> str:
        return quoted(self.dice.choice(values))

    def text(self) -> str:
        return quoted(self.dice.choice(TEXTS))

    def number(self) -> str:
        return self.pick("0", "1", "2", "2.5", "-2", "1.99", "0.81", "99.5", "100000000000000")

    def day(self) -> str:
        return quoted(self.dice.choice([*DAYS, "0001-01-01", "9999-12-31", "2025-10-26"]))

    def duration(self) -> str:
        return self.pick("1d", "7d", "36h", "30d", "2w", "400d", "1s")

    def moment(self) -> str:
        return self.pick(
            self.day(), "now", f"now - {self.duration()}", f"now + {self.duration()}", "now - 2w + 1d",
            '"2026-03-29 02:30"', '"2025-10-26 02:30"', '"2026-03-29T23:59:00Z"', "now - 36500d",
        )  # fmt: skip

    def sign(self) -> str:
        return self.pick("==", "!=", "<", "<=", ">", ">=")

    def equal(self) -> str:
        return self.pick("==", "!=")

    def text_field(self) -> str:
        return self.pick("country", "city", "first_name", "email", "source", "owner", "nick", "attributes.nick")

    def number_field(self) -> str:
        return self.pick(
            "orders.count", "orders.revenue", "orders.usual_gap", "orders.gaps_since_last", "tickets.open", "size",
            "rfm.r", "rfm.f", "rfm.m", "scores.churn", "age", "birthday.month", "birthday.day", "created_at.hour",
            "created_at.month", "orders.last_at.hour", "orders.first_at.month",
        )  # fmt: skip

    def instant_field(self) -> str:
        return self.pick("created_at", "orders.first_at", "orders.last_at")

    def leaf_text(self) -> str:
        return f"{self.text_field()} {self.sign()} {self.text()}"

    def leaf_texts(self) -> str:
        return f"{self.text_field()} {self.sign()} {self.text_field()}"

    def leaf_number(self) -> str:
        name = self.number_field()
        return f"{name} {self.sign()} {self.number_for(name)}"

    def number_for(self, name: str) -> str:
        has_ends = name.startswith("rfm.") or name.endswith((".month", ".day", ".hour"))
        return self.pick("2", "3", "4") if has_ends else self.number()

    def leaf_instant(self) -> str:
        return f"{self.instant_field()} {self.sign()} {self.moment()}"

    def leaf_mirrored(self) -> str:
        return f"{self.moment()} {self.sign()} {self.instant_field()}"

    def leaf_instants(self) -> str:
        return f"{self.instant_field()} {self.sign()} {self.instant_field()}"

    def leaf_date(self) -> str:
        value = self.pick(self.day(), "now", "now - 1d", "now - 36500d")
        return f"{self.pick('birthday', 'since')} {self.sign()} {value}"

    def leaf_dates(self) -> str:
        return f"{self.pick('birthday', 'since')} {self.sign()} {self.pick('birthday', 'since')}"

    def leaf_near(self) -> str:
        way = self.pick("next", "last")
        if self.dice.random() < 0.4:
            return f"{self.instant_field()} within {way} {self.duration()}"
        return f"{self.pick('birthday', 'birthday', 'since')} within {way} {self.pick('1d', '7d', '2w', '366d')}"

    def leaf_place(self) -> str:
        km = self.pick("1", "8.5", "25", "60", "200", "500")
        if self.dice.random() < 0.2:
            return f"near(store={self.word('Main Street', 'at the isar')}, km={km})"
        return f"near({quoted(self.dice.choice(rule_places.CENTERS))}, km={km})"

    def leaf_weekday(self) -> str:
        return f"{self.instant_field()}.weekday {self.equal()} {self.word('sunday', 'monday', 'Saturday')}"

    def leaf_choice(self) -> str:
        if self.dice.random() < 0.5:
            name, known = self.dice.choice([("rfm.class", CLASSES), ("lifecycle", STAGES)])
            return f"{name} {self.equal()} {quoted(self.dice.choice(known))}"
        return f"consent.email {self.equal()} {self.word('never', 'subscribed', 'Pending')}"

    def leaf_flag(self) -> str:
        return self.pick("vip", "vip == false", "vip != true", "true", "false", "attributes.vip")

    def leaf_null(self) -> str:
        name = self.pick(*self.nulls, "attributes.shoe", "attributes.shoe.size", "attributes.nothing", "scores.churn")
        return f"{name} {self.equal()} null"

    def leaf_trait(self) -> str:
        name = f"traits.{self.pick(*TRAIT_NAMES)}"
        share = self.pick(
            "0",
            "1",
            "50%",
            "0.5",
            "60%",
            "80%",
            "90%",
            "95%",
            "25%",
            "40%",
            "30%",
            "0.01",
            "99.99%",
            "0.123456789",
            "20%",
        )
        return self.pick(name, f"not {name}", f"{name} {self.sign()} {share}", f"{share} {self.sign()} {name}")

    def leaf_favourite(self) -> str:
        category = quoted(self.dice.choice(CATEGORIES))
        return self.pick(
            f"favourite.category {self.sign()} {category}",
            f"favourite.category in ({category}, {self.text()})",
            f"favourite.category {self.pick('contains', 'starts_with')} {self.word('t', 'ü', 'MUG')}",
            f"favourite.category {self.equal()} {self.text_field()}",
        )

    def leaf_list(self) -> str:
        number = self.number_field()
        field, values = self.dice.choice(
            [
                (self.text_field(), self.text), (self.pick("pets", "tags", "topics"), self.text),
                (number, lambda: self.number_for(number)), ("sizes", self.number), (self.instant_field(), self.moment),
                (self.pick("birthday", "since"), self.day), ("attributes.shoe", self.text),
            ]
        )  # fmt: skip
        items = ", ".join(values() for _ in range(self.dice.randint(1, 3)))
        return f"{field} {self.pick('in', 'not in')} ({items})"

    def leaf_part(self) -> str:
        field = self.pick(self.text_field(), "attributes.shoe", "attributes.shoe.size")
        part = self.pick('"d"', '"%"', '"_"', '"Ö"', '"ö"', "'\"'", '"\\\\"', '"O\'R"', '"sterreich"', '"E"', '"DE-"')
        return f"{field} {self.pick('contains', 'starts_with', 'ends_with')} {part}"

    def leaf_contains(self) -> str:
        value = self.pick('"DE"', '"cat"', '"vip"', '"50%"', '"news"', '"tea"')
        return f"{self.pick('tags', 'lists', 'topics', 'pets')} {self.pick('contains', '==', '!=')} {value}"

    def leaf_sizes(self) -> str:
        return f"sizes {self.equal()} {self.number()}"

    def leaf_undeclared(self) -> str:
        field = self.pick("attributes.shoe", "attributes.shoe.size", "attributes.nothing")
        return f"{field} {self.sign()} {self.pick(self.text(), self.number())}"

    def leaf_deed(self) -> str:
        name = self.pick("bought", "bought", "viewed", "added_to_cart", "opened", "clicked", "received", "did")
        given = [quoted(self.dice.choice([*EVENTS, "order_placed"]))] if name == "did" else []
        orders = name == "bought" or given == ['"order_placed"']
        mail = name == "received" or given == ['"delivered"']
        if name in ("bought", "viewed", "added_to_cart") or (given and not mail):
            given += self.sometimes(0.3, f"product={quoted(self.dice.choice(GOODS))}")
            given += self.sometimes(0.3, f"category={quoted(self.dice.choice(CATEGORIES))}")
        if name in ("received", "opened", "clicked") or (given and name == "did" and not orders):
            given += self.sometimes(0.3, f"campaign={quoted(self.dice.choice(CAMPAIGNS))}")
        if name in ("opened", "clicked"):
            given += self.sometimes(0.3, f"machines={self.pick('true', 'false')}")
        given += self.window()
        given += self.sometimes(0.4, f"at_least={self.dice.randint(1, 3)}")
        if not mail:
            given += self.sometimes(0.4, f"where={self.line() if orders else self.property()}")
        return f"{name}({', '.join(given)})"

    def leaf_answer(self) -> str:
        given = [quoted(self.dice.choice([*POLLS, "Spring", "none"]))]
        given += self.sometimes(0.7, quoted(self.dice.choice([*ANSWERS, "B", "c"])))
        return f"answered({', '.join([*given, *self.window()])})"

    def window(self) -> list[str]:
        ends = sorted([self.day(), self.day()])
        return self.dice.choice(
            [
                [], [], [f"within={self.duration()}"], [f"between=({', '.join(ends)})"],
                ["between=(now - 30d, now - 1d)"], ['between=("2026-03-29 02:30", now)'],
            ]
        )  # fmt: skip

    def sometimes(self, share: float, argument: str) -> list[str]:
        return [argument] if self.dice.random() < share else []

    def line(self) -> str:
        return self.several(
            f"quantity {self.sign()} {self.number()}",
            f"{self.pick('price', 'total')} {self.sign()} {self.number()}",
            f"title {self.sign()} {quoted(self.dice.choice([*GOODS, *TEXTS]))}",
            f"title {self.pick('contains', 'starts_with')} {self.word('o', '%')}",
            f"currency in ({self.word('eur', 'USD', 'JPY')})",
            f"{self.pick('sku', 'price', 'title', 'order_id')} {self.equal()} null",
            f"price {self.sign()} total",
        )

    def property(self) -> str:
        return self.several(
            f"value {self.sign()} {self.number()}",
            f"{self.pick('campaign', 'a.b', 'title')} {self.sign()} {self.text()}",
            f"a.b {self.sign()} {self.number()}",
            f"{self.pick('flag', 'flag == false', 'machine != true', 'machine == null', 'a.b.c == 1')}",
            f"starts_at {self.sign()} {self.moment()}",
            f"starts_at within {self.pick('next', 'last')} {self.duration()}",
            f"campaign {self.pick('contains', 'ends_with')} {self.word('spr', '%', '_')}",
            f"{self.pick('value', 'a', 'items')} {self.equal()} null",
            f'product_id {self.pick("in", "not in")} ({self.text()}, "P-1")',
        )

    def several(self, *conditions: str) -> str:
        """Return one of some conditions, or two of them."""
        first, second = self.dice.sample(conditions, 2)
        shape = self.dice.choice(["{0}", "{0}", "not {0}", "({0}) and ({1})", "({0}) or not ({1})"])
        return shape.format(first, second)
