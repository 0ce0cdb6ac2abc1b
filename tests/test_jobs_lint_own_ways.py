"""What a shop has settled itself is no fault to lint: further domains, an address abroad, words of its own files."""

from __future__ import annotations

from pathlib import Path

from mail_shop import NOW, SETTINGS, make_shop, write_campaign
from mailflow.jobs import lint
from mailflow.jobs.lint import Options
from mailflow.workspace import Workspace


def errors(root: Path) -> list[str]:
    report = lint.lint(Workspace.at(root), Options(), now=NOW)
    return [f"{each.check.code} {each.message}" for each in report.findings if each.check.severity == "error"]


def test_the_address_for_a_country_stands_in_place_of_the_shop_s(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 2, extra='countries: {DE: {address: "Zweigweg 3\\n80331 München"}}\n')
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET country = 'DE' WHERE id = 1")
    assert errors(tmp_path) == []


def test_an_owner_may_send_from_a_further_domain_of_the_shop(tmp_path: Path) -> None:
    shop = make_shop(tmp_path, 1)
    more = SETTINGS.replace("hello@quitte.example}", "hello@quitte.example, domains: [Sales.example]}")
    (tmp_path / "mailflow.yaml").write_text(more, encoding="utf-8")
    with shop.store.transaction() as tx:
        tx.execute(
            "INSERT INTO owners (source, owner_id, name, email) VALUES ('plain', '1', 'Ana', 'ana@sales.example')"
        )
        tx.execute("UPDATE contacts SET owner = 'ana@sales.example'")
    write_campaign(tmp_path, "hello", "audience: everyone\ntemplate: hello\nfrom_owner: true\n")
    assert errors(tmp_path) == []
    (tmp_path / "templates" / "hello.md").write_text(
        "---\nsubject: Hello\n---\n{{ owner.name }} says: {{ contact.first_name | default('None') }}\n",
        encoding="utf-8",
    )
    assert [each[:4] for each in errors(tmp_path)] == ["L104"]  # a name that is None is no word of anybody


def test_an_answer_that_begins_with_none_of_is_no_leftover(tmp_path: Path) -> None:
    make_shop(tmp_path, 1)
    polls = "next:\n  question: What next?\n  answers: {a: Green tea, b: None of it}\n"
    (tmp_path / "polls.yaml").write_text(polls, encoding="utf-8")
    body = '{% with poll=polls.next %}{% include "mailflow/poll.html" %}{% endwith %}'
    (tmp_path / "templates" / "hello.md").write_text(f"---\nsubject: Hello\n---\nHi,\n\n{body}\n", encoding="utf-8")
    assert errors(tmp_path) == []
