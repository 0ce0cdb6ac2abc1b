"""`mailflow preview --each-variant`: each combination that readers get, once, with how many they are."""

from __future__ import annotations

import json
import re
import tracemalloc
import webbrowser
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailflow.cli.main import run
from mailflow.jobs import readers, variants
from mailflow.model import ConsentState
from mailflow.workspace import Workspace
from people import add_contact

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
TEMPLATE = """\
---
subject: "{% if contact.country == 'AT' %}Servus{% else %}Hello{% endif %}"
---
Hi

{% if contact.city %}
Near {{ contact.city }}
{% endif %}
{% if contact.country == "CH" %}
Gruezi
{% elif contact.country == "XX" %}
Nobody lives here
{% endif %}
"""


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Workspace:
    assert run(["init", str(tmp_path / "shop"), "--quiet"]) == 0
    shop = Workspace.at(tmp_path / "shop")
    (shop.templates / "hello.md").write_text(TEMPLATE, encoding="utf-8")
    for number, (country, city) in enumerate(
        [("AT", None), ("AT", "Graz"), ("AT", "Wien"), ("DE", None), ("DE", None), ("CH", "Bern"), ("XX", None)]
    ):
        add(shop, f"p{number}@example.com", country, city, ConsentState.SUBSCRIBED if country != "XX" else None)
    capsys.readouterr()
    return shop


def add(shop: Workspace, email: str, country: str | None, city: str | None, consent: ConsentState | None) -> None:
    with shop.store.transaction() as tx:
        number = add_contact(tx, email, now=NOW, consent=consent)
        tx.execute("UPDATE contacts SET country = ?, city = ? WHERE id = ?", (country, city, number))


def preview(shop: Workspace, *words: str) -> int:
    return run(["preview", *words, "--each-variant", "--workspace", str(shop.root), "--now", "2026-03-20T09:00Z"])


def as_json(shop: Workspace, capsys: pytest.CaptureFixture[str], name: str = "hello") -> dict[str, object]:
    assert preview(shop, name, "--format", "json") == 0
    return dict(json.loads(capsys.readouterr().out))


def test_each_combination_is_rendered_once_with_its_people(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(shop, capsys)
    people = {(one["people"], one["example"], one["subject"]) for one in found["variants"]}
    assert people == {
        (2, "p1@example.com", "Servus"),
        (2, "p3@example.com", "Hello"),
        (1, "p0@example.com", "Servus"),
        (1, "p5@example.com", "Hello"),
    }
    assert [one["people"] for one in found["variants"]] == [2, 2, 1, 1]
    assert found["people"] == 6
    assert found["campaigns"] == []


def test_a_branch_that_only_people_without_consent_would_take_is_taken_by_nobody(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json(shop, capsys)
    words = 'elif contact.country == "XX"'
    assert found["unreached"] == [{"file": "templates/hello.md", "line": 11, "branch": words, "name": "in XX"}]
    assert preview(shop, "hello") == 0
    assert f"Nobody takes templates/hello.md:11 (in XX): {words}" in capsys.readouterr().err


def test_the_readers_are_those_of_the_campaign_that_uses_it(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.campaigns / "alps.yaml").write_text('audience: country == "AT"\ntemplate: hello\n', encoding="utf-8")
    found = as_json(shop, capsys)
    assert found["campaigns"] == ["alps"]
    assert found["people"] == 3
    assert {one["subject"] for one in found["variants"] if one["people"]} == {"Servus"}
    assert [one["line"] for one in found["unreached"]] == [2, 9, 11]


def test_the_sample_person_shows_what_nobody_gets(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = '---\nsubject: "x"\n---\n{% if contact.first_name == "Anna" %}\nFor Anna\n{% endif %}\nHi\n'
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    found = as_json(shop, capsys)
    assert [(one["people"], one["sample"]) for one in found["variants"]] == [(6, False), (0, True)]
    assert [one["line"] for one in found["unreached"]] == [4]


def test_translations_are_variants_and_one_that_nobody_reads_is_the_sample_persons(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.templates / "hello.md").write_text(TEMPLATE.replace("subject:", "language: en\nsubject:"), encoding="utf-8")
    for tag, word in (("de", "Hallo"), ("fr", "Bonjour")):
        text = f"---\nsubject: {word}\n---\n{{% if contact.city %}}{{{{ contact.city }}}}{{% else %}}!{{% endif %}}\n"
        (shop.templates / f"hello.{tag}.md").write_text(text, encoding="utf-8")
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET language = 'de-AT' WHERE country = 'AT'")
    found = sorted((each["people"], each["subject"]) for each in as_json(shop, capsys)["variants"])
    assert found == [(0, "Bonjour"), (0, "Servus"), (1, "Hallo"), (1, "Hello"), (2, "Hallo"), (2, "Hello")]


def test_too_many_variants_are_counted_and_said(
    shop: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "MOST_APART", 2)
    found = as_json(shop, capsys)
    assert (len(found["variants"]), found["untold"], found["people"]) == (2, 3, 6)
    preview(shop, "hello")
    assert "3 people more get variants that are not told apart" in capsys.readouterr().err


def test_variants_are_called_in_an_owners_words(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    names = {one["example"]: one["name"] for one in as_json(shop, capsys)["variants"]}
    assert names == {
        "p1@example.com": "in Austria; city is known",
        "p3@example.com": "not in Austria",
        "p0@example.com": "in Austria",
        "p5@example.com": "not in Austria; city is known; in Switzerland",
    }
    assert preview(shop, "hello") == 0
    assert "contact." not in capsys.readouterr().out


def test_a_comment_behind_a_condition_is_its_name(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = """---
subject: x
---
{% if contact.city %} {#- town  people -#}
a
{% else %}{# the rest #}
b
{% endif %}
{% if contact.country == "AT" %}{# our neighbours #}c{% endif %}
{% if contact.country == "DE" %}
{# not a name: on a line of its own #}
d
{% endif %}
{# nor is this: no condition before it #}
"""
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    names = {one["example"]: one["name"] for one in as_json(shop, capsys)["variants"]}
    assert names == {
        "p1@example.com": "town people; our neighbours",
        "p3@example.com": "the rest; in Germany",
        "p0@example.com": "the rest; our neighbours",
        "p5@example.com": "town people",
    }


def test_what_is_past_a_named_condition_is_all_but_that(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    text = "---\nsubject: x\n---\nHi\n{% if contact.city %}{# town people #}in {{ contact.city }}{% endif %}\n"
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    names = {one["name"] for one in as_json(shop, capsys)["variants"]}
    assert names == {"all but town people", "town people"}


COUNTRIES = """
countries:
  AT:
    footer: Firmenbuch 1
    address: Ring 1, Wien
  CH: {footer: Register 2}
  LI: {footer: Register 2}
"""


def test_each_footer_of_a_country_is_a_variant_with_its_name(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = shop.root / "mailflow.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + COUNTRIES, encoding="utf-8")
    (shop.templates / "hello.md").write_text("---\nsubject: x\n---\nHi\n", encoding="utf-8")
    found = as_json(shop, capsys)
    assert [(one["people"], one["name"]) for one in found["variants"]] == [
        (3, "Austria's footer and address"),
        (2, "your own footer"),
        (1, "Switzerland's and Liechtenstein's footer"),
    ]
    assert found["unreached"] == []
    place = found["variants"][0]["branches"][0]
    assert (place["file"], place["branch"]) == ("mailflow.yaml", "countries: AT")
    assert settings.read_text(encoding="utf-8").splitlines()[place["line"] - 1] == "  AT:"


def test_a_footer_that_a_template_does_not_show_makes_no_variant(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = shop.root / "mailflow.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + COUNTRIES, encoding="utf-8")
    for suffix in ("html", "txt"):
        (shop.templates / "layouts" / f"bare.{suffix}").write_text("{{ content }}{{ shop.address }}")
    (shop.templates / "hello.md").write_text("---\nsubject: x\nlayout: bare\nclass: essential\n---\nHi\n")
    assert {one["name"] for one in as_json(shop, capsys)["variants"]} == {"Austria's address", "your own footer"}


def test_without_conditions_all_get_one_message(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.templates / "hello.md").write_text('---\nsubject: "x"\n---\nHi\n', encoding="utf-8")
    assert preview(shop, "hello") == 0
    said = capsys.readouterr()
    assert "One and the same message for 6 people: everybody who may be mailed." in said.err
    assert "what all get" in said.out


def test_without_readers_the_sample_person_is_shown_and_nobody_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "empty"), "--quiet"]) == 0
    empty = Workspace.at(tmp_path / "empty")
    assert preview(empty, "thank_you") == 0
    said = capsys.readouterr()
    assert "Nobody gets it" in said.err
    assert "a sample" in said.out


def test_people_whom_no_message_can_be_made_for_are_counted_and_the_exit_code_says_so(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '---\nsubject: "x"\n---\n{% if contact.nonesuch %}\nx\n{% endif %}\nHi {{ contact.city }}\n'
    (shop.templates / "hello.md").write_text(text, encoding="utf-8")
    assert preview(shop, "hello") == 1
    said = capsys.readouterr().err
    assert "templates/hello.md:4: there is no 'nonesuch' here: declare it in mailflow.yaml" in said
    assert "(for p0@example.com) (6 people)" in said
    (shop.templates / "hello.md").write_text('---\nsubject: "x"\n---\nHi {{ contact.phone }}\n', encoding="utf-8")
    assert preview(shop, "hello") == 1
    said = capsys.readouterr()
    assert "cannot be made" in said.out
    assert "templates/hello.md:4: contact.phone is empty" in said.err


def test_somebody_else_is_tried_where_the_first_has_an_empty_field(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    (shop.templates / "hello.md").write_text('---\nsubject: "x"\n---\nHi {{ contact.city }}\n', encoding="utf-8")
    found = as_json(shop, capsys)
    assert [(one["people"], one["example"]) for one in found["variants"]] == [(6, "p1@example.com")]


def test_open_writes_a_page_with_every_variant(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: True)
    assert preview(shop, "hello", "--open") == 0
    page = (shop.private / "preview" / "hello.html").read_text(encoding="utf-8")
    assert page.count("<article") == 4
    assert all(f"p{number}@example.com" in page for number in (0, 1, 3, 5))
    assert "Nobody takes templates/hello.md:11" in page
    assert "<li>city is known</li>" in page


def test_what_does_not_go_together_is_said(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(shop, "hello", "--for", "p0@example.com") == 2
    assert preview(shop, "hello", "--eml") == 2
    assert preview(shop, "helo") == 78
    said = capsys.readouterr().err
    assert "did you mean" in said
    assert "Traceback" not in said


def test_csv_has_a_line_per_variant(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert preview(shop, "hello", "--format", "csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("number,people,example,subject")
    assert len(lines) == 5


def test_nothing_is_written_for_it(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    before = "\n".join(shop.store.db.iterdump())
    as_json(shop, capsys)
    assert "\n".join(shop.store.db.iterdump()) == before
    assert not shop.maildir.exists()


def test_the_example_of_the_docs_is_what_is_printed(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "templates.md").read_text(encoding="utf-8")
    (shop.templates / "spring.md").write_text(re.findall(r"```markdown\n(---\n.*?)```", page, re.DOTALL)[0])
    settings = shop.root / "mailflow.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\nurl: https://shop.example\n", encoding="utf-8")
    with shop.store.transaction() as tx:
        tx.execute("DELETE FROM consent_states")
    for name, orders in (("ada", 5), ("ben", 1), ("cleo", 1)):
        add(shop, f"{name}@example.com", None, None, ConsentState.SUBSCRIBED)
        with shop.store.transaction() as tx:
            tx.execute("UPDATE contacts SET first_name = ? WHERE email = ?", (name.title(), f"{name}@example.com"))
            tx.execute("INSERT INTO contact_facts SELECT max(id), ?, 0, 86400000 FROM contacts", (orders,))
    monkeypatch.setenv("COLUMNS", "100")
    assert preview(shop, "spring") == 0
    said = capsys.readouterr()
    example = page.partition("$ mailflow preview spring --each-variant\n")[2].partition("```")[0]
    assert "\n".join(line.rstrip() for line in (said.out + said.err).splitlines()) + "\n" == example


def test_memory_does_not_grow_with_the_readers(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def most() -> int:
        tracemalloc.start()
        variants.variants(shop, "hello", now=NOW)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    def more(count: int) -> None:
        with shop.store.transaction() as tx:
            first = tx.execute("SELECT count(*) FROM contacts").fetchone()[0]
            for number in range(first, first + count):
                add_contact(tx, f"q{number}@example.com", now=NOW, consent=ConsentState.SUBSCRIBED)

    monkeypatch.setattr(readers, "_BLOCK", 50)
    more(150)
    variants.variants(shop, "hello", now=NOW)
    few = most()
    more(400)
    assert most() < few + 200_000  # a context has more than two kilobytes, an id a few dozen bytes
