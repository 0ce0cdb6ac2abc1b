"""From a file to a message: front matter, Markdown, layout, CSS, text part, and errors with their place."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mailflow import templates
from mailflow.templates import Rendered, TemplateError, context, inline
from mailflow.templates.environment import run

HEAD = '---\nsubject: "Hi {{ contact.first_name | default(\'there\') }}"\npreheader: "Fresh today"\n---\n'
FOOTER = '<p>{{ shop.address }} <a href="{{ unsubscribe_url }}">bye</a></p>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "templates" / "blocks").mkdir(parents=True)
    (tmp_path / "templates" / "layouts").mkdir()
    return tmp_path / "templates"


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def person(**fields: Any) -> dict[str, Any]:
    known = context.sample()
    known["contact"] |= fields
    known["products"] = [
        {"title": "Tea & Co", "price": Decimal("4.5"), "url": "https://shop.example/tea"},
        {"title": "Mug", "price": 12, "url": "https://shop.example/mug"},
    ]
    return known


def render(folder: Path, body: str, head: str = HEAD, suffix: str = "md", **fields: Any) -> Rendered:
    write(folder, f"t.{suffix}", head + body)
    return templates.load(folder, "t").render(person(**fields))


def problem(folder: Path, body: str, head: str = HEAD, suffix: str = "md", **fields: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        render(folder, body, head, suffix, **fields)
    assert caught.value.exit_code == 78
    return str(caught.value)


def test_a_markdown_template_becomes_both_parts(folder: Path) -> None:
    made = render(
        folder, "# News\n\nHi {{ contact.first_name }}, see [the *shop*]({{ shop.url }}/?c={{ contact.key }}).\n"
    )
    assert made.subject == "Hi Anna"
    assert made.preheader == "Fresh today"
    assert 'href="https://shop.example/?c=sample"' in made.html
    assert "<em>shop</em>" in made.html
    assert made.text.startswith("News\n====\n\nHi Anna, see the shop (https://shop.example/?c=sample).\n\n--\n")


def test_the_default_layout_has_all_that_mail_needs(folder: Path) -> None:
    made = render(folder, "Hello.\n", language="de-AT")
    for piece in (
        '<html lang="de-AT"', "<title>Hi Anna</title>", 'name="color-scheme"', "prefers-color-scheme: dark",
        "Fresh today", "1 Sample Street, 12345 Sampletown", 'href="https://shop.example/u/sample"',
        "Abmelden", "max-width: 600px",
    ):  # fmt: skip
        assert piece in made.html
    assert "Abmelden: https://shop.example/u/sample" in made.text
    assert "1 Sample Street, 12345 Sampletown" in made.text
    assert "<p style=" in made.html


def test_css_is_worked_in_once_and_means_the_same_as_per_message(folder: Path) -> None:
    only = "{% if contact.first_name == 'Ada' %}\n# Ada only\n{% endif %}\n\nText\n\n"
    body = only + "{% for p in products %}\n- [{{ p.title }}]({{ p.url }})\n{% endfor %}\n"
    write(folder, "t.md", HEAD + body)
    template = templates.load(folder, "t")
    raw = template._raw
    assert raw is not None
    for name in ("Ada", "Bob", None):
        made = template.render(person(first_name=name))
        values = {**template._values(person(first_name=name)), "subject": made.subject, "preheader": made.preheader}
        assert inline.same(inline.inline_css(run(raw, values)), inline.inline_css(made.html))
    assert template.inlines_once


@pytest.mark.parametrize(
    "body",
    [
        "<style>p { color: {{ contact.colour }} }</style><p>x</p>",
        "<style>li:nth-child(2) { color: red }</style><ul>{% for p in products %}<li>x</li>{% endfor %}</ul>",
        "<style>.a { color: red }</style><p class=\"{{ 'a' if contact.vip else 'b' }}\">x</p>",
        "<style>.a { color: red }</style>{% if contact.vip %}<div class='a'>{% else %}<div>{% endif %}x</div>",
        "<style>.a { color: red }</style><p {% if contact.vip %}class='a'{% endif %}>x</p>",
        "<style>h1 + p { color: red }</style>{% if contact.vip %}<h1>x</h1>{% endif %}<p>y</p>",
    ],
)
def test_css_that_depends_on_the_person_is_worked_in_per_message(folder: Path, body: str) -> None:
    html = f"<html lang='en'><head><title>x</title></head><body>{body}{FOOTER}</body></html>"
    write(folder, "t.html", HEAD + html)
    template = templates.load(folder, "t")
    vip, other = (template.render(person(vip=vip, colour="blue")).html for vip in (True, False))
    assert not template.inlines_once
    assert "color: red" in vip.replace("color:red", "color: red") or "blue" in vip
    assert vip != other or "vip" not in body


def test_tags_in_tables_stay_where_they_are(folder: Path) -> None:
    body = (
        "<html lang='en'><head><title>{{ subject }}</title><style>td { color: red }</style></head><body><table>"
        "{% for p in products %}<tr><td>{{ p.title }}</td></tr>{% endfor %}</table>" + FOOTER + "</body></html>"
    )
    made = render(folder, body, suffix="html")
    template = templates.load(folder, "t")
    assert template.render(person()) == made
    assert template.inlines_once
    assert '<tr><td style="color: red;">Tea &amp; Co</td></tr><tr><td style="color: red;">Mug</td></tr>' in made.html


def test_loops_make_one_list_and_one_table(folder: Path) -> None:
    body = (
        "{% for p in products %}\n- {{ p.title }}\n{% endfor %}\n\n"
        "| What | Price |\n|:--|--:|\n"
        "{% for p in products %}\n| {{ p.title }} | {{ p.price | money }} |\n{% endfor %}\n\nEnd.\n"
    )
    made = render(folder, body)
    assert made.html.count("<ul") == 1
    assert made.html.count("<li") == 2
    assert made.html.count('class="data"') == 1
    assert made.html.count(">€4.50</td>") == 1
    assert "- Tea & Co\n- Mug\n\nWhat  Price\nTea & Co  €4.50\nMug  €12.00\n\nEnd." in made.text


@pytest.mark.parametrize(
    "body",
    [
        "{% for p in products %}- {{ p.title }}\n{% endfor %}\n",
        "| What |\n|---|\n{% for p in products %}| {{ p.title }} |\n{% endfor %}\n",
        "| What |\n|---|\n{% for p in products %}\n| {{ p.title }} |{% endfor %}\n",
        "{% for p in products %}## {{ p.title }}\n{% endfor %}\n",
    ],
)
def test_a_tag_may_stand_before_the_mark_of_an_entry(folder: Path, body: str) -> None:
    made = render(folder, body)
    assert len(re.findall(r"<(?:li|td|h2)[^>]*>\s*(?:Tea &amp; Co|Mug)\s*</", made.html)) == 2


def test_a_condition_between_paragraphs_leaves_no_trace(folder: Path) -> None:
    made = render(folder, "One.\n\n{% if contact.orders.count > 99 %}\nTwo.\n{% endif %}\n\nThree.\n")
    assert "One.\n\nThree.\n" in made.text
    assert "Two" not in made.html
    assert re.findall(r"<!--(?!\[if|<!\[endif)", made.html.partition("<body")[2]) == []


def test_a_condition_over_several_paragraphs_may_begin_and_end_in_them(folder: Path) -> None:
    made = render(folder, "{% if contact.orders.count > 99 %}One.\n\nTwo.{% endif %}\n\nThree.\n")
    assert "One" not in made.html
    assert made.html.count("<p") == 1
    said = problem(folder, "a {% if contact.orders.count > 99 %} b\n\nc {% endif %} d\n")
    assert "templates/t.md:5: " in said
    assert "line of its own" in said


def test_a_button_is_a_table_and_a_link(folder: Path) -> None:
    made = render(folder, '[Shop now]({{ shop.url }} "button")\n')
    assert 'class="button"' in made.html
    assert ">Shop now</a></td></tr>" in made.html
    assert "Shop now (https://shop.example)" in made.text


def test_a_paragraph_with_words_beside_a_button_is_none(folder: Path) -> None:
    made = render(folder, '[Shop]({{ shop.url }} "button") or [ask us]({{ shop.url }}/ask)\n')
    assert 'class="button"' not in made.html
    assert "</a> or <a" in made.html


def test_blocks_are_put_in_and_counted_as_files(folder: Path) -> None:
    write(folder, "blocks/a.md", "*Hello* {{ contact.first_name }}\n")
    write(folder, "blocks/b.html", "<div class='x'>\n\n    Raw {{ contact.city }}</div>\n")
    made = render(folder, '{% include "blocks/a.md" %}\n\n{% include "blocks/b.html" %}\n')
    assert "<em>Hello</em> Anna" in made.html
    assert "Raw Wien</div>" in made.html
    template = templates.load(folder, "t")
    own = [path for path in template.files if not path.startswith("mailflow:")]
    assert own == ["templates/blocks/a.md", "templates/blocks/b.html", "templates/t.md"]
    assert {"mailflow:layouts/default.html", "mailflow:layouts/default.txt"} < set(template.files)
    before = template.hash
    write(folder, "blocks/a.md", "changed\n")
    assert templates.load(folder, "t").hash != before


def test_a_layout_of_ones_own_is_used(folder: Path) -> None:
    write(
        folder,
        "layouts/plain.html",
        f"<html lang='en'><head><title>x</title></head><body><main>{{{{ content }}}}</main>{FOOTER}</body></html>",
    )
    made = render(folder, "Hello.\n", HEAD.replace("preheader", "layout: plain\npreheader"))
    assert "<main><p>Hello.</p></main>" in made.html


def test_raw_text_and_comments_and_braces_stay_what_they_are(folder: Path) -> None:
    made = render(folder, "{% raw %}{{ not a tag }}{% endraw %} {# gone #} &#123;&#123; x }} `{` \n")
    assert "{{ not a tag }}" in made.text
    assert "{{ x }}" in made.text
    assert "gone" not in made.html


def test_data_is_data(folder: Path) -> None:
    evil = '<b>"x"</b> {{ 7*7 }} <!--mfq0z--> *a* [l](http://x)'
    made = render(folder, "Hi {{ contact.first_name }}\n", first_name=evil)
    assert "&lt;b&gt;" in made.html
    assert "<b>" not in made.html
    assert f"Hi {evil}" in made.text
    assert made.subject == f"Hi {evil}"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " https://x.example", "//evil.example", "https://a b"]
)
def test_a_link_from_data_is_http_or_mail(folder: Path, url: str) -> None:
    assert "templates/t.md:6: " in problem(folder, "x\n[x]({{ contact.site }})\n", site=url)
    assert (
        'href="https://a.example/?q=1&amp;r=2"'
        in render(folder, "[x]({{ contact.site }})\n", site="https://a.example/?q=1&r=2").html
    )


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("One\n\nHi {{ contact.frist_name }}\n", 7, "did you mean 'first_name'"),
        ("Hi {{ nobody }}\n", 5, "there is no 'nobody'"),
        ("a\n{{ contact.nickname }}\n", 6, "contact.nickname is empty"),
        ("{% if contact.x %}\n\na\n\n{% endif %}\n", 5, "there is no 'x'"),
        ("a\n\n{% if 1 %}\nb\n", 7, "endif"),
        ("a\n{{ contact.first_name | uper }}\n", 6, "did you mean 'upper'"),
        ("a\n{{ contact.first_name.upper() }}\n", 6, "{{ contact.first_name | upper }}"),
        ("a\n{{ contact.first_name\n", 6, "end of print statement"),
        ("a\n\n{% include 'blocks/none.md' %}\n", 7, "there is no file templates/blocks/none.md"),
        ("{% include 'blocks/../../x.md' %}\n", 5, "leads out"),
        ("{{ contact.segments }}\n", 5, "is a list"),
        ("{{ contact.first_name * 2 }}\n", 5, "for numbers"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(folder: Path, body: str, line: int, words: str) -> None:
    said = problem(folder, body, nickname=None)
    assert said.startswith(f"templates/t.md:{line}: ")
    assert words in said


def test_a_missing_value_names_the_person_and_what_to_write(folder: Path) -> None:
    said = problem(folder, "Hi {{ contact.first_name }}\n", first_name=None)
    assert "{{ contact.first_name | default('…') }}" in said
    assert "for anna.sample@example.com" in said


def test_a_mistake_in_a_block_or_layout_is_placed_there(folder: Path) -> None:
    write(folder, "blocks/a.md", "fine\n\n{{ contact.frist_name }}\n")
    assert problem(folder, '{% include "blocks/a.md" %}\n').startswith("templates/blocks/a.md:3: ")
    write(folder, "layouts/l.html", "<html lang='en'><title>x</title>\n<p>{{ content }}\n{{ shop.nmae }}" + FOOTER)
    assert problem(folder, "x\n", HEAD.replace("preheader", "layout: l\npreheader")).startswith(
        "templates/layouts/l.html:3: "
    )


@pytest.mark.parametrize(
    ("head", "place", "words"),
    [
        ("Hello\n", "templates/t.md:1", "front matter"),
        ("---\npreheader: x\n---\n", "templates/t.md:2:1", "'subject' is missing"),
        ("---\nsubject: x\nsubjekt: y\n---\n", "templates/t.md:3:1", "unknown key 'subjekt' (did you mean 'subject'?)"),
        ("---\nsubject: {{ x }}\n---\n", "templates/t.md:2:", "quotes"),
        ("---\nsubject: x\nsubject: y\n---\n", "templates/t.md:3:1", "twice"),
        ("---\nsubject: x\nclass: marketin\n---\n", "templates/t.md:3:8", "marketing"),
        ("---\nsubject: x\nlayout: nope\n---\n", "templates/t.md:3:9", "no layout"),
        ('---\nsubject: x\n"reviewed": no\n---\n', "templates/t.md:3:1", "nobody read"),
        ("---\n{subject: x, reviewed: no}\n---\n", "templates/t.md:2:14", "nobody read"),
        ("---\nsubject: x\nreply_to: a b\n---\n", "templates/t.md:3:11", "a b"),
        ('---\nsubject: "{{ contact.nope }}"\n---\n', "templates/t.md:2:10", "there is no 'nope'"),
        ('---\nsubject: "{{ x"\n---\n', "templates/t.md:2:10", "expected"),
        ("---\nsubject: \"{{ contact.n | default('') }}\"\n---\n", "templates/t.md:2:10", "subject is empty"),
    ],
)
def test_mistakes_in_the_front_matter_are_placed(folder: Path, head: str, place: str, words: str) -> None:
    said = problem(folder, "Hello.\n", head, n=None)
    assert said.startswith(place)
    assert words in said


def test_marketing_needs_address_and_way_out_in_a_layout_of_ones_own(folder: Path) -> None:
    head = HEAD.replace("preheader", "layout: l\npreheader")
    page = "<html lang='en'><head><title>x</title></head><body>{{ content }}%s</body></html>"
    write(folder, "layouts/l.html", page % '<a href="{{ unsubscribe_url }}">bye</a>')
    assert "postal address" in problem(folder, "x\n", head)
    write(folder, "layouts/l.html", page % "{{ shop.address }}")
    assert 'href="{{ unsubscribe_url }}"' in problem(folder, "x\n", head)
    render(folder, "x\n", head.replace("preheader", "class: essential\npreheader"))


@pytest.mark.parametrize(
    "body",
    [
        "<script>x</script>",
        "<form action='x'></form>",
        "<iframe src='x'></iframe>",
        "<p onclick='{{ contact.city }}'>x</p>",
    ],
)
def test_what_does_not_work_in_mail_is_refused(folder: Path, body: str) -> None:
    assert "does not work in mail" in problem(folder, f"<div>{body}</div>\n")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../b", "..", "", "a\0b", "layouts/../../x"])
def test_a_name_never_leads_out_of_the_folder(folder: Path, name: str) -> None:
    (folder.parent / "secret.md").write_text(HEAD + "secret", encoding="utf-8")
    with pytest.raises(TemplateError):
        templates.load(folder, name)


def test_a_link_never_leads_out_of_the_folder(folder: Path) -> None:
    (folder.parent / "secret.md").write_text(HEAD + "secret", encoding="utf-8")
    (folder / "t.md").symlink_to(folder.parent / "secret.md")
    with pytest.raises(TemplateError, match="leads out"):
        templates.load(folder, "t")


def test_style_sheets_elsewhere_are_neither_fetched_nor_read(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "canary.css").write_text("p { color: canary }", encoding="utf-8")
    body = f"<html lang='en'><head><title>x</title><link rel='stylesheet' href='file://{tmp_path}/canary.css'></head><body><p>x</p>{FOOTER}</body></html>"
    assert "canary" not in render(folder, body, suffix="html").html


def test_an_unknown_template_is_named_with_the_nearest(folder: Path) -> None:
    write(folder, "newsletter.md", HEAD)
    with pytest.raises(TemplateError, match="did you mean 'newsletter'"):
        templates.load(folder, "newsleter")


def test_windows_line_ends_and_byte_order_marks_do_no_harm(folder: Path) -> None:
    (folder / "t.md").write_bytes(("\ufeff" + HEAD + "One.\n\n{{ contact.nope }}\n").replace("\n", "\r\n").encode())
    with pytest.raises(TemplateError, match=r"t\.md:7: "):
        templates.load(folder, "t").render(person())


def test_a_message_that_gmail_would_cut_is_a_warning(folder: Path) -> None:
    (warning,) = render(folder, "word " * 25_000).problems
    assert "102 KB" in str(warning)


def test_text_parts_of_html_are_readable(folder: Path) -> None:
    body = (
        "<html lang='en'><head><title>x</title><style>p{}</style></head><body><h2>News &amp; more</h2><p>One<br>two <a href='https://a.example'>here</a>"
        " <img src='https://a.example/x.png' alt='Tea'></p>"
        "<ol><li>a</li><li>b</li></ol><blockquote><p>quote</p></blockquote>"
        "<table><tr><td>a</td><td>b</td></tr></table><hr><a href='https://a.example'>https://a.example</a>"
        + FOOTER
        + "</body></html>"
    )
    text = render(folder, body, suffix="html").text
    assert text.startswith(
        "News & more\n-----------\n\nOne\ntwo here (https://a.example) [Tea]\n\n1. a\n2. b\n\n> quote\n\na  b\n\n---"
    )
    assert "\nhttps://a.example\n" in text


def test_public_templates_are_inlined_once_and_have_a_text_part(folder: Path, shared_data: Path) -> None:
    paths = [
        *shared_data.glob("templates/leemunroe/*.html"),
        *shared_data.glob("templates/postmark/templates/basic/*/*.html"),
    ]
    assert len(paths) > 10
    for path in paths:
        page = re.sub(r"\{\{[^}]*\}\}", "{{ shop.url }}", path.read_text(encoding="utf-8"))
        write(folder, "t.html", HEAD + page.replace("</body>", f"{FOOTER}</body>"))
        template = templates.load(folder, "t")
        assert len(template.render(person()).text) > 300
        assert template.inlines_once, path


@pytest.mark.parametrize(
    ("page", "times"),
    [
        ("<HTML><HEAD></HEAD><BODY bgcolor=white>{}</BODY></HTML>", 1),
        ("<html><head></head>{}</html>", 1),
        ("<html>{}</html>", 1),
        (
            "<html><!--[if mso]><body class='x'><![endif]--><!--[if !mso]><!--><body><!--<![endif]-->{}</body></html>",
            2,
        ),
    ],
)
def test_a_preheader_comes_into_every_body(folder: Path, page: str, times: int) -> None:
    made = render(folder, page.format(f"<p>Hello.</p>{FOOTER}"), suffix="html").html
    for_others = re.sub(r"<!--.*?-->", "", made, flags=re.DOTALL)
    assert made.count("Fresh today") == times
    assert for_others.index("Fresh today") < for_others.index("Hello.")


@pytest.mark.parametrize(
    "page",
    [
        "<html lang='en'><head><style>p {{ color: {{{{ contact.colour }}}} }}</style></head><body>{}</body></html>",
        "<mjml><mj-body><mj-section>{{% if contact.colour %}}<mj-column><mj-text>{}</mj-text></mj-column>{{% endif %}}"
        "</mj-section></mj-body></mjml>",
    ],
)
def test_a_footer_is_found_however_the_styles_of_a_person_leave_its_signs(folder: Path, page: str) -> None:
    file = f"t.{'mjml' if 'mjml' in page else 'html'}"
    write(folder, file, HEAD + page.format(FOOTER))
    known = person(colour="red")
    known["shop"] |= {"address": '7 Queen\'s Road "Yard" & Co,\u00a0Bath'}
    known["unsubscribe_url"] = "https://shop.example/u?a='1'&b=2"
    template = templates.load(folder, "t")
    assert not template.inlines_once
    assert "Queen" in template.render(known).html
    write(folder, file, HEAD + page.format(FOOTER.replace("{{ shop.address }}", "8 King's Road")))
    with pytest.raises(TemplateError, match="postal address"):
        templates.load(folder, "t").render(known)


def test_a_subject_of_nothing_that_one_sees_is_empty(folder: Path) -> None:
    head = HEAD.replace("Hi {{ contact.first_name | default('there') }}", "{{ contact.first_name }}")
    assert "the subject is empty" in problem(folder, "x\n", head, first_name="\ufeff\ufffe")


def test_a_first_person_who_fails_leaves_the_comparison_of_styles_to_the_next(folder: Path) -> None:
    css = "<style>td > p { color: red }</style>"
    page = f"<html lang='en'><head>{css}</head><body><table><tr><td>{{{{ x }}}}<p>a</p></td></tr></table>{FOOTER}"
    write(folder, "t.html", HEAD + page + "</body></html>")
    template = templates.load(folder, "t")
    template._finish, finish = _refuse, template._finish
    with pytest.raises(TemplateError, match="too large"):
        template.render(person() | {"x": "1"})
    template._finish = finish
    assert template._raw is not None
    template.render(person() | {"x": "1"})
    assert template._raw is None


def _refuse(html: str) -> str:
    raise ValueError("too large")
