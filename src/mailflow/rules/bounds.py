"""Numbers that go from one to another: what such a field can never be is a slip. What fields there are: types.py."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from mailflow.rules.types import Field

_SCORES = ("rfm.r", "rfm.f", "rfm.m")
_PARTS: Mapping[str, tuple[int, int]] = MappingProxyType({"month": (1, 12), "day": (1, 31), "hour": (0, 23)})


def never(field: Field, operator: str, value: Decimal) -> str | None:
    """Return in words why a comparison with a number is never true; None where it may be, or the field has no end."""
    ends = _ends(field)
    if ends is None:
        return None
    low, high = ends
    possible = {
        "==": low <= value <= high and value == int(value),
        "<": low < value,
        "<=": low <= value,
        ">": value < high,
        ">=": value <= high,
    }[operator]
    if possible:
        return None
    sign = "" if operator == "==" else f"{operator} "
    return f"{field.name} is never {sign}{value}: it is a whole number from {low} to {high}"


def _ends(field: Field) -> tuple[int, int] | None:
    if field.attribute is not None:
        return None
    if field.name in _SCORES:
        return (1, 5)
    group, _, part = field.name.rpartition(".")
    return _PARTS.get(part) if group else None
