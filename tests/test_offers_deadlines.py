"""A deadline in a mail is the real one, or lint is told; a date that is no deadline is left alone."""

from __future__ import annotations

from datetime import date

import pytest

from mailflow.offers.deadlines import NEVER, false_deadlines

TODAY = date(2026, 12, 20)
ENDS = date(2026, 12, 24)


@pytest.mark.parametrize(
    "text",
    [
        "Your code is worth something until 2026-12-24.",
        "Valid until 24 December 2026",
        "until Thursday, 24 December",
        "by December 24th, 2026",
        "until Dec 24",
        "until the 24th of December",
        "gültig bis 24.12.2026",
        "bis zum 24. Dezember",
        "bis Donnerstag, den 24. Dezember",
        "hasta el 24 de diciembre de 2026",
        "jusqu'au 24 décembre",
        "fino al 24 dicembre",
        "geldig tot 24 december",
        "only until 12/24/2026",
        "until 24/12",
        "only 4 days",
        "only 96 hours",
        "until Thursday",
        "by this Thursday, please",
        "nur bis Donnerstag",
        "for the next 96 hours",
        "96 hours only",
        "We are closed until 6 January. Come before.",
        "Order by 21 December to have it there by Christmas, with you before the 24th.",
        "Wir haben bis 22. Dezember geöffnet.",
        "Bis Montag!",
        "We opened on 3 March 1998, and today is the 20th.",
        "See you tomorrow, or by the sea.",
        "Open until late.",
        "Step by 2 steps",
        "Prices fall by 3.5 % now",
        "Call us until 9.30 Uhr, open until 10.12 pm, before 8.15 a.m. or until 18.10 h",
        "cheaper by 10.10 EUR, bis 12.10 € weniger, lighter by 2.5 kg, by 1.500 pieces",
    ],
)
def test_a_true_deadline_and_what_is_none_pass(text: str) -> None:
    assert false_deadlines(text, today=TODAY, ends=ENDS) == []


@pytest.mark.parametrize(
    "text",
    [
        "until 2026-12-23",
        "Valid until 25 December 2026",
        "until Dec 31",
        "gültig bis 23.12.2026",
        "bis 23.12. am Hauptplatz",
        "bis zum 31. Dezember",
        "hasta el 31 de diciembre",
        "jusqu'au 31 décembre",
        "fino al 23 dicembre",
        "Today only!",
        "Ends tonight",
        "Last chance",
        "Nur heute",
        "Nur noch bis morgen",
        "Solo oggi",
        "Alleen vandaag",
        "ends tomorrow",
        "only 24 hours",
        "only 2 days",
        "48 hours only",
        "for the next 48 hours",
        "nur bis Freitag",
        "expires Monday",
        "ends at midnight",
        "endet um Mitternacht",
        "this weekend only",
        "nur diese Woche",
    ],
)
def test_a_false_deadline_is_found(text: str) -> None:
    (found,) = false_deadlines(f"Hello. {text} and more", today=TODAY, ends=ENDS)
    assert found.start >= 7
    assert found.words in f"Hello. {text} and more"
    assert "the deadline is 2026-12-24" in found.sentence


@pytest.mark.parametrize("text", ["Today only!", "until 2026-12-24", "ends tonight"])
def test_urgency_without_any_deadline_is_false(text: str) -> None:
    (found,) = false_deadlines(text, today=TODAY, ends=None)
    assert "there is no deadline" in found.sentence


def test_a_deadline_of_an_offer_that_never_ends_is_false() -> None:
    (found,) = false_deadlines("Your code holds until 24 December at the till.", today=TODAY, ends=NEVER)
    assert found.sentence == (
        "'until 24 December' is not true: its offer does not end. Give it expires: in offers.yaml"
    )
    assert false_deadlines("We are closed until 24 December.", today=TODAY, ends=NEVER) == []


def test_the_last_day_may_be_said_on_the_last_day() -> None:
    assert false_deadlines("Last chance: ends tonight. Only today!", today=ENDS, ends=ENDS) == []


def test_a_date_of_next_year_without_a_year_is_understood() -> None:
    assert false_deadlines("until 6 January", today=TODAY, ends=date(2027, 1, 6)) == []
