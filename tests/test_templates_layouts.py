"""The shipped layouts: what every mail needs, what mail programs can show, and what a real browser makes of them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import browser
import letters
from mailflow import templates
from mailflow.config import colours
from mailflow.templates import source

ALL = (*letters.LAYOUTS, "mjml")
# What a mail program may leave out without harm, and why.
GRACEFUL = {
    "border-radius": "corners are square",
    "border-spacing": "set to what is the default",
    "color-scheme": "a hint",
    "cursor": "a hint",
    "max-height": "hides the preheader, which mso-hide does in Outlook",
    "opacity": "hides the preheader, which mso-hide does in Outlook",
    "overflow": "hides the preheader, which mso-hide does in Outlook",
    "outline": "no frame around a picture",
    "white-space": "an amount may break its line",
    "word-break": "a word longer than the line makes the page wider",
    "word-spacing": "set to what is the default",
}
PROGRAMS = {
    "gmail": ("desktop-webmail", "ios", "android"),
    "outlook": ("windows", "outlook-com"),
    "apple-mail": ("macos", "ios"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("letters")
    return {layout: letters.letter(folder, layout) for layout in ALL}


def test_every_shipped_layout_is_tried_here() -> None:
    assert {Path(name).stem for name in source.shipped("layouts")} == set(letters.LAYOUTS)


@pytest.mark.parametrize("layout", ALL)
def test_a_layout_has_all_that_mail_needs(made: dict[str, Any], layout: str) -> None:
    html, text = made[layout].html, made[layout].text
    assert re.search(r'<html[^>]* lang="en"', html)
    assert "<title>What is new, Anna</title>" in html
    assert 'name="color-scheme" content="light dark"' in html
    assert "prefers-color-scheme: dark" in html
    assert html.index("The first throw of the year has cooled.") < html.index("Pots for slow mornings")
    for part in (html, text):
        for piece in (
            "1 Sample Street, 12345 Sampletown",
            "https://shop.example/u/sample",
            "Unsubscribe",
            "FN 123456x",
        ):
            assert piece in part
    assert len(html.encode()) < 40_000
    assert "{{" not in html + text
    assert "None" not in html + text


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((name, dict(attributes)))


@pytest.mark.parametrize("layout", ALL)
def test_tables_are_for_looks_and_pictures_have_words(made: dict[str, Any], layout: str) -> None:
    reader = _Elements()
    reader.feed(made[layout].html)
    tables = [values for name, values in reader.found if name == "table"]
    assert all(values.get("role") == "presentation" or values.get("class") in ("data", "lines") for values in tables)
    pictures = [values for name, values in reader.found if name == "img"]
    assert pictures
    assert all("alt" in values and values.get("width") for values in pictures if "pictures" in str(values.get("src")))


@pytest.mark.parametrize("layout", ALL)
def test_css_is_worked_in_once_per_template(tmp_path: Path, layout: str) -> None:
    template = templates.load(tmp_path / "templates", letters.write(tmp_path, layout))
    template.render(letters.known())
    assert template.inlines_once


@pytest.mark.parametrize("layout", ALL)
def test_outlook_com_and_colours_of_the_brand(made: dict[str, Any], layout: str) -> None:
    assert "#24594f" in made[layout].html
    assert "#000000" not in made[layout].html.lower()
    if layout != "mjml":
        assert "[data-ogsc]" in made[layout].html
        assert "<!--[if mso]><table" in made[layout].html


def test_a_layout_speaks_the_readers_language(tmp_path: Path) -> None:
    person = letters.known()
    person["contact"]["language"] = "de-AT"
    template = templates.load(tmp_path / "templates", letters.write(tmp_path, "receipt"))
    made = template.render(person)
    for part in (made.html, made.text):
        assert "Zwischensumme" in part
        assert "Abmelden" in part
        assert "77,90" in part


def test_a_receipt_shows_the_order_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    template = templates.load(tmp_path / "templates", letters.write(tmp_path, "receipt"))
    lines = [{"title": "Pot", "quantity": 2, "price": 48}]
    made = template.render({**letters.known(items=lines, total=96), "tax": None, "shipping": None, "subtotal": None})
    assert "2 x Pot  €48.00" in made.text
    assert "Total: €96.00" in made.text
    assert "teapot" not in made.html
    assert "Tax" not in made.html
    without = template.render({**letters.known(items=[], total=None), "subtotal": None, "tax": None, "shipping": None})
    assert "Total" not in without.html


def test_recommendations_fill_the_grid_in_any_layout(tmp_path: Path) -> None:
    body = (
        "---\nsubject: x\n---\nHi.\n\n{% with items=recommendations %}\n"
        '{% include "mailflow/product_grid.html" %}\n{% endwith %}\n'
    )
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "t.md").write_text(body, encoding="utf-8")
    found = [
        {"title": "Pot & lid", "price": 9, "url": "https://shop.example/p", "image_url": None, "reason": "Because"}
    ]
    template = templates.load(tmp_path / "templates", "t")
    made = template.render(letters.known(recommendations=found))
    assert ">Pot &amp; lid</a>" in made.html
    assert "Because" in made.text
    assert "Pot" not in template.render(letters.known(recommendations=[])).html


def test_a_block_or_layout_of_ones_own_stands_in_for_the_shipped_one(tmp_path: Path) -> None:
    name = letters.write(tmp_path, "products")
    own = tmp_path / "templates" / "mailflow"
    own.mkdir()
    (own / "product.html").write_text("<p>mine: {{ item.title }}</p>", encoding="utf-8")
    made = templates.load(tmp_path / "templates", name).render(letters.known())
    assert "mine: Linen towel" in made.html
    assert name in source.names(tmp_path / "templates")
    assert "mailflow/product" not in source.names(tmp_path / "templates")
    layout = tmp_path / "templates" / "layouts" / "products.html"
    layout.parent.mkdir()
    layout.write_text(
        '<html lang="en"><title>x</title>own {{ content }}{{ shop.address }}'
        ' <a href="{{ unsubscribe_url }}">x</a></html>',
        encoding="utf-8",
    )
    assert "own <h1" in templates.load(tmp_path / "templates", name).render(letters.known()).html


@pytest.mark.parametrize(
    ("items", "place", "words"),
    [
        ('[{title: "For {{ contact.first_name }}"}]', "3:17", "tags are not read here"),
        ("[{title: x, url: http://shop.example}]", "3:25", "is not an https:// address"),
        ("[{titel: x}]", "3:", "did you mean 'title'"),
        ("[{text: x}]", "3:9", "'title' is missing"),
        ("[{title: x, price: [1]}]", "3:27", "is not a price"),
        ("[{title: x, price: true}]", "3:27", "is not a price"),
    ],
)
def test_a_mistake_in_the_items_is_placed(tmp_path: Path, items: str, place: str, words: str) -> None:
    (tmp_path / "t.md").write_text(f"---\nsubject: x\nitems: {items}\n---\n", encoding="utf-8")
    with pytest.raises(templates.TemplateError) as caught:
        templates.load(tmp_path, "t")
    assert str(caught.value).startswith(f"{tmp_path.name}/t.md:{place}")
    assert words in str(caught.value)


@pytest.mark.parametrize("layout", ALL)
def test_nothing_that_matters_needs_what_mail_programs_lack(
    made: dict[str, Any], shared_data: Path, layout: str
) -> None:
    with gzip.open(shared_data / "templates" / "caniemail.json.gz") as file:
        features = {feature["slug"]: feature for feature in json.load(file)["data"]}
    html = re.sub(r"<!--.*?-->", "", made[layout].html, flags=re.DOTALL)
    styles = re.findall(r'style="([^"]*)"', html)
    declared = {pair.split(":")[0].strip() for style in styles for pair in style.split(";")}
    assert len(declared) > 15
    for name in declared - {""} - set(GRACEFUL):
        feature = features.get(f"css-{name}")
        assert feature is None or _lacking(feature) == [], name
    for name in ("float", "position", "display-flex", "display-grid"):
        assert name.removeprefix("display-") not in declared | set(re.findall(r"display:\s*(\w+)", html))


def _lacking(feature: dict[str, Any]) -> list[str]:
    """Return the mail programs whose newest version that was tried has a feature not at all."""
    found = []
    for family, platforms in PROGRAMS.items():
        for platform in platforms:
            versions = list(feature["stats"].get(family, {}).get(platform, {"": "y"}).values())
            if versions[-1].startswith("n"):
                found.append(f"{family} {platform}")
    return found


@pytest.mark.parametrize("is_dark", [False, True])
def test_text_can_be_read_in_light_and_dark(
    made: dict[str, Any], tool: Callable[[str], str], tmp_path: Path, is_dark: bool
) -> None:
    bright = letters.BRAND.replace("#24594f", "#ffcc00")
    documents = {layout: made[layout].html for layout in ALL}
    documents |= {f"bright-{layout}": letters.letter(tmp_path, layout, bright).html for layout in ALL}
    seen = browser.look_at(tool("chromium"), tmp_path, documents, is_dark=is_dark)
    for layout, found in seen.items():
        assert len(found["texts"]) > 10
        for words, ink, ground in found["texts"]:
            ratio = colours.contrast(browser.channels(ink), browser.channels(ground))
            assert ratio >= colours.READABLE, (layout, words, ink, ground)
        grounds = {browser.channels(ground) for _, _, ground in found["texts"]}
        assert any(colours.luminance(ground) < 0.1 for ground in grounds) or not is_dark


@pytest.mark.parametrize(("width", "has_styles"), [(320, True), (360, False)])
def test_a_layout_fits_a_phone_even_without_style_sheets(
    made: dict[str, Any], tool: Callable[[str], str], tmp_path: Path, width: int, has_styles: bool
) -> None:
    documents = {layout: made[layout].html for layout in ALL}
    if not has_styles:
        documents = {name: re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL) for name, html in documents.items()}
    seen = browser.look_at(tool("chromium"), tmp_path, documents, width=width)
    assert {layout: found["overflow"] for layout, found in seen.items() if found["overflow"] > 0} == {}


def test_words_longer_than_a_phone_is_wide_are_broken(
    made: dict[str, Any], tool: Callable[[str], str], tmp_path: Path
) -> None:
    address = "https://shop.example/a/very/long/address/that/nobody/broke/into/lines/" + "x" * 40
    documents = {layout: re.sub(r"\bAnna\b|FN 123456x", address, made[layout].html) for layout in ALL}
    assert all(html.count(address) >= 2 for html in documents.values())
    seen = browser.look_at(tool("chromium"), tmp_path, documents, width=320)
    assert {layout: found["overflow"] for layout, found in seen.items() if found["overflow"] > 0} == {}
