"""Lint on whole workspaces: every planted fault is found on its line, with its number of people."""

from __future__ import annotations

from pathlib import Path

import pytest

import faulty_shop
from faulty_shop import PLANTED, Planted
from mail_shop import NOW, make_shop, write_campaign
from mailflow.cli.main import run
from mailflow.jobs import lint
from mailflow.jobs.lint import Options, Report
from mailflow.workspace import Workspace


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Report:
    shop = faulty_shop.make(tmp_path_factory.mktemp("faulty"))
    return lint.lint(shop, Options(), now=NOW)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: f"{each.code}-{each.file}-{each.on}")
def test_planted_fault_is_found_on_its_line_with_its_people(faulty: Report, planted: Planted) -> None:
    same = [each for each in faulty.findings if (each.check.code, each.place.file) == (planted.code, planted.file)]
    found = [(each.place.line, each.people) for each in same]
    assert (planted.line(), planted.people) in found


def test_nothing_is_found_that_was_not_planted(faulty: Report) -> None:
    planted = {(each.code, each.file, each.line()) for each in PLANTED}
    rest = [
        f"{each.where} {each.check.code} {each.message}"
        for each in faulty.findings
        if (each.check.code, each.place.file, each.place.line) not in planted
    ]
    assert not rest, "\n".join(rest)


def test_pack_and_demo_are_clean(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "pack"), "--quiet"]) == 0
    assert run(["demo", str(tmp_path / "demo"), "--quiet"]) == 0
    for name in ("pack", "demo"):
        report = lint.lint(Workspace.at(tmp_path / name), Options(everybody=True), now=NOW)
        assert [str(each) for each in report.findings if each.check.severity != "note"] == []


def test_people_of_two_campaigns_count_once(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 4)
    write_campaign(tmp_path, "again", "audience: everyone\ntemplate: hello\n")
    found = [each for each in lint.lint(shop, Options(), now=NOW).findings if each.check.code == "L211"]
    assert [(each.people, each.of, each.example) for each in found] == [(4, 4, "p1@example.com")]


def test_sample_renders_some_people_of_each_campaign(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 10)
    assert lint.lint(shop, Options(sample=3), now=NOW).messages == 3


def test_templates_without_campaign_are_tried_on_everybody_when_asked(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 10)
    assert lint.lint(shop, Options(("newsletter",)), now=NOW).messages == 0
    assert lint.lint(shop, Options(("newsletter",), everybody=True), now=NOW).messages == 10


def test_checks_are_switched_off_for_all_or_for_one_template(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 1)
    assert _codes(shop) == {"L211"}
    template = tmp_path / "templates" / "hello.md"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("---\n", "---\nlint_ignore: [no-preheader]\n", 1), encoding="utf-8")
    assert _codes(shop) == set()
    template.write_text(text, encoding="utf-8")
    with (tmp_path / "mailflow.yaml").open("a", encoding="utf-8") as file:
        file.write("lint: {ignore: [L211]}\n")
    assert _codes(Workspace.at(tmp_path)) == set()


def test_a_code_that_no_check_has_is_told(tmp_path: Path) -> None:
    make_shop(tmp_path, 1, extra="lint: {ignore: [L999]}\n")
    report = lint.lint(Workspace.at(tmp_path), Options(), now=NOW)
    assert ("L001", "mailflow.yaml") in {(each.check.code, each.place.file) for each in report.findings}


def test_a_page_without_footer_is_looked_at_all_the_same(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 3)
    page = "<html lang='en'><head><title>x</title></head><body><p>Dear you<img src='https://a.example/b.png'>"
    (shop.templates / "hello.html").write_text(f"---\nsubject: Hello\n---\n{page}</body></html>\n", encoding="utf-8")
    (shop.templates / "hello.md").unlink()
    found = {each.check.code: each for each in lint.lint(shop, Options(), now=NOW).findings}
    assert {"L511", "L512", "L401", "L211"} <= found.keys()
    assert found["L511"].people == 3
    assert "L514" not in found  # its bytes cannot be built, which is no bug


def test_a_name_that_nobody_has_is_told_once(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 3)
    (shop.templates / "hello.md").write_text("---\nsubject: Hello\n---\nDear {{ FNAME }},\n", encoding="utf-8")
    found = [each for each in lint.lint(shop, Options(), now=NOW).findings if each.check.severity == "error"]
    assert [(each.check.code, each.place.line, each.people) for each in found] == [("L101", 4, 3)]
    assert "mailflow says {{ contact.first_name" in found[0].message


def test_a_translation_has_its_own_findings(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 3)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET language = 'de' WHERE id = 1")
    (tmp_path / "templates" / "hello.de.md").write_text(
        "---\nsubject: Hallo\npreheader: Etwas Neues ist da, und es ist sehr schön geworden.\n---\n"
        "[Da](http://quitte.example/da)\n", encoding="utf-8",
    )  # fmt: skip
    report = lint.lint(shop, Options(("hello",)), now=NOW)
    found = {(each.place.file, each.check.code, each.people) for each in report.findings}
    assert found == {
        ("templates/hello.md", "L211", 2),
        ("templates/hello.md", "L102", 2),
        ("templates/hello.de.md", "L301", 1),
    }


def test_missing_translations_are_listed_with_those_who_read_them(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 3)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET language = CASE id WHEN 1 THEN 'de-AT' WHEN 2 THEN 'fr' ELSE 'en' END")
    text = "---\nsubject: Hallo\n---\nEs gibt Tee.\n"
    (tmp_path / "templates" / "hello.de.md").write_text(text, encoding="utf-8")
    (tmp_path / "templates" / "again.md").write_text(text, encoding="utf-8")
    write_campaign(tmp_path, "again", "audience: everyone\ntemplate: again\n")
    for name in ("foot.md", "foot.fr.md"):
        (tmp_path / "templates" / "blocks").mkdir(exist_ok=True)
        (tmp_path / "templates" / "blocks" / name).write_text("Tea\n", encoding="utf-8")
    findings = lint.lint(shop, Options(), now=NOW).findings
    found = {(each.place.file, each.message, each.people) for each in findings if each.check.code == "L109"}
    assert {
        ("templates/hello.md", "there is no hello.fr, and other templates are written in fr", 1),
        ("templates/again.md", "there is no again.de, and other templates are written in de", 1),
        ("templates/again.md", "there is no again.fr, and other templates are written in fr", 1),
        ("templates/blocks/foot.md", "is not written in de, as templates are", 0),
    } <= found


def _codes(shop: Workspace) -> set[str]:
    found = lint.lint(shop, Options(("hello",)), now=NOW).findings
    return {each.check.code for each in found if each.check.severity != "note"}


def test_a_name_is_told_of_its_own_files_and_those_that_it_uses(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 2)
    write_campaign(tmp_path, "worse", "audience: everyone\n")
    (shop.templates / "broken.md").write_text("---\nsubject: Hello\n---\n{{ contact.first_name \n", encoding="utf-8")
    (tmp_path / "stores.csv").write_text("name\nGraz\n", encoding="utf-8")
    beside = ("campaigns/worse.yaml", "stores.csv", "templates/broken.md")
    report = lint.lint(shop, Options(("hello",)), now=NOW)
    assert {each.place.file for each in report.findings} == {"templates/hello.md"}
    assert (report.broken_beside, report.has_broken_files) == (beside, False)
    for name in ("broken", "worse"):
        report = lint.lint(Workspace.at(tmp_path), Options((name,)), now=NOW)
        own = next(file for file in beside if name in file)
        assert {each.place.file for each in report.findings} == {own}
        assert report.broken_beside == tuple(file for file in beside if file != own)
    assert lint.lint(Workspace.at(tmp_path), Options(), now=NOW).broken_beside == ()


def test_what_a_named_template_uses_is_told_where_it_is_broken(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 2)
    (tmp_path / "stores.csv").write_text("name\nGraz\n", encoding="utf-8")
    blocks = shop.templates / "blocks"
    blocks.mkdir(exist_ok=True)
    (blocks / "near.md").write_text("{{ contact.nearest_store.name }}\n", encoding="utf-8")
    text = "---\nsubject: Hello\npreheader: There is a shop of ours close to you, and it is open.\n---\n"
    (shop.templates / "hello.md").write_text(f"{text}{{% include 'blocks/near.md' %}}\n", encoding="utf-8")
    report = lint.lint(shop, Options(("hello",)), now=NOW)
    assert {each.place.file for each in report.findings if each.check.code == "L001"} == {"stores.csv"}
    (blocks / "near.md").write_text("{{ contact.nearest_store.name \n", encoding="utf-8")
    report = lint.lint(Workspace.at(tmp_path), Options(("hello",)), now=NOW)
    assert {each.place.file for each in report.findings} == {"templates/blocks/near.md"}
    assert report.broken_beside == ("stores.csv",)


def test_a_translation_that_nobody_reads_yet_is_looked_at_where_no_campaign_uses_it(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 1)
    (shop.root / "brand.yaml").write_text("banned_words: [billig]\n", encoding="utf-8")
    for suffix, word in (("", "Fine"), (".de", "Billig")):
        text = f"---\nsubject: Tea\npreheader: A line that says what it is about, and more.\n---\n{word}.\n"
        (shop.templates / f"idle{suffix}.md").write_text(text, encoding="utf-8")
    found = [each for each in lint.lint(shop, Options(), now=NOW).findings if each.check.code == "L106"]
    assert [each.where for each in found] == ["templates/idle.de.md:5:1"]


def test_a_message_that_says_nothing_to_somebody_is_an_error_for_them(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 4)
    body = "{% if contact.email == 'p1@example.com' %}Hello.{% endif %}"
    (shop.templates / "hello.md").write_text(f"---\nsubject: Hello\n---\n{body}\n", encoding="utf-8")
    found = {each.check.code: each for each in lint.lint(shop, Options(), now=NOW).findings}
    assert (found["L513"].people, found["L513"].of) == (3, 4)


def test_what_is_said_of_little_stock_is_held_against_the_products_that_are_named(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 2)
    products = tmp_path / "products.csv"
    products.write_text("product_id,title,price,stock\n1,Blue Teapot,9,3\n2,Red Teapot,9,30\n", encoding="utf-8")
    assert run(["import", str(products), "--workspace", str(tmp_path), "--quiet"]) == 0
    template = shop.templates / "hello.md"
    for words, is_told in (
        ("The blue teapot: only 3 left!", False),
        ("The red teapot: only 3 left!", True),
        ("Only 3 left!", True),
        ("Almost sold out: the Blue Teapot.", False),
    ):
        template.write_text(f"---\nsubject: Hello\n---\n{words}\n", encoding="utf-8")
        found = [each for each in lint.lint(shop, Options(), now=NOW).findings if each.check.code == "L606"]
        assert [(each.place.line, each.people) for each in found] == ([(4, 2)] if is_told else []), words
