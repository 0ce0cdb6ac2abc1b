"""Templates can neither get out nor eat the machine: each payload ends in an error, fast and small."""

from __future__ import annotations

import resource
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mailflow import templates
from mailflow.templates import TemplateError, markup
from mailflow.templates.compiled import RENDER_ERRORS
from mailflow.templates.environment import HTML, TEXT, run
from mailflow.templates.inline import inline_css

VALUES: dict[str, Any] = {
    "contact": {"first_name": "Ada", "last_name": None, "tags": ["a", "b"], "points": 3},
    "many": list(range(1000)),
    "shop": {"currency": "EUR"},
    "language": "en",
    "amount": Decimal("12.50"),
    "note": "&" * 60_000,
    "codes": [str(number) for number in range(10_000)],
    "rows": [{"name": f"{number}{'x' * 500}"} for number in range(500)],
    "large": Decimal("1E+999999"),
    "huge": 10**300,
    "today": date(2026, 4, 1),
}

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ contact.__class__ }}",
    "{{ contact['__class__'] }}",
    "{{ contact|attr('__class__') }}",
    "{{ contact['__cl' ~ 'ass__'] }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{% autoescape false %}{{ contact.first_name }}{% endautoescape %}",
    "{{ '{0.__class__}'.format(contact) }}",
    "{{ '{0.__class__}'.format_map(contact) }}",
    "{{ ('{0.__class__}'|attr('format'))(contact) }}",
    "{{ contact.update({'a': 1}) }}",
    "{{ contact.tags.append(1) }}",
    "{{ contact.pop('first_name') }}",
    "{{ request.application.__globals__ }}",
    "{{ config }}",
    "{{ environment }}",
    "{{ context.eval_ctx }}",
    "{{ [].append.__self__ }}",
    "{{ many|map('attr', '__class__')|list }}",
    "{{ many|map(attribute='__class__')|join }}",
    "{{ many|sort(attribute='__class__')|join }}",
    "{{ (many|groupby('__class__'))[0] }}",
    "{{ loop.__class__ }}",
    "{% for a in many %}{{ loop.__init__ }}{% endfor %}",
    "{% for a in many %}{{ loop._iterable }}{% endfor %}",
    "{% for a in many %}{{ loop(many) }}{% endfor %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'x' import y %}",
    "{% extends 'base.html' %}",
    "{% include contact.first_name %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% call x() %}{% endcall %}",
    "{% set contact.first_name = 'x' %}",
    "{{ dict(a=1) }}",
    "{{ contact.first_name|safe }}",
    "{{ amount.__class__ }}",
    "{{ amount.real }}",
    "{{ __shown__ }}",
    "{{ contact|__plain__ }}",
    "{{ __budget__ }}",
    "{% set __budget__ = [9] %}",
    "{{ contact }}",
    "{{ contact.tags }}",
]
BOMBS = [
    "{{ 'a' * 300000000 }}",
    "{{ 300000000 * 'a' }}",
    "{{ [1] * 300000000 }}",
    "{{ '%0300000000d'|format(1) }}",
    "{{ '%0300000000d' % 1 }}",
    "{{ 'a'|center(300000000) }}",
    "{{ 'a'.ljust(300000000) }}",
    "{{ 'a'|indent(300000000) }}",
    "{{ lipsum(n=100000) }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% set ns = namespace(s='a') %}{% for a in many %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ 10 ** (10 ** 10) }}",
    "{{ 9 ** 99999999 }}",
    "{{ amount ** 99999999 }}",
    "{% set a = 99999999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = many %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = [a, a]|join %}" * 40 + "{{ a }}",
    "{% set a = 'aaaaaaaaaa' %}" + "{% set a = a|replace('a', 'aaaa') %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set a = {'x': 1} %}" + "{% set a = {'x': a, 'y': a} %}" * 40 + "{{ a }}",
    "{% set a %}{{ contact.first_name }}{% endset %}{{ a }}",
    "{% filter upper %}x{% endfilter %}",
    "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in many %}{% for b in many %}xxxxxxxxxx{% endfor %}{% endfor %}",
    "{% for a in many recursive %}{{ loop(many) }}{% endfor %}",
    "{% if a %}" * 9 + "{% endif %}" * 9,
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "-" * 20000 + "1 }}",
    "{{ " + "9" * 5000 + " }}",
    "x" * (2 * 1024 * 1024 + 1),
    "{{ many|batch(300000000, 'x')|list }}",
    "{{ many|slice(300000000)|list }}",
    "{{ 1.5|round(300000000) }}",
    "{% for a in 'aaaa' %}{% endfor %}",
    "{{ today.strftime('%Y' * 9999) }}",
    "{% for a in many %}{{ 'x' ~ many|join(',') ~ many|join(',') }}{% endfor %}" * 40,
    "{% for a in many %}{{ note|upper|lower|title|capitalize|trim|length }}{% endfor %}",
    "{% for a in many %}{% if note ~ 'a' == note ~ 'b' %}{% endif %}{% endfor %}",
    "{% for a in many %}{% if 99999 in many or 99998 in many %}{% endif %}{% endfor %}",
    "{% for a in many %}{% set b = many[1:] %}{% endfor %}",
    "{% for a in many %}{% set b = many|sort %}{% endfor %}",
    "{% set a = note %}" + "{% set a = a|urlencode %}" * 40 + "{{ a|length }}",
    "{% set a = [" + "note," * 3000 + "] %}{{ a|map('upper')|list|length }}",
    "{% set a = [" + "note," * 3000 + "] %}{{ a|sort|length }}",
    "".join(f"{{% set a{number} = note[1:] %}}" for number in range(300)),
    "".join(f"{{% set a{number} = note + 'x' %}}" for number in range(300)),
    "{{ note }}" * 200,
    "{{ many|groupby('" + "x." * 30_000 + "') }}",
    "{{ [many]|map('__each__', -999999)|list }}",
    "{{ " + "9" * 250_000 + " }}",
    "{% set a = 0x" + "f" * 10_000 + " %}{{ a // 3 }}",
    "{{ 1e999 }}",
    "{{ '1e999999'|money }}",
    "{{ 1e308 // 1e-308 }}",
    "{{ amount" + "|upper" * 200 + " }}",
    "{% if " + " or ".join(["99 in many"] * 200) + " %}{% endif %}",
    "{{ 1 }}" * 30_000,
    "{{ [" + "1," * 100_000 + "] }}",
    "{% for a in many %}{% if '99999' is in codes %}{% endif %}{% endfor %}",
    "{{ codes|select('in', codes)|list|length }}",
    "{{ codes|reject('in', codes)|list|length }}",
    "{{ rows|selectattr('name', 'in', codes)|list|length }}",
    "{% for a in many %}{% for b in [1, 2, 3, 4] %}{% if note is upper %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in many %}{% if note is gt(note) %}{% endif %}{% endfor %}",
    "{% for a in many %}{% if rows is eq(rows|list) %}{% endif %}{% endfor %}",
    "{{ many|join(note) }}",
    "{{ codes|map('replace', '1', note)|list|length }}",
    "{{ codes|map('join', note)|list|length }}",
    "{{ rows|map(attribute='name')|map('replace', 'x', note)|list|length }}",
    "{% for a in rows %}{% for b in rows %}{{ a.name ~ b.name }}{% endfor %}{% endfor %}",
    "{% for a in rows %}{{ rows|sort(attribute='name')|length }}{% endfor %}",
    "{% for a in rows %}{{ rows|groupby('name')|length }}{% endfor %}",
    "{% for a in rows %}{{ rows|unique(attribute='name')|list|length }}{% endfor %}",
    "{% for a in many %}{{ codes|map('float')|list|length }}{% endfor %}",
    "{% for a in many %}{{ note|wordcount }}{{ note|striptags|length }}{% endfor %}",
    "{% for a in many %}{{ note|truncate(10) }}{% endfor %}",
    "{% for a in many %}{{ note[::-1]|length }}{% endfor %}",
    "{% for a in many if note ~ a == 'x' %}{% endfor %}",
    "{% set e = '' %}{% for b in [1, 2, 3, 4, 5] %}{% for a in many if e"
    + " ~ e" * 3000
    + " %}{% endfor %}{% endfor %}",
    "{% for a in many if 0" + " <= 1" * 3000 + " %}{% endfor %}",
    "{% set a = [1] %}{% for i in many %}{% set a = a + many + many + many %}{% endfor %}" * 20,
    "{{ note|e|e|e|e|e|e }}",
    "{{ note|urlencode|urlencode|urlencode }}",
    "{{ note ~ note ~ note }}",
    "{{ 'x'|replace('', note)|replace('', note) }}",
    "{{ many|batch(0) }}",
    "{{ many|batch(-1) }}",
    "{{ many|round(999999999) }}",
    "{{ amount|round(-999999999) }}",
    "{{ amount|number(999999999) }}",
    "{{ large|number }}",
    "{{ large|money }}",
    "{{ large|percent }}",
    "{{ large * large }}",
    "{{ amount ** large }}",
    "{{ 2 ** huge }}",
    "{{ huge * huge }}",
    "{{ huge ** 3 }}",
    "{{ (2 ** 500) * (2 ** 500) }}",
    "{{ 1.5 ** 99999999 }}",
    "{{ ['1e999999999', 1]|sum|money }}",
    "{{ ('9999999999'|replace('9', note))|int }}",
    "{{ today|date('%0999999999d') }}",
    "{{ today|date('%-99999999Y') }}",
    "{{ today|date(note) }}",
    "{{ today|date('yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') }}",
    "{{ today + 999999999 }}",
    "{{ today * 99999 }}",
    "{{ note|center(999999999) }}",
    "{{ note|indent(999999999) }}",
    "{{ note|wordwrap(1) }}",
    "{{ note|urlize }}",
    "{{ {'a': note}|xmlattr }}",
    "{{ rows|tojson }}",
    "{{ note|pprint }}",
    "{{ a" + ".b" * 3000 + " }}",
    "{{ 1" + "+1" * 3000 + " }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{{ " + "1 if 1 else " * 3000 + "1 }}",
    "{% set " + ",".join(f"a{number}" for number in range(3000)) + " = many %}",
    "{% if 1 %}" + "{% elif 1 %}" * 4500 + "{% endif %}",
    "{% include 'a' %}" * 5000,
    "{% raw %}" + "{{" * 100_000,
    "{% set never_show = [] %}",
]


@pytest.mark.parametrize("source", [*ESCAPES, *BOMBS], ids=lambda source: source[:60])
@pytest.mark.parametrize("environment", [HTML, TEXT], ids=["html", "text"])
def test_a_payload_ends_in_an_error_fast_and_small(source: str, environment: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    with pytest.raises(RENDER_ERRORS):
        run(environment.from_string(source), VALUES)
    assert time.process_time() - begun < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KB
    assert VALUES["contact"]["first_name"] == "Ada"
    assert VALUES["contact"]["tags"] == ["a", "b"]


@pytest.mark.parametrize(
    ("suffix", "body"),
    [
        ("html", "<div>" * 5_000),
        ("html", "<div a='<!--'>" * 5_000),
        ("html", '<div ">' * 5_000),
        ("html", '<div a=b=">' * 5_000),
        ("html", "<div><!--</div>-->" * 5_000),
        ("html", "<b><p>" * 5_000),
        ("html", "{% for a in items %}" + "<div>" * 300 + "{% endfor %}"),
        ("mjml", "<mjml><mj-body>" + "<mj-wrapper>" * 1_000 + "</mj-wrapper>" * 1_000 + "</mj-body></mjml>"),
        ("md", "<div>\n\n" * 5_000),
    ],
    ids=lambda value: value[:30],
)
def test_elements_nested_without_end_are_refused_before_a_parser_goes_down(
    tmp_path: Path, suffix: str, body: str
) -> None:
    (tmp_path / f"deep.{suffix}").write_text(f'---\nsubject: "x"\n---\n{body}')
    with pytest.raises(TemplateError, match="nested more than 200 deep, or not closed"):
        templates.load(tmp_path, "deep")


def test_nesting_that_only_a_loop_makes_is_refused_when_it_is_made() -> None:
    template = HTML.from_string("{% for a in many %}<div>{% endfor %}")
    with pytest.raises(RENDER_ERRORS, match="nested more than 200 deep"):
        inline_css(run(template, VALUES))


def test_what_real_pages_have_is_not_nesting() -> None:
    row = "<tr><td><p>x<br><img src='y'><!-- <div> --></td></tr>"
    markup.check_nesting(f"<table>{row * 500}</table><ul>{'<li>x' * 500}</ul>")


ORDINARY = {
    "{{ contact.first_name }}": "Ada",
    "{{ contact['first_name'] }}": "Ada",
    "{{ contact.tags[0] }}{{ contact.tags[-1] }}": "ab",
    "{{ contact.tags | join(', ') }}": "a, b",
    "{{ contact.last_name | default('friend') }}": "friend",
    "{{ nobody | default('friend') }}": "friend",
    "{{ contact.nothing.at.all | default('friend') }}": "friend",
    "{{ '  ' | default('friend') }}": "friend",
    "{{ contact.first_name | upper }}": "ADA",
    "{% for t in contact.tags %}{{ loop.index }}{{ t }}{% if not loop.last %}-{% endif %}{% endfor %}": "1a-2b",
    "{% for t in contact.tags %}{{ loop.cycle('odd', 'even') }} {% endfor %}": "odd even ",
    "{% for k, v in {'a': 1}|items %}{{ k }}{{ v }}{% endfor %}": "a1",
    "{% if contact.points >= 3 and 'a' in contact.tags %}yes{% else %}no{% endif %}": "yes",
    "{% if contact.last_name %}yes{% endif %}": "",
    "{% set name = contact.first_name ~ '!' %}{{ name }}": "Ada!",
    "{% with x = 3 %}{{ x * 2 + 1 }}{% endwith %}": "7",
    "{{ amount | money }}": "€12.50",
    "{{ amount * 2 }}": "25.00",
    "{{ 'yes' if contact.points else 'no' }}": "yes",
    "{{ 'yes' if contact.last_name }}": "",
    "{{ many | first }}{{ many | length }}": "01000",
    "{{ 7 % 3 }} {{ 2 ** 10 }}": "1 1024",
    "{{ 'one two three' | truncate(8) }}": "one two…",
}


@pytest.mark.parametrize(("source", "expected"), ORDINARY.items())
def test_ordinary_templates_work(source: str, expected: str) -> None:
    assert run(TEXT.from_string(source), VALUES) == expected


VECTORS = [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='x", "</style><script>", "<!--",
    "-->", "&lt;b&gt;", "{{ 7*7 }}", "{% raw %}", "]]>", "<svg/onload=x>",
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize(
    "source",
    [
        "{{ v }}",
        "{{ v | default('x') }}",
        "{{ v ~ '' }}",
        "{{ [v]|join }}",
        "{{ v|replace('q', 'r') }}",
        "{{ v if v }}",
        "{{ (v|e) }}",
    ],
)
def test_data_never_becomes_markup(source: str, vector: str) -> None:
    out = run(HTML.from_string(f'<p title="{source}">{source}</p>'), {"v": vector})
    inner = out.removeprefix('<p title="').removesuffix("</p>")
    assert out.count("<") == 2
    assert inner.count('"') == 1
    assert "'" not in inner


def test_constants_are_escaped_too() -> None:
    assert run(HTML.from_string("{{ '<b>' }}"), {}) == "&lt;b&gt;"
