"""docs/events.md: every example file is what the page says it is, and comes in whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from import_shop import ImportShop

PAGE = (Path(__file__).parents[1] / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- example: (\S+) (\S+) -->\n```\n(.*?)```", PAGE, re.DOTALL)


def test_there_is_an_example_of_each_kind() -> None:
    kinds = {noun for _, noun, _ in EXAMPLES}
    assert kinds == {"events", "carts", "engagement", "tickets", "answers", "bookings", "social"}


@pytest.mark.parametrize(("name", "noun", "content"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
def test_an_example_is_recognised_and_taken_whole(tmp_path: Path, name: str, noun: str, content: str) -> None:
    shop = ImportShop(tmp_path / "shop")
    result = shop.take(content, "file" + Path(name).suffix)  # its name must not help
    assert (result.noun.value, result.rejected) == (noun, 0)
    assert shop.rows("SELECT count(*) FROM events")[0][0] > 0
