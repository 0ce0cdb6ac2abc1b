"""What somebody's deeds add up to: impact.yaml. Euros given, trees planted, cups saved; whatever a shop counts.

Worked out for all people at once, as a mail is about to be made; what single rules find: segments.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

from mailflow import money
from mailflow.config.yaml_files import Document, parse_spec, read_text, read_yaml
from mailflow.errors import DataError, Problem, ProblemsError
from mailflow.rules import Rule, RuleError
from mailflow.rules.types import Deed, Did

if TYPE_CHECKING:
    from mailflow.segments.segments import Segments
    from mailflow.store import Store

IMPACT_FILE = "impact.yaml"
AMOUNT, QUANTITY, COUNT = "amount", "quantity", "count"
_NAME = re.compile(r"[^\W\d]\w*")
_OF_ORDERS = (AMOUNT, QUANTITY, COUNT)
_SIX_PLACES = Decimal("0.000001")


class _FigureSpec(BaseModel):
    """One figure as it is written: what is added up, of which deeds, and how often each counts."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    sum: str = Field(min_length=1)
    of: str = Field(min_length=1)
    times: Decimal = Decimal(1)

    @field_validator("times", mode="before")
    @classmethod
    def _times(cls, value: object) -> object:
        return str(value) if isinstance(value, float) else value


class _ImpactSpec(RootModel[dict[str, _FigureSpec]]):
    """impact.yaml."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `what` is amount, quantity, count, or a property of events."""

    what: str
    rule: Rule
    times: Decimal


def text(root: Path) -> str | None:
    """Return the text of impact.yaml; None where there is none."""
    path = root / IMPACT_FILE
    return read_text(path, IMPACT_FILE) if path.exists() else None


def figures(root: Path, known: Segments) -> dict[str, Figure]:
    """Return the figures by name; `ProblemsError` lists all that is wrong in the file. None where there is no file."""
    path = root / IMPACT_FILE
    document = read_yaml(path) if path.exists() else None
    if document is None or document.data is None:
        return {}
    specs = parse_spec(_ImpactSpec, document).root
    wrong: list[Problem] = []
    found = {}
    for name, spec in specs.items():
        try:
            found[name] = _figure(document, name, spec, known)
        except ProblemsError as error:
            wrong += error.problems
    if wrong:
        raise ProblemsError(wrong)
    return found


def problems(root: Path, known: Segments) -> Iterator[Problem]:
    """Yield what is wrong in impact.yaml, with its places."""
    try:
        figures(root, known)
    except ProblemsError as error:
        yield from error.problems


def totals(figure: Figure, known: Segments, store: Store, *, now: datetime) -> Mapping[int, Decimal]:
    """Return contact → figure, of everybody who did any of it."""
    found, currency = known.totals(store, figure.rule, figure.what, now=now)
    if figure.what == AMOUNT and _deed(figure.rule) is Deed.ORDER:
        account = known.settings.currency
        if currency != account:
            raise DataError(f"{IMPACT_FILE}: the orders are in {currency}, and currency: in mailflow.yaml is {account}")
        return {who: Decimal(money.to_text(int(total), currency)) * figure.times for who, total in found.items()}
    return {who: _plain(Decimal(str(total)) * figure.times) for who, total in found.items()}


def _plain(total: Decimal) -> Decimal:
    """Return a sum of fractions without the dust that adding them up leaves, and a whole one without places."""
    rounded = total.quantize(_SIX_PLACES).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def _figure(document: Document, name: str, spec: _FigureSpec, known: Segments) -> Figure:
    if not _NAME.fullmatch(name):
        raise ProblemsError(
            [document.problem((name,), f"{name!r} is no name: write letters, digits and _", at_key=True)]
        )
    try:
        rule = known.parse(spec.of)
    except (RuleError, DataError) as error:
        raise ProblemsError([document.problem((name, "of"), str(error))]) from None
    deed = rule.condition
    if not isinstance(deed, Did) or deed.deed is Deed.MAIL or deed.poll is not None or deed.at_least > 1:
        told = 'of: is one thing that people did, such as bought(category="trees") or did("donated")'
        raise ProblemsError([document.problem((name, "of"), told)])
    if deed.deed is Deed.ORDER and spec.sum not in _OF_ORDERS:
        told = f"of orders {', '.join(_OF_ORDERS)} can be added up, not {spec.sum!r}"
        raise ProblemsError([document.problem((name, "sum"), told)])
    return Figure(spec.sum, rule, spec.times)


def _deed(rule: Rule) -> Deed:
    assert isinstance(rule.condition, Did)
    return rule.condition.deed
