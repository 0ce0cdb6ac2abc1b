"""What holds for a country holds in the plan, in `why`, at the moment of sending and in the footer."""

from __future__ import annotations

import email
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email import policy as email_policy
from pathlib import Path

import pytest

from mail_shop import NOW, SETTINGS, letters, mailflow, make_shop, states, write_campaign
from mailflow import policy
from mailflow.config import Settings
from mailflow.model import Basis, ConsentState, MessageClass
from mailflow.policy import Candidate, Reason
from mailflow.store import consents
from mailflow.store.consents import ConsentEntry
from mailflow.workspace import Workspace

COUNTRIES = """countries:
  DE:
    require: double_opt_in
    quiet: {from: 20:00, to: 08:00, days: [sunday]}
    timezone: Europe/Berlin
    footer: |
      Amtsgericht Musterstadt, HRB 12345
      Geschäftsführerin: Anna Muster, which makes a line that is longer than most lines of a text part are
    address: Musterstraße 1, 12345 Musterstadt
  CA: {never: true}
  unknown: {require: express}
"""
NIGHT = datetime(2026, 3, 20, 21, 30, tzinfo=UTC)  # 22:30 in Berlin and Vienna, a Friday
MORNING = datetime(2026, 3, 21, 7, 0, tzinfo=UTC)  # 08:00 in Berlin


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A shop in Austria: p1 lives in Germany and confirmed, p2 there too but did not, p3 in Canada, p4 in Austria."""
    shop = make_shop(tmp_path / "shop", 4, extra=COUNTRIES)
    with shop.store.transaction() as tx:
        for number, country in enumerate(("Deutschland", "DE", "CA", "AT"), 1):
            tx.execute("UPDATE contacts SET country = ? WHERE id = ?", (country, number))
        proof = "liste.csv: DOI-Datum = 2025-01-07"
        said = ConsentEntry(
            1, ConsentState.SUBSCRIBED, Basis.EXPRESS, "p1@example.com", NOW, NOW, "import:1", evidence=proof
        )
        consents.append(tx, said)
    return shop


def plan(shop: Workspace, capsys: pytest.CaptureFixture[str], now: datetime = NOW) -> dict[str, tuple[str, str, str]]:
    capsys.readouterr()
    assert mailflow(shop, "plan", "hello", "--format", "json", now=now) == 0
    lines = json.loads(capsys.readouterr().out)["messages"]
    return {line["email"][:2]: (line["decision"], line["reason"], line["due_at"]) for line in lines}


def decide(said: Mapping[str, object], **changes: object) -> Reason | None:
    """Return what is decided at noon on a Friday for somebody in Germany, where what is `said` holds for it."""
    settings = Settings.model_validate(
        {"name": "Q", "sender": {"name": "Q", "email": "a@q.example"}, "currency": "EUR", "timezone": "UTC"}
        | {"countries": {"DE": said}}
    )
    address = "a@b.example"
    someone = replace(Candidate(1, address, address, ConsentState.SUBSCRIBED, address, country="DE"), **changes)  # type: ignore[arg-type]
    return policy.decide(someone, policy.limits_of(settings), datetime(2026, 3, 20, 12, tzinfo=UTC)).reason


def test_a_plan_says_who_does_not_get_it_because_of_their_country(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {who: line[:2] for who, line in plan(shop, capsys).items()} == {
        "p1": ("send", None), "p2": ("skip", "country_needs_double_opt_in"), "p3": ("skip", "country_never"),
        "p4": ("send", None),
    }  # fmt: skip
    assert mailflow(shop, "why", "p3@example.com", "hello", now=NOW) == 0
    assert "Marketing mail does not go to their country" in " ".join(capsys.readouterr().out.split())


def test_who_is_planned_in_quiet_hours_gets_it_when_they_are_over(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = plan(shop, capsys, NIGHT)
    assert lines["p1"] == ("send", "quiet_hours", "2026-03-21T07:00:00Z")
    assert lines["p4"] == ("send", None, "2026-03-20T21:30:00Z")
    assert mailflow(shop, "send", "hello", "--yes", now=NIGHT) == 0
    assert letters(shop) == ["p4@example.com"]
    assert mailflow(shop, "run", now=MORNING) == 0
    assert letters(shop) == ["p1@example.com", "p4@example.com"]


def test_quiet_that_lasts_longer_than_the_campaign_leaves_them_out(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nnot_after: 6h\n")
    assert plan(shop, capsys, NIGHT)["p1"][:2] == ("skip", "quiet_hours")


def test_a_message_that_comes_late_into_the_quiet_waits_for_its_end(shop: Workspace) -> None:
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nsend_at: 2026-03-20 18:00\n")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert mailflow(shop, "run", now=NIGHT) == 0  # the machine slept from 18:00 on
    assert letters(shop) == ["p4@example.com"]
    assert mailflow(shop, "run", now=datetime(2026, 3, 21, 6, 50, tzinfo=UTC)) == 0
    assert letters(shop) == ["p4@example.com"]
    assert mailflow(shop, "run", now=MORNING) == 0
    assert letters(shop) == ["p1@example.com", "p4@example.com"]


def test_a_proof_that_comes_in_time_lets_them_have_it(shop: Workspace) -> None:
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    assert states(shop) == {"accepted": 2, "skipped": 2}
    proof = "double opt-in of 2026-03-01, see the log"
    assert mailflow(shop, "contact", "subscribe", "p2@example.com", "--evidence", proof, now=NOW) == 0
    assert mailflow(shop, "run", now=datetime(2026, 3, 20, 11, tzinfo=UTC)) == 0
    assert "p2@example.com" in letters(shop)


@pytest.mark.parametrize(
    ("said", "changes", "reason"),
    [
        ({"never": True}, {}, Reason.COUNTRY_NEVER),
        ({"never": True}, {"country": "GERMANY"}, Reason.COUNTRY_NEVER),
        ({"never": True}, {"country": "FR"}, None),
        ({"never": True}, {"country": None}, None),
        ({"never": True}, {"message_class": MessageClass.ESSENTIAL}, None),
        ({"never": True}, {"checked": False}, None),
        ({"never": True}, {"consent": ConsentState.UNSUBSCRIBED}, Reason.UNSUBSCRIBED),
        ({"require": "express"}, {"basis": Basis.PURCHASE}, Reason.COUNTRY_NEEDS_EXPRESS),
        ({"require": "express"}, {}, None),
        ({"require": "double_opt_in"}, {"proof": "form"}, Reason.COUNTRY_NEEDS_DOUBLE_OPT_IN),
        (
            {"require": "double_opt_in"},
            {"proof": "double_opt_in", "basis": Basis.PURCHASE},
            Reason.COUNTRY_NEEDS_EXPRESS,
        ),
        ({"quiet": {"from": "11:00", "to": "13:00"}}, {}, Reason.QUIET_HOURS),
        ({"quiet": {"from": "11:00", "to": "13:00"}}, {"timezone": "America/New_York"}, None),
        ({"quiet": {"from": "11:00", "to": "13:00"}, "timezone": "Asia/Tokyo"}, {}, None),
        ({"quiet": {"days": ["friday"]}}, {"timezone": "No/Where"}, Reason.QUIET_HOURS),
    ],
)
def test_what_is_decided(said: Mapping[str, object], changes: dict[str, object], reason: Reason | None) -> None:
    assert decide(said, **changes) is reason


@pytest.mark.parametrize(
    ("proof", "confirmed"),
    [
        ("liste.csv: DOI-Datum = 2024-01-02", True),
        ("a.csv: doi_confirmed_at = x", True),
        ("Status = subscribed (double opt-in)", True),
        ("newsletter form, confirmed by link", True),
        ("bestätigt am 3. Mai", True),
        ("Double-Opt-In in Brevo", True),
        ("a.csv: Status = unconfirmed", False),
        ("to_confirm list.csv: Status = subscribed ;  ; plain", False),
        ("doi.csv: Status = subscribed ;  ; plain", False),
        ("list.csv: members = subscribed; CONFIRM_TIME = 2024-01-02 ;  ; mailchimp", False),
        ("signed up ; by sending this form you confirm that you are of age ; form", False),
        (" ;  ; double opt-in", True),
        ("asked on paper ; I confirmed it by a click ; form", True),
        ("not confirmed", False),
        ("single opt-in", False),
        ("doing well", False),
        ("", False),
    ],
)
def test_which_proof_says_that_a_yes_was_confirmed(proof: str, confirmed: bool) -> None:
    assert policy.says_confirmed(proof) is confirmed


def test_the_footer_is_that_of_the_readers_country_in_every_layout(shop: Workspace) -> None:
    for layout in ("default", "announcement", "products", "digest", "letter", "receipt"):
        text = f"---\nsubject: Hello\nlayout: {layout}\n---\nHello.\n"
        (shop.templates / f"{layout}.md").write_text(text, encoding="utf-8")
        write_campaign(shop.root, layout, f"audience: everyone\ntemplate: {layout}\n")
        assert mailflow(shop, "send", layout, "--yes", now=NOW) == 0
    found = [email.message_from_bytes(path.read_bytes(), policy=email_policy.default) for path in _mail(shop)]
    assert len(found) == 12
    for letter in found:
        parts = [letter.get_body((kind,)).get_content() for kind in ("html", "plain")]
        is_german = letter["To"] == "p1@example.com"
        assert [("HRB 12345" in part, "Musterstraße 1" in part) for part in parts] == [(is_german, is_german)] * 2
        assert ["1 Long Lane" in part for part in parts] == [not is_german] * 2


def test_a_layout_without_the_footer_is_refused_with_what_to_write(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    own = "<html><body>{{ content }} {{ shop.address }} <a href='{{ unsubscribe_url }}'>out</a></body></html>"
    (shop.templates / "layouts").mkdir(exist_ok=True)
    (shop.templates / "layouts" / "default.html").write_text(own, encoding="utf-8")
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 78
    assert "{% for line in shop.footer %}" in capsys.readouterr().err


def _mail(shop: Workspace) -> list[Path]:
    return sorted((shop.maildir / "new").glob("*.eml"))


def test_settings_without_countries_ask_nothing(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (shop.root / "mailflow.yaml").write_text(SETTINGS, encoding="utf-8")
    assert {line[:2] for line in plan(shop, capsys, NIGHT).values()} == {("send", None)}
