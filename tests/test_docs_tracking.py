"""docs/tracking.md: every setting on it is accepted, and its template makes a message."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from mailflow import templates
from mailflow.config.settings import Settings
from mailflow.templates import compose, context
from test_templates_headers import envelope

PAGE = (Path(__file__).parents[1] / "docs" / "tracking.md").read_text(encoding="utf-8")
BLOCKS = [re.sub(r"(?m)^    ", "", block) for block in re.findall(r"(?m)(?:^    .*\n)+", PAGE)]
BASE = {"name": "x", "sender": {"name": "x", "email": "a@shop.example"}, "currency": "EUR", "timezone": "Europe/Vienna"}


@pytest.mark.parametrize("block", [block for block in BLOCKS if "attachments:" not in block])
def test_a_setting_of_the_page_is_accepted(block: str) -> None:
    said = yaml.safe_load(block)
    settings = Settings.model_validate({**BASE, **said})
    assert set(said) <= settings.model_fields_set


def test_the_attachments_of_the_page_travel(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "attachments:" in block]
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "menu.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "news.md").write_text(f"---\nsubject: x\n{block}---\nHi\n", encoding="utf-8")
    rendered = templates.load(tmp_path / "templates", "news").render(context.sample())
    data = compose.build(rendered, envelope())
    compose.check(data, rendered, envelope())
    assert (len(rendered.files), rendered.events[0].title) == (1, "Tasting with Anna")
