"""docs/templates.md: every example on it is a message, a layout or a brand that works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailflow import templates
from mailflow.config.brand import Brand, parse_brand
from mailflow.templates import context, source
from mailflow.templates.source import FrontMatter

PAGE = (Path(__file__).parents[1] / "docs" / "templates.md").read_text(encoding="utf-8")
EXAMPLES = [(language, text) for language, text in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)]
MESSAGES = [(kind, text) for kind, text in EXAMPLES if text.startswith("---\n")]
FOUND = [{"title": "A pot", "url": "https://shop.example/pot", "image_url": "https://shop.example/pot.jpg", "price": 9}]


def rendered(folder: Path, name: str, text: str) -> templates.Rendered:
    (folder / "templates" / "layouts").mkdir(parents=True, exist_ok=True)
    (folder / "templates" / name).write_text(text, encoding="utf-8")
    return templates.load(folder / "templates", "t").render({**context.sample(), "recommendations": FOUND})


def test_there_are_examples_of_every_kind() -> None:
    assert len(MESSAGES) >= 4
    assert any("<mj-section>" in text for _, text in MESSAGES)


@pytest.mark.parametrize(("kind", "text"), MESSAGES)
def test_every_message_on_the_page_can_be_sent(tmp_path: Path, kind: str, text: str) -> None:
    made = rendered(tmp_path, "t.mjml" if "<mj-section>" in text else "t.md", text)
    assert made.subject
    assert "{%" not in made.html + made.text
    assert "Unsubscribe" in made.text


def test_the_layout_on_the_page_is_one(tmp_path: Path) -> None:
    (layout,) = [text for kind, text in EXAMPLES if kind == "html" and text.startswith("<!DOCTYPE")]
    (tmp_path / "templates" / "layouts").mkdir(parents=True)
    (tmp_path / "templates" / "layouts" / "own.html").write_text(layout, encoding="utf-8")
    made = rendered(tmp_path, "t.md", '---\nsubject: "x"\npreheader: "Read me first"\nlayout: own\n---\nHello.\n')
    assert "Hello." in made.html
    assert made.html.index("Read me first") < made.html.index("Hello.")


def test_the_brand_on_the_page_is_one_and_names_every_key() -> None:
    (text,) = [text for kind, text in EXAMPLES if kind == "yaml" and "logo_dark" in text]
    assert parse_brand(text).model_fields_set == set(Brand.model_fields)


def test_the_page_names_every_key_layout_and_block() -> None:
    for name, field in FrontMatter.model_fields.items():
        assert f"| `{field.alias or name}` |" in PAGE
    for name in {Path(each).stem for each in source.shipped("layouts")}:
        assert f"| `{name}` |" in PAGE
    for name in source.shipped("blocks"):
        assert name.startswith("frame_") or name.endswith(".txt") or name == "order_lines.html" or name in PAGE
