"""What one side of a comparison means: a field, a constant, a time. What is done with both sides: check.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from mailflow.config.yaml_files import suggestion
from mailflow.rules import functions, near
from mailflow.rules.syntax import Binary, Call, Listed, Literal, Name, RuleError, Span, Syntax, Unary
from mailflow.rules.types import TRAITS, Field, FieldType, FromNow, Value

CONSTANTS = ("true", "false", "null", "now")
_ATTRIBUTE = "attributes."
_CALLED = ("segment", near.NAME, *functions.FUNCTIONS)
_PROPERTY_TYPES = {
    FieldType.BOOL: bool,
    FieldType.TEXT: str,
    FieldType.NUMBER: Decimal,
    FieldType.INSTANT: FromNow,
}
_WANTED = {
    FieldType.TEXT: 'a text in quotes, such as "Vienna"',
    FieldType.NUMBER: "a number",
    FieldType.MONEY: "an amount as a plain number, such as 99.50",
    FieldType.BOOL: "true or false",
    FieldType.INSTANT: 'a time: now - 90d, or a day such as "2026-03-20"',
    FieldType.DATE: 'a day such as "2026-03-20", or now - 90d',
}


class Null:
    """The constant `null`."""


NULL = Null()
Operand = Field | Value | timedelta | Null


class Operands:
    """Reads the sides of the comparisons in one rule."""

    def __init__(self, text: str, fields: Mapping[str, Field]) -> None:
        self.text = text
        self.fields = fields

    def operand(self, tree: Syntax) -> Operand:
        """Return what a side of a comparison means: a field or a constant."""
        match tree:
            case Literal(value):
                return value
            case Name():
                return self.name(tree)
            case Call(name) if name in _CALLED:
                raise self.error(f"{name}(…) is true or false already: it is not compared", tree.span)
            case Call(name):
                raise self.error(f"unknown function {name!r}{suggestion(name, _CALLED)}", tree.name_span)
            case Listed():
                raise self.error("several values in brackets stand behind 'in' and in between=", tree.span)
            case Unary("-", operand):
                return self.negative(operand, tree)
            case Binary("+" | "-"):
                return self.sum(tree)
            case _:
                raise self.error("a condition cannot be compared: is an 'and' or 'or' missing?", tree.span)

    def name(self, tree: Name) -> Operand:
        match tree.path:
            case "true" | "false":
                return tree.path == "true"
            case "null":
                return NULL
            case "now":
                return FromNow(timedelta())
        field = self.fields.get(tree.path) or self.unlisted(tree.path)
        if field is None:
            raise self.error(f"unknown name {tree.path!r}{self.name_hint(tree.path)}", tree.span)
        return field

    def unlisted(self, path: str) -> Field | None:
        """Return a score of any name, or an attribute that is not declared, unless it looks like a slip."""
        group, _, name = path.partition(".")
        if group == "scores" and name:
            return Field(path, FieldType.NUMBER)
        if f"{group}." == _ATTRIBUTE and name and not functions.slip(name, self.declared()):
            return Field(path, FieldType.ANY, multi=True)
        return None

    def declared(self) -> list[str]:
        return [name.removeprefix(_ATTRIBUTE) for name in self.fields if name.startswith(_ATTRIBUTE)]

    def name_hint(self, path: str) -> str:
        if path.lower() in ("none", "nil", "empty", "missing"):
            return ": write null for a missing value"
        ends = [name for name in self.fields if name.endswith(f".{path.lower()}")]
        if ends:
            return f" (did you mean {ends[0]!r}?)"
        if path in _CALLED:
            return f": write {path}(…)"
        if path.partition(".")[0] == TRAITS.removesuffix("."):
            return self.trait_hint(path.partition(".")[2])
        if path.startswith(_ATTRIBUTE):
            return suggestion(path.removeprefix(_ATTRIBUTE), self.declared())
        close = suggestion(path, [*self.fields, *CONSTANTS])
        if close or "." in path:
            return close
        attribute = f", and an undeclared field is {_ATTRIBUTE}{path}" if path.islower() else ""
        return f': a text stands in quotes, such as "DE"{attribute}'

    def trait_hint(self, name: str) -> str:
        known = [field.name for field in self.fields.values() if field.trait is not None]
        if not name and known:
            return f": write {known[0]} >= 70%"
        return suggestion(f"{TRAITS}{name}", known) or ": traits.yaml has no such trait"

    def negative(self, operand: Syntax, tree: Syntax) -> Operand:
        value = self.operand(operand)
        if isinstance(value, Decimal):
            return -value
        raise self.error("only a number can be negative", tree.span)

    def sum(self, tree: Binary) -> Operand:
        left, right = self.operand(tree.left), self.operand(tree.right)
        sign = 1 if tree.operator == "+" else -1
        if isinstance(left, FromNow) and isinstance(right, timedelta):
            return FromNow(left.offset + sign * right)
        if isinstance(left, timedelta) and isinstance(right, timedelta):
            return left + sign * right
        if isinstance(left, FromNow) and isinstance(right, Decimal):
            raise self.error(f"{right} of what? Write {right}d for days, or s, m, h, w", tree.right.span)
        if isinstance(left, Field) and left.type in (FieldType.INSTANT, FieldType.DATE):
            raise self.error("a field stands alone on its side: write orders.last_at < now - 90d", tree.span)
        raise self.error("only times and durations are added or subtracted, such as now - 90d", tree.span)

    def property_as(self, field: Field, operand: Operand, tree: Syntax) -> Field:
        """Return the property of an event as what it is compared with."""
        for kind, types in _PROPERTY_TYPES.items():
            if isinstance(operand, types):
                return typed(field, kind)
        raise self.error(f"{field.name} is compared with a text, a number, a time, or true and false", tree.span)

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
                return self.day_or_time(field.type, operand, tree)
        message = f"{described(field)} cannot be compared with {self.written(tree)}: write {_WANTED[field.type]}"
        raise self.error(message, tree.span)

    def choice(self, field: Field, operand: Value | timedelta, tree: Syntax) -> str:
        for choice in field.choices:
            if isinstance(operand, str) and operand.lower() == choice.lower():
                return choice
        hint = suggestion(str(operand), field.choices)
        raise self.error(f"{field.name} is never {self.written(tree)}{hint}", tree.span)

    def day_or_time(self, kind: FieldType, text: str, tree: Syntax) -> date | datetime:
        try:
            if len(text) == 10:
                return date.fromisoformat(text)
            if kind is FieldType.INSTANT:
                return datetime.fromisoformat(text)
        except ValueError:
            pass  # told below, with its place in the rule
        raise self.error(f'{self.written(tree)} is not a day: write "2026-03-20"', tree.span)

    def moment(self, tree: Syntax) -> FromNow | date | datetime:
        """Return an end of a window: a day, a time, or `now - 90d`."""
        match self.operand(tree):
            case FromNow() as moment:
                return moment
            case str() as text:
                return self.day_or_time(FieldType.INSTANT, text, tree)
        raise self.error('here stands a day, such as "2026-03-20", or now - 90d', tree.span)

    def written(self, tree: Syntax) -> str:
        return self.text[tree.span[0] : tree.span[1]]

    def error(self, message: str, span: Span) -> RuleError:
        return RuleError(message, self.text, span)


def typed(field: Field, kind: FieldType) -> Field:
    """Return a field of any type as one of this type; others stay."""
    return replace(field, type=kind) if field.type is FieldType.ANY else field


def described(field: Field) -> str:
    """Return a field's name with what it is, for messages."""
    kind = {FieldType.MONEY: "an amount", FieldType.INSTANT: "a time", FieldType.BOOL: "true or false"}
    return f"{field.name} ({kind.get(field.type, f'a {field.type}')})"
