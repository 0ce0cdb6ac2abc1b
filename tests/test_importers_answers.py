"""importers.answer_pipeline: what people say of themselves holds against what files know, with the question kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mailflow.addresses import normalise
from mailflow.importers import Noun
from mailflow.model import ConsentState
from mailflow.store import consents, contacts, merges, origins
from mailflow.store.origins import OriginKind
from test_importers_events import Shop

SURVEY = (
    "Timestamp,Email Address,Which allergens do you have?,City,May we e-mail you our news?\n"
    '2026/03/01 10:00:00,anna@example.com,nuts,Graz,"Yes, please"\n'
    '2026/03/01 11:00:00,bob@example.com,,Linz,"No, thanks"\n'
)
MAPPING = {"Which allergens do you have?": "allergens"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def fields(shop: Shop, email: str) -> dict[str, Any]:
    row = shop.store.db.execute("SELECT * FROM contacts WHERE email = ?", (email,)).fetchone()
    found = {**{name: row[name] for name in row.keys()}, **json.loads(row["attributes"])}  # noqa: SIM118
    return {name: found[name] for name in ("city", "allergens", "birthday") if found.get(name) is not None}


def test_answers_become_fields_and_an_event_with_the_questions(shop: Shop) -> None:
    result = shop.take(SURVEY, "spring.csv", mapping=MAPPING)
    assert (result.noun, result.inserted) == (Noun.ANSWERS, 2)
    assert fields(shop, "anna@example.com") == {"city": "Graz", "allergens": "nuts"}
    first, second = shop.properties("survey_answered")
    assert first["answers"][0] == {
        "question": "Which allergens do you have?", "answer": "nuts", "field": "allergens",
    }  # fmt: skip
    assert [answer["question"] for answer in second["answers"]] == ["City", "May we e-mail you our news?"]


def test_a_question_about_consent_is_consent_with_its_wording(shop: Shop) -> None:
    shop.take(SURVEY, "spring.csv", mapping=MAPPING)
    assert shop.state("anna@example.com") is ConsentState.SUBSCRIBED
    assert shop.state("bob@example.com") is ConsentState.UNSUBSCRIBED
    anna = contacts.find_by_email(shop.store.db, normalise("anna@example.com"))
    assert anna is not None
    (entry,) = consents.history(shop.store.db, anna.id)
    assert (entry.wording, entry.source) == ("May we e-mail you our news?", "spring")


def test_what_people_said_of_themselves_beats_a_file_that_knows_about_them(shop: Shop) -> None:
    shop.take(SURVEY, "spring.csv", mapping=MAPPING)
    later = shop.take("email,city,allergens,birthday\nanna@example.com,Paris,none,1980-01-02\n", "crm.csv")
    assert fields(shop, "anna@example.com") == {"city": "Graz", "allergens": "nuts", "birthday": "1980-01-02"}
    assert later.updated == 1
    shop.take("email,city,allergens\nanna@example.com,Paris,none\nbob@example.com,Rom,eggs\n", "crm2.csv")
    assert fields(shop, "anna@example.com")["city"] == "Graz"
    assert fields(shop, "bob@example.com") == {"city": "Linz", "allergens": "eggs"}


def test_contact_show_knows_that_they_said_it_themselves(shop: Shop) -> None:
    shop.take("email,city\nanna@example.com,Wien\n", "crm.csv")
    shop.take(SURVEY, "spring.csv", mapping=MAPPING)
    anna = contacts.find_by_email(shop.store.db, normalise("anna@example.com"))
    assert anna is not None
    found = origins.of_fields(shop.store.db, anna)
    assert {found["city"].kind, found["allergens"].kind} == {OriginKind.SELF}
    assert found["allergens"].question == "Which allergens do you have?"


def test_a_newer_answer_replaces_an_older_one_whichever_file_comes_first(shop: Shop) -> None:
    header = "Timestamp,Email Address,What is your favourite tea?\n"
    shop.take(header + "2026/05/01 10:00:00,anna@example.com,Oolong\n", "may.csv")
    shop.take(header + "2026/03/01 10:00:00,anna@example.com,Sencha\n", "march.csv")
    assert "Oolong" in shop.rows("SELECT attributes FROM contacts")[0][0]
    newer = shop.take(header + "2026/06/01 10:00:00,anna@example.com,Assam\n", "june.csv")
    assert "Assam" in shop.rows("SELECT attributes FROM contacts")[0][0]
    shop.undo(newer)
    assert "Oolong" in shop.rows("SELECT attributes FROM contacts")[0][0]


def test_answers_twice_are_answers_once(shop: Shop) -> None:
    shop.take(SURVEY, "spring.csv", mapping=MAPPING)
    again = shop.take(SURVEY + "\n", "spring-again.csv", mapping=MAPPING)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 2)
    assert shop.rows("SELECT count(*) FROM statements") == [(3,)]


def test_undo_takes_answers_and_fields_back_but_keeps_a_no(shop: Shop) -> None:
    shop.take("email,city\nanna@example.com,Wien\n", "crm.csv")
    result = shop.take(SURVEY, "spring.csv", mapping=MAPPING)
    shop.undo(result)
    assert fields(shop, "anna@example.com") == {"city": "Wien"}
    assert shop.rows("SELECT * FROM statements") == []
    assert shop.events() == []
    assert shop.state("bob@example.com") is ConsentState.UNSUBSCRIBED


LONG = (
    "response_id,email,survey,submitted_at,question,answer\n"
    "r1,anna@example.com,Delivery,2026-03-05 10:00,How was it?,fast\n"
    "r2,bob@example.com,Delivery,2026-03-05 11:00,How was it?,slow\n"
    "r1,anna@example.com,Delivery,2026-03-05 10:00,How many stars?,5\n"
)


def test_the_rows_of_one_submission_become_one_event(shop: Shop) -> None:
    result = shop.take(LONG)
    assert (result.rows, result.inserted, result.merged) == (3, 2, 1)
    first, second = shop.properties("survey_answered")
    assert [(one["question"], one["answer"]) for one in first["answers"]] == [
        ("How was it?", "fast"),
        ("How many stars?", 5),
    ]
    assert (first["form"], len(second["answers"])) == ("Delivery", 1)


def test_a_long_file_without_ids_knows_a_submission_by_person_and_time(shop: Shop) -> None:
    without = "\n".join(line.split(",", 1)[1] for line in LONG.splitlines()) + "\n"
    result = shop.take(without)
    assert (result.inserted, result.merged) == (2, 1)


def test_answers_that_nobody_knows_are_no_consent(shop: Shop) -> None:
    result = shop.take(
        "Timestamp,Email Address,May we send you our newsletter?\n2026/03/01 10:00:00,anna@example.com,perhaps\n"
    )
    assert shop.state("anna@example.com") is ConsentState.NEVER
    assert any("perhaps" in warning for warning in result.warnings)


def test_a_file_of_typeform_leaves_its_administration_out(shop: Shop) -> None:
    result = shop.take(
        "#,What is your name?,What is your email address?,Which city do you live in?,Your birthday,"
        "Start Date (UTC),Submit Date (UTC),Network ID\n"
        "abc,Anna Lind,anna@example.com,Graz,1980-02-03,2026-03-02 10:00,2026-03-02 10:05,xyz\n"
    )
    assert (result.noun, result.inserted) == (Noun.ANSWERS, 1)
    assert shop.rows("SELECT first_name, last_name, birthday, attributes FROM contacts") == [
        ("Anna", "Lind", "1980-02-03", '{"which_city_do_you_live_in":"Graz"}')
    ]
    assert shop.rows("SELECT source_id FROM events") == [("abc",)]


@pytest.mark.parametrize("question", ["Status", "What is your status?"])
def test_a_status_is_no_consent(shop: Shop, question: str) -> None:
    shop.take(f"submitted_at,email,{question},Do you like our tea?\n2026-03-02 10:00,anna@example.com,yes,yes\n")
    assert shop.state("anna@example.com") is ConsentState.NEVER


def test_people_without_an_address_can_answer_too(shop: Shop) -> None:
    shop.take("customer_id,city\n17,Wien\n", "crm.csv", noun=Noun.CONTACTS)
    result = shop.take("customer_id,submitted_at,question,answer\n17,2026-03-05 10:00,City,Graz\n")
    assert result.inserted == 1
    assert shop.rows("SELECT city FROM contacts") == [("Graz",)]


def test_what_somebody_said_later_under_another_address_holds(shop: Shop) -> None:
    header = "Timestamp,Email Address,What is your favourite tea?\n"
    shop.take("email\nanna@example.com\nann@example.com\n", "people.csv")
    shop.take(header + "2026/05/01 10:00:00,ann@example.com,Oolong\n", "may.csv")
    kept, merged = (contacts.find_by_email(shop.store.db, normalise(f"{name}@example.com")) for name in ("anna", "ann"))
    assert kept is not None
    assert merged is not None
    with shop.store.transaction() as tx:
        merges.merge(tx, kept.id, merged.id, evidence="test", now=shop.now)
    shop.take(header + "2026/03/01 10:00:00,anna@example.com,Sencha\n", "march.csv")
    (attributes,) = shop.rows(f"SELECT attributes FROM contacts WHERE id = {kept.id}")[0]
    assert "Oolong" in attributes
