"""Give a syntax tree its meaning: find the fields, hold every comparison against their types. Grammar: parse.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

from mailflow.config.yaml_files import suggestion
from mailflow.rules import bounds, functions, near
from mailflow.rules import parse as grammar
from mailflow.rules import syntax as written
from mailflow.rules.operands import CONSTANTS, Null, Operand, Operands, described, typed
from mailflow.rules.syntax import Binary, Call, Literal, Membership, Name, RuleError, Span, Syntax, Unary
from mailflow.rules.traits import SignText, Trait
from mailflow.rules.types import (
    TRAITS,
    All,
    Always,
    Compare,
    CompareFields,
    Condition,
    Did,
    Field,
    FieldType,
    Known,
    Like,
    Names,
    Near,
    Not,
    OneOf,
    Outline,
    Part,
    Rule,
    Sign,
    Some,
    Value,
    Weighed,
)

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_MAX_NESTED = 4  # segments within segments
_MAX_DEPTH = 20  # SQLite's parser has a stack of 100
_DAY = timedelta(days=1)
_UNORDERED = (FieldType.BOOL, FieldType.CHOICE)
# Properties of events that are kept as milliseconds.
_PROPERTY_INSTANTS = ("starts_at", "ends_at")
_NO_NAMES = Names()
_LIKELY = Decimal("0.5")  # `traits.organic` alone: more likely than not


def parse(
    text: str,
    *,
    fields: Mapping[str, Field],
    segments: Mapping[str, str] = MappingProxyType({}),
    traits: Mapping[str, Trait] = MappingProxyType({}),
    names: Names = _NO_NAMES,
    within: tuple[str, ...] = (),
) -> Rule:
    """Return the rule that `text` means, typed; `RuleError` says what is wrong and where.

    `segments` holds the rules that `segment("name")` may speak of, `traits` those of which `fields` has `traits.name`,
    `names` the events and categories there are: one that is nearly called like one of them is a slip. `within` is what
    the rule is part of, which it must not ask for itself.
    """
    outline = _Checker(text, fields, segments, traits, names, within).outline(grammar.read(text))
    if _depth(outline.condition) > _MAX_DEPTH:
        raise RuleError(f"this rule is nested deeper than {_MAX_DEPTH} levels: split it up", text, (0, len(text)))
    return Rule(text, outline)


class _Checker(Operands):
    """One rule being checked against the fields there are; `within` are the segments and traits it is part of."""

    def __init__(
        self,
        text: str,
        fields: Mapping[str, Field],
        segments: Mapping[str, str],
        traits: Mapping[str, Trait],
        names: Names,
        within: tuple[str, ...],
    ) -> None:
        super().__init__(text, fields)
        self.segments = segments
        self.traits = traits
        self.names = names
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
                return functions.read(tree, self)
            case Call(near.NAME):
                return near.read(tree, self)
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
        return self.inner(self.segments[name], name, f"segment {name!r} in segments.yaml", span)

    def inner(self, text: str, name: str, called: str, span: Span) -> Outline:
        """Return what another file's rule means, as part of this one."""
        within = (*self.within, name)
        inner = _Checker(text, self.fields, self.segments, self.traits, self.names, within)
        try:
            return inner.outline(grammar.read(inner.text))
        except RuleError as error:
            raise self.error(f"{called} is wrong: {error.message}", span) from error

    def weighed(self, name: str, operator: str, share: Decimal, span: Span) -> Condition:
        """Return a comparison of how sure its signs make us of a trait; no trait is a sign of another."""
        place = f"{TRAITS}{name}"
        if any(one.startswith(TRAITS) for one in self.within):
            path = " → ".join((*self.within, place))
            raise self.error(f"a trait is told from what people are and do, not from traits: {path}", span)
        signs = tuple(self.sign(name, sign, span) for sign in self.traits[name].signs)
        return Weighed(name, signs, operator, share)

    def sign(self, name: str, sign: SignText, span: Span) -> Sign:
        outline = self.inner(sign.rule, f"{TRAITS}{name}", f"trait {name!r} in traits.yaml", span)
        return Sign(outline, sign.percent, sign.against, sign.source)

    def share(self, field: Field, operand: Operand, tree: Syntax) -> Decimal:
        """Return what a trait is compared with."""
        if isinstance(operand, Decimal) and 0 <= operand <= 1:
            return operand
        raise self.error(f"a trait is compared with a share from 0% to 100%: write {field.name} >= 70%", tree.span)

    def where(self, tree: Syntax, fields: Mapping[str, Field] | None) -> Condition:
        """Return a rule about the properties of an event (None), or about these fields of an order's line."""
        return _Properties(self.text, fields).outline(tree).condition

    def bare(self, tree: Syntax) -> Condition:
        """Return what a part means that is no comparison: a constant or a field that is true or false."""
        operand = self.operand(tree)
        if isinstance(operand, bool):
            return Always(operand)
        if not isinstance(operand, Field):
            raise self.error("this is not a condition: compare a field with it", tree.span)
        if operand.type is FieldType.ANY:
            return Compare(typed(operand, FieldType.BOOL), "==", True)
        if operand.trait is not None:
            return self.weighed(operand.trait, ">=", _LIKELY, tree.span)
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

    def compare(self, field: Field, operator: str, other: Operand, tree: Binary) -> Condition:
        if isinstance(other, Null):
            if operator != "==":
                raise self.error("null is only compared with == and !=", tree.operator_span)
            return Not(self.is_known(field, tree.left.span))
        if field.trait is not None:
            return self.weighed(field.trait, operator, self.share(field, other, tree.right), tree.left.span)
        listed = field.multi and field.type is not FieldType.ANY
        if operator != "==" and (field.type in _UNORDERED or listed):
            raise self.error(f"{self.written(tree.left)} has no order: use ==, != or in", tree.operator_span)
        if field.type is FieldType.ANY:
            field = self.property_as(field, other, tree.right)
        if isinstance(other, Field):
            if other.trait is not None:
                self.share(other, field, tree.left)
            if other.type is not field.type or other.multi or field.multi:
                raise self.error(f"{described(field)} cannot be compared with {described(other)}", tree.span)
            return CompareFields(field, operator, other)
        value = self.value(field, other, tree.right)
        self.hold_possible(field, operator, value, tree.right.span)
        return Compare(field, operator, value)

    def hold_possible(self, field: Field, operator: str, value: Value, span: Span) -> None:
        """Tell a number that a field can never be."""
        if isinstance(value, Decimal) and (why := bounds.never(field, operator, value)) is not None:
            raise self.error(why, span)

    def is_known(self, field: Field, span: Span) -> Condition:
        return Known(field) if field.trait is None else self.weighed(field.trait, ">", Decimal(), span)

    def text_test(self, tree: Binary) -> Condition:
        field, part = self.operand(tree.left), self.operand(tree.right)
        if not isinstance(field, Field) or field.type not in (FieldType.TEXT, FieldType.ANY):
            raise self.error(f"only a text {tree.operator} something", tree.left.span)
        if not isinstance(part, str) or not part:
            raise self.error(f'after {tree.operator} stands a text in quotes, such as "tea"', tree.right.span)
        if field.multi and field.type is FieldType.TEXT:
            if tree.operator != "contains":
                raise self.error(f"{field.name} is a list: ask whether it contains a value", tree.operator_span)
            return Compare(field, "==", part)
        return Like(typed(field, FieldType.TEXT), Part(tree.operator), part)

    def near(self, tree: written.Near) -> Condition:
        field = self.operand(tree.subject)
        if isinstance(field, Field):
            field = typed(field, FieldType.INSTANT)
        if not isinstance(field, Field) or field.type not in (FieldType.INSTANT, FieldType.DATE):
            raise self.error("only a time or a day is within a duration of now", tree.subject.span)
        if field.multi and field.type is FieldType.DATE:
            raise self.error(f"{field.name} has several values: none of them is *the* day", tree.subject.span)
        if field.type is FieldType.DATE and (tree.duration % _DAY or tree.duration > 366 * _DAY):
            raise self.error("of a day, write whole days or weeks, at most 366d", tree.span)
        return Near(field, tree.duration, tree.ahead)

    def membership(self, tree: Membership) -> Condition:
        field = self.operand(tree.subject)
        if not isinstance(field, Field):
            raise self.error('before "in" stands a field', tree.subject.span)
        if field.trait is not None:
            raise self.error(f"a trait is compared with one share: write {field.name} >= 70%", tree.span)
        values: list[Value] = []
        for item in tree.items:
            operand = self.operand(item)
            if field.type is FieldType.ANY:
                field = self.property_as(field, operand, item)
            if isinstance(operand, (Null, Field)):
                raise self.error("a list holds values only: write `or x == null` for a missing one", item.span)
            values.append(self.value(field, operand, item))
            self.hold_possible(field, "==", values[-1], item.span)
        found = OneOf(field, tuple(values))
        return Not(found) if tree.negated else found


class _Properties(_Checker):
    """A rule about one event's properties, or about the fields of an order's line."""

    def __init__(self, text: str, fields: Mapping[str, Field] | None) -> None:
        super().__init__(text, fields or {}, {}, {}, _NO_NAMES, ())
        self.known = fields

    def name(self, tree: Name) -> Operand:
        if self.known is not None or tree.path in CONSTANTS:
            return super().name(tree)
        return Field(tree.path, FieldType.INSTANT if tree.path in _PROPERTY_INSTANTS else FieldType.ANY)

    def unlisted(self, path: str) -> Field | None:
        return None

    def condition(self, tree: Syntax) -> Condition:
        if isinstance(tree, Call):
            raise self.error("within where= stand comparisons of properties", tree.span)
        return super().condition(tree)

    def segment(self, tree: Call) -> Outline:
        raise self.error("within where= stand comparisons of properties", tree.span)


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
        case Weighed(signs=signs):
            return 3 + max(_depth(sign.outline.condition) for sign in signs)
        case _:
            return 0


def _example(field: Field) -> str:
    if field.choices:
        return f'"{field.choices[0]}"'
    return {FieldType.TEXT: '"DE"', FieldType.DATE: '"2026-03-20"', FieldType.INSTANT: '"2026-03-20"'}.get(
        field.type, "1"
    )
