"""jobs.doctor: every fault that it knows is found and told how to mend; a sound workspace has none."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mail_shop import make_shop, write_campaign
from mailflow.importers import ImportOptions, import_file
from mailflow.jobs import doctor
from mailflow.jobs import init as init_job
from mailflow.jobs.doctor import FieldReport, Finding, Severity
from mailflow.jobs.doctor.fields import canonical
from mailflow.jobs.init import Brand
from mailflow.store import facts, health
from mailflow.store.connection import journal_settings
from mailflow.workspace import Workspace

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONTACTS = "email,first name,country,shoe size,newsletter\nann@a.example,Ann,DE,38,yes\nbo@b.example,,AT,,no\n"
ORDERS = "order id,email,date,total\n1,ann@a.example,2026-11-01,10.00\n2,ann@a.example,2026-11-02,20.00\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return a new workspace with nobody in it."""
    return init_job.init(tmp_path / "shop", Brand(email="hello@shop.example")).workspace


def bring(workspace: Workspace, text: str, name: str = "contacts.csv", *, now: datetime = NOW) -> int:
    """Import text as a file and return the import's number."""
    path = workspace.root / name
    path.write_text(text, encoding="utf-8")
    settings = Workspace(workspace.root).settings  # as the file is now
    options = ImportOptions(settings.currency, settings.zone, fields=settings.fields)
    result = import_file(workspace.store, workspace.private, workspace.keys, path, options, now=now)
    return result.id or 0


def findings(workspace: Workspace) -> list[Finding]:
    return list(doctor.diagnose(Workspace(workspace.root), now=NOW).findings)


def errors(workspace: Workspace) -> list[tuple[str, str]]:
    return [(each.where, each.message) for each in findings(workspace) if each.severity is Severity.ERROR]


def hints(workspace: Workspace) -> dict[str, str]:
    return {each.where: each.message for each in findings(workspace) if each.severity is Severity.HINT}


def field(workspace: Workspace, name: str) -> FieldReport:
    reports = doctor.fields_only(Workspace(workspace.root), now=NOW)
    return next(report for report in reports if report.name == name)


def write(workspace: Workspace, name: str, text: str) -> None:
    path = workspace.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_new_workspace_has_nothing_wrong(workspace: Workspace) -> None:
    assert findings(workspace) == []


def test_a_new_workspace_with_its_first_contact_has_nothing_wrong(workspace: Workspace) -> None:
    bring(workspace, "email\nann@example.com\n")
    assert errors(workspace) == []
    assert "attributes.values" in hints(workspace)  # a shipped segment asks for it, and nobody has it yet


def test_all_mistakes_of_all_files_are_told_in_one_go(workspace: Workspace) -> None:
    write(workspace, "segments.yaml", 'near: contry == "DE"\nfar: country = "DE"\n')
    write(workspace, "campaigns/one.yaml", "audience: everyone\ntemplate: nowhere\n")
    write(workspace, "campaigns/two.yaml", 'audience: countr == "DE"\ntemplate: thank_you\nwhen: now\n')
    write(workspace, "templates/odd.md", '---\nsubject: "Hi"\n---\n{{ contact.first_name | shout }}\n')
    write(workspace, "importers/till.yaml", "tool: till\ntitle: Till\n")
    places = [where for where, _ in errors(workspace)]
    for place in ("segments.yaml:1", "segments.yaml:2", "campaigns/one.yaml:2", "campaigns/two.yaml:3"):
        assert any(where.startswith(place) for where in places), place
    assert any(where.startswith("templates/odd.md:4") for where in places)
    assert any(where.startswith("importers/till.yaml") for where in places)


def test_a_broken_mailflow_yaml_does_not_hide_what_else_is_wrong(workspace: Workspace) -> None:
    write(workspace, "mailflow.yaml", "name: Shop\ncurency: EUR\n")
    write(workspace, "segments.yaml", "a: 1\na: 2\n")
    write(workspace, "templates/odd.md", "no front matter\n")
    files = {where.partition(":")[0] for where, _ in errors(workspace)}
    assert files == {"mailflow.yaml", "segments.yaml", "templates/odd.md"}


def test_two_files_with_one_campaign_id_are_found(workspace: Workspace) -> None:
    for name in ("a", "b"):
        write(workspace, f"campaigns/{name}.yaml", "id: spring\naudience: everyone\ntemplate: thank_you\n")
    assert [where for where, message in errors(workspace) if "several files" in message] == [
        "campaigns/a.yaml:1:5", "campaigns/b.yaml:1:5",
    ]  # fmt: skip


def test_private_files_that_others_can_read_are_found(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    (workspace.root / "mailflow.db").chmod(0o644)
    (workspace.private / "keys.json").chmod(0o640)
    found = findings(workspace)
    assert [(each.severity.value, each.where, each.remedy) for each in found if each.area == "private"] == [
        ("hint", ".mailflow/keys.json", "Unless that is meant: chmod 600 .mailflow/keys.json"),
        ("error", "mailflow.db", "chmod 600 mailflow.db"),
    ]


def test_a_missing_private_folder_is_found_and_not_made(workspace: Workspace) -> None:
    for path in sorted(workspace.private.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    workspace.private.rmdir()
    found = doctor.diagnose(Workspace(workspace.root), now=NOW).findings
    assert [each.where for each in found if each.area == "private"] == [".mailflow"]


def test_kept_facts_that_differ_from_the_orders_are_found(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    bring(workspace, ORDERS, "orders.csv")
    assert errors(workspace) == []
    with workspace.store.transaction() as tx:
        tx.execute("UPDATE contact_facts SET order_count = 7")
    assert [where for where, message in errors(workspace) if "ann@a.example" in message] == ["contact_facts"]
    with workspace.store.transaction() as tx:
        tx.execute("UPDATE contact_facts SET order_count = 2")
        tx.execute("INSERT INTO contact_revenue SELECT id, 'USD', 1 FROM contacts WHERE email = 'bo@b.example'")
    assert "1 of 2 people" in errors(workspace)[0][1]


def test_facts_are_those_of_whole_people(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    bring(workspace, ORDERS.replace("2,ann@a", "2,bo@b"), "orders.csv")
    ids = {row["email"]: row["id"] for row in workspace.store.db.execute("SELECT id, email FROM contacts")}
    ann, bo = ids["ann@a.example"], ids["bo@b.example"]
    with workspace.store.transaction() as tx:
        tx.execute("UPDATE contacts SET merged_into = ? WHERE id = ?", (ann, bo))
    assert health.check_facts(workspace.store.db).differing == 2
    with workspace.store.transaction() as tx:
        facts.recount(tx, [bo])
    assert health.check_facts(workspace.store.db) == health.FactsCheck(1, 0, ())


def test_a_damaged_database_is_told_and_the_files_are_checked_all_the_same(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    bring(workspace, ORDERS, "orders.csv")
    workspace.store.close()
    path = workspace.root / "mailflow.db"
    raw = bytearray(path.read_bytes())
    db = sqlite3.connect(path)
    root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'orders'").fetchone()[0]
    db.close()
    raw[(root - 1) * 4096 : (root - 1) * 4096 + 200] = bytes(200)
    path.write_bytes(raw)
    write(workspace, "segments.yaml", "near: contry == 1\n")
    found = findings(workspace)
    assert {"files", "database"} <= {each.area for each in found if each.severity is Severity.ERROR}
    assert any("backups" in each.remedy for each in found)


def test_a_file_that_is_no_database_is_told(workspace: Workspace) -> None:
    workspace.store.close()
    (workspace.root / "mailflow.db").write_bytes(b"not a database at all" * 400)
    assert any(where == "mailflow.db" and "not a database" in message for where, message in errors(workspace))


@pytest.mark.skipif(journal_settings(sqlite3.sqlite_version_info)[0] == "WAL", reason="this SQLite does WAL well")
def test_opening_takes_an_unsafe_write_ahead_log_back(workspace: Workspace) -> None:
    other = sqlite3.connect(workspace.root / "mailflow.db")
    other.execute("PRAGMA journal_mode = WAL")
    other.close()
    assert health.engine(Workspace(workspace.root).store.db).journal_mode == "persist"


def test_an_interrupted_import_is_found(workspace: Workspace) -> None:
    number = bring(workspace, CONTACTS)
    with workspace.store.transaction() as tx:
        tx.execute("UPDATE imports SET state = 'applying'")
    found = [each for each in findings(workspace) if each.where == f"import {number}"]
    assert [each.severity for each in found] == [Severity.ERROR]
    with workspace.lock():  # it is at work: nothing was interrupted
        assert not [each for each in findings(workspace) if each.where == f"import {number}"]


def test_each_field_tells_where_it_comes_from_and_how_full_it_is(workspace: Workspace) -> None:
    first = bring(workspace, CONTACTS)
    report = field(workspace, "first_name")
    assert (report.filled, report.contacts, report.fill_rate) == (1, 2, 0.5)
    assert [source.text() for source in report.sources] == [f"contacts.csv 2026-11-22 (import {first})"]
    assert field(workspace, "attributes.shoe_size").filled == 1
    later = datetime(2026, 11, 23, 12, tzinfo=UTC)
    second = bring(workspace, "email,first name,phone\nbo@b.example,Bo,+43 1 5550100\n", "more.csv", now=later)
    assert [source.import_id for source in field(workspace, "first_name").sources] == [second, first]
    assert [source.import_id for source in field(workspace, "phone").sources] == [second]
    assert field(workspace, "phone").newest_at == later


def test_a_field_that_an_undone_import_brought_has_no_source(workspace: Workspace) -> None:
    from mailflow.jobs import importing

    bring(workspace, CONTACTS)
    second = bring(workspace, "email,phone\nbo@b.example,+43 1 5550100\n", "more.csv")
    importing.take_back(workspace, second, now=NOW)
    assert (field(workspace, "phone").filled, field(workspace, "phone").sources) == (0, ())


def test_what_people_said_of_themselves_is_a_source(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    with workspace.store.transaction() as tx:
        tx.execute(
            "INSERT INTO statements (contact_id, field, value, stated_at, source) VALUES (1, 'country', 'DE', ?, 's')",
            (int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000),),
        )
    assert field(workspace, "country").sources[0].text() == "said by themselves, s 2026-12-01"


def test_each_field_tells_who_reads_it(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    write(workspace, "segments.yaml", 'german: country == "DE"\nboth: segment("german") and orders.count > 1\n')
    write(workspace, "campaigns/spring.yaml", 'audience: segment("german")\ntemplate: hello\n')
    write(workspace, "templates/blocks/size.md", "{{ contact.shoe_size | default('-') }}\n")
    write(
        workspace,
        "templates/hello.md",
        """---\nsubject: "{{ contact.city | default('Hi') }}"\n---\n{% include "blocks/size.md" %}\n""",
    )
    readers = {(reader.kind, reader.name) for reader in field(workspace, "country").readers}
    assert readers == {("segment", "german"), ("segment", "both"), ("campaign", "spring")}
    assert ("template", "hello") in {(reader.kind, reader.name) for reader in field(workspace, "city").readers}
    size = field(workspace, "attributes.shoe_size").readers
    assert [(reader.kind, reader.name) for reader in size] == [("template", "hello")]
    assert [reader.name for reader in field(workspace, "orders.count").readers] == ["both"]


def test_a_field_is_read_by_choices_settings_owners_and_translations_too(tmp_path: Path) -> None:
    workspace = make_shop(
        tmp_path, 1, extra="never_show: [{contact: allergies, product: allergens}]\nfields: {allergies: {type: text}}\n"
    )
    (tmp_path / "choices.yaml").write_text(
        "hero: {default: {picture: a}, choose: [{when: city == 'Graz', use: {picture: b}},"
        " {when: city == 'Wien' and company != null, use: {picture: c}}]}\n"
    )
    head = "---\nsubject: Hello\n---\n"
    (tmp_path / "templates" / "hello.md").write_text(
        head.replace("---\n", "---\nfrom_owner: true\n", 1), encoding="utf-8"
    )
    (tmp_path / "templates" / "hello.de.md").write_text(head, encoding="utf-8")
    write_campaign(
        tmp_path, "again", "audience: everyone\ntemplate: hello\nfrom_owner: true\nsend_at: 2026-12-01 09:00 local\n"
    )

    def read(name: str) -> list[tuple[str, str]]:
        return [(reader.kind, reader.name) for reader in field(workspace, name).readers]

    assert ("choice", "hero") in read("company")
    assert read("city").count(("choice", "hero")) == 1
    assert read("attributes.allergies") == [("setting", "never_show")]
    assert {("template", "hello"), ("campaign", "again")} <= set(read("owner"))
    assert ("template", "hello") in read("language")
    assert ("campaign", "again") in read("timezone")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("city", "city"),
        ("attributes.tea", "attributes.tea"),
        ("tea", "attributes.tea"),
        ("orders.count", "orders.count"),
        ("orders.first_at.year", "orders.first_at"),
        ("rfm.class", "rfm.class"),
        ("segments", None),
        ("key", None),
    ],
)
def test_what_a_template_says_is_named_as_in_the_table(path: str, name: str | None) -> None:
    assert canonical(path) == name


def test_fields_that_are_read_and_empty_are_hints_and_unknown_ones_are_errors(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    settings = (workspace.root / "mailflow.yaml").read_text(encoding="utf-8")
    write(workspace, "mailflow.yaml", f"{settings}\nfields:\n  tea: {{type: text}}\n  hats: {{type: number}}\n")
    write(workspace, "segments.yaml", 'in_graz: city == "Graz"\ntea_people: tea != null\n')
    write(
        workspace,
        "templates/hello.md",
        '---\nsubject: "Hi"\n---\n{{ contact.frist_name }} {{ contact.shoe_size }}\n',
    )
    found = hints(workspace)
    assert "segment in_graz" in found["city"]
    assert "segment tea_people" in found["attributes.tea"]
    assert "not one of 2" in found["attributes.hats"]
    assert "1 of 2 contacts lack it" in found["attributes.shoe_size"]
    assert [(where, "did you mean 'first_name'" in message) for where, message in errors(workspace)] == [
        ("attributes.frist_name", True)
    ]


def test_what_is_added_up_of_deeds_is_no_unknown_field(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    write(workspace, "impact.yaml", 'cups: {sum: count, of: did("cup_returned")}\n')
    write(workspace, "templates/cups.md", "---\nsubject: Cups\n---\n{{ contact.impact.cups }}\n")
    assert errors(workspace) == []


def test_attributes_that_nothing_reads_are_a_hint(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    assert hints(workspace)["attributes"].endswith(": shoe_size")


def test_values_that_are_not_what_they_are_declared_are_found(workspace: Workspace) -> None:
    bring(workspace, CONTACTS)
    settings = (workspace.root / "mailflow.yaml").read_text(encoding="utf-8")
    write(workspace, "mailflow.yaml", f"{settings}\nfields:\n  shoe_size: {{type: bool}}\n")
    assert [where for where, _ in errors(workspace)] == ["attributes.shoe_size"]


def declare(workspace: Workspace, fields: str) -> None:
    settings = (workspace.root / "mailflow.yaml").read_text(encoding="utf-8")
    write(workspace, "mailflow.yaml", f"{settings}\nfields:\n{fields}")


def message(workspace: Workspace, where: str) -> str:
    return dict(errors(workspace))[where]


def test_bad_cells_of_declared_fields_are_counted_with_examples_and_their_file(workspace: Workspace) -> None:
    declare(workspace, "  wedding: {type: date}\n  points: {type: number}\n  garden: {type: bool}\n")
    header = "email,wedding,points,garden\n"
    bring(workspace, f"{header}a@a.example,31.02.2025,large,yes\nb@a.example,soon,7,perhaps\n", "crm.csv")
    bring(workspace, f"{header}c@a.example,2025-06-01,1.5,no\nd@a.example,never,,\n", "till.csv")
    assert message(workspace, "attributes.wedding") == (
        "mailflow.yaml says date, and 3 values are no day, so rules pass them over:"
        " '31.02.2025', 'soon' (crm.csv, import 1); 'never' (till.csv, import 2)"
    )
    assert "1 value is no number" in message(workspace, "attributes.points")
    assert "1 value is no yes or no" in message(workspace, "attributes.garden")
    assert message(workspace, "attributes.garden").endswith(": 'perhaps' (crm.csv, import 1)")


def test_a_bad_cell_is_of_the_file_that_said_it_last(workspace: Workspace) -> None:
    declare(workspace, "  points: {type: number}\n")
    bring(workspace, "email,points\na@a.example,7\n", "crm.csv")
    assert errors(workspace) == []
    bring(workspace, "email,points\na@a.example,many\n", "till.csv", now=NOW.replace(hour=13))
    assert "'many' (till.csv, import 2)" in message(workspace, "attributes.points")
    bring(workspace, "email,points\na@a.example,8\n", "mended.csv", now=NOW.replace(hour=14))
    assert errors(workspace) == []


def test_every_value_of_a_list_is_judged_on_its_own(workspace: Workspace) -> None:
    declare(workspace, "  sizes: {type: number, multi: true}\n  teas: {type: text, multi: true}\n")
    bring(workspace, 'email,sizes,teas\na@a.example,"38, 39",mint\nb@a.example,"40, big","mint, rose"\n')
    assert [where for where, _ in errors(workspace)] == ["attributes.sizes"]
    assert "1 value is no number, so rules pass them over: 'big'" in message(workspace, "attributes.sizes")


def test_of_a_sensitive_field_no_value_is_shown(workspace: Workspace) -> None:
    declare(workspace, "  due_on: {type: date, sensitive: true}\n")
    bring(workspace, "email,due_on\na@a.example,after the operation\n")
    assert message(workspace, "attributes.due_on") == (
        "mailflow.yaml says date, and 1 value is no day, so rules pass them over"
    )


@pytest.mark.parametrize("day", ["2024-02-29", "--02-29", "1984-03-07"])
def test_days_are_days_also_without_their_year(workspace: Workspace, day: str) -> None:
    declare(workspace, "  wedding: {type: date}\n")
    bring(workspace, "email,wedding\na@a.example,2020-01-01\n")
    with workspace.store.transaction() as tx:
        tx.execute("UPDATE contacts SET attributes = json_object('wedding', ?)", (day,))
    assert errors(workspace) == []


def test_owners_nobody_knows_and_firms_at_free_mail_are_hints(workspace: Workspace) -> None:
    bring(workspace, "email,first name,owner\nann@a.example,Ann,7\nbo@b.example,Bo,Somebody\n")
    assert "owner" not in hints(workspace)
    bring(workspace, "owner_id,name,email,title\n7,Ana,ana@shop.example,\n", "owners.csv")
    bring(workspace, "company_id,company name,domain,owner\n1,Bakery,gmx.de,7\n", "companies.csv")
    found = hints(workspace)
    assert "'Somebody'" in found["owner"]
    assert "gmx.de" in found["companies.domain"]


def test_more_paid_back_than_an_order_cost_is_a_hint(workspace: Workspace) -> None:
    header = "order id,email,date,total,currency,refunded amount\n"
    bring(workspace, f"{header}1,ann@example.com,2026-01-01,20.00,EUR,20.00\n", "even.csv")
    assert "refunds" not in hints(workspace)
    bring(workspace, f"{header}2,ann@example.com,2026-01-01,20.00,EUR,20.01\n", "slip.csv")
    assert "2 cost 20.00 EUR, and 20.01 EUR were paid back" in hints(workspace)["refunds"]


def test_slips_in_names_that_only_the_data_knows_are_told(workspace: Workspace) -> None:
    events = "email,event,date\nann@a.example,survey_answered,2026-11-01\nann@a.example,survey_answered,2026-11-02\n"
    bring(workspace, events, "events.csv")
    write(workspace, "segments.yaml", 'answered: did("survey_answred")\nelse: did("of_another_kind")\n')
    write(workspace, "campaigns/one.yaml", 'template: thank_you\naudience: not did("survey_anwered")\n')
    told = dict(errors(workspace))
    assert "(did you mean 'survey_answered'?)" in told["segments.yaml:1:11"]
    assert "(did you mean 'survey_answered'?)" in next(text for where, text in told.items() if "one.yaml:2" in where)
    assert len(told) == 2
