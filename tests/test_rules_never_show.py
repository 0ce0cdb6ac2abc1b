"""The hard rules: what is compared with what, and what nothing on either side means."""

from __future__ import annotations

import pytest

from mailflow.config.recommending import NeverShowSettings
from mailflow.rules import never_show

ALLERGIES = NeverShowSettings(contact="allergies", product="allergens")
SIZES = NeverShowSettings.model_validate({"contact": "shoe_size", "product": "sizes", "must": "match"})


@pytest.mark.parametrize(
    ("allergies", "allergens", "shown"),
    [
        ("nuts", "nuts", False),
        ("Nuts, gluten", "milk; NUTS", False),
        (["nuts", "gluten"], ["gluten|egg"], False),
        ("nuts", "peanuts", True),
        ("nuts", "", True),
        ("", "nuts", True),
        (None, "nuts", True),
        ([], ["nuts"], True),
        ("STRASSE", "straße", False),
    ],
)
def test_values_are_compared_one_by_one_without_regard_to_case(
    allergies: object, allergens: object, shown: bool
) -> None:
    may_see = never_show.for_contact([ALLERGIES], {"allergies": allergies})
    assert may_see({"allergens": allergens}) is shown


@pytest.mark.parametrize(("size", "shown"), [(42, True), (42.0, True), ("42", True), (43, False), (4, False)])
def test_a_number_matches_its_text(size: object, shown: bool) -> None:
    assert never_show.for_contact([SIZES], {"shoe_size": size})({"sizes": "41, 42"}) is shown


def test_a_size_must_be_among_what_is_in_stock_and_an_allergen_nowhere_in_the_family() -> None:
    whole, left = {"sizes": ["41", "42"], "allergens": ["nuts"]}, {"sizes": ["41"], "allergens": []}
    assert not never_show.for_contact([SIZES], {"shoe_size": 42})(whole, left)
    assert never_show.for_contact([SIZES], {"shoe_size": 41})(whole, left)
    assert not never_show.for_contact([ALLERGIES], {"allergies": "nuts"})(whole, left)


def test_a_product_that_says_nothing_is_shown_unless_the_rule_hides_it() -> None:
    assert never_show.for_contact([SIZES], {"shoe_size": 42})({"title": "Mug"})
    strict = NeverShowSettings.model_validate({"contact": "shoe_size", "product": "sizes", "unknown": "hide"})
    assert not never_show.for_contact([strict], {"shoe_size": 42})({"title": "Mug"})


def test_a_field_of_their_own_goes_before_the_built_in_one() -> None:
    rule = NeverShowSettings(contact="country", product="not_in")
    contact = {"country": "AT", "attributes": {"country": "DE"}}
    assert never_show.for_contact([rule], contact)({"not_in": "AT"})
    assert not never_show.for_contact([rule], contact)({"not_in": "DE"})
    assert not never_show.for_contact([rule], {"country": "AT", "attributes": {"country": None}})({"not_in": "AT"})
