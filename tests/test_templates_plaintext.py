"""The text part of pages that are built of tables, as most mail is: what is read, and nothing else."""

from __future__ import annotations

import time

import pytest

from mailflow.templates import foreign, plaintext
from mailflow.templates.environment import HTML
from mailflow.templates.lint import looks
from mailflow.templates.tags import Tags


def text_of(html: str) -> str:
    """Return the text of a page, with its tags in place, as a template has it."""
    tags = Tags(html)
    return tags.put_back(plaintext.from_html(tags.swap(HTML, html, "t.html", lambda tag: ""), tags))


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display: none">Preview</div>',
        '<div style="max-height:0; overflow:hidden">Preview</div>',
        '<div style="display:none"><p>Preview<br><img src="x" alt="y"></div>',  # the p is not closed
        "<style>.pre, p.x { color: red; display:none !important }</style><span class='big pre'>Preview</span>",
        "<style>#pre { display: none }</style><span id='pre'>Preview</span>",
        "<style>span.pre { display: none }</style><span class='pre'>Preview</span>",
    ],
)
def test_what_a_page_hides_is_not_read(hidden: str) -> None:
    assert text_of(f"{hidden}<p>Hello.</p><p>Goodbye.</p>") == "Hello.\n\nGoodbye.\n"


def test_what_only_phones_hide_is_read() -> None:
    css = "@media (max-width: 480px) { .wide { display: none } } /* .wide { display: none } */ b.wide { display: none }"
    assert text_of(f"<style>{css}</style><p class='wide'>Hello.</p>") == "Hello.\n"
    css = ".phone { display: none }"
    assert text_of(f"<style>{css}</style><p class='phone' style='display: block'>Hello.</p>") == "Hello.\n"


def test_blanks_that_keep_a_cell_open_leave_no_lines() -> None:
    spacer = '<table><tr><td style="font-size:20px">&nbsp;&nbsp;</td></tr></table>'
    assert text_of(f"{spacer}<p>One.</p>{spacer}{spacer}<p>Two.</p>{spacer}") == "One.\n\nTwo.\n"


def test_signs_without_width_behind_a_preheader_are_not_read() -> None:
    filler = "&#8199;&#847;&zwnj; &nbsp;&shy;" * 20
    assert text_of(f"<div>New today {filler}</div><p>Hello.</p>") == "New today\n\nHello.\n"
    assert (
        text_of("<p>Nacht\u00adwächter \U0001f469\u200d\U0001f33e</p>")
        == "Nacht\u00adwächter \U0001f469\u200d\U0001f33e\n"
    )


def test_short_cells_of_a_row_stand_beside_each_other() -> None:
    rows = (
        "<tr><th><p>What</p></th><th><p>Price</p></th></tr>"
        "{% for line in lines %}<tr><td><p>{{ line.title }}</p></td><td><p>{{ line.price }}</p></td></tr>{% endfor %}"
        "<tr><td>Total{% if vat %} with tax{% endif %}</td><td></td><td> 9.00 </td></tr>"
    )
    assert text_of(f"<table>{rows}</table>") == (
        "What  Price\n"
        "{% for line in lines %}{{ line.title }}  {{ line.price }}\n"
        "{% endfor %}Total{% if vat %} with tax{% endif %}  9.00\n"
    )


def test_columns_of_a_page_stand_below_each_other() -> None:
    left, right = "<p>" + "left " * 20 + "</p>", "<p>One.</p><p>Two.</p>"
    text = text_of(f"<table><tr><td>{left}</td><td>{right}</td></tr></table>")
    assert text == f"{('left ' * 20).strip()}\n\nOne.\n\nTwo.\n"
    assert text_of("<table><tr><td>One.</td><td><p>Two.</p><p>Three.</p></td></tr></table>") == "One.\nTwo.\n\nThree.\n"


def test_tables_in_cells_keep_their_own_rows() -> None:
    inner = "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"
    assert text_of(f"<table><tr><td>{inner}</td><td>e</td></tr></table>") == "a  b\nc  d\n\ne\n"
    assert text_of("<table><tr><td>a<td>b<tr><td>c<td>d</table>") == "a  b\nc  d\n"  # HTML closes them itself


def test_a_picture_does_not_repeat_the_link_beside_it() -> None:
    picture, words = (
        '<a href="https://a.example/x"><img src="p.jpg" alt=""></a>',
        '<a href="https://a.example/x">Tea </a>',
    )
    assert text_of(f"<p>{picture}</p><p>{words}now</p>") == "Tea (https://a.example/x) now\n"
    assert text_of(f"<p>{picture}</p>") == "https://a.example/x\n"
    assert text_of('<a href="https://a.example/x"><img alt="A pot"></a>') == "[A pot] (https://a.example/x)\n"


def test_headings_and_lines_stand_apart() -> None:
    assert text_of("<div>Logo<h1>Hi</h1>Text<hr>More</div>") == f"Logo\n\nHi\n===\n\nText\n\n{'-' * 40}\n\nMore\n"


@pytest.mark.parametrize(
    "page",
    [
        "<style>" + "@" * 100_000 + "</style>",
        "<style>" + "@import x " * 10_000 + "</style>",
        "<style>" * 15_000,
        '<a href="x">' * 10_000,
        "<p>" + " " * 100_000 + "x",
        "<p>" + "\u200b " * 50_000 + "x",
        "<table><tr>" + "<td>a" * 20_000,
    ],
    ids=["at", "imports", "styles", "links", "blanks", "filler", "cells"],
)
def test_large_pages_are_read_once(page: str) -> None:
    """Each of them took minutes where anything was read again and again."""
    started = time.process_time()
    text_of(page)
    list(foreign.left(page))
    foreign.unreadable(page, 1)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("start", "first"), [("5", 5), ("-1", -1), ("", 1), ("five", 1), ("{{ n }}", 1), ("9" * 5000, 1)]
)
def test_a_list_begins_with_the_number_that_it_says(start: str, first: int) -> None:
    assert text_of(f'<ol start="{start}"><li>One</li><li>Two</li></ol>') == f"{first}. One\n{first + 1}. Two\n"


@pytest.mark.parametrize(
    "odd", ["<![i](j)", "<![ ]>", "<![x[ y ]]>", "<![if !mso]>", "<![CDATA[ x ]]>", "<!x>", "<!>", "</ >"]
)
def test_odd_declarations_are_read_as_browsers_read_them(odd: str) -> None:
    html = f"<html><body><p>Hello.</p>{odd}></p><p>Goodbye.</p></body></html>"
    assert text_of(html).startswith("Hello.")
    assert "Goodbye." in text_of(html)
    assert isinstance(looks.check(html), list)


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("", "\n"),
        ("a", "a\n"),
        ("a\n", "a\n"),
        ("a \n\n", "a\n"),
        ("a\t \nb \n", "a\nb\n"),
        ("\n\na \t\n\n\n\nb", "a\n\nb\n"),
    ],
)
def test_a_text_part_has_no_blanks_at_line_ends_and_ends_in_one_line_end(text: str, tidied: str) -> None:
    assert plaintext.tidy(text) == tidied
    assert plaintext.tidy(tidied) is tidied
