"""templates.reads: what a template reads of a person, however it is written."""

from __future__ import annotations

import pytest

from mailflow.templates.reads import fields_read


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("{{ contact.first_name | default('you') }}", {"first_name"}),
        ('{{ contact["city"] }}', {"city"}),
        ("{{ contact.orders.first_at.year }}", {"orders.first_at.year"}),
        ("{% if contact.attributes.tea == 'mint' %}x{% endif %}", {"attributes.tea"}),
        ("{% for one in contact.attributes['teas'] %}{{ one.name }}{% endfor %}", {"attributes.teas"}),
        ("{% set who = contact %}{{ who.country }}", {"country"}),
        ("{% with them = contact %}{{ them.country }}{% endwith %}", {"country"}),
        ("{{ owner.name | default(shop.name) }}", {"owner"}),
        ("{{ shop.name }} {{ contact }}", set()),
        ("{{ contact.first_name", set()),
    ],
)
def test_fields_of_the_person_are_found(text: str, paths: set[str]) -> None:
    assert set(fields_read({"templates/a.md": text})) == paths


def test_each_place_is_told() -> None:
    text = '---\nsubject: "{{ contact.city }}"\n---\n{{ contact.city }}\n'
    assert fields_read({"a.md": text, "b.md": "{{ contact.city }}"}) == {
        "city": [("a.md", 2), ("a.md", 4), ("b.md", 1)]
    }
