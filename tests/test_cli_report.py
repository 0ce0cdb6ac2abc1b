"""`mailflow report`, and recommendations in templates, from imported files to the mail."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from conftest import ROOT
from mail_shop import SETTINGS, make_shop, write_campaign
from mailflow.cli import main
from mailflow.jobs import recommendations
from mailflow.workspace import Workspace

NOW = ["--now", "2026-03-20T10:00"]
TEMPLATE = """\
---
subject: "{{ recommendations[0].title }} for you"
---
{% for p in recommendations[:2] %}
{{ p.title }}: {{ p.price | money(p.currency) }}, {{ p.reason }}
{% endfor %}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a shop whose 120 customers each keep to one of two shelves of ten products."""
    monkeypatch.setenv("COLUMNS", "80")
    made = make_shop(tmp_path / "shop", people=0)
    dice, lines = random.Random(1), ["order id,email,date,product id,product,quantity,price,total"]
    for number in range(600):
        who = number % 120
        product = f"{'ab'[who % 2]}{dice.randrange(10)}"
        day = date(2025, 6, 1) + timedelta(days=dice.randrange(270))
        lines.append(f"{number},p{who}@example.com,{day},{product},Product {product},1,5,5")
    products = ["product id,name,price,currency,stock,url"]
    names = [f"{shelf}{number}" for shelf in "ab" for number in range(10)]
    products += [f"{name},Product {name},5.00,EUR,9,https://quitte.example/{name}" for name in names]
    for name, rows in (("orders", lines), ("products", products)):
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        assert main.run(["import", str(tmp_path / f"{name}.csv"), "--quiet", "--workspace", str(made.root)]) == 0
    return made


def run(shop: Workspace, *words: str) -> int:
    return main.run([*words, "--workspace", str(shop.root), *NOW])


def test_without_a_name_the_reports_are_listed(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "report") == 0
    assert "recommendations" in capsys.readouterr().out
    assert run(shop, "report", "sales") == 2
    assert "recommendations" in capsys.readouterr().err


def test_the_figures_say_who_was_tested_when_and_what_it_means(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shop, "report", "recommendations") == 0
    told = capsys.readouterr().out
    assert "Learned before 2026-01-" in told
    assert "Recommendations do better than popular products" in told
    assert max(map(len, told.splitlines())) <= 80


def test_json_and_csv_have_every_figure_with_its_interval(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "report", "recommendations", "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["goal"], row["method"]) for row in rows] == [
        (goal, method) for goal in ("new", "all") for method in ("recommended", "popular_lately", "popular")
    ]
    assert list(rows[0]) == recommendations.COLUMNS
    assert rows[0]["ratio_low"] > 1
    assert rows[2]["ratio"] is None
    assert all(row["ndcg_low"] <= row["ndcg"] <= row["ndcg_high"] for row in rows)
    assert run(shop, "report", "recommendations", "--format", "csv") == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 6


def test_chances_stand_beside_what_became_of_them(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "report", "recommendations", "--chances", "--format", "json") == 0
    *groups, whole = json.loads(capsys.readouterr().out)
    assert whole["group"] == "all"
    assert sum(group["shown"] for group in groups) == whole["shown"]
    assert all(group["bought_low"] <= group["bought"] <= group["bought_high"] for group in groups)
    assert {"brier", "brier_popular", "log_loss", "log_loss_popular"} <= whole.keys()
    assert run(shop, "report", "recommendations", "--chances") == 0
    assert "popularity alone" in capsys.readouterr().out


def test_a_test_that_too_few_took_is_refused_in_words(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "report", "recommendations", "--from", "2026-02-25") == 0
    assert "Too early to say" in capsys.readouterr().out
    assert run(shop, "report", "recommendations", "--from", "2026-02-25", "--format", "json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == []
    assert "Too early to say" in captured.err


def test_one_persons_list_is_shown_with_reasons_and_chances(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shop, "score", "--quiet") == 0
    assert run(shop, "report", "recommendations", "--for", "p0@example.com", "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["id"].startswith("a")
    assert rows[0]["reason"].startswith("because you bought Product a")
    assert 0 < rows[0]["probability"] < 1
    assert run(shop, "report", "recommendations", "--for", "nobody@example.com") == 2


def test_a_campaign_shows_each_person_their_products_and_computes_what_is_missing(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.root / "templates" / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\n")
    for who in ("p0", "p1"):
        words = ["contact", "subscribe", f"{who}@example.com", "--evidence", "asked in the shop"]
        assert run(shop, *words) == 0
    capsys.readouterr()
    assert run(shop, "send", "hello", "--yes") == 0
    mails = [path.read_text(encoding="utf-8") for path in shop.maildir.rglob("*") if path.is_file()]
    assert len(mails) == 2
    for mail in mails:
        shelf = "a" if "p0@example.com" in mail else "b"
        assert f"Subject: Product {shelf}" in mail
        assert f"because you bought Product {shelf}" in mail.replace("=\n", "")


def test_reasons_are_in_the_language_of_the_mail(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shop, "score", "--quiet") == 0
    text = TEMPLATE.replace("---\nsubject", "---\nlanguage: de\nsubject", 1)
    (shop.root / "templates" / "hello.md").write_text(text, encoding="utf-8")
    assert run(shop, "preview", "hello", "--for", "p0@example.com") == 0
    assert "weil Sie Product a" in " ".join(capsys.readouterr().out.split())


def test_an_unknown_contact_field_in_a_hard_rule_is_refused(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = "never_show:\n  - {contact: alergies, product: allergens}\n"
    (shop.root / "mailflow.yaml").write_text(SETTINGS + rule, encoding="utf-8")
    assert run(shop, "report", "recommendations") == 78
    assert "declare the contact's field 'alergies' under fields: first" in capsys.readouterr().err


def test_the_example_of_the_docs_runs_as_it_stands(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "recommendations.md").read_text(encoding="utf-8")
    example = page.partition("```markdown\n")[2].partition("```")[0]
    (shop.root / "templates" / "hello.md").write_text(example, encoding="utf-8")
    assert run(shop, "score", "--quiet") == 0
    assert run(shop, "preview", "hello", "--for", "p0@example.com") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "might suit you" in told
    assert "€5.00: because you bought Product a" in told
    settings = "".join(part.partition("```")[0] for part in page.split("```yaml\n")[1:])
    (shop.root / "mailflow.yaml").write_text(SETTINGS + settings, encoding="utf-8")
    assert run(shop, "report", "recommendations", "--quiet") == 0


def test_what_somebody_must_not_see_is_not_shown_by_the_template_itself(
    shop: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "fields: {allergies: {multi: true}}\nnever_show: [{contact: allergies, product: allergens}]\n"
    (shop.root / "mailflow.yaml").write_text(SETTINGS + rules, encoding="utf-8")
    (tmp_path / "food.csv").write_text("product id,name,price,allergens\ncake,Nut Cake,8,nuts\ntart,Tart,7,milk\n")
    (tmp_path / "who.csv").write_text("email,allergies\np0@example.com,Nuts\np1@example.com,\n")
    for name in ("food", "who"):
        assert run(shop, "import", str(tmp_path / f"{name}.csv"), "--quiet") == 0
    (shop.root / "templates" / "hello.md").write_text(
        "---\nsubject: Cakes\nlayout: products\nitems:\n"
        "  - {title: Nut Cake, url: https://quitte.example/cake}\n  - {title: Tart, url: https://quitte.example/tart}\n"
        '---\n{% if "cake" not in never_show %}Try the cake.{% endif %}\n\nFresh today.\n',
        encoding="utf-8",
    )
    told = {}
    for who in ("p0", "p1"):
        capsys.readouterr()
        assert run(shop, "preview", "hello", "--for", f"{who}@example.com", "--eml") == 0
        told[who] = capsys.readouterr().out
    assert ["Nut Cake" in told[who] for who in ("p0", "p1")] == [False, True]
    assert ["Try the cake" in told[who] for who in ("p0", "p1")] == [False, True]
    assert all("Tart" in text and "Fresh today" in text for text in told.values())
