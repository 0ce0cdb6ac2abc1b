"""Reports with filled data, rates, topics and the page for everybody, of a shop whose texts are made to break out."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from hostile import TAKEN, TERMINAL, address
from mail_shop import NOW, mailflow, make_shop
from mailflow.workspace import Workspace
from test_hostile_commands import COLOURS, FORMULA, STEERING, Terminal
from test_hostile_files import FORGER, SETTINGS, SOME, fill, said
from test_hostile_files import TEMPLATE as OF_FILES
from test_hostile_mail import STEERING as STEERING_MAIL
from test_hostile_mail import Shape


def cells(monkeypatch: pytest.MonkeyPatch, root: Path, *words: str) -> list[str]:
    """Return the cells of what a command prints as CSV, below the header."""
    monkeypatch.setattr("sys.stdout", out := io.StringIO())
    assert mailflow(root, *words, "--format", "csv", "--quiet", now=NOW) == 0
    rows = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert len({len(row) for row in rows}) == 1
    return [cell for row in rows[1:] for cell in row]


def test_the_mix_of_real_mail_names_everybody_and_steers_nothing(
    monkeypatch: pytest.MonkeyPatch, hostile_shop: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(hostile_shop, tmp_path / "shop"))
    (root / "templates" / "short.md").write_text("---\nsubject: Hello\n---\nHello.\n", encoding="utf-8")
    (root / "campaigns" / "short.yaml").write_text("audience: everyone\ntemplate: short\n", encoding="utf-8")
    assert mailflow(root, "send", "short", "--yes", "--quiet", now=NOW) == 0
    shop = Workspace.at(root)
    with shop.store.transaction() as tx:  # as if a relay had taken what was rehearsed
        tx.execute("UPDATE messages SET rehearsal = 0")
    shop.store.close()
    with (root / "mailflow.yaml").open("a", encoding="utf-8") as file:
        file.write("mix: {least: 2}\n")
    assert said(monkeypatch, root, "report", "mix")[0] == 0
    code, text = said(monkeypatch, root, "report", "mix", "--contacts")
    assert (code, "@example.com" in text) == (0, True), text
    found = cells(monkeypatch, root, "report", "mix", "--contacts")
    assert {*found, *(cell.removeprefix("'") for cell in found)} >= {address(number) for number in range(len(TAKEN))}
    assert not [cell for cell in found if FORMULA.match(cell)]
    page = tmp_path / "mix.html"
    assert said(monkeypatch, root, "report", "mix", "--html", str(page))[0] == 0
    assert "script" not in Shape(page.read_text(encoding="utf-8")).made


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which 150 people bought products with hostile names for three months."""
    shop = make_shop(tmp_path_factory.mktemp("bought") / "shop", 1)
    shop.store.close()
    products = [{"product_id": f"p{n}", "title": f"{value} {n}", "category": value, "price": "5.00", "url": "",
                 "status": "active"} for n, value in enumerate(SOME)]  # fmt: skip
    orders = [
        {"order_id": f"{person}-{time}", "email": f"b{person}@example.com", "total": "5.00", "quantity": 1,
         "date": str(date(2025, 12, 20) + timedelta(days=(person * 7 + time * 29) % 88)),
         "item id": f"p{(person + time * (person % 3 + 1)) % len(SOME)}", "item price": "5.00",
         "item name": f"{SOME[(person + time * (person % 3 + 1)) % len(SOME)]} x"}
        for person in range(150) for time in range(4)
    ]  # fmt: skip
    for noun, rows in (("products", products), ("orders", orders)):
        path = shop.root / f"{noun}.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        assert mailflow(shop.root, "import", str(path), "--as", noun, "--quiet", now=NOW) == 0
    assert mailflow(shop.root, "score", "--quiet", now=NOW) == 0
    return shop.root


def test_how_good_recommendations_are_is_told_of_hostile_products_too(
    monkeypatch: pytest.MonkeyPatch, bought: Path
) -> None:
    for words in ("report recommendations", "report recommendations --chances"):
        code, text = said(monkeypatch, bought, *words.split())
        assert (code, "Too early" in text) == (0, False), text
        assert not [cell for cell in cells(monkeypatch, bought, *words.split()) if FORMULA.match(cell)]
    shown = ""
    for person in range(12):
        code, text = said(monkeypatch, bought, "report", "recommendations", "--for", f"b{person}@example.com")
        assert code == 0
        shown += text
        mine = cells(monkeypatch, bought, "report", "recommendations", "--for", f"b{person}@example.com")
        assert not [cell for cell in mine if FORMULA.match(cell)]
    assert (
        sum(str(value.splitlines()[0])[:20] in shown for value in SOME if value.isascii() and value.isprintable()) > 3
    )


def test_rates_that_are_wrong_are_told_in_a_line_each(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = make_shop(tmp_path / "shop", 1).root
    good = {"date": "2026-01-01", "from": "USD", "to": "EUR", "rate": "0.9"}
    values = (FORGER, TERMINAL[1], "=1+1", "1e999", "NaN", "-1", "x" * 3000)
    with (root / "rates.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(good))
        writer.writeheader()
        writer.writerows({**good, column: value} for column in good for value in values)
    code, text = said(monkeypatch, root, "lint", "hello")
    assert (code, text.count("rates.csv:")) == (78, len(good) * len(values))


def test_topics_are_data_wherever_they_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of the settings, and those that a template names and nobody has."""
    root = make_shop(tmp_path / "shop", 1).root
    settings = (root / "mailflow.yaml").read_text(encoding="utf-8")
    for value in (FORGER, TERMINAL[1], SOME[1]):
        (root / "mailflow.yaml").write_text(f"{settings}\n{yaml.safe_dump({'topics': [value]})}", encoding="utf-8")
        front = yaml.safe_dump({"subject": "x", "topic": f"{value}, or so"})
        (root / "templates" / "hello.md").write_text(f"---\n{front}---\nHello.\n", encoding="utf-8")
        code, text = said(monkeypatch, root, "plan", "hello")
        assert (code, "there is no topic" in text) == (78, True), text


def test_the_page_for_everybody_has_the_same_elements_whatever_files_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop = make_shop(tmp_path / "shop", 2, extra=SETTINGS)
    shop.store.close()
    (shop.root / "segments.yaml").unlink()
    body = (
        OF_FILES.replace("offer: back\n", "").split("{% with poll")[0].replace("{{ offer.title | default('-') }}", "x")
    )
    body = body.replace("`{{ offer.code | default('-') }}`", "")
    (shop.root / "templates" / "hello.md").write_text(body, encoding="utf-8")
    found = {}
    for value in ("plain", FORGER, TERMINAL[1], "<script>x</script>", "{{ 7*7 }}", "](javascript:x)"):
        fill(shop.root, value)
        campaign = yaml.safe_dump({"name": value, "audience": "everyone", "template": "hello"})
        (shop.root / "campaigns" / "hello.yaml").write_text(campaign, encoding="utf-8")
        monkeypatch.setattr("sys.stdout", terminal := Terminal())
        assert mailflow(shop.root, "preview", "hello", "--archive", now=NOW) == 0, value
        assert not STEERING.search(COLOURS.sub("", terminal.getvalue()))
        monkeypatch.setattr("sys.stdout", out := io.StringIO())
        assert mailflow(shop.root, "preview", "hello", "--archive", "--quiet", now=NOW) == 0
        assert not STEERING_MAIL.search(out.getvalue())
        found[value] = Shape(out.getvalue()).made
    assert len(found["plain"]) > 50
    assert [value for value, made in found.items() if made != found["plain"]] == []
