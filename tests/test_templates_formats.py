"""Amounts, numbers and days read as the reader's own language and country write them, and cost next to nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from mailflow.templates.environment import TEXT, run

NBSP, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


def shown(source: str, language: str = "en", contact: dict[str, str] | None = None) -> str:
    values = {
        "language": language,
        "contact": contact or {},
        "shop": {"currency": "EUR"},
        "today": date(2026, 3, 20),
        "at": datetime(2026, 3, 20, 15, 7, tzinfo=UTC),
        "amount": Decimal("1234.5"),
    }
    return run(TEXT.from_string(source), values)


@pytest.mark.parametrize(
    ("language", "contact", "expected"),
    [
        ("en", {}, "€1,234.50"),
        ("en", {"language": "en", "country": "AT"}, "€1,234.50"),  # English is not Austria's language
        ("de", {"language": "de", "country": "DE"}, f"1.234,50{NBSP}€"),
        ("de", {"language": "de", "country": "AT"}, f"€{NBSP}1.234,50"),
        ("de", {"language": "de-AT"}, f"€{NBSP}1.234,50"),
        ("de", {"language": "de_CH", "country": "AT"}, "EUR1’234.50"),  # what they say goes before where they live
        ("fr", {"language": "en-GB"}, f"1{NARROW}234,50{NBSP}€"),  # a French text stays French
        ("xx", {}, "€1,234.50"),
    ],
)
def test_money_follows_language_and_country(language: str, contact: dict[str, str], expected: str) -> None:
    assert shown("{{ amount | money }}", language, contact).replace(f"EUR{NBSP}", "EUR") == expected


def test_what_is_rounded_to_nothing_has_no_sign_and_halves_go_up() -> None:
    assert shown("{{ (0 - 0.001) | money }} {{ '-0.4' | number(0) }} {{ '-0.0001' | number }}") == "€0.00 0 0"
    assert shown("{{ '-0.001' | percent }} {{ '0.0005' | number }} {{ '-0.5' | number(0) }}") == "0% 0.001 -1"


def test_yen_have_no_cents_and_other_currencies_their_own_sign() -> None:
    assert shown('{{ amount | money("JPY") }}') == "¥1,235"
    assert shown('{{ 12 | money("GBP") }}', "de") == f"12,00{NBSP}£"


@pytest.mark.parametrize(
    ("source", "english", "german"),
    [
        ("{{ amount | number }}", "1,234.5", "1.234,5"),
        ("{{ amount | number(0) }}", "1,235", "1.235"),
        ("{{ 0.256 | percent }}", "26%", f"26{NBSP}%"),
        ("{{ 0.256 | percent(1) }}", "25.6%", f"25,6{NBSP}%"),
        ('{{ today | date("short") }}', "3/20/26", "20.03.26"),
        ('{{ today | date("medium") }}', "Mar 20, 2026", "20.03.2026"),
        ('{{ today | date("long") }}', "March 20, 2026", "20. März 2026"),
        ('{{ today | date("full") }}', "Friday, March 20, 2026", "Freitag, 20. März 2026"),
        ('{{ today | date("%A, %e. %B") }}', "Friday, 20. March", "Freitag, 20. März"),
        ('{{ today | date("%d.%m.%Y") }}', "20.03.2026", "20.03.2026"),
        ('{{ at | date("%H:%M") }}', "15:07", "15:07"),
        ("{{ today | date }}", "2026-03-20", "2026-03-20"),
    ],
)
def test_numbers_and_days_in_two_languages(source: str, english: str, german: str) -> None:
    assert shown(source, "en") == english
    assert shown(source, "de") == german


def test_a_month_beside_a_day_has_the_form_it_has_there() -> None:
    assert shown('{{ today | date("%e %B") }}', "ru") == "20 марта"
    assert shown('{{ today | date("%B %Y") }}', "ru") == "март 2026"


def test_days_left_count_to_the_day_itself() -> None:
    assert shown('{{ "2026-03-27" | days_left }} {{ today | days_left }} {{ "2026-03-19" | days_left }}') == "7 0 -1"


@pytest.mark.parametrize("form", ["", "lnog", "%Q", "d.m.y"])
def test_what_is_no_form_of_a_date_is_told(form: str) -> None:
    with pytest.raises(Exception, match="no form of a date: say short, medium, long, full"):
        shown("{{ today | date('" + form + "') }}")


def test_babel_is_imported_only_when_a_template_writes_an_amount() -> None:
    code = (
        "import sys; from mailflow.templates.environment import TEXT, run; "
        "run(TEXT.from_string('{{ x }}'), {'x': 1}); assert 'babel' not in sys.modules; "
        "run(TEXT.from_string('{{ x | money }}'), {'x': 1}); assert 'babel' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_many_readers_share_is_worked_out_once() -> None:
    template = TEXT.from_string("{{ amount | money }} {{ today | date('long') }} {{ today | date('%A') }}")
    values = {"language": "de", "contact": {}, "amount": Decimal("9.90"), "today": date(2026, 3, 20)}
    run(template, values)
    begun = time.process_time()
    for _ in range(2_000):
        run(template, values)
    assert (time.process_time() - begun) / 2_000 < 0.000_5  # 0.02 ms here; 0.1 ms and more if babel wrote each
