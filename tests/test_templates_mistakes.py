"""What is said of mistakes in templates: no word of Jinja or Python that an owner would have to look up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.templates import TemplateError

CONTEXT = {
    "contact": {
        "email": "a@example.com", "first_name": "Ada", "city": None, "rfm": None, "nearest_store": None,
        "birthday": None, "orders": {"count": 0, "revenue": None, "last_at": None},
    },
    "shop": {"name": "Shop", "address": "Street 1", "url": None, "language": "en", "currency": "EUR", "footer": []},
    "unsubscribe_url": "https://x.example/u",
}  # fmt: skip


def text_of(folder: Path, body: str) -> str:
    (folder / "a.md").write_text(f'---\nsubject: "News"\n---\nHi\n\n{body}\n', encoding="utf-8")
    return templates.load(folder, "a").render(CONTEXT).text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("a {% endif %}", "{% endif %} belongs to nothing here: a tag before it is missing or was closed already"),
        ("{% if contact.city %}x", "{% if … %} is not closed: write {% endif %} where it ends"),
        ("{% for p in items %}x{% endif %}", "{% endif %} belongs to nothing here, where {% endfor %} is wanted"),
        ("{% for p items %}x{% endfor %}", "'in' should stand where 'items' is"),
        ('{% if contact.city = "Graz" %}x{% endif %}', "two things are compared with =="),
        ("{% if contact.city %}a{% else if x %}b{% endif %}", "write {% elif … %} for a further condition"),
        ("{{ contact.first_name }", "a tag does not end as it began: {{ … }} and {% … %} have two signs at each end"),
        ("{{ contact.first_name | }}", "a name is missing before the end of the tag, }}"),
        ("{{ 'x }}", "a text begins with ' and does not end: a closing ' is missing"),
        ("{% if contact.city && 1 %}x{% endif %}", "the sign & means nothing in a tag: write and"),
        ("{{ {{ x }} }}", "a tag stands inside a tag: two {{ come before the first }}"),
        ("{% if %}x{% endif %}", "something is missing before the end of the tag, %}"),
        ("{{ (contact.city }}", "a bracket is not closed: ) is missing before }"),
        ("{% if contact.orders.last_at < today %}x{% endif %}", "there is no 'today'"),
        ("{% if contact.orders.last_at < 3 %}x{% endif %}", "something is empty for this person, and is compared by <"),
        ("{% if contact.rfm.r >= 4 %}x{% endif %}", "ask first whether it is there: {% if name and … %}"),
        ("{% if contact.first_name > 3 %}x{% endif %}", "a text and a number cannot be compared"),
        ('{% if contact.city in "Graz" %}x{% endif %}', "what `in` looks for is empty for this person"),
        ('{% if "x" in contact.city %}x{% endif %}', "what `in` looks in is empty for this person"),
        ("{{ contact.birthday | date }}", "the date is empty for this person: write it only where there is one"),
        ("{{ contact.orders.revenue | money }}", "the amount is empty for this person: write it only where"),
        ('{{ "a" + 3 }}', "+ joins two texts or two lists; use ~ to join a text and a number"),
        ("{{ 3 / contact.orders.count }}", "divides by nothing, or what it works out is no number"),
        ('{{ contact.first_name | replace("a") }}', "the filter replace needs more: new"),
        ("{{ contact.rfm.class }}", "contact.rfm.class is empty: say what to write instead"),
        ("{{ contact.nearest_store.name }}", "contact.nearest_store.name is empty: say what to write instead"),
    ],
)
def test_a_mistake_is_told_in_words_with_its_line(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        text_of(tmp_path, body)
    said = str(caught.value)
    assert words in said
    assert said.startswith("templates/a.md:6: ".replace("templates", tmp_path.name))
    assert not re.search("Jinja|NoneType|token|Encountered|operand|argument|instances|not iterable", said)


def test_a_part_of_nothing_is_nothing_in_a_condition(tmp_path: Path) -> None:
    body = '{% if contact.rfm.class == "champions" %}A{% elif contact.nearest_store.name %}B{% else %}C{% endif %}'
    assert "\nC\n" in text_of(tmp_path, body)
    assert "everywhere" in text_of(tmp_path, '{{ contact.nearest_store.name | default("everywhere") }}')
    assert "March" not in text_of(tmp_path, "{% if contact.birthday.month == 3 %}March{% endif %}")
