"""What a rule may say, and what it is told when it says it wrong."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from mailflow.config import FieldSettings
from mailflow.rules import Field, Names, RuleError, known_fields, parse
from mailflow.rules.types import All, Compare, FieldType, FromNow, Known, Not, OneOf, Some

DECLARED = {
    "vip": FieldSettings(type="bool"),
    "pets": FieldSettings(multi=True),
    "size": FieldSettings(type="number"),
    "country": FieldSettings(),
}
FIELDS = known_fields(DECLARED, ["champions", "loyal_customers", "hibernating"])


NAMES = Names(
    events=frozenset({"ticket_opened", "clicked", "opened"}),
    categories=frozenset({"Tea", "Mugs"}),
    product_meant={"Mathca": "Matcha"}.get,
    campaign_meant={"sprnig": "spring"}.get,
)


def error(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        parse(text, fields=FIELDS, names=NAMES)
    return caught.value


def test_the_example_of_the_handbook_is_understood() -> None:
    rule = parse('country == "DE" and orders.count >= 2 and orders.last_at < now - 90d', fields=FIELDS)
    assert rule.condition == All(
        (
            Compare(FIELDS["country"], "==", "DE"),
            Compare(FIELDS["orders.count"], ">=", Decimal(2)),
            Compare(FIELDS["orders.last_at"], "<", FromNow(timedelta(days=-90))),
        )
    )


def test_and_binds_more_strongly_than_or_and_not_more_than_both() -> None:
    rule = parse('vip or not vip and country == "DE"', fields=FIELDS)
    vip = Compare(FIELDS["vip"], "==", True)
    assert rule.condition == Some((vip, All((Not(vip), Compare(FIELDS["country"], "==", "DE")))))


def test_not_applies_to_the_whole_comparison() -> None:
    rule = parse("not orders.count == 1", fields=FIELDS)
    assert rule.condition == Not(Compare(FIELDS["orders.count"], "==", Decimal(1)))


def test_unequal_is_the_opposite_of_equal() -> None:
    assert parse('city != "Graz"', fields=FIELDS).condition == parse('not city == "Graz"', fields=FIELDS).condition


def test_a_constant_may_stand_on_the_left() -> None:
    left, right = parse("2 <= orders.count", fields=FIELDS), parse("orders.count >= 2", fields=FIELDS)
    assert left.condition == right.condition


def test_null_asks_whether_a_value_is_known() -> None:
    assert parse("city != null", fields=FIELDS).condition == Not(Not(Known(FIELDS["city"])))


def test_a_list_may_end_with_a_comma_and_hold_one_value() -> None:
    assert parse('country in ("DE",)', fields=FIELDS).condition == OneOf(FIELDS["country"], ("DE",))


def test_a_declared_field_never_hides_a_built_in_one() -> None:
    assert FIELDS["country"].attribute is None
    assert FIELDS["attributes.country"] == Field("attributes.country", FieldType.TEXT)
    assert FIELDS["size"] is FIELDS["attributes.size"]


def test_a_rule_may_span_lines_and_the_error_names_line_and_column() -> None:
    found = error('country == "DE"\n  and orders.cuont > 1')
    assert (found.line, found.column) == (2, 7)
    assert str(found).splitlines() == [
        "unknown name 'orders.cuont' (did you mean 'orders.count'?)",
        "    and orders.cuont > 1",
        "        ^^^^^^^^^^^^",
    ]
    assert found.exit_code == 78


@pytest.mark.parametrize(
    ("text", "message", "pointed_at"),
    [
        ('contry == "DE"', "unknown name 'contry' (did you mean 'country'?)", "contry"),
        ("count > 2", "unknown name 'count' (did you mean 'orders.count'?)", "count"),
        ('country = "DE"', "'=' sets a value: to compare, write ==", "="),
        ("country == DE", "unknown name 'DE': a text stands in quotes, such as \"DE\"", "DE"),
        ("city == None", "unknown name 'None': write null for a missing value", "None"),
        ('rfm.class == "champion"', "rfm.class is never \"champion\" (did you mean 'champions'?)", '"champion"'),
        ('country == "DE" AND vip', "write 'and' in small letters", "AND"),
        ('country == "DE" && vip', "'&&' is not an operator here: write and", "&&"),
        ('country <> "DE"', "'<>' is not an operator here: write !=", "<>"),
        ("!vip", "'!' is not an operator here: write not", "!"),
        ('(country == "DE"', "this bracket is never closed", "("),
        ('country == "DE', 'this text has no closing "', '"'),
        ("orders.last_at < 2026-03-20", 'a date stands in quotes: "2026-03-20"', "2026-03-20"),
        ("1 < orders.count < 3", "comparisons do not chain: write a < b and b < c", "<"),
        ('country not ("DE")', "'not' cannot stand here: did you mean 'not in' or 'and not'?", "not"),
        ('country in "DE"', 'after "in" comes a list in brackets, such as ("DE", "AT")', '"DE"'),
        ("vip and", "the rule ends too soon: something is missing here", ""),
        ("", 'a rule is missing, such as country == "DE"', ""),
        ('pets < "a"', "pets has no order: use ==, != or in", "<"),
        ('rfm.class < "a"', "rfm.class has no order: use ==, != or in", "<"),
        ("city < null", "null is only compared with == and !=", "<"),
        ("2 == 2", "one side of a comparison must be a field", "2 == 2"),
        ('orders.last_at < "2026-13-01"', '"2026-13-01" is not a day: write "2026-03-20"', '"2026-13-01"'),
        ("orders.count == 1.5.2", "'.' cannot stand here", "."),
        (
            'buyed(category="tea", within=180d)',
            "unknown function 'buyed' (known are: segment, near, bought, viewed, added_to_cart, received, opened,"
            " clicked, answered, did)",
            "buyed",
        ),
        (
            "now - orders.last_at > 90d",
            "only times and durations are added or subtracted, such as now - 90d",
            "now - orders.last_at",
        ),
        ("orders.count > 1234567890123456", "this number has more than 15 digits", "1234567890123456"),
        ("orders.last_at < now - 40000d", "a duration goes up to 36500d", "40000d"),
        ('lifecycle == "actve"', "lifecycle is never \"actve\" (did you mean 'active'?)", '"actve"'),
        ("country in ()", 'a list has at least one value, such as ("DE", "AT")', ")"),
        (
            "country is null",
            "a rule compares with ==, and asks for a missing value with == null, for any with != null",
            "is",
        ),
        (
            'country like "D%"',
            'of a part of a text, write contains "…", starts_with "…" or ends_with "…"',
            "like",
        ),
        ('email endswith "x"', 'write ends_with "…"', "endswith"),
        ("age between 30", "write both ends: age >= 30 and age < 40", "between"),
        ("orders.last_at < now - 90 days", "a duration is one word, such as 24h, 90d or 12w", "days"),
        ("orders.revenue > 100 EUR", "an amount is a plain number in your currency, such as 99.50", "EUR"),
        ("orders.revenue > €100", "an amount is a plain number in your currency, such as 99.50", "€"),
        ("orders.revenue > 1,000", "a number has a point and nothing else: 1000, 99.50", ","),
        ("vip; true", "a rule is one condition: join its parts with and or or", ";"),
        ("vip # best", "a comment has no place in a rule: in a file it stands on a line of its own", "#"),
        ('country == "DE" then vip', "a rule is only the condition itself", "then"),
    ],
)
def test_a_wrong_rule_is_told_what_and_where(text: str, message: str, pointed_at: str) -> None:
    found = error(text)
    assert found.message == message
    assert text[found.start : found.end] == pointed_at


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('orders.count >= "2"', 'orders.count (a number) cannot be compared with "2": write a number'),
        (
            "orders.revenue > 90d",
            "orders.revenue (an amount) cannot be compared with 90d: write an amount as a plain number",
        ),
        ("orders.last_at < 90d", "orders.last_at (a time) cannot be compared with 90d: write a time: now - 90d"),
        ("country == 5", 'country (a text) cannot be compared with 5: write a text in quotes, such as "Vienna"'),
        ("vip == 1", "vip (true or false) cannot be compared with 1: write true or false"),
        ("city == orders.count", "city (a text) cannot be compared with orders.count (a number)"),
        ("orders.count", "this is not a condition yet: compare it, such as orders.count == 1"),
        ('"DE"', "this is not a condition: compare a field with it"),
        ("orders.count > 3y", "'3y' is not a duration: write a whole number and s, m, h, d or w, such as 90d"),
        ("country == “DE”", "'“' is not a quotation mark here"),
        ('consent.email == "yes"', "(known are: subscribed, pending, unsubscribed, never)"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_what_to_write(text: str, wanted: str) -> None:
    assert wanted in error(text).message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "vip",
        "not " * 4000 + "vip",
        "vip and " * 2000 + "vip",
        "orders.last_at < now" + " - 1d" * 3000,
        "x" * 30_000,
    ],
)
def test_a_monstrous_rule_is_refused_with_a_sentence(text: str) -> None:
    assert error(text).message


def test_the_caret_stays_in_sight_on_a_long_line() -> None:
    shown = str(error("vip and " * 30 + 'contry == "DE"')).splitlines()
    assert shown[1][shown[2].index("^") :].startswith("contry")
    assert len(shown[1]) <= 122


SEGMENTS = {
    "vip": "vip and orders.count > 1",
    "dach": 'country in ("DE", "AT")',
    "best": 'segment("vip") and segment("dach")',
}


def test_a_named_segment_is_part_of_a_rule() -> None:
    written = parse('segment("best") or size == 1', fields=FIELDS, segments=SEGMENTS)
    spelled_out = parse('(vip and orders.count > 1) and country in ("DE", "AT") or size == 1', fields=FIELDS)
    assert written.fields() == spelled_out.fields()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('segment("vpi")', "unknown segment 'vpi' (did you mean 'vip'?)"),
        ("segment(vip)", 'write segment("name")'),
        ('segment("vip") == true', "segment(…) is true or false already: it is not compared"),
        ('segment("a")', "segments must not go round in circles or deeper than 4: a → b → a"),
        (
            'segment("broken")',
            "segment 'broken' in segments.yaml is wrong: unknown name 'contry' (did you mean 'country'?)",
        ),
    ],
)
def test_a_wrong_segment_is_told(text: str, message: str) -> None:
    named = {**SEGMENTS, "a": 'segment("b")', "b": 'not segment("a")', "broken": 'contry == "DE"'}
    with pytest.raises(RuleError) as caught:
        parse(text, fields=FIELDS, segments=named)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "message", "pointed_at"),
    [
        ("clicked(witin=60d)", "clicked(…) has no 'witin' (did you mean 'within'?)", "witin"),
        ('received(product="tea")', "received(…) has no 'product'", "product"),
        ("clicked(60d)", "a duration needs a name: write within=60d", "60d"),
        ("bought(2)", "a number needs a name: write at_least=2", "2"),
        ("bought(quantity > 2)", "a condition needs a name: write where=quantity >= 2", "quantity > 2"),
        ("clicked(within=60)", "60 of what? Write within=60d for days, or s, m, h, w", "60"),
        ("clicked(within=0d)", "within= takes a duration, such as 60d", "0d"),
        ('clicked(within="60d")', "within= takes a duration, such as 60d", '"60d"'),
        ("clicked(within=60x)", "'60x' is not a duration", "60x"),
        ("clicked(within=60d, within=30d)", "within is given twice", "within"),
        ('bought("tea", product="tea")', "product is given twice", "product"),
        ('bought("tea", "mugs")', "bought(…) takes one value; the others have names: product", '"mugs"'),
        (
            'bought(within=60d, between=("2026-01-01", "2026-02-01"))',
            "say within= or between=, not both",
            '("2026-01-01", "2026-02-01")',
        ),
        ('bought(between="2026-01-01")', 'write between=("2026-01-01", "2026-03-31")', '"2026-01-01"'),
        (
            'bought(between=("2026-02-01", "2026-01-01"))',
            "between= ends before it begins",
            '("2026-02-01", "2026-01-01")',
        ),
        ("bought(between=(now - 30d, now - 60d))", "between= ends before it begins", "(now - 30d, now - 60d)"),
        ('bought(between=("2026-02-30", now))', '"2026-02-30" is not a day', '"2026-02-30"'),
        ("bought(between=(30d, now))", 'here stands a day, such as "2026-03-20", or now - 90d', "30d"),
        ("bought(at_least=0)", "everybody did it at least 0 times: write not bought(…)", "0"),
        ("bought(at_least=1.5)", "at_least= takes a whole number from 1 on", "1.5"),
        ("bought(at_least=two)", "at_least= takes a whole number from 1 on", "two"),
        ("clicked(machines=1)", "machines= is true or false", "1"),
        ("bought(product=tea)", 'product is a text in quotes: "tea"', "tea"),
        ("did(cart_abandoned)", 'event is a text in quotes: "cart_abandoned"', "cart_abandoned"),
        ("did(3 == 3)", "a condition needs a name: write where=quantity >= 2", "3 == 3"),
        ("did(event=3)", 'event is a text in quotes, such as "ticket_opened"', "3"),
        ('bought(category="  ")', 'category is a text in quotes, such as "tea"', '"  "'),
        ('bought(category="Teas")', "no product is in the category 'Teas' (did you mean 'Tea'?)", '"Teas"'),
        ('did("ticket_opend")', "no event is called 'ticket_opend' (did you mean 'ticket_opened'?)", '"ticket_opend"'),
        ('did("Clicked")', "no event is called 'Clicked' (did you mean 'clicked'?)", '"Clicked"'),
        ('did("order_place")', "no event is called 'order_place' (did you mean 'order_placed'?)", '"order_place"'),
        ("did(within=3d)", 'say what they did, such as did("ticket_opened")', "did(within=3d)"),
        ('did("order_placed", campaign="x")', "an order has no campaign", '"x"'),
        ('did("delivered", where=a == 1)', "a mail that was delivered has no where", "a == 1"),
        ("bought(where=quantitiy > 2)", "unknown name 'quantitiy' (did you mean 'quantity'?)", "quantitiy"),
        ('bought(where=quantity == "2")', 'quantity (a number) cannot be compared with "2": write a number', '"2"'),
        ("bought(where=quantity)", "this is not a condition yet: compare it, such as quantity == 1", "quantity"),
        ('did("clicked", where=value == 60d)', "value is compared with a text, a number, a time, or true", "60d"),
        ('did("clicked", where=clicked())', "within where= stand comparisons of properties", "clicked()"),
        ('did("clicked", where=segment("x"))', "within where= stand comparisons of properties", 'segment("x")'),
        ("clicked() == true", "clicked(…) is true or false already: it is not compared", "clicked()"),
        ("clicked", "unknown name 'clicked': write clicked(…)", "clicked"),
        ("orders.last_at < now - 90", "90 of what? Write 90d for days, or s, m, h, w", "90"),
        ("birthday within 7d", "after 'within' comes next or last, such as birthday within next 7d", "7d"),
        ("birthday within next 7", "here stands a duration, such as 7d", "7"),
        ("birthday within next 36h", "of a day, write whole days or weeks, at most 366d", "birthday within next 36h"),
        ("city within next 7d", "only a time or a day is within a duration of now", "city"),
        ("city contains tea", "unknown name 'tea'", "tea"),
        ('city contains ""', 'after contains stands a text in quotes, such as "tea"', '""'),
        ('orders.count contains "2"', "only a text contains something", "orders.count"),
        ('tags starts_with "a"', "tags is a list: ask whether it contains a value", "starts_with"),
        ('"vip" in tags', 'after "in" comes a list in brackets, such as ("DE", "AT") (of a list, write: tags', "tags"),
        (
            'attributes.conutry == "x"',
            "unknown name 'attributes.conutry' (did you mean 'country'?)",
            "attributes.conutry",
        ),
        ("age = 30", "'=' sets a value: to compare, write ==", "="),
        ("age > 30d", "age (a number) cannot be compared with 30d: write a number", "30d"),
        ('created_at.weekday == "funday"', 'created_at.weekday is never "funday"', '"funday"'),
        ("rfm.r == 6", "rfm.r is never 6: it is a whole number from 1 to 5", "6"),
        ("rfm.m != 0", "rfm.m is never 0", "0"),
        ("rfm.f == 2.5", "rfm.f is never 2.5", "2.5"),
        ("5 < rfm.f", "rfm.f is never > 5", "5"),
        ("rfm.r in (4, 6)", "rfm.r is never 6", "6"),
        ("created_at.hour == 25", "created_at.hour is never 25: it is a whole number from 0 to 23", "25"),
        ("orders.last_at.hour >= 24", "orders.last_at.hour is never >= 24", "24"),
        ("birthday.month == 13", "birthday.month is never 13: it is a whole number from 1 to 12", "13"),
        ("birthday.day == -1", "birthday.day is never -1", "-1"),
        ("orders.first_at.month < 1", "orders.first_at.month is never < 1", "1"),
        ('bought("Mathca")', "no product is called 'Mathca' (did you mean 'Matcha'?)", '"Mathca"'),
        ('received("sprnig")', "no mail is called 'sprnig' (did you mean 'spring'?)", '"sprnig"'),
        ("orders.usual_gap > 30d", "orders.usual_gap (a number) cannot be compared with 30d: write a number", "30d"),
    ],
)
def test_a_slip_in_what_people_did_is_told_with_its_place(text: str, message: str, pointed_at: str) -> None:
    found = error(text)
    assert found.message.startswith(message)
    assert text[found.start : found.end] == pointed_at


@pytest.mark.parametrize(
    "text",
    [
        'did("made_a_wish")',  # a shop may record what it likes
        'did("order_placed", within=3d)',
        'bought(category="tea")',  # A to Z are a to z
        "rfm.r < 6 and rfm.f >= 2.5 and birthday.month <= 13 and created_at.hour == 0",
        'bought(category="Cheese")',  # like no other: nobody bought it yet
        'attributes.shoe.size == 42 and attributes.shoe.colour contains "red"',
        'scores.anything > 0.5 and tags contains "vip" and "2026-03-20" < created_at',
        'did("clicked", where=value > 2 and not (url contains "/tea" or machine))',
        "viewed(between=(now - 60d, now - 30d), at_least=2) and birthday within last 2w",
    ],
)
def test_what_is_not_like_a_slip_is_taken_as_it_is(text: str) -> None:
    assert parse(text, fields=FIELDS, names=NAMES).text == text


def test_a_rule_knows_whether_it_asks_for_amounts() -> None:
    asks = {
        "orders.revenue > 5": True,
        "not bought(where=price > 5)": True,
        "bought(where=quantity > 5)": False,
        'did("clicked", where=price > 5)': False,
        "vip": False,
    }
    assert {text: parse(text, fields=FIELDS).asks_amounts() for text in asks} == asks
