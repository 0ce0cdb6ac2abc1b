"""Places in a whole workspace: who is near, the nearest store in the mail, and what is told when a list is wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailflow.cli.main import run
from mailflow.errors import ProblemsError
from mailflow.jobs import keep, personal
from mailflow.jobs.doctor import diagnose
from mailflow.jobs.init import Brand, init
from mailflow.places import listed
from mailflow.rules import RuleError
from mailflow.segments import Segments
from mailflow.segments.segments import problems
from mailflow.store import membership
from mailflow.templates import load
from mailflow.workspace import Workspace
from people import add_contact

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
PEOPLE = [
    # address, country, postcode, city, attributes
    ("ada@example.com", "AT", "8010", "Graz", {}),
    ("ben@example.com", None, "A-1020", None, {}),
    ("cleo@example.com", "DE", None, "Nowhere", {"LATITUDE": "47,06", "LONGITUDE": "15,44"}),
    ("dan@example.com", None, None, None, {}),
    ("eve@example.com", "AT", "6020", "Graz", {}),
]
PLACES = """country,postcode,place,latitude,longitude
AT,8010,Graz,47.07,15.45
AT,1020,Wien,48.22,16.4
AT,6020,,47.27,11.39
"""
STORES = "name,address,postcode,latitude,longitude\nMain Street,12 Main Street,,47.07,15.44\nHarbour,1 Pier,1020,,\n"
TEMPLATE = """---
subject: Come in
preheader: We are near
---
{% if contact.nearest_store %}
{{ contact.nearest_store.name }} is {{ contact.nearest_store.distance_km }} km away.
{% else %}
We send it home.
{% endif %}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace as without the extra, which takes some seconds to be read."""
    monkeypatch.setattr(listed, "world_source", lambda: None)
    shop = init(tmp_path / "shop", Brand(timezone="Europe/Vienna")).workspace
    (shop.root / "places.csv").write_text(PLACES, encoding="utf-8")
    (shop.root / "stores.csv").write_text(STORES, encoding="utf-8")
    (shop.templates / "visit.md").write_text(TEMPLATE, encoding="utf-8")
    with shop.store.transaction() as tx:
        for email, country, postcode, city, attributes in PEOPLE:
            number = add_contact(tx, email, now=NOW)
            tx.execute(
                "UPDATE contacts SET country = ?, postcode = ?, city = ?, attributes = ? WHERE id = ?",
                (country, postcode, city, json.dumps(attributes), number),
            )
    return shop


def members(shop: Workspace, rule: str) -> list[str]:
    known = Segments.open(shop.root, shop.settings, shop.store.db)
    found = known.members(shop.store, known.parse(rule), now=NOW)
    return [PEOPLE[number - 1][0].partition("@")[0] for number in found]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ('near("Graz", km=25)', ["ada", "cleo"]),
        ('near("8010", km=1)', ["ada"]),
        ('near("47.07, 15.44", km=5) and country == "AT"', ["ada"]),
        ('near(store="harbour", km=3)', ["ben"]),
        ('not near("Wien", km=500)', ["dan"]),
    ],
)
def test_a_rule_finds_who_lives_near(shop: Workspace, rule: str, names: list[str]) -> None:
    assert members(shop, rule) == names


def test_everybody_is_told_of_the_store_nearest_to_them(shop: Workspace) -> None:
    known = personal.contexts(shop, load(shop.templates, "visit"), range(1, 6), now=NOW)
    near = {number: context["contact"]["nearest_store"] for number, context in known.items()}
    assert [near[number] and (near[number]["name"], near[number]["distance_km"]) for number in range(1, 6)] == [
        ("Main Street", 0.8), ("Harbour", 0.0), ("Main Street", 1.1), None, None,
    ]  # fmt: skip
    assert near[1]["address"] == "12 Main Street"


def test_how_far_a_store_may_be_is_set(shop: Workspace) -> None:
    file = shop.root / "mailflow.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\nstores: {within_km: 0.5}\n", encoding="utf-8")
    known = personal.contexts(Workspace.at(shop.root), load(shop.templates, "visit"), [1, 2], now=NOW)
    assert known[1]["contact"]["nearest_store"] is None
    assert known[2]["contact"]["nearest_store"]["name"] == "Harbour"


def test_stores_are_not_read_for_mail_that_does_not_speak_of_them(shop: Workspace) -> None:
    (shop.root / "stores.csv").write_text("name,latitude,longitude\nX,here,there\n", encoding="utf-8")
    assert personal.asked(shop, [load(shop.templates, "newsletter")], now=NOW).nearby is None
    with pytest.raises(ProblemsError, match=r"stores\.csv:2: 'here', 'there' is no latitude and longitude"):
        personal.asked(shop, [load(shop.templates, "visit")], now=NOW)


def test_who_lives_far_from_all_stores_gets_the_other_block(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    for person, words in (("ada", "Main Street is 0.8 km away."), ("eve", "We send it home.")):
        assert run(["preview", "visit", "--for", f"{person}@example.com", "--workspace", str(shop.root)]) == 0
        assert words in capsys.readouterr().out
    assert run(["preview", "visit", "--workspace", str(shop.root)]) == 0
    assert "Main Street is 1.2 km away." in capsys.readouterr().out


def test_an_explanation_says_where_somebody_is(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for person, seen in (
        ("ada", "8010 AT (postcode), 0.8 km"),
        ("cleo", "47.0600, 15.4400 (own coordinates), 1.1 km"),
        ("dan", "missing"),
    ):
        rule = ["--rule", 'near(store="Main Street", km=5)', "--explain", f"{person}@example.com"]
        assert run(["segment", *rule, "--workspace", str(shop.root), "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["tree"]["value"] == seen


def test_a_new_list_moves_people_into_segments(shop: Workspace) -> None:
    (shop.root / "segments.yaml").write_text('close: near("Graz", km=25)\n', encoding="utf-8")
    keep.keep(shop, now=NOW, is_real_clock=False)
    kept = membership.kept(shop.store.db)["close"].id
    assert list(membership.present(shop.store.db, kept)) == [1, 3]
    (shop.root / "places.csv").write_text(PLACES.replace("47.27,11.39", "47.08,15.43"), encoding="utf-8")
    keep.keep(shop, now=NOW, is_real_clock=False)
    assert sorted(membership.present(shop.store.db, kept)) == [1, 3, 5]


def test_a_wrong_list_is_told_by_rule_and_doctor(shop: Workspace) -> None:
    (shop.root / "places.csv").write_text(PLACES + "AT,9999,,99,15\n", encoding="utf-8")
    known = Segments.open(shop.root, shop.settings)
    with pytest.raises(RuleError, match=r"places\.csv:5: '99', '15' is no latitude"):
        known.parse('near("Graz", km=5)')
    (shop.root / "segments.yaml").write_text('close: near("Graz", km=5)\n', encoding="utf-8")
    assert any("places.csv:5" in problem.message for problem in problems(shop.root, shop.settings))
    findings = [finding.where for finding in diagnose(shop, now=NOW).findings]
    assert "places.csv:5" in findings
    assert "attributes.nearest_store" not in findings


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('near("Graz")', "say how near: write km=25"),
        ('near("Graz", km=25d)', "km= is a number of kilometres: write km=25"),
        ('near("Graz", km=-2)', "km= takes a number above 0"),
        ('near("Graz", km=0)', "km= takes a number above 0"),
        ('near("Graz", km=501)', "km= goes up to 500"),
        ('near("Graz", km="5")', "km= takes a number above 0"),
        ("near(km=5)", "say near what"),
        ('near("Graz", store="Main Street", km=5)', "say near what"),
        ('near("47.07", "15.44", km=5)', "takes one place"),
        ('near("Graz", place="Graz", km=5)', "place is given twice"),
        ('near("Graz", miles=5)', "near(…) has no 'miles'"),
        ("near(8010, km=5)", "a place is a text in quotes"),
        ('near(store="Main Stret", km=5)', "no store is called 'Main Stret' (did you mean 'Main Street'?)"),
        ('near("Gratz", km=5)', "no place is called 'Gratz' (did you mean 'Graz'?)"),
        ('near("Linz", km=5)', "or install the world's towns with pip install 'mailflow-cli[places]'"),
        ('near("Graz", km=5) == true', "near(…) is true or false already"),
        ('bought(where=near("Graz", km=5))', "within where= stand comparisons"),
    ],
)
def test_a_wrong_place_is_told(shop: Workspace, rule: str, message: str) -> None:
    with pytest.raises(RuleError) as told:
        Segments.open(shop.root, shop.settings).parse(rule)
    assert message in told.value.message
