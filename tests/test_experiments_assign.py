"""Hold-outs: deterministic, uniform, independent, and never shrinking when the share grows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mailflow.experiments.assign import holds_out, position

KEYS = [f"contact-{number}" for number in range(20_000)]


def test_an_assignment_is_the_same_for_ever() -> None:
    assert position("contact-1", salt="spring") == position("contact-1", salt="spring")
    held = [key for key in KEYS[:40] if holds_out(key, salt="spring", share=0.25)]
    assert held == [key for key in KEYS[:40] if position(key, salt="spring") < 1 << 62]


def test_the_digest_is_pinned_across_versions() -> None:
    assert position("ada", salt="spring") == 0x3A00330C349704D6


@pytest.mark.parametrize("share", [Decimal("0.1"), 0.5, 0.02])
def test_the_share_held_out_is_the_share_asked_for(share: Decimal | float) -> None:
    held = sum(holds_out(key, salt="spring", share=share) for key in KEYS)
    expected = float(share) * len(KEYS)
    deviation = (expected * (1 - float(share))) ** 0.5
    assert abs(held - expected) < 4 * deviation


def test_positions_are_uniform() -> None:
    """Pearson's chi-square over 64 cells; 118 lies beyond its 0.9999 quantile at 63 degrees of freedom."""
    cells = [0] * 64
    for key in KEYS:
        cells[position(key, salt="any") >> 58] += 1
    expected = len(KEYS) / 64
    assert sum((count - expected) ** 2 / expected for count in cells) < 118


def test_two_campaigns_hold_out_independently() -> None:
    both = sum(holds_out(key, salt="a", share=0.5) and holds_out(key, salt="b", share=0.5) for key in KEYS)
    assert abs(both - len(KEYS) / 4) < 4 * (len(KEYS) * 3 / 16) ** 0.5


def test_a_larger_share_keeps_everybody_who_was_held_out() -> None:
    for key in KEYS[:2000]:
        assert not holds_out(key, salt="x", share=0.1) or holds_out(key, salt="x", share=0.3)


def test_nothing_and_everything_are_exact() -> None:
    assert not any(holds_out(key, salt="x", share=0) for key in KEYS[:1000])
    assert all(holds_out(key, salt="x", share=Decimal(1)) for key in KEYS[:1000])


def test_salt_and_key_do_not_run_together() -> None:
    assert position("bc", salt="a") != position("c", salt="ab")


def test_a_share_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holds_out("x", salt="x", share=10)
