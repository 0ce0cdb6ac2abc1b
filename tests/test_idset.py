"""A set of contacts by the bit holds what a set of numbers would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailflow.idset import IdSet

IDS = st.sets(st.integers(min_value=0, max_value=5_000))


@given(IDS, IDS)
def test_it_holds_what_a_set_holds(put: set[int], asked: set[int]) -> None:
    found = IdSet(put)
    assert list(found) == sorted(put)
    assert len(found) == len(put)
    assert {number for number in asked if number in found} == put & asked
    assert found == put
    assert bool(found) == bool(put)


@given(IDS)
def test_what_is_in_already_is_counted_once(put: set[int]) -> None:
    found = IdSet([*put, *put])
    assert len(found) == len(put)


def test_what_is_no_id_of_a_row_is_not_in_it() -> None:
    found = IdSet(range(16))
    assert all(number not in found for number in (-1, -8, 16, 10**12))
    assert "3" not in found
