"""What the pages on campaigns and sending say about files and settings is what is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailflow.campaigns.spec import CampaignSpec
from mailflow.config import RelaySettings
from mailflow.config.yaml_files import parse_spec, parse_yaml

DOCS = Path(__file__).parents[1] / "docs"


def keys_of(page: str, heading: str) -> set[str]:
    """Return the words in code in the first column of the first table after a heading."""
    table = re.search(rf"{heading}.*?\n((?:\|[^\n]*\n)+)", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert table is not None
    rows = table[1].splitlines()[2:]
    return {key for row in rows for key in re.findall(r"`([a-z_]+)`", row.split("|")[1])}


def test_every_key_of_a_campaign_is_explained() -> None:
    assert keys_of("campaigns.md", "## The file") == set(CampaignSpec.model_fields)


def test_every_key_of_a_relay_is_explained() -> None:
    assert keys_of("sending.md", "## The relay") == set(RelaySettings.model_fields)


@pytest.mark.parametrize("page", ["campaigns.md", "sending.md"])
def test_the_files_that_are_shown_are_read(page: str) -> None:
    texts = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert texts
    for text in texts:
        document = parse_yaml(text, page)
        if "audience" in document.data:
            parse_spec(CampaignSpec, parse_yaml(f"id: spring\n{text}", page))
        if "relay" in document.data:
            RelaySettings.model_validate(document.data["relay"])
