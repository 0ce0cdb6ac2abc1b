"""Only what is somebody's own is looked at anew: what is found has to be what a look at the whole message finds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailflow import templates
from mailflow.jobs.lint.deadlines import Deadlines
from mailflow.offers import deadlines as offers_deadlines
from mailflow.templates import context
from mailflow.templates.compiled import CompiledTemplate
from mailflow.templates.lint import hints, scarce, wording
from mailflow.templates.lint.frames import KEY, Frames, is_key
from mailflow.templates.lint.links import Hosts
from mailflow.templates.lint.message import Inspector
from mailflow.templates.lint.spoken import Texts
from mailflow.templates.lint.wording import Wording
from mailflow.templates.parts import Rendered

TEMPLATE = """---
subject: "{{ contact.first_name | default('') }}, new teas"
preheader: "Three new teas that came in this week, and {{ contact.city | default('') }}."
---
Hi {{ contact.first_name | default('') }},

there is tea until {{ contact.city | default('') }} 2026, only {{ contact.company | default('') }} hours left.

{% if contact.city %}
Dear {{ contact.city }}, see [{{ contact.company | default('this') }}](https://quitte.example/{{ contact.key }}/tea) and
[that](https://quitte.example/tea?c={{ contact.key }}&d={{ contact.company | default('') }}).
{% endif %}

![{{ contact.company | default('') }}](https://quitte.example/{{ contact.key }}.png)

Mail for {{ contact.email }}, last {{ contact.phone | default('') }} (https://quitte.example/?k={{ contact.key }})
"""
BANNED = ("free money", "cheap", "100 %", "tea-time")
VALUES = st.one_of(
    st.sampled_from(
        [
            "", "None", "nan", "Anna", "O'Reilly", "Dear", "cheap", "free", "money", "today", "Friday", "24 December",
            "{{ x }}", "*|FNAME|*", "MÃ¼ller", "www.bank.com", "https://bit.ly/x", "a@b.example", "3", "Hurry", "only",
            "<b>x</b>", "&amp;", "null", "by", "5550123", "anna.lee@mail.example", "v1.a.b.c.0123456789abcdef", "20 ,",
        ]
    ),
    st.text(max_size=12),
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "k1ab2c",
        "",
        "none",
        "null",
        "cheap",
        "a-null-b",
        "today",
        "only",
        "0123",
        "a.b",
        "x/../y",
        "anna.lee",
        "KEY",
        "by",
    ]
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> CompiledTemplate:
    folder = tmp_path_factory.mktemp("shop") / "templates"
    folder.mkdir()
    (folder / "tea.md").write_text(TEMPLATE, encoding="utf-8")
    return templates.load(folder, "tea")


class _Looker:
    """Looks at messages as lint does."""

    def __init__(self, own: frozenset[str], banned: Sequence[str] = BANNED) -> None:
        words = Wording(banned, "")
        self.texts = Texts(words, own)
        self.inspector = Inspector(words, Hosts(own=("quitte.example",)), own)
        self.deadlines = Deadlines()

    def found(self, rendered: Rendered, contact: dict[str, Any]) -> set[tuple[str, str, str]]:
        spoken = self.texts.look(rendered, contact["email"])
        faults = [*spoken.faults, *self.inspector.look(rendered, contact)]
        faults += self.deadlines.look(spoken, (date(2026, 3, 20), None))
        return {(each.code, each.key, each.about) for each in faults}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.tuples(VALUES, VALUES, VALUES, KEYS), min_size=1, max_size=4), banned=st.booleans())
def test_what_is_found_in_the_gaps_is_what_is_found_in_the_whole(
    template: CompiledTemplate, people: list[tuple[str, str, str, str]], banned: bool
) -> None:
    words = BANNED if banned else ()
    in_gaps, whole = _Looker(template.own_words, words), _Looker(frozenset(), words)
    for first, city, company, key in people:
        known = context.sample()
        contact = known["contact"] | {
            "first_name": first or None, "city": city or None, "company": company or None, "key": key,
            "email": "anna.lee@mail.example", "phone": "+43 1 555 01 23",
        }  # fmt: skip
        try:
            rendered = template.render(known | {"contact": contact})
        except templates.TemplateError:
            continue
        assert rendered.pieces is not None
        assert in_gaps.found(rendered, contact) == whole.found(replace(rendered, pieces=None), contact)


def test_a_key_in_a_link_makes_no_new_message_of_it(template: CompiledTemplate) -> None:
    looker = _Looker(template.own_words, ())
    for number in range(50):
        known = context.sample()
        contact = known["contact"] | {"key": f"k{number}x"}
        looker.found(template.render(known | {"contact": contact}), contact)
    texts = [text for text in looker.texts._told if "quitte.example/tea?c=" in text]
    assert len(texts) == 1
    assert f"c={KEY}" in texts[0]


@pytest.mark.parametrize(
    ("html", "masked"),
    [
        ('<a href="https://a.example/x?c=|">', True),
        ('<a href="https://a.example/|/x">', True),
        ('<a href="https://a.example/|.html">', True),
        ('<a href="https://|.a.example/x">', False),
        ('<a href="https://a.example|/x">', False),
        ('<a href="|/x">', False),
        ('<a href="https://a.example/x?c=1|">', False),
        ('<a href="https://a.example/x?c=|%40b">', False),
        ('<a href="https://a.example/x?c=|2">', False),
        ('<a href="https://a.example/v1.a.b.|/x">', False),
        ('<img src="https://a.example/|">', False),
        ('<p style="background: url(https://a.example/|)">', False),
        ("<p>https://a.example/x?c=|</p>", False),
    ],
)
def test_a_value_is_a_key_only_behind_the_host_of_a_link(html: str, masked: bool) -> None:
    before, after = html.split("|")
    pieces = (before, "k1ab2c", after)
    framed = Frames({before, after}, is_html=True, is_plain=is_key).framed(pieces)
    assert bool(framed.keys) is masked


def test_a_private_sign_of_a_template_is_no_value() -> None:
    pieces = ("<p>\ue000 ", "k1", ' <a href="https://a.example/x?c=', "k2", '">\ue000')
    framed = Frames(frozenset(pieces[::2]), is_html=True, is_plain=is_key).framed(pieces)
    assert framed.keys == {"k2"}


def _matches(pattern: re.Pattern[str]) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=False).filter(lambda text: len(text) < 300)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_hints_miss_no_left_over_word_or_tag(data: st.DataObject) -> None:
    assert hints.tag(data.draw(_matches(wording._TAGS)))
    assert hints.left_over(hints.words(data.draw(_matches(wording._WORDS))))
    assert hints.garbled(data.draw(_matches(wording._GARBLED)))
    gap = data.draw(_matches(wording._GAP))
    if wording._GAP.search(gap):
        assert hints.gap(gap, hints.words(gap))


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_hints_miss_no_deadline(data: st.DataObject) -> None:
    patterns = (offers_deadlines._DATED, *offers_deadlines._NEAR.values(), offers_deadlines._LASTS, wording._PRESSURE)
    for pattern in (
        *patterns,
        offers_deadlines._LEFT,
        offers_deadlines._WEEKDAY,
        offers_deadlines._WEEK,
        scarce._CLAIMS,
    ):
        assert hints.pressing(data.draw(_matches(pattern)))
