"""Compile a rule to SQL over `contacts AS c`. Values travel as named parameters only; no text of a rule becomes SQL.

The same question about one contact in memory: rules/predicate.py; a test holds that both always agree. What is missing
makes a test false; `IS TRUE` keeps SQL's third truth value out of the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mailflow.rules.resolve import Each, Either, Opposite, Plain, Resolved, Test, TestAny, resolve
from mailflow.rules.types import Always, CompareFields, Context, Field, FieldType, Known, Rule
from mailflow.store.tickets import OPEN_OF

Parameters = dict[str, str | int | float]
# How much of the account's currency's minor units one minor unit of another currency is worth.
Factors = Mapping[str, float]
_Tested = Callable[[str], str]

_OPERATORS = MappingProxyType({"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="})
_FACTS = "(SELECT {} FROM contact_facts AS f WHERE f.contact_id = c.id)"
_RFM = "(SELECT {} FROM rfm_now AS s WHERE s.contact_id = c.id)"
_COLUMNS = MappingProxyType(
    {
        **{
            name: f"c.{name}"
            for name in "email first_name last_name company language country region city postcode source"
            " owner birthday created_at".split()
        },
        "orders.count": f"coalesce({_FACTS.format('f.order_count')}, 0)",
        "orders.first_at": _FACTS.format("f.first_order_at"),
        "orders.last_at": _FACTS.format("f.last_order_at"),
        "consent.email": "coalesce((SELECT n.state FROM consent_states AS n WHERE n.contact_id = c.id"
        " AND n.channel = 'email' AND n.topic = ''), 'never')",
        "tickets.open": OPEN_OF,
        "rfm.class": _RFM.format("s.class"),
        "rfm.r": _RFM.format("s.r"),
        "rfm.f": _RFM.format("s.f"),
        "rfm.m": _RFM.format("s.m"),
    }
)
_REVENUE = "coalesce((SELECT sum({}) FROM contact_revenue AS v WHERE v.contact_id = c.id), 0)"
_JSON_TYPES = MappingProxyType(
    {
        FieldType.TEXT: "('text')",
        FieldType.DATE: "('text')",
        FieldType.NUMBER: "('integer', 'real')",
        FieldType.BOOL: "('true', 'false')",
    }
)


def compile(rule: Rule, *, context: Context, factors: Factors | None = None) -> tuple[str, Parameters]:
    """Return a condition on `contacts AS c` and its parameters.

    `factors` converts `orders.revenue` where orders are in several currencies; see `frames.factors`.
    """
    compiler = _Compiler(factors or {})
    return compiler.condition(resolve(rule, context)), compiler.parameters


class _Compiler:
    """One rule becoming SQL: what it has bound so far."""

    def __init__(self, factors: Factors) -> None:
        self.factors = factors
        self.parameters: Parameters = {}

    def condition(self, condition: Resolved) -> str:
        match condition:
            case Always(value):
                return "TRUE" if value else "FALSE"
            case Test(field, sign, value):
                return self.test(field, lambda column: self.compared(field, column, sign, value))
            case TestAny(field, values):
                bound = ", ".join(self.bind(value) for value in values)
                return self.test(field, lambda column: f"({column}{_collation(field)}) IN ({bound})")
            case CompareFields(left, sign, right):
                return f"({self.fields(left, sign, right)}) IS TRUE"
            case Known(field):
                return self.test(field, lambda column: f"{column} IS NOT NULL")
            case Opposite(part):
                return f"NOT ({self.condition(part)})"
            case Each(parts):
                return _joined("AND", [self.condition(part) for part in parts])
            case Either(parts):
                return _joined("OR", [self.condition(part) for part in parts])

    def test(self, field: Field, tested: _Tested) -> str:
        """Return a test of a field's column, or of any of its values where it may have several."""
        if not field.multi:
            return f"({tested(self.column(field))}) IS TRUE"
        value = f"CASE WHEN j.type IN {_JSON_TYPES[field.type]} THEN j.value END"
        return f"EXISTS (SELECT 1 FROM json_each(c.attributes, {self.path(field)}) AS j WHERE {tested(f'({value})')})"

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
            return _REVENUE.format(self.converted())
        if field.attribute is None:
            return _COLUMNS[field.name]
        path = self.path(field)
        kinds = _JSON_TYPES[field.type]
        return f"(CASE WHEN json_type(c.attributes, {path}) IN {kinds} THEN json_extract(c.attributes, {path}) END)"

    def converted(self) -> str:
        if not self.factors:
            return "v.revenue_minor"
        cases = " ".join(f"WHEN {self.bind(name)} THEN {self.bind(factor)}" for name, factor in self.factors.items())
        return f"CAST(round(v.revenue_minor * CASE v.currency {cases} END) AS INTEGER)"

    def path(self, field: Field) -> str:
        """Bind the JSON path of a declared field; its name is quoted there, so it may hold any sign but a quote."""
        return self.bind(f'$."{field.attribute}"')

    def bind(self, value: Plain) -> str:
        name = f"rule_{len(self.parameters)}"
        self.parameters[name] = int(value) if isinstance(value, bool) else value
        return f":{name}"


def _joined(word: str, parts: list[str]) -> str:
    """Join conditions in brackets; many of them as a tree, as SQLite refuses chains of more than 1,000."""
    if len(parts) > 100:
        middle = len(parts) // 2
        parts = [_joined(word, parts[:middle]), _joined(word, parts[middle:])]
    return f"({f' {word} '.join(parts)})"


def _collation(field: Field) -> str:
    return " COLLATE NOCASE" if field.type in (FieldType.TEXT, FieldType.CHOICE, FieldType.DATE) else ""
