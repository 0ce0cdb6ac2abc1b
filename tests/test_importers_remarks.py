"""What an import tells about addresses: counted and named, nothing refused, nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mail_shop import mailflow, make_shop
from mailflow.importers.values.remarks import tell


def test_each_kind_is_counted_and_the_first_are_named() -> None:
    slips = [f"anna{number}@gmial.com" for number in range(7)]
    keys = [*slips, "bob@hotmal.con", "info@bakery.example", "zoë@x.example", "ann@gmail.com", "x@mailinator.com"]
    mistyped, thrown, desks, foreign = tell([*keys, *keys])
    assert mistyped == (
        "8 addresses look mistyped: anna0@gmial.com (gmail.com?), anna1@gmial.com (gmail.com?), anna2@gmial.com"
        " (gmail.com?), anna3@gmial.com (gmail.com?), anna4@gmial.com (gmail.com?) …. Nothing was changed: mend them"
        " where the file comes from."
    )
    assert desks == "1 address is a desk, not a person: info@bakery.example."
    assert foreign == "1 address has letters beyond ASCII: zoë@x.example."
    assert thrown == "1 address is of a throw-away domain: x@mailinator.com."
    assert tell(["ann@gmail.com", "ben@bakery.example"]) == []


def test_a_dry_run_tells_it_and_the_import_keeps_the_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = make_shop(tmp_path / "shop", people=0)
    file = tmp_path / "list.csv"
    file.write_text("email,first name\nanna@gmial.com,Anna\nben@example.com,Ben\n", encoding="utf-8")
    for words in (["--dry-run"], []):
        capsys.readouterr()
        assert mailflow(shop, "import", str(file), *words, "--format", "json") == 0
        warnings = json.loads(capsys.readouterr().out)[0]["warnings"]
        assert any("1 address looks mistyped: anna@gmial.com (gmail.com?)" in warning for warning in warnings)
    emails = {row[0] for row in shop.store.db.execute("SELECT email FROM contacts")}
    assert emails == {"anna@gmial.com", "ben@example.com"}
