"""The two faces of a rule, SQL and predicate, give the same people; and nothing of a rule becomes SQL text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow import clock
from mailflow.config import FieldSettings
from mailflow.rules import Context, RuleError, known_fields, matches, parse
from mailflow.rules.derived import derive
from mailflow.rules.predicate import holds
from mailflow.rules.resolve import resolve
from mailflow.store import Store, members, rules_sql

ZONE = clock.zone("Europe/Vienna")
NOW = datetime(2026, 3, 30, 9, 30, tzinfo=UTC)
CONTEXT = Context(now=NOW, zone=ZONE, currency="EUR")
DECLARED = {
    "vip": FieldSettings(type="bool"),
    "size": FieldSettings(type="number"),
    "since": FieldSettings(type="date"),
    "nick": FieldSettings(),
    "pets": FieldSettings(multi=True),
    "sizes": FieldSettings(type="number", multi=True),
}
CLASSES = ["champions", "at_risk", "hibernating"]
FIELDS = known_fields(DECLARED, CLASSES)

TEXTS = ["DE", "de", "AT", "Österreich", "österreich", "O'Reilly", 'a"b', "50%", "\\", "Zürich", "NULL", "--", "ß", "1"]
DAYS = ["1984-03-07", "2000-02-29", "2026-03-29", "2026-03-30"]
INSTANTS = [
    clock.to_ms(clock.local_instant(date(2026, 3, day), time(hour, minute), ZONE) + timedelta(milliseconds=shift))
    for day in (28, 29, 30)
    for hour, minute in ((0, 0), (23, 59), (12, 0))
    for shift in (-1, 0)
]


def people(dice: Random, count: int) -> list[dict[str, Any]]:
    """Return facts of random contacts, by canonical field name, with gaps and values of the wrong type."""

    def maybe(values: list[Any]) -> Any:
        return dice.choice([None, *values])

    def person() -> dict[str, Any]:
        facts = {name: maybe(TEXTS) for name in ("country", "city", "first_name", "last_name", "email")}
        facts |= {"birthday": maybe([*DAYS, "--03-07", "--03-29"]), "created_at": dice.choice(INSTANTS)}
        facts |= {
            "source": dice.choice(TEXTS),
            "consent.email": dice.choice(["never", "subscribed", "pending", "unsubscribed"]),
        }
        facts |= {
            "attributes.vip": maybe([True, False, "true", 1]),
            "attributes.nick": maybe([*TEXTS, 5, True, ["DE"]]),
        }
        facts |= {"attributes.size": maybe([0, 1, -2, 2.5, "2", True]), "attributes.since": maybe([*DAYS, 1984])}
        facts |= {"attributes.pets": maybe(["DE", 7, [], ["DE", "cat"], [None, 3, "de"], [True]])}
        facts |= {"attributes.sizes": maybe([1, [1, 2.5], ["1"], [], [False, 2]])}
        facts |= {"orders.count": 0, "orders.revenue": 0, "tickets.open": dice.choice([0, 0, 1, 2])}
        if dice.random() < 0.6:
            first, last = sorted(dice.choices(INSTANTS, k=2))
            facts |= {"orders.count": dice.randint(1, 3), "orders.revenue": dice.choice([0, 100, 150, 199, 9950, -5])}
            facts |= {"orders.first_at": first, "orders.last_at": last, "rfm.class": dice.choice(CLASSES)}
            facts["created_at"] = min(first, facts["created_at"])  # who ordered was known by then
            facts |= {f"rfm.{letter}": dice.randint(1, 5) for letter in "rfm"}
        return facts

    return [derive(person(), CONTEXT) for _ in range(count)]


def keep(store: Store, facts: Mapping[str, Any], number: int) -> None:
    """Write one contact's facts where the store keeps them."""
    db = store.db
    columns = ("email", "first_name", "last_name", "country", "city", "birthday", "source", "created_at")
    attributes = {
        n.removeprefix("attributes."): v for n, v in facts.items() if n.startswith("attributes.") and v is not None
    }
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    db.execute(
        f"INSERT INTO contacts (id, key, {names}, attributes, updated_at) VALUES (?, ?, {marks}, ?, 0)",
        (number, f"k{number}", *(facts[name] for name in columns), json.dumps(attributes, ensure_ascii=False)),
    )
    if facts["consent.email"] != "never":
        db.execute(
            "INSERT INTO consents (id, contact_id, channel, topic, state, basis, occurred_at, recorded_at, source)"
            " VALUES (?, ?, 'email', '', ?, 'express', 0, 0, 'test')",
            (number, number, facts["consent.email"]),
        )
        db.execute(
            "INSERT INTO consent_states VALUES (?, 'email', '', ?, 'express', 0, ?)",
            (number, facts["consent.email"], number),
        )
    for ticket in range(facts["tickets.open"] + 1):  # one of them is closed
        names = ("ticket_opened", "ticket_closed") if ticket == 0 else ("ticket_opened",)
        db.executemany(
            "INSERT INTO events (contact_id, name, source, source_id, occurred_at, recorded_at, properties)"
            " VALUES (?, ?, 'test', ?, 0, 0, json_object('ticket_id', ?))",
            [(number, name, f"{number}-{ticket}:{name}", str(ticket)) for name in names],
        )
    if facts["orders.count"]:
        dates = (facts["orders.first_at"], facts["orders.last_at"])
        db.execute("INSERT INTO contact_facts VALUES (?, ?, ?, ?)", (number, facts["orders.count"], *dates))
        db.execute("INSERT INTO contact_revenue VALUES (?, 'EUR', ?)", (number, facts["orders.revenue"]))
        scores = (facts["rfm.r"], facts["rfm.f"], facts["rfm.m"], facts["rfm.class"])
        db.execute(
            "INSERT INTO rfm_scores"
            " (contact_id, run_id, recency_days, frequency, monetary_minor, currency, r, f, m, class)"
            " VALUES (?, 1, 0, 0, 0, 'EUR', ?, ?, ?, ?)",
            (number, *scores),
        )


PEOPLE = people(Random(7), 80)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("rules") / "mailflow.db"
    with Store.create(path) as made:
        made.db.execute("INSERT INTO score_runs VALUES (1, 'rfm', 1, '2026-03-30', 0, 1, '{}')")
        for number, facts in enumerate(PEOPLE, start=1):
            keep(made, facts, number)
        yield made


def by_sql(store: Store, text: str) -> list[int]:
    return list(members.found(store.db, *rules_sql.compile(parse(text, fields=FIELDS), context=CONTEXT)))


def by_predicate(text: str) -> list[int]:
    condition = resolve(parse(text, fields=FIELDS), CONTEXT)
    return [number for number, facts in enumerate(PEOPLE, start=1) if holds(condition, facts)]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


texts = st.sampled_from(TEXTS).map(quoted)
numbers = st.sampled_from(["0", "1", "2", "2.5", "-2", "-0", "1.99", "99.5", "100000000000000"])
days = st.sampled_from([*DAYS, "0001-01-01", "9999-12-31"]).map(quoted)
moments = st.one_of(
    days,
    st.sampled_from(
        [
            "now",
            "now - 1d",
            "now + 12h",
            "now - 2w + 1d",
            "now - 36500d",
            '"2026-03-29 02:30"',
            '"2026-03-29T23:59:00Z"',
        ]
    ),
)
all_signs = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
equal_signs = st.sampled_from(["==", "!="])
text_fields = st.sampled_from(["country", "city", "first_name", "email", "source", "nick", "attributes.nick"])
number_fields = st.sampled_from(["orders.count", "tickets.open", "orders.revenue", "size"])
score_fields, score_values = st.sampled_from(["rfm.r", "rfm.f", "rfm.m"]), st.sampled_from(["2", "3", "4"])
instant_fields = st.sampled_from(["created_at", "orders.first_at", "orders.last_at"])
date_fields = st.sampled_from(["birthday", "since"])
choices = st.sampled_from(["rfm.class"]).flatmap(
    lambda n: st.tuples(st.just(n), equal_signs, st.sampled_from(CLASSES).map(quoted))
) | (st.tuples(st.just("consent.email"), equal_signs, st.sampled_from(["never", "subscribed", "Pending"]).map(quoted)))
day_values = days | st.sampled_from(["now", "now - 1d", "now - 36500d"])
any_field = st.sampled_from(sorted(FIELDS))


def listed(fields: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(values, min_size=1, max_size=3).map(", ".join)
    return st.tuples(fields, st.sampled_from(["in", "not in"]), items).map(lambda t: f"{t[0]} {t[1]} ({t[2]})")


comparisons = st.one_of(
    st.one_of(
        st.tuples(text_fields, all_signs, texts),
        st.tuples(number_fields, all_signs, numbers),
        st.tuples(score_fields, all_signs, score_values),
        st.tuples(instant_fields, all_signs, moments),
        st.tuples(date_fields, all_signs, day_values),
        st.tuples(st.just("pets"), equal_signs, texts),
        st.tuples(st.just("sizes"), equal_signs, numbers),
        st.tuples(st.just("vip"), equal_signs, st.sampled_from(["true", "false"])),
        st.tuples(any_field, equal_signs, st.just("null")),
        st.tuples(text_fields, all_signs, text_fields),
        st.tuples(instant_fields, all_signs, instant_fields),
        st.tuples(date_fields, all_signs, date_fields),
        choices,
    ).map(" ".join),
    st.tuples(moments, all_signs, instant_fields).map(" ".join),
    listed(text_fields | st.just("pets"), texts),
    listed(number_fields | st.just("sizes"), numbers),
    listed(score_fields, score_values),
    listed(instant_fields, moments),
    listed(date_fields, days),
    st.sampled_from(["vip", "true", "false"]),
)
some_rules = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        inner.map(lambda part: f"not ({part})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} {t[2]}"),
    ),
    max_leaves=6,
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=some_rules)
def test_sql_and_predicate_mean_the_same_people(store: Store, text: str) -> None:
    assert by_sql(store, text) == by_predicate(text)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_missing_value_makes_a_test_false_and_its_opposite_true(store: Store, name: str) -> None:
    known, missing = by_sql(store, f"{name} != null"), by_sql(store, f"{name} == null")
    assert sorted(known + missing) == list(range(1, len(PEOPLE) + 1))
    assert (known, missing) == (by_predicate(f"{name} != null"), by_predicate(f"{name} == null"))


def test_one_person_can_be_asked_about() -> None:
    rule = parse('country == "DE" and orders.count >= 2', fields=FIELDS)
    assert matches(rule, {"country": "de", "orders.count": 2}, context=CONTEXT)
    assert not matches(rule, {"orders.count": 2}, context=CONTEXT)


def test_everybody_is_either_equal_or_unequal(store: Store) -> None:
    either = by_sql(store, 'country == "DE"') + by_sql(store, 'country != "DE"')
    assert sorted(either) == list(range(1, len(PEOPLE) + 1))


def test_text_is_compared_without_regard_to_the_case_of_ascii_letters(store: Store) -> None:
    wanted = [n for n, facts in enumerate(PEOPLE, start=1) if facts["country"] in ("DE", "de")]
    assert by_sql(store, 'country == "De"') == wanted


def test_a_day_is_the_whole_day_in_the_accounts_zone(store: Store) -> None:
    """29 March 2026 has 23 hours in Vienna."""
    on_day = [
        n
        for n, facts in enumerate(PEOPLE, start=1)
        if clock.local_date(clock.from_ms(facts["created_at"]), ZONE) == date(2026, 3, 29)
    ]
    assert by_sql(store, 'created_at == "2026-03-29"') == on_day
    assert by_sql(store, 'created_at >= "2026-03-29" and created_at <= "2026-03-29"') == on_day


def test_revenue_is_asked_in_the_accounts_currency_units(store: Store) -> None:
    assert by_sql(store, "orders.revenue >= 99.50") == [
        n for n, f in enumerate(PEOPLE, start=1) if f["orders.revenue"] >= 9950
    ]


def test_revenue_in_several_currencies_is_converted_by_factors(store: Store) -> None:
    rule = parse("orders.revenue == 2", fields=FIELDS)
    where, parameters = rules_sql.compile(rule, context=CONTEXT, factors={"EUR": 1.0, "USD": 0.5})
    store.db.execute("BEGIN")
    store.db.execute("INSERT INTO contacts (id, key, source, created_at, updated_at) VALUES (999, 'x', 's', 0, 0)")
    store.db.execute("INSERT INTO contact_revenue VALUES (999, 'EUR', 100), (999, 'USD', 199)")
    try:
        assert list(members.found(store.db, where, parameters)) == [999]
    finally:
        store.db.execute("ROLLBACK")


def hostile() -> list[str]:
    """Return texts that would do something if they ever became SQL, a parameter's name, JSON or a path."""
    cores = [
        "' OR 1=1 --",
        "'; DROP TABLE contacts; --",
        '" OR ""="',
        "%' OR 'a' LIKE '%",
        "1); DELETE FROM orders; --",
        "x' UNION SELECT key FROM contacts --",
    ]
    cores += [
        ":rule_0",
        "?1",
        "@x",
        "$x",
        "{0}",
        "%s",
        "%(x)s",
        "\\",
        "\\'",
        "/*",
        "*/",
        "--",
        ";",
        "NULL",
        "TRUE",
        "char(39)",
        "0x27",
        "''",
        '""',
    ]
    cores += [
        '$."a"',
        "$[0]",
        '"],"x":["',
        "randomblob(1000000000)",
        "load_extension('x')",
        "ATTACH DATABASE 'x' AS y",
        "PRAGMA writable_schema=1",
    ]
    cores += [
        "ʼ OR ʼ1ʼ=ʼ1",
        "＇ OR 1=1",
        "\u202e'--",
        "a\tb",
        "😀'",
        "1e999",
        "NaN",
        "' COLLATE BINARY --",
        "' ESCAPE '\\",
        "(select 1)",
    ]
    ends = ("'", ")", " AND 1=1", '"', "' --", "%", "_", '")', "')", "\\")
    return [*cores, *(f"{core}{end}" for core in cores for end in ends), *(f"'{core}" for core in cores)]


PAYLOADS = hostile()


# Every place of a rule where a text may stand.
EVERYWHERE = (
    "country == {0} or nick in ({0}) or email contains {0} or attributes.x starts_with {0} or bought({0}, category={0})"
    " or viewed(product={0}, category={0}) or clicked({0}) or received({0})"
    " or did({0}, where=a.b == {0} or c ends_with {0})"
    " or bought(where=title == {0} or sku in ({0}))"
)


def test_hostile_texts_travel_as_parameters_and_find_only_themselves(store: Store) -> None:
    assert len(PAYLOADS) >= 500
    before = store.db.execute("SELECT count(*), total(id) FROM contacts").fetchone()
    plain_sql, _ = rules_sql.compile(parse(EVERYWHERE.format('"x"'), fields=FIELDS), context=CONTEXT)
    for payload in PAYLOADS:
        literal = quoted(payload)
        text = EVERYWHERE.format(literal)
        sql, parameters = rules_sql.compile(parse(text, fields=FIELDS), context=CONTEXT)
        assert sql == plain_sql
        assert payload in parameters.values() or payload.strip() in parameters.values()
        assert by_sql(store, text) == by_predicate(text)
        wanted = [n for n, f in enumerate(PEOPLE, start=1) if payload in (f["country"], f["attributes.nick"])]
        assert set(wanted) <= set(by_sql(store, f"country == {literal} or nick in ({literal})"))
    assert store.db.execute("SELECT count(*), total(id) FROM contacts").fetchone() == before


def test_a_list_is_looked_for_in_the_same_way_whatever_is_asked() -> None:
    asked = {
        rules_sql.compile(parse(f"tags contains {quoted(p)}", fields=FIELDS), context=CONTEXT)[0] for p in PAYLOADS
    }
    assert len(asked) == 1  # first in the whole JSON, for nothing where that may hold the value in other signs


@pytest.mark.parametrize("sign", ["%", "_", "[", "*", "?"])
def test_no_sign_is_a_wildcard(store: Store, sign: str) -> None:
    for test in ("contains", "starts_with", "ends_with"):
        rule = f'country {test} "{sign}" or nick {test} "{sign}"'
        wanted = [
            n for n, f in enumerate(PEOPLE, start=1)
            if any(isinstance(v, str) and sign in v for v in (f["country"], f["attributes.nick"]))
        ]  # fmt: skip
        assert set(by_sql(store, rule)) <= set(wanted)
        assert by_sql(store, rule) == by_predicate(rule)


def test_hostile_text_outside_quotes_is_refused(store: Store) -> None:
    """Only what the grammar knows gets further than the parser."""
    for payload in PAYLOADS:
        for text in (
            payload,
            f"country == {payload}",
            f'country == "DE" {payload}',
            f"{payload} == 1",
            f"attributes.{payload} == 1",
            f"bought({payload}=1)",
            f'did("x", where={payload} == 1)',
        ):
            try:
                found = by_sql(store, text)
            except RuleError:
                continue
            # TRUE and the like are no rules; `--` before a number would be a sign.
            assert found == by_predicate(text), text


def test_no_value_of_a_rule_is_in_its_statement() -> None:
    sql, parameters = rules_sql.compile(
        parse('nick == "o\'x" and pets == "y" and size > 3.5 and birthday < "1999-01-01"', fields=FIELDS),
        context=CONTEXT,
    )
    for value in ("o'x", "3.5", "1999", "pets", "nick"):
        assert value not in sql
    assert set(map(str, parameters.values())) >= {"o'x", "y", "3.5", "1999-01-01", '$."nick"'}


def test_the_largest_rule_the_parser_takes_still_runs(store: Store) -> None:
    text = " or ".join(['country == "DE"'] * 200)
    assert by_sql(store, text) == by_predicate(text)
    alternating = " and ".join(f'(city == "x{n}" or not vip)' for n in range(99))
    assert by_sql(store, alternating) == by_predicate(alternating)
    items = ", ".join(f'"{n}"' for n in range(2500))
    assert by_sql(store, f"country in ({items})") == by_predicate(f"country in ({items})")
    many_days = ", ".join(['"2026-03-29"'] * 1400)
    assert by_sql(store, f"created_at in ({many_days})") == by_predicate(f"created_at in ({many_days})")


@pytest.mark.parametrize("opening", ["not (", "vip and (", "vip or not (", "(", "not not ("])
def test_the_deepest_rule_the_parser_takes_still_runs(store: Store, opening: str) -> None:
    ran = 0
    for depth in range(1, 40):
        text = opening * depth + 'pets not in ("x") and birthday < "1999-01-01"' + ")" * depth
        try:
            assert by_sql(store, text) == by_predicate(text)
            ran = depth
        except RuleError:
            break
    assert 5 < ran < 39


@pytest.mark.parametrize("wrap", ['did("x", where={0})', 'viewed("x", category="y", at_least=2, where={0})'])
def test_the_deepest_question_about_events_still_runs(store: Store, wrap: str) -> None:
    ran = 0
    for depth in range(1, 40):
        inner = "not (a.b == 1 or " * depth + "flag" + ")" * depth
        text = "not (vip or " * depth + wrap.format(inner) + ")" * depth
        try:
            assert by_sql(store, text) == by_predicate(text)
            ran = depth
        except RuleError:
            break
    assert 2 < ran < 39


def test_many_questions_about_deeds_run_in_one_rule(store: Store) -> None:
    text = " or ".join(f'bought("x{n}", within={n + 1}d) or viewed(category="y{n}", at_least=2)' for n in range(60))
    assert by_sql(store, text) == by_predicate(text) == []


def plan(store: Store, text: str) -> str:
    where, parameters = rules_sql.compile(parse(text, fields=FIELDS), context=CONTEXT, merges=False)
    rows = store.db.execute(f"EXPLAIN QUERY PLAN {members.COUNT.format(where)}", parameters)
    return "\n".join(row["detail"] for row in rows)


def test_what_is_asked_of_everybody_is_answered_from_indexes(store: Store) -> None:
    assert "SEARCH t USING AUTOMATIC COVERING INDEX (who=?)" in plan(store, "tickets.open == 0")
    assert "SEARCH o USING COVERING INDEX orders_by_contact" in plan(store, "bought(at_least=5)")
    assert "SEARCH l USING COVERING INDEX order_lines_by_product" in plan(store, 'bought(category="tea", within=180d)')
    assert "SEARCH e USING COVERING INDEX events_by_name" in plan(store, 'did("cart_abandoned", within=60d)')
