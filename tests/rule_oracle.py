"""A third opinion on rules: who they mean, by plain Python over whole tables, written apart from both faces of a rule.

It shares nothing with them but the typed rule itself: windows, zones, lists and sums are worked out here anew.
"""

from __future__ import annotations

import json
import operator
from calendar import isleap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import rule_places
from mailflow.rules import types as t
from mailflow.store import Connection

_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TABLES = (
    "contacts orders order_lines refunds products product_categories events messages consent_states scores rfm_now"
    " lifecycle_now"
).split()
_DIGITS = {"EUR": 2}
Row = Mapping[str, Any]


class Oracle:
    """Everything in the tables, by person."""

    def __init__(self, db: Connection, context: t.Context, factors: Mapping[str, float]) -> None:
        rows = {name: [dict(row) for row in db.execute(f"SELECT * FROM {name}")] for name in _TABLES}
        self.context = context
        self.factors = factors
        self.products = {row["id"]: row for row in rows["products"]}
        self.categories = [(row["product_id"], row["category"]) for row in rows["product_categories"]]
        self.who = {row["id"]: row["merged_into"] or row["id"] for row in rows["contacts"]}
        lines: dict[int, list[Row]] = {}
        for line in rows["order_lines"]:
            lines.setdefault(line["order_id"], []).append(line)
        midnight = datetime.combine(self.today + timedelta(days=1), datetime.min.time(), tzinfo=context.zone)
        self.ends = midnight.astimezone(UTC)
        self.people: dict[int, dict[str, Any]] = {
            row["id"]: {"row": row, "orders": [], "events": [], "mails": [], "refunds": 0}
            for row in rows["contacts"] if row["merged_into"] is None
        }  # fmt: skip
        # What is dated after the end of today has not happened yet.
        for table, column in (("orders", "placed_at"), ("events", "occurred_at"), ("refunds", "refunded_at")):
            rows[table] = [row for row in rows[table] if _instant(row[column]) < self.ends]
        for order in rows["orders"]:
            if order["contact_id"] is not None and order["status"] in ("open", "paid"):
                refunded = sum(each["amount_minor"] for each in rows["refunds"] if each["order_id"] == order["id"])
                found = {
                    **order,
                    "at": _instant(order["placed_at"]),
                    "lines": lines.get(order["id"], []),
                    "back": refunded,
                }
                self.people[self.who[order["contact_id"]]]["orders"].append(found)
        for event in rows["events"]:
            if event["contact_id"] is not None:
                properties = json.loads(event["properties"])
                found = {"name": event["name"], "at": _instant(event["occurred_at"]), "properties": properties}
                self.people[self.who[event["contact_id"]]]["events"].append(found)
        for mail in rows["messages"]:
            group, _, campaign = mail["scope"].partition(":")
            if mail["state"] == "accepted" and not mail["rehearsal"] and group in ("campaign", "flow"):
                self.people[self.who[mail["contact_id"]]]["mails"].append((_instant(mail["settled_at"]), campaign))
        self.consent = {(row["contact_id"], row["topic"]): row["state"] for row in rows["consent_states"]}
        self.scores = {(row["contact_id"], row["name"]): row["value"] for row in rows["scores"]}
        self.stages = {row["contact_id"]: row["stage"] for row in rows["lifecycle_now"]}
        self.rfm = {row["contact_id"]: row for row in rows["rfm_now"]}
        self.heard: dict[int, int] = {}
        for row in rows["contacts"]:
            for at in filter(None, (row["created_at"], row["known_since"])):
                self.heard[self.who[row["id"]]] = min(at, self.heard.get(self.who[row["id"]], at))
        for number, person in self.people.items():
            person["facts"] = self._facts(number, person)

    @property
    def today(self) -> date:
        return self.context.now.astimezone(self.context.zone).date()

    def members(self, condition: t.Condition) -> list[int]:
        return sorted(number for number, person in self.people.items() if self.true(condition, person))

    def true(self, condition: t.Condition, person: Row) -> bool:
        match condition:
            case t.Did():
                return sum(1 for _ in self._deeds(condition, person)) >= condition.at_least
            case t.Not(part):
                return not self.true(part, person)
            case t.All(parts):
                return all(self.true(part, person) for part in parts)
            case t.Some(parts):
                return any(self.true(part, person) for part in parts)
            case t.Weighed(_, signs, sign, wanted):
                sure = self._sure([each for each in signs if self.true(each.outline.condition, person)])
                return sure is not None and _SIGNS[sign](sure, Fraction(wanted))
        return self._test(condition, person["facts"])

    def _test(self, condition: t.Condition, facts: Row) -> bool:
        match condition:
            case t.Always(value):
                return value
            case t.Compare(field, sign, wanted):
                return any(self._compare(value, sign, wanted, field) for value in self._values(facts, field))
            case t.OneOf(field, several):
                values = self._values(facts, field)
                return any(self._compare(value, "==", each, field) for value in values for each in several)
            case t.CompareFields(left, sign, right):
                return any(
                    self._compare(a, sign, b, left)
                    for a in self._values(facts, left)
                    for b in self._values(facts, right)
                )
            case t.Known(field):
                return bool(self._values(facts, field))
            case t.Like(field, part, text):
                test = {"contains": str.__contains__, "starts_with": str.startswith, "ends_with": str.endswith}[part]
                return any(test(_low(value), _low(text)) for value in self._values(facts, field))
            case t.Around(center, km):
                point = rule_places.point_of(facts)
                return point is not None and rule_places.kilometres(point, (center.latitude, center.longitude)) <= km
            case t.Near(field):
                return any(self._near(condition, value) for value in self._values(facts, field))
            case t.Not(part):
                return not self._test(part, facts)
            case t.All(parts):
                return all(self._test(part, facts) for part in parts)
            case t.Some(parts):
                return any(self._test(part, facts) for part in parts)
        raise AssertionError(condition)

    def _sure(self, signs: list[t.Sign]) -> Fraction | None:
        """Add up signs that are true: each takes its share of what is left of the doubt, or of the belief."""
        if all(sign.against for sign in signs):
            return None
        belief = Fraction()
        for sign in sorted(signs, key=lambda each: each.against):
            belief += -belief * sign.percent / 100 if sign.against else (1 - belief) * sign.percent / 100
        return belief

    # What people are ---------------------------------------------------------------------------------------------

    def _facts(self, number: int, person: Row) -> dict[str, Any]:
        row, orders = person["row"], person["orders"]
        facts = {name: row[name] for name in row if name not in ("attributes", "id", "key")}
        facts |= {f"attributes.{name}": value for name, value in json.loads(row["attributes"]).items()}
        facts |= {
            name: [v for v in _listed(facts.get(f"attributes.{name}")) if isinstance(v, str)]
            for name in ("tags", "lists")
        }
        facts["topics"] = [
            topic for (who, topic), state in self.consent.items() if who == number and topic and state == "subscribed"
        ]
        facts["consent.email"] = self.consent.get((number, ""), "never")
        facts |= {f"scores.{name}": value for (who, name), value in self.scores.items() if who == number}
        if number in self.rfm:
            facts |= {f"rfm.{name}": self.rfm[number][name] for name in ("r", "f", "m", "class")}
        facts["lifecycle"] = self.stages.get(number)
        facts["created_at"] = self.heard[number]
        facts["orders.count"] = len(orders)
        facts["favourite.category"] = self._favourite(orders)
        per_currency: dict[str, int] = {}
        for order in orders:
            per_currency[order["currency"]] = (
                per_currency.get(order["currency"], 0) + order["total_minor"] - order["back"]
            )
        facts["orders.revenue"] = sum(self._converted(minor, currency) or 0 for currency, minor in per_currency.items())
        if orders:
            facts["orders.first_at"] = min(order["placed_at"] for order in orders)
            facts["created_at"] = min(facts["created_at"], facts["orders.first_at"])
            facts["orders.last_at"] = max(order["placed_at"] for order in orders)
        opened = sum(1 for event in person["events"] if event["name"] == "ticket_opened")
        facts["tickets.open"] = opened - sum(1 for event in person["events"] if event["name"] == "ticket_closed")
        self._derive(facts, len(orders))
        return facts

    def _derive(self, facts: dict[str, Any], count: int) -> None:
        if born := facts["birthday"]:
            month, day = (int(part) for part in born[-5:].split("-"))
            facts |= {"birthday.month": month, "birthday.day": day}
            if born[0] != "-":
                before = (self.today.month, self.today.day) < (month, day)
                facts["age"] = self.today.year - int(born[:4]) - before
        home = self.context.zone
        if facts["timezone"] and " " not in facts["timezone"]:
            home = ZoneInfo(facts["timezone"])
        for name in ("created_at", "orders.first_at", "orders.last_at"):
            if facts.get(name) is not None:
                wall = _instant(facts[name]).astimezone(home)
                facts |= {f"{name}.month": wall.month, f"{name}.hour": wall.hour}
                facts[f"{name}.weekday"] = wall.strftime("%A").lower()
        if count > 1:
            span = facts["orders.last_at"] - facts["orders.first_at"]
            facts["orders.usual_gap"] = span / 86_400_000 / (count - 1)
            if span:
                silent = self.context.now.timestamp() * 1000 - facts["orders.last_at"]
                facts["orders.gaps_since_last"] = silent * (count - 1.0) / span

    def _favourite(self, orders: list[Row]) -> str | None:
        bought: dict[str, list[int]] = {}
        for order in orders:
            goods = {line["product_id"] for line in order["lines"] if line["product_id"]}
            for category in {name for number in goods for name in self._in(number)}:
                bought.setdefault(category, []).append(order["placed_at"])
        ranked = sorted(bought, key=lambda name: (-len(bought[name]), -max(bought[name]), name))
        return ranked[0] if ranked else None

    def _converted(self, minor: int | None, currency: str) -> int | None:
        if minor is None or currency not in self.factors:
            return None
        return int((Decimal(minor) * Decimal(self.factors[currency])).to_integral_value(ROUND_HALF_UP))

    def _values(self, facts: Row, field: t.Field) -> list[Any]:
        places = [facts.get(field.name)]
        first, *steps = field.name.split(".")
        if first == "attributes":
            first, steps = f"attributes.{steps[0]}", steps[1:]
        if steps:
            inside = facts.get(first)
            for step in steps:
                inside = inside.get(step) if isinstance(inside, dict) else None
            places.append(inside)
        if not field.multi:
            return [value for value in places if _is(value, field.type)][:1]
        return [v for place in places for v in _listed(place) if _is(v, field.type) and not isinstance(v, dict)]

    def _compare(self, value: Any, sign: str, wanted: Any, field: t.Field) -> bool:
        test = _SIGNS[sign]
        match field.type:
            case t.FieldType.INSTANT:
                return self._compare_instant(_instant(value), test, wanted)
            case t.FieldType.DATE:
                if isinstance(wanted, t.FromNow):
                    wanted = (self.context.now + wanted.offset).astimezone(self.context.zone).date()
                wanted = wanted.isoformat() if isinstance(wanted, date) else wanted
                yearless = value.startswith("-") or wanted.startswith("-")
                return test(_low(value), _low(wanted)) and not (sign != "==" and yearless)
            case t.FieldType.MONEY:
                left = Decimal(value).scaleb(-_DIGITS[self.context.currency])
                right = (
                    wanted if isinstance(wanted, Decimal) else Decimal(wanted).scaleb(-_DIGITS[self.context.currency])
                )
                return test(left, right)
            case t.FieldType.NUMBER:
                return test(value, float(wanted))
            case t.FieldType.BOOL:
                return test(value, wanted)
        return test(_low(value), _low(wanted))

    def _compare_instant(self, value: datetime, test: Callable[[Any, Any], bool], wanted: Any) -> bool:
        if isinstance(wanted, t.FromNow):
            return test(value, self.context.now + wanted.offset)
        if isinstance(wanted, datetime):
            return test(value, _wall(wanted, self.context.zone))
        if isinstance(wanted, date):
            return test(value.astimezone(self.context.zone).date(), wanted)
        return test(value, _instant(wanted))

    def _near(self, near: t.Near, value: Any) -> bool:
        now, days = self.context.now, near.duration.days
        if near.field.type is t.FieldType.INSTANT:
            at = _instant(value)
            return now <= at < now + near.duration if near.ahead else now - near.duration <= at <= now
        span = [self.today + timedelta(days=step if near.ahead else -step) for step in range(days)]
        if near.field.name != "birthday":
            return any(day.isoformat() == value for day in span)
        month, day = (int(part) for part in value[-5:].split("-"))
        return any(
            (each.month, each.day) == (month, day)
            or ((month, day) == (2, 29) and not isleap(each.year) and (each.month, each.day) == (2, 28))
            for each in span
        )

    # What people did ---------------------------------------------------------------------------------------------

    def _deeds(self, did: t.Did, person: Row) -> Iterator[datetime]:
        if did.deed is t.Deed.ORDER:
            yield from self._bought(did, person)
            return
        if did.poll is not None:
            yield from self._answered(did, person)
            return
        for event in person["events"]:
            if self._meant(did, event):
                yield event["at"]
        if did.deed is t.Deed.MAIL:
            for at, campaign in person["mails"]:
                if self._inside(did, at) and (did.campaign is None or _low(campaign) == _low(did.campaign)):
                    yield at

    def _answered(self, did: t.Did, person: Row) -> Iterator[datetime]:
        ever = replace(did, window=replace(did.window, since=None), where=None)
        said = [event for event in person["events"] if self._meant(ever, event)]
        said = [event for event in said if _is_key(event["properties"].get("poll"), did.poll)]
        said.sort(key=lambda event: event["at"])  # stable: of two at once the later row
        if said:
            answer = said[-1]["properties"].get("answer")
            wanted = answer is not None if did.answer is None else _is_key(answer, did.answer)
            if wanted and self._inside(did, said[-1]["at"]):
                yield said[-1]["at"]

    def _inside(self, did: t.Did, at: datetime) -> bool:
        since, until = did.window.since, did.window.until
        after = since is None or self._compare_instant(at, operator.ge, since)
        whole_day = isinstance(until, date) and not isinstance(until, datetime)
        before = until is None or self._compare_instant(at, operator.le if whole_day else operator.lt, until)
        return after and before and at < self.ends

    def _bought(self, did: t.Did, person: Row) -> Iterator[datetime]:
        for order in person["orders"]:
            if not self._inside(did, order["at"]):
                continue
            narrowed = did.product is not None or did.category is not None
            lines = (
                [line for line in order["lines"] if self._is_of(did, line["product_id"])]
                if narrowed
                else order["lines"]
            )
            head = {
                "currency": order["currency"],
                "order_id": order["order_id"],
                "total": self._converted(order["total_minor"], order["currency"]),
            }
            told = [
                {
                    **head, "title": line["title"], "quantity": line["quantity"],
                    "sku": self.products[line["product_id"]]["sku"] if line["product_id"] else None,
                    "price": self._converted(line["price_minor"], order["currency"]),
                }
                for line in lines
            ]  # fmt: skip
            if narrowed and not lines:
                continue
            if did.where is None or any(self._test(did.where, facts) for facts in told or [head]):
                yield order["at"]

    def _is_of(self, did: t.Did, product_id: int | None) -> bool:
        if product_id is None:
            return False
        wanted, category = did.product, did.category
        return (wanted is None or _low(wanted) in self._names(product_id)) and (
            category is None or _low(category) in self._in(product_id)
        )

    def _family(self, product_id: int) -> list[int]:
        return [number for number in (product_id, self.products[product_id]["parent_id"]) if number]

    def _names(self, product_id: int) -> set[str]:
        rows = [self.products[number] for number in self._family(product_id)]
        return {_low(row[name]) for row in rows for name in ("product_id", "sku", "title") if row[name]}

    def _in(self, product_id: int) -> set[str]:
        return {_low(category) for number, category in self.categories if number in self._family(product_id)}

    def _own_names(self, product_id: int) -> set[str]:
        row = self.products[product_id]
        return {_low(row[name]) for name in ("product_id", "sku", "title") if row[name]}

    def _meant(self, did: t.Did, event: Row) -> bool:
        properties = event["properties"]
        if event["name"] not in did.names or not self._inside(did, event["at"]):
            return False
        if did.deed is t.Deed.MAIL and properties.get("origin") is None:
            return False
        if did.people_only and properties.get("machine") not in (None, False):
            return False
        campaign = properties.get("campaign")
        if did.campaign is not None and not (isinstance(campaign, str) and _low(campaign) == _low(did.campaign)):
            return False
        told, categories = set(), set()
        for path, value in _walk(properties, ()):
            if path[-1] in ("product_id", "sku", "product", "title"):
                told.add(_low(str(value)))
            if path[-1] in ("category", "categories") or (len(path) > 1 and path[-2] == "categories"):
                categories.add(_low(str(value)))
        meant = [number for number in self.products if self._own_names(number) & told]
        if did.product is not None and _low(did.product) not in told.union(*(self._names(number) for number in meant)):
            return False
        if did.category is not None and _low(did.category) not in categories.union(*(self._in(n) for n in meant)):
            return False
        return did.where is None or self._test(did.where, properties)


def _is_key(value: object, wanted: str | None) -> bool:
    return type(value) in (str, int) and wanted is not None and _low(str(value)) == _low(wanted)


@cache
def _wall(wanted: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant at which clocks show a time, or a later one where they skip it."""
    if wanted.tzinfo is not None:
        return wanted
    moment = wanted.replace(tzinfo=UTC) - timedelta(hours=15)
    while moment.astimezone(zone).replace(tzinfo=None) < wanted:
        moment += timedelta(minutes=1)
    return moment


def _walk(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every text and number in JSON with the way to it."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk(each, (*path, key))
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _instant(ms: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _low(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _is(value: Any, kind: t.FieldType) -> bool:
    if kind is t.FieldType.ANY:
        return value is not None
    if kind is t.FieldType.BOOL:
        return isinstance(value, bool)
    if kind in (t.FieldType.TEXT, t.FieldType.CHOICE, t.FieldType.DATE):
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)
