"""What a rule may say, and what it is told when it says it wrong."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from mailflow.config import FieldSettings
from mailflow.rules import Field, RuleError, known_fields, parse
from mailflow.rules.types import All, Compare, FieldType, FromNow, Known, Not, OneOf, Some

DECLARED = {
    "vip": FieldSettings(type="bool"),
    "pets": FieldSettings(multi=True),
    "size": FieldSettings(type="number"),
    "country": FieldSettings(),
}
FIELDS = known_fields(DECLARED, ["champions", "loyal_customers", "hibernating"])


def error(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        parse(text, fields=FIELDS)
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
            "unknown function 'buyed' (known are: segment, bought, viewed, added_to_cart, received, opened, clicked, did)",
            "buyed",
        ),
        (
            "now - orders.last_at > 90d",
            "only times and durations are added or subtracted, such as now - 90d",
            "now - orders.last_at",
        ),
        ("orders.count > 1234567890123456", "this number has more than 15 digits", "1234567890123456"),
        ("orders.last_at < now - 40000d", "a duration goes up to 36500d", "40000d"),
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
