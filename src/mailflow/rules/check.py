"""Give a syntax tree its meaning: find the fields, hold every comparison against their types. Grammar: parse.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from mailflow.config.yaml_files import suggestion
from mailflow.rules import functions
from mailflow.rules import parse as grammar
from mailflow.rules import syntax as written
from mailflow.rules.syntax import Binary, Call, Listed, Literal, Membership, Name, RuleError, Span, Syntax, Unary
from mailflow.rules.types import (
    All,
    Always,
    Compare,
    CompareFields,
    Condition,
    Did,
    Field,
    FieldType,
    FromNow,
    Known,
    Like,
    Near,
    Not,
    OneOf,
    Outline,
    Part,
    Rule,
    Some,
    Value,
)

_CONSTANTS = ("true", "false", "null", "now")
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_MAX_NESTED = 4  # segments within segments
_MAX_DEPTH = 20  # SQLite's parser has a stack of 100
_DAY = timedelta(days=1)
_PROPERTY_TYPES = {FieldType.BOOL: bool, FieldType.TEXT: str, FieldType.NUMBER: Decimal}
_UNORDERED = (FieldType.BOOL, FieldType.CHOICE)
_WANTED = {
    FieldType.TEXT: 'a text in quotes, such as "Vienna"',
    FieldType.NUMBER: "a number",
    FieldType.MONEY: "an amount as a plain number, such as 99.50",
    FieldType.BOOL: "true or false",
    FieldType.INSTANT: 'a time: now - 90d, or a day such as "2026-03-20"',
    FieldType.DATE: 'a day such as "2026-03-20", or now - 90d',
}


class _Null:
    """The constant `null`."""


_NULL = _Null()
_Operand = Field | Value | timedelta | _Null


def parse(text: str, *, fields: Mapping[str, Field], segments: Mapping[str, str] = MappingProxyType({})) -> Rule:
    """Return the rule that `text` means, typed; `RuleError` says what is wrong and where.

    `segments` holds the rules that `segment("name")` may speak of.
    """
    outline = _Checker(text, fields, segments, ()).outline(grammar.read(text))
    if _depth(outline.condition) > _MAX_DEPTH:
        raise RuleError(f"this rule is nested deeper than {_MAX_DEPTH} levels: split it up", text, (0, len(text)))
    return Rule(text, outline)


class _Checker:
    """One rule being checked against the fields there are; `within` are the segments it is part of."""

    def __init__(
        self, text: str, fields: Mapping[str, Field], segments: Mapping[str, str], within: tuple[str, ...]
    ) -> None:
        self.text = text
        self.fields = fields
        self.segments = segments
        self.within = within

    def outline(self, tree: Syntax) -> Outline:
        """Return what a part means that must be true or false, with its own parts."""
        match tree:
            case Binary("and" | "or" as word):
                parts = tuple(self.outline(part) for part in _chain(tree, word))
                conditions = tuple(part.condition for part in parts)
                return Outline(self.written(tree), All(conditions) if word == "and" else Some(conditions), parts)
            case Unary("not", operand):
                part = self.outline(operand)
                return Outline(self.written(tree), Not(part.condition), (part,))
            case Call("segment"):
                part = self.segment(tree)
                return Outline(self.written(tree), part.condition, (part,))
            case _:
                return Outline(self.written(tree), self.condition(tree))

    def condition(self, tree: Syntax) -> Condition:
        """Return what a part means that has no parts itself."""
        match tree:
            case Binary(operator) if operator in grammar.COMPARISONS:
                return self.comparison(tree)
            case Binary(operator) if operator in grammar.TEXT_TESTS:
                return self.text_test(tree)
            case Membership():
                return self.membership(tree)
            case written.Near():
                return self.near(tree)
            case Call(name) if name in functions.FUNCTIONS:
                return functions.read(tree, self.text, self.where)
            case _:
                return self.bare(tree)

    def segment(self, tree: Call) -> Outline:
        """Return what a named rule means, as part of this one."""
        match tree.arguments:
            case (Literal(str() as name, span),) if not tree.keywords:
                pass
            case _:
                raise self.error('write segment("name")', tree.span)
        if name not in self.segments:
            hint = suggestion(name, self.segments) or ": segments.yaml has no such rule"
            raise self.error(f"unknown segment {name!r}{hint}", span)
        if name in self.within or len(self.within) >= _MAX_NESTED:
            path = " → ".join((*self.within, name))
            raise self.error(f"segments must not go round in circles or deeper than {_MAX_NESTED}: {path}", span)
        inner = _Checker(self.segments[name], self.fields, self.segments, (*self.within, name))
        try:
            return inner.outline(grammar.read(inner.text))
        except RuleError as error:
            raise self.error(f"segment {name!r} in segments.yaml is wrong: {error.message}", span) from error

    def where(self, tree: Syntax, fields: Mapping[str, Field] | None) -> Condition:
        """Return a rule about the properties of an event, or about these fields of an order's line."""
        return _Properties(self.text, fields).outline(tree).condition

    def bare(self, tree: Syntax) -> Condition:
        """Return what a part means that is no comparison: a constant or a field that is true or false."""
        operand = self.operand(tree)
        if isinstance(operand, bool):
            return Always(operand)
        if not isinstance(operand, Field):
            raise self.error("this is not a condition: compare a field with it", tree.span)
        if operand.type is not FieldType.BOOL:
            example = f"{self.written(tree)} == {_example(operand)}"
            raise self.error(f"this is not a condition yet: compare it, such as {example}", tree.span)
        return Compare(operand, "==", True)

    def comparison(self, tree: Binary) -> Condition:
        left, right, operator, places = self.operand(tree.left), self.operand(tree.right), tree.operator, tree
        if not isinstance(left, Field) and isinstance(right, Field):
            left, right, operator = right, left, _MIRRORED[operator]
            places = Binary(operator, tree.right, tree.left, tree.span, tree.operator_span)
        if not isinstance(left, Field):
            raise self.error("one side of a comparison must be a field", tree.span)
        if operator == "!=":
            return Not(self.compare(left, "==", right, places))
        return self.compare(left, operator, right, places)

    def compare(self, field: Field, operator: str, other: _Operand, tree: Binary) -> Condition:
        if isinstance(other, _Null):
            if operator != "==":
                raise self.error("null is only compared with == and !=", tree.operator_span)
            return Not(Known(field))
        if operator != "==" and (field.type in _UNORDERED or field.multi):
            raise self.error(f"{self.written(tree.left)} has no order: use ==, != or in", tree.operator_span)
        if field.type is FieldType.ANY:
            field = self.property_as(field, other, tree)
        if isinstance(other, Field):
            if other.type is not field.type or other.multi or field.multi:
                raise self.error(f"{_described(field)} cannot be compared with {_described(other)}", tree.span)
            return CompareFields(field, operator, other)
        return Compare(field, operator, self.value(field, other, tree.right))

    def text_test(self, tree: Binary) -> Condition:
        field, part = self.operand(tree.left), self.operand(tree.right)
        if not isinstance(field, Field) or field.type not in (FieldType.TEXT, FieldType.ANY):
            raise self.error(f"only a text {tree.operator} something", tree.left.span)
        if not isinstance(part, str) or not part:
            raise self.error(f'after {tree.operator} stands a text in quotes, such as "tea"', tree.right.span)
        if field.multi:
            if tree.operator != "contains":
                raise self.error(f"{field.name} is a list: ask whether it contains a value", tree.operator_span)
            return Compare(field, "==", part)
        return Like(_typed(field, FieldType.TEXT), Part(tree.operator), part)

    def near(self, tree: written.Near) -> Condition:
        field = self.operand(tree.subject)
        if not isinstance(field, Field) or field.type not in (FieldType.INSTANT, FieldType.DATE):
            raise self.error("only a time or a day is within a duration of now", tree.subject.span)
        if field.type is FieldType.DATE and (tree.duration % _DAY or tree.duration > 366 * _DAY):
            raise self.error("of a day, write whole days or weeks, at most 366d", tree.span)
        return Near(field, tree.duration, tree.ahead)

    def membership(self, tree: Membership) -> Condition:
        field = self.operand(tree.subject)
        if not isinstance(field, Field):
            raise self.error('before "in" stands a field', tree.subject.span)
        values = []
        for item in tree.items:
            operand = self.operand(item)
            if field.type is FieldType.ANY:
                field = self.property_as(field, operand, item)
            if isinstance(operand, (_Null, Field)):
                raise self.error("a list holds values only: write `or x == null` for a missing one", item.span)
            values.append(self.value(field, operand, item))
        found = OneOf(field, tuple(values))
        return Not(found) if tree.negated else found

    def property_as(self, field: Field, operand: _Operand, tree: Syntax) -> Field:
        """Return the property of an event as what it is compared with."""
        for kind, types in _PROPERTY_TYPES.items():
            if isinstance(operand, types):
                return _typed(field, kind)
        raise self.error("a property is compared with a text, a number, or true and false", tree.span)

    def value(self, field: Field, operand: Value | timedelta, tree: Syntax) -> Value:
        """Return a constant as a value of the field's type."""
        match field.type:
            case FieldType.TEXT if isinstance(operand, str):
                return operand
            case FieldType.CHOICE:
                return self.choice(field, operand, tree)
            case FieldType.NUMBER | FieldType.MONEY if isinstance(operand, Decimal):
                return operand
            case FieldType.BOOL if isinstance(operand, bool):
                return operand
            case FieldType.INSTANT | FieldType.DATE if isinstance(operand, FromNow):
                return operand
            case FieldType.INSTANT | FieldType.DATE if isinstance(operand, str):
                return self.day_or_time(field, operand, tree)
        message = f"{_described(field)} cannot be compared with {self.written(tree)}: write {_WANTED[field.type]}"
        raise self.error(message, tree.span)

    def choice(self, field: Field, operand: Value | timedelta, tree: Syntax) -> str:
        for choice in field.choices:
            if isinstance(operand, str) and operand.lower() == choice.lower():
                return choice
        hint = suggestion(str(operand), field.choices)
        raise self.error(f"{field.name} is never {self.written(tree)}{hint}", tree.span)

    def day_or_time(self, field: Field, text: str, tree: Syntax) -> date | datetime:
        try:
            if len(text) == 10:
                return date.fromisoformat(text)
            if field.type is FieldType.INSTANT:
                return datetime.fromisoformat(text)
        except ValueError:
            pass  # told below, with its place in the rule
        raise self.error(f'{self.written(tree)} is not a day: write "2026-03-20"', tree.span)

    def operand(self, tree: Syntax) -> _Operand:
        """Return what a side of a comparison means: a field or a constant."""
        match tree:
            case Literal(value):
                return value
            case Name():
                return self.name(tree)
            case Call(name) if name == "segment" or name in functions.FUNCTIONS:
                raise self.error(f"{name}(…) is true or false already: it is not compared", tree.span)
            case Call(name):
                known = ["segment", *functions.FUNCTIONS]
                raise self.error(f"unknown function {name!r}{suggestion(name, known)}", tree.name_span)
            case Listed():
                raise self.error("several values in brackets stand behind 'in' and in between=", tree.span)
            case Unary("-", operand):
                return self.negative(operand, tree)
            case Binary("+" | "-"):
                return self.sum(tree)
            case _:
                raise self.error("a condition cannot be compared: is an 'and' or 'or' missing?", tree.span)

    def name(self, tree: Name) -> _Operand:
        match tree.path:
            case "true" | "false":
                return tree.path == "true"
            case "null":
                return _NULL
            case "now":
                return FromNow(timedelta())
        field = self.fields.get(tree.path) or _score(tree.path)
        if field is None:
            raise self.error(f"unknown name {tree.path!r}{self.name_hint(tree.path)}", tree.span)
        return field

    def name_hint(self, path: str) -> str:
        if path.lower() in ("none", "nil", "empty", "missing"):
            return ": write null for a missing value"
        ends = [name for name in self.fields if name.endswith(f".{path.lower()}")]
        if ends:
            return f" (did you mean {ends[0]!r}?)"
        close = suggestion(path, [*self.fields, *_CONSTANTS])
        return close or ("" if "." in path else ': a text stands in quotes, such as "DE"')

    def negative(self, operand: Syntax, tree: Syntax) -> _Operand:
        value = self.operand(operand)
        if isinstance(value, Decimal):
            return -value
        raise self.error("only a number can be negative", tree.span)

    def sum(self, tree: Binary) -> _Operand:
        left, right = self.operand(tree.left), self.operand(tree.right)
        sign = 1 if tree.operator == "+" else -1
        if isinstance(left, FromNow) and isinstance(right, timedelta):
            return FromNow(left.offset + sign * right)
        if isinstance(left, timedelta) and isinstance(right, timedelta):
            return left + sign * right
        if isinstance(left, Field) and left.type in (FieldType.INSTANT, FieldType.DATE):
            raise self.error("a field stands alone on its side: write orders.last_at < now - 90d", tree.span)
        raise self.error("only times and durations are added or subtracted, such as now - 90d", tree.span)

    def written(self, tree: Syntax) -> str:
        return self.text[tree.span[0] : tree.span[1]]

    def error(self, message: str, span: Span) -> RuleError:
        return RuleError(message, self.text, span)


class _Properties(_Checker):
    """A rule about one event's properties, or about the fields of an order's line."""

    def __init__(self, text: str, fields: Mapping[str, Field] | None) -> None:
        super().__init__(text, fields or {}, {}, ())
        self.known = fields

    def name(self, tree: Name) -> _Operand:
        if self.known is None and tree.path not in _CONSTANTS:
            return Field(tree.path, FieldType.ANY)
        return super().name(tree)

    def bare(self, tree: Syntax) -> Condition:
        if isinstance(tree, Name) and self.known is None and tree.path not in _CONSTANTS:
            return Compare(Field(tree.path, FieldType.BOOL), "==", True)
        if isinstance(tree, Call):
            raise self.error("within where= stand comparisons of properties", tree.span)
        return super().bare(tree)

    def segment(self, tree: Call) -> Outline:
        raise self.error("within where= stand comparisons of properties", tree.span)

    def where(self, tree: Syntax, fields: Mapping[str, Field] | None) -> Condition:
        raise self.error("where= cannot stand within where=", tree.span)


def _typed(field: Field, kind: FieldType) -> Field:
    return replace(field, type=kind) if field.type is FieldType.ANY else field


def _score(path: str) -> Field | None:
    """Return a score that `mailflow score` may have computed under any name."""
    group, _, name = path.partition(".")
    return Field(path, FieldType.NUMBER) if group == "scores" and name else None


def _chain(tree: Syntax, operator: str) -> Iterator[Syntax]:
    """Yield the parts of `a and b and c`, which the tree holds as `(a and b) and c`."""
    parts: list[Syntax] = []
    while isinstance(tree, Binary) and tree.operator == operator:
        parts.append(tree.right)
        tree = tree.left
    yield tree
    yield from reversed(parts)


def _depth(condition: Condition) -> int:
    match condition:
        case Not(part):
            return 1 + _depth(part)
        case All(parts) | Some(parts):
            return 1 + max(_depth(part) for part in parts)
        case Did(where=part) if part is not None:
            return 2 + _depth(part)
        case _:
            return 0


def _described(field: Field) -> str:
    kind = {FieldType.MONEY: "an amount", FieldType.INSTANT: "a time", FieldType.BOOL: "true or false"}
    return f"{field.name} ({kind.get(field.type, f'a {field.type}')})"


def _example(field: Field) -> str:
    if field.choices:
        return f'"{field.choices[0]}"'
    return {FieldType.TEXT: '"DE"', FieldType.DATE: '"2026-03-20"', FieldType.INSTANT: '"2026-03-20"'}.get(
        field.type, "1"
    )
