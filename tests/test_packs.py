"""What `mailflow init` ships runs as it is, for anybody: rules, campaigns, messages. So do the files in examples/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mailflow import templates
from mailflow.campaigns import spec
from mailflow.cli.main import run
from mailflow.jobs import campaign as campaign_job
from mailflow.jobs.init import Brand, init, packs
from mailflow.samples import Contact, make_shop
from mailflow.segments import segments
from mailflow.templates import context
from mailflow.workspace import Workspace
from test_samples import UNTIL

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(params=packs())
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    return init(tmp_path, Brand(name="Quitte & Kanne <3", address="Musterweg 4"), pack=request.param).workspace


def _names(workspace: Workspace) -> list[str]:
    return [path.stem for path in workspace.templates.glob("*.md")]


def _context(workspace: Workspace, person: Contact) -> dict[str, Any]:
    known = context.sample({**context.SAMPLE_SHOP, "name": workspace.settings.name})
    for field in ("first_name", "last_name", "email", "language", "country", "city"):
        known["contact"][field] = getattr(person, field) or None
    return known


def test_the_segments_are_rules_that_mean_something(workspace: Workspace) -> None:
    assert segments.problems(workspace.root, workspace.settings) == []


def test_every_campaign_can_be_opened_with_its_rule_and_its_template(workspace: Workspace) -> None:
    paths = spec.campaign_paths(workspace.campaigns)
    assert len(paths) >= 2
    for path in paths:
        found = campaign_job.open_campaign(workspace, path.stem)
        assert found.rule()
        assert found.template.front.language == "en"


def test_every_message_can_be_made_for_everybody_in_the_sample(workspace: Workspace) -> None:
    people = make_shop(until=UNTIL, contacts=600).contacts
    assert any(not person.first_name for person in people)
    for name in _names(workspace):
        template = templates.load(workspace.templates, name)
        for person in people:
            made = template.render(_context(workspace, person))
            assert made.problems == ()
            assert (person.first_name or "Hello") in made.subject or name == "thank_you"
            assert f"Hi {person.first_name or 'there'},\n" in made.text
            assert "None" not in made.subject + made.text
            assert "Quitte &amp; Kanne &lt;3" in made.html


def test_a_name_that_looks_like_code_stays_a_name(workspace: Workspace) -> None:
    person = make_shop(until=UNTIL, contacts=1).contacts[0]
    known = _context(workspace, person)
    known["contact"]["first_name"] = "<b>{{ 7*7 }}</b>"
    for name in _names(workspace):
        made = templates.load(workspace.templates, name).render(known)
        assert "<b>{{ 7*7 }}</b>" in made.text
        assert "<b>{{" not in made.html


def test_the_examples_can_be_imported_as_they_are(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    init(tmp_path, Brand())
    files = [str(EXAMPLES / name) for name in ("contacts.csv", "orders.csv")]
    assert run(["import", *files, "--workspace", str(tmp_path), "--format", "json"]) == 0
    contacts, orders = json.loads(capfd.readouterr().out)
    assert (contacts["inserted"], contacts["rejected"]) == (7, 0)
    assert (orders["inserted"], orders["rejected"]) == (10, 0)
    assert run(["segment", "--workspace", str(tmp_path), "--format", "json"]) == 0
    classes = json.loads(capfd.readouterr().out)
    # Everybody who ordered: not C3, whose only order was cancelled, nor C6, who never did; and the guest.
    assert sum(row["contacts"] for row in classes) == 6
    assert sum(row["orders"] for row in classes) == 9
    assert f"{sum(float(row['revenue']) for row in classes):.2f}" == "466.60"


def test_those_in_the_examples_who_did_not_say_yes_get_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path, Brand())
    assert run(["import", str(EXAMPLES / "contacts.csv"), "--workspace", str(tmp_path), "--quiet"]) == 0
    (tmp_path / "campaigns" / "all.yaml").write_text("audience: everyone\ntemplate: newsletter\n", encoding="utf-8")
    capfd.readouterr()
    assert run(["plan", "all", "--workspace", str(tmp_path), "--format", "json"]) == 0
    lines = json.loads(capfd.readouterr().out)["messages"]
    decisions = {line["email"]: (line["decision"], line["reason"]) for line in lines}
    assert {email for email, (decision, _) in decisions.items() if decision == "send"} == {
        "karin.weiss@example.com",
        "sean.obrien@example.org",
        "tanaka@example.com",
        "studio@post.example",
    }
    assert decisions["marie-claire@example.net"] == ("skip", "unsubscribed")
    assert decisions["budiono@example.org"] == ("skip", "no_consent")
    assert decisions[None] == ("skip", "no_address")
