"""Conditions of templates in an owner's words."""

from __future__ import annotations

import pytest
from jinja2 import nodes

from mailflow.templates.conditions import Wording, language_name
from mailflow.templates.environment import MailEnvironment

WORDING = Wording({"gold": "bool", "points": "number", "tea": "text"})
SAID = {
    "contact.first_name": ("first name is known", "first name is not known"),
    'contact.country == "DE"': ("in Germany", "not in Germany"),
    'contact.country in ["DE", "AT"]': ("in Germany or in Austria", "not in Germany or in Austria"),
    'contact.country != "DE"': ("not in Germany", "in Germany"),
    "not contact.country": ("country is not known", "country is known"),
    'contact.language == "de-AT"': ("reading German (Austria)", "not reading German (Austria)"),
    '"vip" in contact.segments': ("in the segment vip", "not in the segment vip"),
    '"vip" not in contact.segments': ("not in the segment vip", "in the segment vip"),
    'contact.lifecycle == "lead"': ("stage lead", "not stage lead"),
    "contact.orders.count >= 3": ("at least 3 orders", "fewer than 3 orders"),
    "3 < contact.orders.count": ("more than 3 orders", "at most 3 orders"),
    "contact.orders.count > 0": ("with orders", "without orders"),
    "contact.orders.count < 1": ("without orders", "with orders"),
    "contact.orders.count == 0": ("without orders", "with orders"),
    "contact.orders.count == 2": ("2 orders", "not 2 orders"),
    "contact.orders.revenue > 100": ("revenue more than 100", "revenue at most 100"),
    "contact.traits.organic >= 0.7": ("trait organic at least 0.7", "trait organic less than 0.7"),
    "contact.personalised": ("who want mail made for them", "who want no mail made for them"),
    "contact.gold": ("gold: yes", "gold: no"),
    "contact.gold == false": ("gold: no", "gold: yes"),
    "contact.points": ("with points", "without points"),
    'contact.attributes["tea"] == "mint"': ("tea is mint", "tea is not mint"),
    "contact.city is defined": ("city is known", "city is not known"),
    "contact.city is none": ("city is not known", "city is known"),
    'contact.city != ""': ("city is known", "city is not known"),
    'season in ["spring", "summer"]': ("in spring or in summer", "not in spring or in summer"),
    'day.weather == "snow" and day.high < 3': ("weather is snow and high less than 3",
                                               "weather is not snow or high at least 3"),
    'contact.city or contact.phone and contact.country == "AT"': (
        "city is known, or phone is known and in Austria",
        "city is not known, and phone is not known or not in Austria",
    ),
    "recommendations | length >= 3": ("at least 3 recommendations", "fewer than 3 recommendations"),
    "recommendations[:2]": ("with recommendations", "without recommendations"),
    "offer.expires_on | days_left > 1": ("days until end of the code more than 1",
                                         "days until end of the code at most 1"),
    "polls.spring.answer": ("with an answer to the poll spring", "without an answer to the poll spring"),
    "polls.spring.is_open": ("poll spring is open", "poll spring is closed"),
    '"cake" in never_show': ("cake must never be shown to them", "cake may be shown to them"),
    'contact.favourite_category | default("") | lower == "tea"': (
        "favourite category is tea",
        "favourite category is not tea",
    ),
}  # fmt: skip


def condition(text: str) -> nodes.Node:
    tree = MailEnvironment(is_html=False)._parse(f"{{% if {text} %}}x{{% endif %}}", None, None)
    (found,) = tree.find_all(nodes.If)
    return found.test


@pytest.mark.parametrize("text", SAID)
def test_a_condition_is_said_both_ways(text: str) -> None:
    assert (WORDING.of(condition(text), holds=True), WORDING.of(condition(text), holds=False)) == SAID[text]


@pytest.mark.parametrize(
    "text", ["big", "contact.tea | upper == contact.city", "1 < contact.points < 5", "contact.points % 2 == 0"]
)
def test_what_has_no_words_is_not_guessed(text: str) -> None:
    assert WORDING.of(condition(text), holds=True) is None
    assert WORDING.of(condition(f"contact.city and {text}"), holds=False) is None


def test_a_tag_that_is_no_language_is_its_own_name() -> None:
    assert language_name("xx-yy-zz") == "xx-yy-zz"
