"""Compile a rule to SQL over `contacts AS c`. Values travel as named parameters only; no text of a rule becomes SQL.

The same question about one contact in memory: rules/predicate.py; a test holds that both always agree. What is missing
makes a test false; `IS TRUE` keeps SQL's third truth value out of the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mailflow import clock
from mailflow.rules import traits
from mailflow.rules.resolve import (
    Done,
    Each,
    Either,
    Opposite,
    Plain,
    Resolved,
    Returns,
    Test,
    TestAny,
    Weighs,
    Weight,
    resolve,
    weights,
)
from mailflow.rules.simplify import simplified
from mailflow.rules.types import (
    FAVOURITE,
    Always,
    Around,
    CompareFields,
    Context,
    Deed,
    Field,
    FieldType,
    Known,
    Like,
    Part,
    Rule,
    Weighed,
)
from mailflow.store import favourites, first_heard, json_sql, places_sql
from mailflow.store.deeds_sql import Deeds
from mailflow.store.favourites import Standing
from mailflow.store.tickets import OPEN_IN_RULES

Parameters = dict[str, str | int | float]
# How much of the account's currency's minor units one minor unit of another currency is worth.
Factors = Mapping[str, float]
_Tested = Callable[[str], str]

_OPERATORS = MappingProxyType({"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="})
_FACTS = "(SELECT {} FROM contact_facts AS f WHERE f.contact_id = c.id)"
_RFM = "(SELECT {} FROM rfm_now AS s WHERE s.contact_id = c.id)"
_DAY_MS = 86_400_000
_COLUMNS = MappingProxyType(
    {
        **{
            name: f"c.{name}"
            for name in "email first_name last_name company phone language timezone country region city postcode"
            " source owner birthday".split()
        },
        "birthday.month": "CAST(substr(c.birthday, -5, 2) AS INTEGER)",
        "birthday.day": "CAST(substr(c.birthday, -2) AS INTEGER)",
        "orders.count": f"coalesce({_FACTS.format('f.order_count')}, 0)",
        "orders.usual_gap": _FACTS.format(
            "CASE WHEN f.order_count > 1 THEN"
            f" (f.last_order_at - f.first_order_at) / {_DAY_MS}.0 / (f.order_count - 1) END"
        ),
        "orders.first_at": _FACTS.format("f.first_order_at"),
        "orders.last_at": _FACTS.format("f.last_order_at"),
        "consent.email": "coalesce((SELECT n.state FROM consent_states AS n WHERE n.contact_id = c.id"
        " AND n.channel = 'email' AND n.topic = ''), 'never')",
        "tickets.open": OPEN_IN_RULES,
        "lifecycle": "(SELECT s.stage FROM lifecycle_now AS s WHERE s.contact_id = c.id)",
        "rfm.class": _RFM.format("s.class"),
        "rfm.r": _RFM.format("s.r"),
        "rfm.f": _RFM.format("s.f"),
        "rfm.m": _RFM.format("s.m"),
    }
)
_CREATED = "created_at"
_LOCAL_PARTS = ("month", "hour", "weekday")  # of an instant, in the contact's own zone
# Years between a birthday with a year and a day; the text of both is compared from the month on.
_AGE = """(CASE WHEN substr(c.birthday, 1, 1) <> '-' THEN CAST(substr({today}, 1, 4) AS INTEGER)
    - CAST(substr(c.birthday, 1, 4) AS INTEGER) - (substr({today}, -5) < substr(c.birthday, -5)) END)"""
# How many of somebody's own gaps went by since their last order; NULL before the second one.
_SILENT = _FACTS.format(
    "CASE WHEN f.order_count > 1 AND f.last_order_at > f.first_order_at"
    " THEN ({now} - f.last_order_at) * (f.order_count - 1.0) / (f.last_order_at - f.first_order_at) END"
)
# Lists of texts: what is one value of them, as `v`.
_LISTS = MappingProxyType(
    {
        "tags": "(SELECT value AS v FROM json_each(c.attributes, '$.tags') WHERE type = 'text')",
        "lists": "(SELECT value AS v FROM json_each(c.attributes, '$.lists') WHERE type = 'text')",
        "topics": "(SELECT topic AS v FROM consent_states WHERE contact_id = c.id AND channel = 'email'"
        " AND topic <> '' AND state = 'subscribed')",
    }
)
# Texts that JSON holds as they are, and that have no sign of LIKE in them.
_PLAIN = re.compile(r"[A-Za-z0-9 .:-]+")
_REVENUE = "coalesce((SELECT sum({}) FROM contact_revenue AS v WHERE v.contact_id = c.id), 0)"


def compile(
    rule: Rule,
    *,
    context: Context,
    factors: Factors | None = None,
    merges: bool = True,
    standing: Standing | None = None,
) -> tuple[str, Parameters]:
    """Return a condition on `contacts AS c` and its parameters.

    `factors` converts amounts where orders are in several currencies; see `frames.factors`. Without them only amounts
    in the account's currency are seen. Without `merges` no contact was ever merged into another, which spares a look
    at each row of what people did. `standing` says for whom the kept favourites hold.
    """
    parameters: Parameters = {}
    compiler = _Compiler(parameters, context, factors or {}, merges=merges, standing=standing)
    return compiler.condition(simplified(resolve(rule, context))), parameters


@dataclass(frozen=True, slots=True)
class TraitSql:
    """How sure we are of a trait, of `contacts AS c`: SQL for a whole number of steps; so many steps make 1."""

    sql: str
    parameters: Parameters
    steps: int


def compile_trait(
    rule: Rule,
    *,
    context: Context,
    factors: Factors | None = None,
    merges: bool = True,
    standing: Standing | None = None,
) -> TraitSql:
    """Return the confidence that a rule such as `traits.organic` compares; the rest is as for `compile`."""
    weighed = rule.condition
    assert isinstance(weighed, Weighed), rule.text
    parameters: Parameters = {}
    compiler = _Compiler(parameters, context, factors or {}, merges=merges, standing=standing)
    sql = compiler.weight(weights(weighed, context))
    return TraitSql(sql, parameters, traits.steps(map(traits.share, weighed.signs)))


def compile_totals(
    rule: Rule, what: str, *, context: Context, factors: Factors | None = None, merges: bool = True
) -> tuple[str, Parameters]:
    """Return a query for what the deeds of a rule such as `did("donated")` add up to; see `Deeds.totals`."""
    done = resolve(rule, context)
    assert isinstance(done, Done), rule.text
    parameters: Parameters = {"account": context.currency}
    compiler = _Compiler(parameters, context, factors or {}, merges=merges)
    deeds = Deeds(done, compiler.bind, merges=merges)
    where = None if done.where is None else _Properties(compiler, deeds).condition(done.where)
    return deeds.totals(what, where, places=compiler.places, converted=compiler.converted), parameters


class _Compiler:
    """One rule becoming SQL: what it has bound so far."""

    def __init__(
        self,
        parameters: Parameters,
        context: Context,
        factors: Factors,
        *,
        merges: bool,
        standing: Standing | None = None,
    ) -> None:
        self.parameters = parameters
        self.context = context
        self.factors = factors
        self.merges = merges
        self.standing = standing

    def condition(self, condition: Resolved) -> str:
        match condition:
            case Always(value):
                return "TRUE" if value else "FALSE"
            case Test(field, sign, value):
                test = self.test(field, lambda column: self.compared(field, column, sign, value))
                if field.name == FAVOURITE and sign == "==" and self.standing is None:
                    return f"({self.condition(self.has_bought(value))} AND {test})"
                return self.in_attributes(field, test, value) if field.multi and sign == "==" else test
            case TestAny(field, values):
                bound = ", ".join(self.bind(value) for value in values)
                return self.test(field, lambda column: f"({column}{_collation(field)}) IN ({bound})")
            case CompareFields(left, sign, right):
                return f"({self.fields(left, sign, right)}) IS TRUE"
            case Known(field):
                return self.test(field, lambda column: f"{column} IS NOT NULL")
            case Like(field, place, text):
                test = self.test(field, lambda column: self.alike(column, place, text))
                return test if field.attribute is None else self.in_attributes(field, test, text)
            case Returns(field, days):
                bound = ", ".join(self.bind(day) for day in days)
                return self.test(field, lambda column: f"substr({column}, -5) IN ({bound})")
            case Around():
                return places_sql.within(condition, self.bind)
            case Done():
                return f"c.id IN ({self.people(condition)})"
            case Weighs(signs, low, high):
                return f"({self.weight(signs)} BETWEEN {self.bind(low)} AND {self.bind(high)})"
            case Opposite(part):
                return f"NOT ({self.condition(part)})"
            case Each(parts):
                return _joined("AND", [self.condition(part) for part in sorted(parts, key=_cost)])
            case Either(parts):
                return _joined("OR", [self.condition(part) for part in sorted(parts, key=_cost)])

    def has_bought(self, category: Plain) -> Done:
        """Return who ever bought of a category: nobody else can have it as the favourite, which is dear to find."""
        until = favourites.until(self.context)
        return Done(Deed.ORDER, (), None, str(category), None, None, until, 1, None, people_only=False)

    def weight(self, signs: Iterable[Weight]) -> str:
        """Return the SQL for how sure signs make us of a trait, in whole steps as `rules.traits.weigh` counts them."""
        whole, doubt, kept = 1, ["1"], ["1"]
        for sign in signs:
            steps = sign.share.denominator
            left, all_ = self.bind(steps - sign.share.numerator), self.bind(steps)
            (kept if sign.against else doubt).append(f"iif({self.condition(sign.part)}, {left}, {all_})")
            whole *= 1 if sign.against else steps
        return f"({self.bind(whole)} - {' * '.join(doubt)}) * {' * '.join(kept)}"

    def test(self, field: Field, tested: _Tested) -> str:
        """Return a test of a field's column, or of any of its values where it may have several."""
        if not field.multi:
            return f"({tested(self.column(field))}) IS TRUE"
        if field.name in _LISTS:
            return f"EXISTS (SELECT 1 FROM {_LISTS[field.name]} WHERE {tested('v')})"
        return json_sql.any_value("c.attributes", self.places(field.attribute or ""), field.type, tested)

    def in_attributes(self, field: Field, test: str, value: Plain) -> str:
        """Look whether a plain text is anywhere in the attributes before they are read: four times faster.

        For any other text the question is the same and looks for nothing, so that no text decides what SQL is made.
        """
        if field.name == "topics" or not isinstance(value, str):
            return test
        return f"(c.attributes LIKE '%' || {self.bind(value if _PLAIN.fullmatch(value) else '')} || '%' AND {test})"

    def people(self, done: Done) -> str:
        """Return the query for who did something; what `where=` asks is asked of the rows it goes through."""
        deeds = Deeds(done, self.bind, merges=self.merges)
        if done.where is None:
            return deeds.people(None)
        return deeds.people(_Properties(self, deeds).condition(done.where))

    def alike(self, column: str, part: Part, text: str) -> str:
        """Test a part of a text; A to Z are a to z, as everywhere, and no sign of the text is a wildcard."""
        wanted = f"lower({self.bind(text)})"
        match part:
            case Part.ANYWHERE:
                return f"instr(lower({column}), {wanted}) > 0"
            case Part.START:
                return f"substr(lower({column}), 1, length({wanted})) = {wanted}"
            case Part.END:
                return f"substr(lower({column}), -length({wanted})) = {wanted}"

    def compared(self, field: Field, column: str, sign: str, value: Plain) -> str:
        test = f"{column} {_OPERATORS[sign]} {self.bind(value)}{_collation(field)}"
        # A birthday without a year (--03-07) is neither before nor after anything.
        return f"{test} AND substr({column}, 1, 1) <> '-'" if field.type is FieldType.DATE and sign != "==" else test

    def fields(self, left: Field, sign: str, right: Field) -> str:
        a, b = self.column(left), self.column(right)
        test = f"{a} {_OPERATORS[sign]} {b}{_collation(left)}"
        if left.type is FieldType.DATE and sign != "==":
            return f"{test} AND substr({a}, 1, 1) <> '-' AND substr({b}, 1, 1) <> '-'"
        return test

    def column(self, field: Field) -> str:
        """Return the SQL for a field's value, NULL where it is missing or of another type than declared."""
        if field.name == "orders.revenue":
            return _REVENUE.format(self.converted("v.revenue_minor", "v.currency"))
        if field.name == "age":
            today = clock.local_date(self.context.now, self.context.zone).isoformat()
            return _AGE.format(today=self.bind(today))
        if field.name == "orders.gaps_since_last":
            return _SILENT.format(now=self.bind(clock.to_ms(self.context.now)))
        if field.name == _CREATED:
            return first_heard.sql("c", merges=self.merges)
        if field.name == FAVOURITE:
            return self.favourite()
        if field.name.startswith("scores."):
            name = self.bind(field.name.removeprefix("scores."))
            return f"(SELECT s.value FROM scores AS s WHERE s.contact_id = c.id AND s.name = {name})"
        group, _, part = field.name.rpartition(".")
        if part in _LOCAL_PARTS and field.name not in _COLUMNS and field.attribute is None:
            instant = self.column(Field(group, FieldType.INSTANT))
            return f"local_part({instant}, c.timezone, {self.bind(str(self.context.zone))}, '{part}')"
        if field.attribute is None:
            return _COLUMNS[field.name]
        return json_sql.value("c.attributes", self.places(field.attribute), field.type)

    def favourite(self) -> str:
        """Return the SQL for what somebody buys most: as it is kept, or out of their orders."""
        if self.standing is not None and not self.standing.but:
            return favourites.KEPT
        live = favourites.sql(self.bind(favourites.until(self.context)), merges=self.merges)
        if self.standing is None:
            return live
        but = self.bind(json.dumps(sorted(self.standing.but)))
        return f"iif(c.id IN (SELECT value FROM json_each({but})), {live}, {favourites.KEPT})"

    def converted(self, amount: str, currency: str) -> str:
        """Return an amount in the account's minor units; NULL for a currency without a factor."""
        if not self.factors:
            return f"iif({currency} = {self.bind(self.context.currency)}, {amount}, NULL)"
        cases = " ".join(f"WHEN {self.bind(name)} THEN {self.bind(factor)}" for name, factor in self.factors.items())
        return f"CAST(round({amount} * CASE {currency} {cases} END) AS INTEGER)"

    def places(self, name: str) -> tuple[str, ...]:
        """Bind the JSON paths of a value that is called so."""
        return tuple(self.bind(path) for path in json_sql.paths(name))

    def bind(self, value: Plain) -> str:
        name = f"rule_{len(self.parameters)}"
        self.parameters[name] = int(value) if isinstance(value, bool) else value
        return f":{name}"


class _Properties(_Compiler):
    """The rule of a `where=`: its fields are those of an event or of an order's line."""

    def __init__(self, outer: _Compiler, deeds: Deeds) -> None:
        super().__init__(outer.parameters, outer.context, outer.factors, merges=outer.merges)
        self.deeds = deeds

    def column(self, field: Field) -> str:
        return self.deeds.column(field, places=self.places, converted=self.converted)


def _cost(condition: Resolved) -> int:
    """Return how dear a look at one contact is: SQLite asks in this order, and stops when it knows."""
    match condition:
        case Always() | Done():  # the people of a deed are looked up in a set
            return 0
        case Opposite(part):
            return _cost(part)
        case Weighs(signs):
            return max(_cost(sign.part) for sign in signs)
        case Each(parts) | Either(parts):
            return max(_cost(part) for part in parts)
        case CompareFields(left, _, right):
            return max(_field_cost(left), _field_cost(right))
        case Around():
            return 3  # JSON is read
        case Test(field) | TestAny(field) | Known(field) | Like(field) | Returns(field):
            return _field_cost(field)


def _field_cost(field: Field) -> int:
    if field.name.rpartition(".")[2] in _LOCAL_PARTS and not field.name.startswith("birthday."):
        return 4  # Python is asked
    if field.name == FAVOURITE:
        return 5  # their orders are gone through
    if field.attribute is not None or field.multi:
        return 3  # JSON is read
    return 2 if field.name not in _COLUMNS or "SELECT" in _COLUMNS[field.name] else 1


def _joined(word: str, parts: list[str]) -> str:
    """Join conditions in brackets; many of them as a tree, as SQLite refuses chains of more than 1,000."""
    if len(parts) > 100:
        middle = len(parts) // 2
        parts = [_joined(word, parts[:middle]), _joined(word, parts[middle:])]
    return f"({f' {word} '.join(parts)})"


def _collation(field: Field) -> str:
    return " COLLATE NOCASE" if field.type in (FieldType.TEXT, FieldType.CHOICE, FieldType.DATE) else ""
