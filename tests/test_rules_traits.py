"""How sure signs make us of a trait: the sum is exact, what may be compared with it, and what a trait may not ask."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailflow.rules import Rule, RuleError, explain, known_fields, matches, parse
from mailflow.rules.traits import SignText, Trait, are_countable, bounds, percent, share, steps, weigh
from mailflow.rules.types import Always, Deed, Field, FieldType, Not, Outline, Sign, Weighed
from mailflow.segments import due
from mailflow.store import Store, members, rules_sql
from people import add_contact
from rule_shop import CONTEXT, NOW, ZONE

ORGANIC = Trait(
    "organic",
    "cares for organic growing",
    (
        SignText('tags contains "organic"', 60, source="said so"),
        SignText('country == "AT"', 20),
        SignText("bought(within=2h)", 50, against=True),
    ),
)
TRAITS = {"organic": ORGANIC, "nobody": Trait("nobody", "", (SignText("false", 90),))}
FIELDS = known_fields({}, ["champions"], TRAITS)
NINE_SURE = tuple(SignText("true", 99) for _ in range(9))

signs = st.lists(st.tuples(st.integers(1, 99), st.booleans(), st.booleans()), min_size=1, max_size=9)


def outline() -> Outline:
    return Outline("true", Always(True))


def told(text: str) -> Rule:
    return parse(text, fields=FIELDS, traits=TRAITS)


@given(signs=signs, shares=st.decimals(0, 1, places=4), operator=st.sampled_from(["==", "<", "<=", ">", ">="]))
def test_a_comparison_is_true_exactly_where_the_fraction_says_so(
    signs: list[tuple[int, bool, bool]], shares: Decimal, operator: str
) -> None:
    doubt, kept = Fraction(1), Fraction(1)
    for number, against, truth in signs:
        left = 1 - Fraction(number, 100) * truth
        doubt, kept = (doubt, kept * left) if against else (doubt * left, kept)
    confidence, wanted = (1 - doubt) * kept, Fraction(shares)
    weighed = Weighed("x", tuple(Sign(outline(), one, against, "") for one, against, _ in signs), operator, shares)
    counted = weigh((share(sign), sign.against, one[2]) for sign, one in zip(weighed.signs, signs, strict=True))
    low, high = bounds(weighed)
    assert Fraction(counted, steps(map(share, weighed.signs))) == confidence
    meant = {"==": confidence == wanted, "<": confidence < wanted, "<=": confidence <= wanted,
             ">": confidence > wanted, ">=": confidence >= wanted}[operator]  # fmt: skip
    assert (low <= counted <= high) == (meant and confidence > 0)


def test_two_signs_take_their_share_of_the_doubt_and_one_against_of_the_rest() -> None:
    both = {"tags": ["organic"], "country": "AT"}
    for text, facts, truth in (
        ("traits.organic == 68%", both, True),
        ("traits.organic >= 0.68", both, True),
        ("traits.organic > 68%", both, False),
        ("68% <= traits.organic", both, True),
        ("traits.organic", both, True),
        ("traits.organic == 20%", {"country": "AT"}, True),
        ("traits.organic", {"country": "AT"}, False),
        ("traits.organic < 1", {}, False),  # no sign: missing
        ("traits.organic == null", {}, True),
        ("traits.organic != 20%", {}, True),
        ("not traits.organic", {}, True),
        ("traits.nobody != null", both, False),
    ):
        assert matches(parse(text, fields=FIELDS, traits=TRAITS), facts, context=CONTEXT) is truth, text


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("traits") / "mailflow.db"
    with Store.create(path) as made, made.transaction() as tx:
        add_contact(tx, "ada@example.com", now=NOW)
        yield made


def test_nine_signs_of_99_percent_are_counted_exactly_by_the_database(store: Store) -> None:
    sure = {"sure": Trait("sure", "", NINE_SURE)}
    rule = parse("traits.sure", fields=known_fields({}, [], sure), traits=sure)
    found = rules_sql.compile_trait(rule, context=CONTEXT)
    counted = store.db.execute(f"SELECT {found.sql} FROM contacts AS c", found.parameters).fetchone()[0]
    assert (counted, found.steps) == (10**18 - 1, 10**18)
    for end, count in (("== 1", 0), ("< 1", 1)):
        rule = parse(f"traits.sure {end}", fields=known_fields({}, [], sure), traits=sure)
        assert len(list(members.found(store.db, *rules_sql.compile(rule, context=CONTEXT)))) == count
    assert are_countable(NINE_SURE)
    assert not are_countable((*NINE_SURE, NINE_SURE[0]))
    assert are_countable([SignText("true", 50)] * 62)


def test_a_rule_on_a_trait_reads_what_its_signs_read() -> None:
    rule = parse('country == "DE" or not traits.organic >= 70%', fields=FIELDS, traits=TRAITS)
    assert rule.fields() == {Field("country", FieldType.TEXT), Field("tags", FieldType.TEXT, multi=True)}
    assert rule.deeds() == {Deed.ORDER}
    assert due.due_at(rule, NOW, ZONE) - NOW == timedelta(minutes=5)  # a sign counts hours
    assert not rule.asks_amounts()
    dear = {"dear": Trait("dear", "", (SignText("orders.revenue > 5", 50),))}
    assert parse("traits.dear", fields=known_fields({}, [], dear), traits=dear).asks_amounts()


def test_an_explanation_names_each_sign_with_its_confidence_and_source() -> None:
    found = explain(told("traits.organic != 68%"), {"tags": ["organic"], "country": "AT"}, CONTEXT)
    assert (found.truth, found.value, found.confidence) == (False, "68 %", 0.68)
    assert [(part.text, part.truth, part.value, part.confidence) for part in found.parts] == [
        ('60 %, said so: tags contains "organic"', True, "organic", 0.6),
        ('20 %: country == "AT"', True, "AT", 0.2),
        ("50 % against: bought(within=2h)", False, "never", 0.5),
    ]
    nothing = explain(told("traits.organic"), {}, CONTEXT)
    assert (nothing.value, nothing.confidence) == ("missing", None)
    assert len(nothing.parts) == 3


def test_a_confidence_is_never_shown_higher_than_it_is() -> None:
    assert [percent(Fraction(one)) for one in ("0.68", "0.6996", "0.69999", "1/3", "0.999999")] == [
        "68 %", "69.9 %", "69.9 %", "33.3 %", "99.9 %",
    ]  # fmt: skip
    assert [percent(number / 100) for number in range(1, 100)] == [f"{number} %" for number in range(1, 100)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("traits.organik >= 70%", "unknown name 'traits.organik' (did you mean 'traits.organic'?)"),
        ("organic >= 70%", "unknown name 'organic' (did you mean 'traits.organic'?)"),
        ('traits contains "organic"', "unknown name 'traits': write traits.organic >= 70%"),
        ("traits.organic >= 70", "a trait is compared with a share from 0% to 100%: write traits.organic >= 70%"),
        ("traits.organic > -1", "a trait is compared with a share"),
        ('traits.organic == "yes"', "a trait is compared with a share"),
        ("traits.organic > orders.count", "a trait is compared with a share"),
        ("orders.count > traits.organic", "a trait is compared with a share"),
        ("traits.organic in (0.5, 0.7)", "a trait is compared with one share"),
        ("traits.organic > null", "null is only compared with =="),
        ('traits.organic contains "x"', "only a text contains something"),
        ("orders.count >= 5%%", "'%' cannot stand here"),
    ],
)
def test_a_mistake_is_told(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text, fields=FIELDS, traits=TRAITS)
    assert caught.value.message.startswith(message)


def test_a_trait_is_not_told_from_traits_and_no_segment_leads_round() -> None:
    traits = {
        "a": Trait("a", "", (SignText("traits.b", 50),)),
        "b": Trait("b", "", (SignText('segment("round")', 50),)),
        "c": Trait("c", "", (SignText('segment("plain")', 50),)),
    }
    segments = {"round": "traits.b or true", "plain": 'country == "AT"', "nested": "traits.c"}
    fields = known_fields({}, [], traits)

    def read(text: str) -> object:
        return parse(text, fields=fields, traits=traits, segments=segments).condition

    with pytest.raises(RuleError, match=r"not from traits: traits.a → traits.b"):
        read("traits.a")
    with pytest.raises(RuleError, match=r"not from traits: traits.b → round → traits.b"):
        read("traits.b")
    with pytest.raises(RuleError, match="round in circles"):
        read('segment("round")')
    assert isinstance(read('not segment("nested")'), Not)


def test_percent_is_a_hundredth_of_any_number() -> None:
    assert (
        parse("orders.count >= 250%", fields=FIELDS).condition == parse("orders.count >= 2.5", fields=FIELDS).condition
    )
