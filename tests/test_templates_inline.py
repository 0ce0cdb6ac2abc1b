"""CSS worked into elements: in a real browser the same as before, and the same as inlined by others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import browser
from mailflow import templates
from mailflow.templates import context, inline
from mailflow.templates.environment import HTML
from mailflow.templates.tags import Tags

HEAD = "---\nsubject: x\nclass: essential\n---\n"
_TAG = re.compile(r"\{\{[^}]*\}\}+")  # of Postmark's language, which is not Jinja


def _twins(data: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, source and inlined twin of public templates."""
    postmark = data / "templates" / "postmark"
    for path in sorted(postmark.glob("templates/basic/*/content.html")):
        twin = postmark / "templates-inlined" / "basic" / path.parent.name / path.name
        yield path.parent.name, path.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8")
    folder = data / "templates" / "leemunroe"
    yield "leemunroe", (folder / "email.html").read_text("utf-8"), (folder / "email-inlined.html").read_text("utf-8")


def _ours(folder: Path, page: str) -> tuple[str, bool]:
    """Return a page after compiling and rendering, each tag of its own language a value of ours."""
    folder.mkdir(exist_ok=True)
    (folder / "t.html").write_text(HEAD + _TAG.sub("{{ shop.url }}", page), encoding="utf-8")
    template = templates.load(folder, "t")
    return template.render(context.sample()).html, template.inlines_once


@pytest.mark.parametrize(("width", "is_dark"), [(700, False), (380, True)])
def test_public_templates_look_as_their_inlined_twins_do(
    shared_data: Path, tool: Callable[[str], str], tmp_path: Path, width: int, is_dark: bool
) -> None:
    documents: dict[str, str] = {}
    for name, page, twin in _twins(shared_data):
        documents[f"{name} ours"], inlined_once = _ours(tmp_path / "templates", page)
        assert inlined_once, name
        documents[f"{name} twin"] = _TAG.sub("https://shop.example", twin)
    assert len(documents) >= 24
    seen = browser.look_at(tool("chromium"), tmp_path, documents, width=width, is_dark=is_dark)
    for name in {document.rpartition(" ")[0] for document in documents}:
        ours, twin = seen[f"{name} ours"]["styles"], seen[f"{name} twin"]["styles"]
        assert [element for element, _ in ours] == [element for element, _ in twin], name
        assert _differences(ours, twin) == [], name
        assert len(ours) > 30


def _differences(ours: list[Any], twin: list[Any]) -> list[tuple[str, str, str, str]]:
    return [
        (element, name, value, other[name])
        for (element, style), (_, other) in zip(ours, twin, strict=True)
        for name, value in style.items()
        if value != other[name]
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "[data-ogsc] .x { color: red }",
        "#outlook a { padding: 0 }",
        "u + .x { color: red }",
        ".ExternalClass * { color: red }",
    ],
)
def test_rules_for_one_mail_program_stay(rule: str) -> None:
    css = f".x {{ color: blue }} .unused {{ color: green }} {rule}"
    page = f"<html><head><style>{css}</style></head><body class='x'>x</body></html>"
    made = inline.inlined_once(page, Tags(page))
    assert made is not None
    assert rule.partition("{")[0] in made
    assert "unused" not in made
    assert "color: blue" in made


def test_rules_of_classes_that_are_not_there_go() -> None:
    css = (
        "@media (max-width: 480px) { .x, .gone { color: red } .gone p { color: red } p { color: red } }"
        " @media print { .gone { color: red } } [data-ogsc] .gone { color: red } .x:hover, .gone:hover { color: red }"
    )
    page = f"<html><head><style>{css}</style></head><body><p class='x'>x</p></body></html>"
    made = inline.inlined_once(page, Tags(page))
    assert made is not None
    assert "gone" not in made
    assert "print" not in made
    assert re.search(r"max-width: 480px\) *\{ *\.x *\{", made)
    assert ".x:hover" in made


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE html>",
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-t.dtd">',
        "",
    ],
)
def test_a_page_keeps_its_document_type(doctype: str, tool: Callable[[str], str], tmp_path: Path) -> None:
    """Each lays a picture in a cell out in its own way: https://hsivonen.fi/doctype/."""
    rows = "<table><tr><td class='x'><img src='data:,' width='40' height='40' alt=''></td></tr></table>"
    page = (
        f"{doctype}<html><head><style>td.x {{ padding: 0; font-size: 30px }}</style></head><body>{rows}</body></html>"
    )
    made = inline.inlined_once(page, Tags(page))
    assert made is not None
    assert made.startswith(doctype)
    assert ("<!DOCTYPE" in made) is bool(doctype)
    seen = browser.look_at(tool("chromium"), tmp_path, {"before": page, "after": made})
    assert _differences(seen["after"]["styles"], seen["before"]["styles"]) == []


def test_style_sheets_online_stay_and_others_go() -> None:
    font = '<link href="https://fonts.example/css?family=Tea" rel="stylesheet">'
    other = "<!--[if mso]><link rel='stylesheet' href='mso.css'><![endif]-->"
    local = "<link rel='stylesheet' href='css/app.css'><link rel=stylesheet href=http://a.example/b.css>"
    page = f"<html><head>{font}{local}{other}<link rel='icon' href='x.ico'></head><body><p>x</p></body></html>"
    made = inline.inlined_once(page, Tags(page))
    assert made is not None
    assert font in made
    assert other in made
    assert "app.css" not in made
    assert "b.css" not in made
    assert "x.ico" in made


def test_what_is_imported_stays_before_what_is_worked_in() -> None:
    css = '@import url("https://fonts.example/css2?family=Tea:wght@4;7"); .gone { color: red } p:hover { color: blue }'
    page = f"<html><head><style>{css}</style></head><body><p>x</p></body></html>"
    made = inline.inlined_once(page, Tags(page))
    assert made is not None
    assert '<style>@import url("https://fonts.example/css2?family=Tea:wght@4;7");' in made
    assert "gone" not in made
    assert "p:hover" in made


@pytest.mark.parametrize(
    ("css", "is_once"),
    [
        ("td > :first-child { color: red }", False),
        ("@media print { p { color: red } } p + p { color: red }", False),  # what stands behind @media counts too
        ("@media print { p + p { color: red } }", True),
        ('@import "https://a.example/x.css"; p ~ p { color: red }', False),
        ("p { color: red }", True),
    ],
)
def test_a_choice_by_neighbours_waits_for_the_person(css: str, is_once: bool) -> None:
    start, end = "{% if contact.city %}", "{% endif %}"
    for statement, expected in (((start, end), is_once), (("", ""), True)):
        body = f"<div>{statement[0]}<p>x</p>{statement[1]}<p>y</p></div>"
        page = f"<html><head><style>{css}</style></head><body>{body}</body></html>"
        tags = Tags(page)
        made = inline.inlined_once(tags.swap(HTML, page, "t.html", lambda tag: ""), tags)
        assert (made is not None) is expected, css


def test_documents_are_compared_without_regard_to_spaces_between_elements() -> None:
    one = '<table><!--[if mso]><tr>\n\n<td><![endif]--><tr><td b="1" a="2">x</td></tr></table>'
    other = '<table><!--[if mso]><tr><td><![endif]--> <tr><td a="2" b="1">x</td></tr></table>'
    assert inline.same(one, other)
    assert not inline.same(one, other.replace('"2"', '"3"'))
    assert not inline.same(one, other.replace(">x<", ">y<"))
