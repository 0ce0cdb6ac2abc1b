"""Read a rule into its syntax tree: a Pratt parser. The tree's types: syntax.py; what its names mean: types.py.

rule       = or
or         = and {"or" and}
and        = not {"and" not}
not        = "not" not | comparison
comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains" | "starts_with" | "ends_with") sum
             | ["not"] "in" "(" sum {"," sum} [","] ")" | "within" ("next" | "last") duration]
sum        = sign {("+" | "-") sign}
sign       = "-" sign | "(" rule ")" | name | name "(" [argument {"," argument}] ")" | text | number | duration
argument   = [name "="] (rule | "(" sum "," sum {"," sum} ")")
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from mailflow.rules.foreign import foreign
from mailflow.rules.syntax import (
    Binary,
    Call,
    Keyword,
    Kind,
    Listed,
    Literal,
    Membership,
    Name,
    Near,
    RuleError,
    Span,
    Syntax,
    Token,
    Unary,
    tokens,
)

COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
TEXT_TESTS = ("contains", "starts_with", "ends_with")
_KEYWORDS = ("and", "or", "not", "in", "within", *TEXT_TESTS)
# How strongly an operator binds what stands left of it.
_TESTS = dict.fromkeys(("not", "in", "within", "=", *COMPARISONS, *TEXT_TESTS), 4)
_POWER = {"or": 1, "and": 2, **_TESTS, "+": 5, "-": 5}
_NOT_POWER = 3
_SIGN_POWER = 6
_MAX_DEPTH = 30  # SQLite's parser has a stack of 100
_MAX_TERMS = 400  # SQLite refuses expressions deeper than 1,000
_MAX_SUMS = 40


def read(text: str) -> Syntax:
    """Return the syntax tree of a rule; `RuleError` with its place where it has none."""
    return _Parser(text).whole()


class _Parser:
    """One rule being read: its tokens and where we are in them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.position = 0
        self.ahead = self.tokens[0]
        self.depth = 0
        self.terms = 0
        self.sums = 0

    def whole(self) -> Syntax:
        if len(self.tokens) == 1:
            raise self.error('a rule is missing, such as country == "DE"', self.ahead.span)
        tree = self.expression(0)
        if self.ahead.kind is not Kind.END:
            raise self.unexpected(self.ahead)
        return tree

    def expression(self, power: int) -> Syntax:
        """Read on while operators bind more strongly than `power`."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error(f"this rule is nested deeper than {_MAX_DEPTH} levels: split it up", self.ahead.span)
        left = self.operand()
        while self.ahead.kind in (Kind.NAME, Kind.MARK) and _POWER.get(str(self.ahead.value), 0) > power:
            left = self.operation(left, self.take())
        self.depth -= 1
        return left

    def operand(self) -> Syntax:
        token = self.take()
        if token.kind in (Kind.TEXT, Kind.NUMBER, Kind.DURATION):
            return Literal(token.value, token.span)
        if token.value == "not":
            operand = self.expression(_NOT_POWER)
            return Unary("not", operand, (token.span[0], operand.span[1]))
        if token.kind is Kind.NAME and token.value not in _KEYWORDS:
            return self.call(token) if self.at("(") else Name(str(token.value), token.span)
        if token.value == "-":
            operand = self.expression(_SIGN_POWER)
            return Unary("-", operand, (token.span[0], operand.span[1]))
        if token.value == "(":
            inner = self.expression(0)
            closing = self.expect(")", opened=token)
            return replace(inner, span=(token.span[0], closing.span[1]))
        raise self.unexpected(token)

    def operation(self, left: Syntax, operator: Token) -> Syntax:
        self.count(operator)
        sign = str(operator.value)
        if sign == "=":
            raise self.error("'=' sets a value: to compare, write ==", operator.span)
        if sign in ("in", "not"):
            return self.membership(left, operator)
        if sign == "within":
            return self.near(left)
        power = _POWER[sign]
        right = self.expression(power)
        if sign in _TESTS and self.at(*_TESTS):
            raise self.error("comparisons do not chain: write a < b and b < c", self.ahead.span)
        return Binary(sign, left, right, (left.span[0], right.span[1]), operator.span)

    def membership(self, subject: Syntax, operator: Token) -> Syntax:
        negated = operator.value == "not"
        if negated and not self.at("in"):
            raise self.error("'not' cannot stand here: did you mean 'not in' or 'and not'?", operator.span)
        if negated:
            self.take()
        if not self.at("("):
            hint = ' (of a list, write: tags contains "vip")' if self.ahead.kind is Kind.NAME else ""
            raise self.error(f'after "in" comes a list in brackets, such as ("DE", "AT"){hint}', self.ahead.span)
        opening = self.take()
        if self.at(")"):
            raise self.error('a list has at least one value, such as ("DE", "AT")', self.ahead.span)
        items = [self.expression(_POWER["in"])]
        while self.at(",") and self.take() and not self.at(")"):
            items.append(self.expression(_POWER["in"]))
        closing = self.expect(")", opened=opening)
        return Membership(subject, tuple(items), negated, (subject.span[0], closing.span[1]))

    def near(self, subject: Syntax) -> Syntax:
        """Read `within next 7d` behind its subject."""
        if not self.at("next", "last"):
            raise self.error("after 'within' comes next or last, such as birthday within next 7d", self.ahead.span)
        ahead = self.take().value == "next"
        duration = self.take()
        if not isinstance(duration.value, timedelta):
            raise self.error("here stands a duration, such as 7d", duration.span)
        return Near(subject, duration.value, ahead, (subject.span[0], duration.span[1]))

    def call(self, name: Token) -> Syntax:
        opening = self.take()
        arguments: list[Syntax] = []
        keywords: list[Keyword] = []
        while not self.at(")"):
            following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
            if self.ahead.kind is Kind.NAME and following.kind is Kind.MARK and following.value == "=":
                key = self.take()
                self.take()
                keywords.append(Keyword(str(key.value), self.value(), key.span))
            else:
                arguments.append(self.expression(0))
            if not self.at(")"):
                self.expect(",", opened=opening)
        closing = self.take()
        span = (name.span[0], closing.span[1])
        return Call(str(name.value), tuple(arguments), tuple(keywords), span, name.span)

    def value(self) -> Syntax:
        """Read what follows `name=` in a call: a rule, a value, or several values in brackets."""
        if not self.at("("):
            return self.expression(0)
        position, opening = self.position, self.take()
        items = [self.expression(0)]
        if not self.at(","):
            self.position, self.ahead = position, opening
            return self.expression(0)
        while self.at(",") and self.take() and not self.at(")"):
            items.append(self.expression(0))
        closing = self.expect(")", opened=opening)
        return Listed(tuple(items), (opening.span[0], closing.span[1]))

    def at(self, *signs: str) -> bool:
        """Say whether one of these operators, brackets or keywords comes next (and not a text that spells it)."""
        return self.ahead.kind in (Kind.NAME, Kind.MARK) and self.ahead.value in signs

    def take(self) -> Token:
        token = self.ahead
        if token.kind is not Kind.END:
            self.position += 1
            self.ahead = self.tokens[self.position]
        return token

    def expect(self, sign: str, *, opened: Token) -> Token:
        token = self.ahead
        if not self.at(sign):
            if token.kind is Kind.END:
                raise self.error("this bracket is never closed", opened.span)
            raise self.unexpected(token)
        return self.take()

    def count(self, operator: Token) -> None:
        self.terms += 1
        self.sums += operator.value in ("+", "-")
        if self.terms > _MAX_TERMS or self.sums > _MAX_SUMS:
            raise self.error("this rule has too many operators: split it up", operator.span)

    def error(self, message: str, span: Span) -> RuleError:
        return RuleError(message, self.text, span)

    def unexpected(self, token: Token) -> RuleError:
        if token.kind is Kind.END:
            return self.error("the rule ends too soon: something is missing here", token.span)
        written = self.text[token.span[0] : token.span[1]]
        if token.kind is Kind.NAME and written not in _KEYWORDS and written.lower() in _KEYWORDS:
            return self.error(f"write {written.lower()!r} in small letters", token.span)
        if written == "=":
            return self.error("'=' sets a value: to compare, write ==", token.span)
        if (hint := foreign(self.text, token)) is not None:
            return self.error(hint, token.span)
        if token.kind is Kind.MARK or written in _KEYWORDS:
            return self.error(f"{written!r} cannot stand here", token.span)
        return self.error(f"{written} cannot stand here: is an operator missing before it (==, and, or …)?", token.span)
