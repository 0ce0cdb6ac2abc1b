"""Templates run as plain Jinja runs them, only faster: what was seen before changes nothing."""

from __future__ import annotations

import random
import tracemalloc
from datetime import date
from decimal import Decimal
from typing import Any

import jinja2
import pytest
from jinja2.exceptions import TemplateRuntimeError

from mailflow.templates import filters
from mailflow.templates.codegen import AT_ONCE
from mailflow.templates.environment import HTML, TEXT, pieces, run
from mailflow.templates.kept import Kept

BARE = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
VALUES: dict[str, Any] = {
    "contact": {"first_name": "Zoë <b>", "city": "", "orders": {"count": 7}, "key": "k&1", "born": date(1984, 3, 7)},
    "products": [{"title": f"Röstung {i} & mehr", "price": Decimal(i) / 4, "stock": i % 3} for i in range(12)],
    "items": {"a": 1, "b": "x"},
    "nothing": [],
}
SOURCES = [
    "{{ contact.first_name }}|{{ contact.orders.count }}|{{ contact['key'] }}|{{ contact.born.year }}",
    "{% for p in products %}{{ loop.index }} {{ p.title }} {{ p.price }}{% if loop.last %}.{% endif %}{% endfor %}",
    "{% for p in products if p.stock == 1 %}{{ p.title }};{% else %}none{% endfor %}",
    "{% for p in nothing %}{{ p.title }}{% else %}none of {{ products | length }}{% endfor %}",
    "{% set who = contact %}{{ who.first_name | upper }}{% with n = who.orders %}{{ n.count + 1 }}{% endwith %}",
    "{{ contact.city | default('here', true) }} {{ 1 if contact.orders.count > 5 else 0 }}{{ contact.x is defined }}",
    "{{ (contact.first_name ~ contact.key) | replace('k', contact.city) }}{{ products[1].title[:4] }}",
    "{{ products[0]['stock'] }} {{ products[-1].price * 2 }} {{ products[1:3] | map(attribute='title') | join }}",
    "{{ products | map(attribute='title') | join(', ') }} {{ items | items | first | first }}",
    "".join(f"{{{{ contact.key }}}}{i} " for i in range(3 * AT_ONCE)),
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_template_says_what_plain_jinja_says_the_first_time_and_every_time(source: str) -> None:
    wanted = BARE.from_string(source).render(VALUES)
    template = HTML.from_string(source)
    assert [run(template, VALUES) for _ in range(3)] == [wanted] * 3


def test_a_value_is_escaped_whether_it_was_seen_before_or_not() -> None:
    template, text = HTML.from_string("<p>{{ said }}</p>"), TEXT.from_string("{{ said }}")
    for said in ("plain", "<script>", "plain", "<script>", "a & b"):
        assert (
            run(template, {"said": said})
            == f"<p>{said.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</p>"
        )
        assert run(text, {"said": said}) == said


def test_both_parts_write_figures_as_one_reader_does_and_the_next_reader_as_theirs() -> None:
    html, text = HTML.from_string("<p>{{ 1234.5 | money }}</p>"), TEXT.from_string("{{ 1234.5 | money }}")
    shop = {"currency": "EUR"}
    for language, wanted in (("de", "1.234,50\u00a0€"), ("en", "€1,234.50"), ("de", "1.234,50\u00a0€")):
        known: dict[str, Any] = {"shop": shop, "language": language, "contact": {"language": language}}
        assert [pieces(html, known)[1], pieces(text, known)[1]] == [f"<p>{wanted}</p>", wanted]


def test_a_language_that_a_template_sets_is_that_of_its_own_part_only() -> None:
    known: dict[str, Any] = {"shop": {"currency": "EUR"}, "language": "en", "contact": {}}
    german = TEXT.from_string("{{ 1.5 | money }} {% set language = 'de' %}{{ 1.5 | money }}")
    assert pieces(german, known)[1] == "€1.50 1,50\u00a0€"
    assert pieces(TEXT.from_string("{{ 1.5 | money }}"), known)[1] == "€1.50"


def test_what_one_part_may_cost_does_not_shrink_by_what_another_did() -> None:
    known: dict[str, Any] = {"many": list(range(9_000))}
    looped = TEXT.from_string("{% for a in many %}{% if a == 1 %}{{ a }}{% endif %}{% endfor %}")
    assert [pieces(looped, known)[1] for _ in range(30)] == ["1"] * 30


def test_what_one_part_of_a_link_takes_is_not_taken_by_another() -> None:
    link = HTML.from_string("{{ x | __link__('a.md', 1, 'x') }}")
    path, query = HTML.from_string("{{ x | __path__('x') }}"), HTML.from_string("{{ x | __query__('x') }}")
    for _ in range(2):
        assert run(path, {"x": "a/b c?"}) == "a/b%20c%3F"
        assert run(query, {"x": "a/b c?"}) == "a%2Fb%20c%3F"
        with pytest.raises(TemplateRuntimeError, match="not a link"):
            run(link, {"x": "a/b c?"})
        assert run(link, {"x": "https://shop.example/a?b=1&c=2"}) == "https://shop.example/a?b=1&amp;c=2"


def test_what_is_no_text_is_never_taken_for_one_that_looks_the_same() -> None:
    template = HTML.from_string("{{ x | default('none') }}")
    for value, wanted in ((1, "1"), (True, "True"), (1.0, "1.0"), (Decimal("1.00"), "1.00"), ("1", "1"), (1, "1")):
        assert run(template, {"x": value}) == wanted


def test_amounts_that_are_equal_are_written_alike_and_what_is_none_is_refused_each_time() -> None:
    template = TEXT.from_string("{{ x | money }}")
    known = {"language": "en", "shop": {"currency": "EUR"}, "contact": {}}
    for value in (1, Decimal("1.0"), "1.00", Decimal(1)):
        assert run(template, {**known, "x": value}) == "€1.00"
        with pytest.raises(TemplateRuntimeError, match="not an amount"):
            run(template, {**known, "x": True})
    german = TEXT.from_string("{% set language = 'de' %}{{ x | money }}")
    assert run(german, {**known, "x": Decimal("1234.5")}) == "1.234,50\N{NO-BREAK SPACE}€"
    assert run(template, {**known, "x": Decimal("1234.5")}) == "€1,234.50"


def test_pieces_are_the_text_and_the_templates_own_words_the_same_objects() -> None:
    template = HTML.from_string("<p>Hello {{ name }}</p>\n{% for x in some %}<b>{{ x }}</b>{% endfor %}")
    first, text = pieces(template, {"name": "Ada", "some": ["1", "2"]})
    second, _ = pieces(template, {"name": "Bob", "some": ["3"]})
    assert "".join(first) == text == "<p>Hello Ada</p>\n<b>1</b><b>2</b>"
    assert first[0] is second[0]
    assert first[3] is first[6] is second[3]


def test_names_that_are_missing_are_told_with_their_line_in_the_midst_of_a_row() -> None:
    template = HTML.from_string("a {{ contact.key }}\nb {{ contact.key }}\nc {{ contact.kee }}\nd")
    with pytest.raises(jinja2.UndefinedError, match="did you mean 'key'") as told:
        run(template, VALUES)
    frames = [entry for entry in told.traceback if "__jinja_template__" in entry.frame.f_globals]
    assert template.get_corresponding_lineno(frames[-1].lineno + 1) == 3


def test_values_that_grow_by_escaping_are_stopped_before_they_fill_the_memory() -> None:
    template = HTML.from_string("{{ x }}" * 2000)
    tracemalloc.start()
    with pytest.raises(TemplateRuntimeError, match="larger than 2 MB"):
        run(template, {"x": "&" * 60_000})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


def test_what_is_kept_has_an_end() -> None:
    kept, chance = Kept(), random.Random(1)
    for number in range(20_000):
        said = f"{number} " + "x" * chance.randrange(2000)
        assert kept.keep(said, said.upper()) == said.upper()
    assert 0 < len(kept) <= 4096
    assert all(made == said.upper() and len(said) <= 512 for said, made in kept.items())


def test_everybody_s_own_values_leave_room_for_the_next_ones() -> None:
    template = HTML.from_string("{{ x }}")
    for number in range(10_000):
        assert run(template, {"x": f"person {number} & co"}) == f"person {number} &amp; co"
    assert len(filters.SHOWN_IN_HTML) <= 4096
