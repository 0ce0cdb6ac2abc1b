"""One campaign, each person in their language: the nearest translation of template, blocks and layout."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailflow import templates
from mailflow.templates import context, source, translations
from mailflow.templates.compiled import CompiledTemplate

TEXTS = {
    "spring.md": "---\nsubject: Spring\npreheader: It is here\nkind: value\n---\nHello.\n\n{{ today | date('%B') }}",
    "spring.de.md": "---\nsubject: Frühling\n---\nHallo auf Deutsch.\n\n{{ today | date('%B') }}",
    "spring.de-AT.md": "---\nsubject: Frühling, servus\n---\nServus.\n",
    "spring.pt_BR.html": "---\nsubject: Primavera\n---\n<p>Olá.</p>\n",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "templates", TEXTS)
    return tmp_path / "templates"


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def load(folder: Path, name: str = "spring") -> CompiledTemplate:
    return templates.load(folder, name)


def rendered(template: CompiledTemplate, language: str | None, **more: Any) -> templates.Rendered:
    known = context.sample()
    known["contact"] |= {"language": language, "country": None}
    return template.render({**known, **more})


READERS = [
    ("en", "Spring"), ("en-GB", "Spring"), ("fr", "Spring"), (None, "Spring"),
    ("de", "Frühling"), ("de-DE", "Frühling"), ("DE", "Frühling"), ("de_CH", "Frühling"),
    ("de-AT", "Frühling, servus"), ("de_at", "Frühling, servus"), ("de-AT-1996", "Frühling, servus"),
    ("pt-BR", "Primavera"), ("pt", "Spring"),
]  # fmt: skip


def test_everybody_gets_the_nearest_language(folder: Path) -> None:
    template = load(folder)
    assert [(language, rendered(template, language).subject) for language, _ in READERS] == READERS


def test_footer_days_and_page_are_in_the_language_of_the_text(folder: Path) -> None:
    template = load(folder)
    german = rendered(template, "de", today=date(2026, 6, 1))
    assert "Abmelden" in german.text
    assert '<html lang="de"' in german.html
    assert "Juni" in german.text
    french = rendered(template, "fr")
    assert "Unsubscribe" in french.text  # not a French footer under an English text
    assert '<html lang="en"' in french.html


def test_who_has_no_language_reads_the_shops(folder: Path) -> None:
    shop = {**context.SAMPLE_SHOP, "language": "de"}
    assert rendered(load(folder), None, shop=shop).subject == "Frühling"


def test_a_translation_has_what_it_leaves_out_from_the_template(folder: Path) -> None:
    german = load(folder).translations["de"]
    assert german.kind == "value"
    assert rendered(load(folder), "de").preheader == "It is here"


def test_every_file_of_every_language_is_part_of_the_hash(folder: Path) -> None:
    before = load(folder)
    assert {f"templates/{name}" for name in TEXTS} <= before.files.keys()
    (folder / "spring.de-AT.md").write_text("---\nsubject: Frühling, griaß di\n---\nServus.\n", encoding="utf-8")
    changed = load(folder)
    assert changed.hash != before.hash
    (folder / "spring.it.md").write_text("---\nsubject: Primavera\n---\nCiao.\n", encoding="utf-8")
    assert load(folder).hash != changed.hash


def test_blocks_and_layouts_are_translated_too(folder: Path) -> None:
    shipped = source.Files(folder)._shipped("layouts/default.html")
    write(
        folder,
        {
            "offer.md": '---\nsubject: "{{ shop.name }}"\n---\n{% include "blocks/hello.md" %}\n',
            "blocks/hello.md": "Hello from the block.\n",
            "blocks/hello.de.md": "Hallo aus dem Block.\n",
            "layouts/default.fr.html": shipped.replace("</body>", "<p>Pied français</p></body>"),
        },
    )
    template = load(folder, "offer")
    assert "Hello from the block." in rendered(template, "en").text
    german = rendered(template, "de-AT")
    assert "Hallo aus dem Block." in german.text
    assert "Abmelden" in german.text
    assert "Pied français" in rendered(template, "fr-CA").html
    assert "Hello from the block." in rendered(template, "fr").text


def test_a_region_of_a_block_alone_is_found(folder: Path) -> None:
    write(
        folder,
        {
            "offer.md": '---\nsubject: Offer\n---\n{% include "blocks/hello.md" %}\n',
            "offer.de.md": '---\nsubject: Angebot\n---\n{% include "blocks/hello.md" %}\n',
            "blocks/hello.md": "Hello.\n",
            "blocks/hello.de-AT.md": "Servus.\n",
        },
    )
    template = load(folder, "offer")
    assert rendered(template, "de-AT").subject == "Angebot"
    assert "Servus." in rendered(template, "de-AT").text
    assert "Hello." in rendered(template, "de").text


def test_a_text_that_says_its_language_takes_no_block_of_another(folder: Path) -> None:
    write(
        folder,
        {
            "offer.md": '---\nsubject: Offer\nlanguage: en\n---\n{% include "blocks/hello.md" %}\n',
            "blocks/hello.md": "Hello.\n",
            "blocks/hello.de.md": "Hallo.\n",
        },
    )
    assert "Hello." in rendered(load(folder, "offer"), "de").text


def test_a_template_in_german_takes_german_blocks(folder: Path) -> None:
    write(
        folder,
        {
            "offer.md": '---\nsubject: Angebot\nlanguage: de\n---\n{% include "blocks/hello.md" %}\n',
            "blocks/hello.md": "Hello.\n",
            "blocks/hello.de.md": "Hallo.\n",
        },
    )
    assert "Hallo." in rendered(load(folder, "offer"), "fr").text


@pytest.mark.parametrize("key", ["class: essential", "kind: promo", "topic: tea", "offer: spring"])
def test_what_holds_for_all_cannot_be_another_in_a_translation(folder: Path, key: str) -> None:
    (folder / "spring.de.md").write_text(f"---\nsubject: Frühling\n{key}\n---\nHallo.\n", encoding="utf-8")
    with pytest.raises(templates.TemplateError, match=r"templates/spring.de.md:3:\d+: says another"):
        load(folder)


def test_a_mistake_in_any_language_is_told_with_its_place(folder: Path) -> None:
    (folder / "spring.de.md").write_text("---\nsubject: Frühling\n---\n\n{{ contact.frist_name }}\n", encoding="utf-8")
    with pytest.raises(templates.TemplateError, match=r"templates/spring.de.md:5: there is no 'frist_name'"):
        rendered(load(folder), "de")
    (folder / "spring.de.md").write_text("---\nsubject: Frühling\n---\n\n{% if %}\n", encoding="utf-8")
    with pytest.raises(templates.TemplateError, match=r"templates/spring.de.md:5"):
        load(folder)


def test_two_files_of_one_language_are_told(folder: Path) -> None:
    (folder / "spring.de.html").write_text("---\nsubject: x\n---\n<p>x</p>\n", encoding="utf-8")
    with pytest.raises(templates.TemplateError, match=r"spring.de.html and spring.de.md: keep one"):
        load(folder)


def test_a_translation_can_be_looked_at_by_its_name(folder: Path) -> None:
    assert rendered(load(folder, "spring.de"), "en").subject == "Frühling"
    assert "Abmelden" in rendered(load(folder, "spring.de"), "en").text


def test_translations_are_no_templates_of_their_own_but_other_dots_are(folder: Path) -> None:
    write(folder, {"tea.v2.md": "---\nsubject: x\n---\nx\n", "hello.in.md": "---\nsubject: x\n---\nx\n"})
    assert source.names(folder) == ["hello.in", "spring", "tea.v2"]


def test_it_is_told_who_lacks_which_language(folder: Path) -> None:
    write(
        folder,
        {
            "summer.md": "---\nsubject: Summer\nlanguage: en\n---\nHi.\n",
            "summer.de.md": "---\nsubject: Sommer\n---\nHi.\n",
            "blocks/hello.md": "Hello.\n",
            "blocks/hello.de.md": "Hallo.\n",
            "blocks/picture.html": "<p></p>",
        },
    )
    assert translations.missing(folder) == {"blocks/hello.md": ["pt-br"], "summer.md": ["pt-br"]}
    assert translations.missing(folder, ["en", "fr"])["summer.md"] == ["fr", "pt-br"]
    assert translations.missing(folder, ["de-CH"])["summer.md"] == ["pt-br"]
