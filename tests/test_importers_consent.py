"""What exports say about consent: who may be mailed after any number of files, in any order; and who never again."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from import_shop import ImportShop
from mailflow.addresses import normalise
from mailflow.importers import Noun
from mailflow.model import Basis, ConsentState, SuppressionReason
from mailflow.policy import Limits, decide
from mailflow.store import candidates, consents, contacts_bulk, suppressions
from mailflow.store.candidates import Question

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Desk(ImportShop):
    """A shop, and what these tests ask of it."""

    def entry(self, email: str) -> consents.ConsentEntry:
        return consents.history(self.db, self.contact(email).id)[-1]

    def why(self, email: str) -> set[SuppressionReason]:
        return {each.reason for each in suppressions.of_address(self.db, self.keys, normalise(email))}

    def mailable(self) -> set[str]:
        """Return the addresses that a campaign to everybody would be written to."""
        ids = [row[0] for row in self.db.execute("SELECT id FROM contacts WHERE merged_into IS NULL")]
        found = candidates.for_contacts(self.db, self.keys, ids, Question("campaign:all"), now=self.now)
        return {each.address for each in found if each.address and decide(each, Limits(), self.now).allowed}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# The shared exports -------------------------------------------------------------------------------------------


@pytest.fixture
def exports(shared_data: Path) -> Path:
    return shared_data / "exports"


def expected(exports: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((exports / "expected.json").read_text(encoding="utf-8"))[name]
    return found


def test_mailchimps_files_are_what_expected_json_says(desk: Desk, exports: Path) -> None:
    want = expected(exports, "mailchimp_*")
    for path in sorted(exports.glob("mailchimp_*.csv")):
        assert desk.take(path).tool == "mailchimp"
    assert desk.mailable() == set(want["subscribed"])
    assert [desk.state(email) for email in want["unsubscribed"]] == [ConsentState.UNSUBSCRIBED]
    assert [desk.why(email) for email in want["cleaned"]] == [{SuppressionReason.HARD_BOUNCE}]
    for email, tags in want["tags"].items():
        assert desk.contact(email).attributes["tags"] == tags
    assert desk.entry("ann@example.net").occurred_at == datetime(2021, 3, 4, 10, 20, 30, tzinfo=UTC)
    assert "CONFIRM_IP = 203.0.113.7" in (desk.entry("ann@example.net").evidence or "")
    left = desk.entry("gone@example.net")
    assert left.occurred_at == datetime(2025, 6, 1, 10, tzinfo=UTC)
    assert "UNSUB_CAMPAIGN_TITLE = Summer Newsletter" in (left.evidence or "")
    assert "UNSUB_REASON_OTHER = too many, sorry" in (left.evidence or "")


def test_klaviyos_profiles_are_what_expected_json_says(desk: Desk, exports: Path) -> None:
    want = expected(exports, "klaviyo_profiles_export.csv")
    result = desk.take(exports / "klaviyo_profiles_export.csv")
    assert (result.tool, result.rows) == ("klaviyo", want["rows"])
    assert desk.mailable() == set(want["mailable"])
    assert [desk.state(email) for email in want["unsubscribed"]] == [ConsentState.UNSUBSCRIBED]
    assert [desk.state(email) for email in want["no_consent"]] == [ConsentState.NEVER]
    assert [desk.why(email) for email in want["suppressed_bounce"]] == [{SuppressionReason.HARD_BOUNCE}]


def test_brevos_contacts_are_what_expected_json_says(desk: Desk, exports: Path) -> None:
    want = expected(exports, "brevo_contacts.csv")
    assert desk.take(exports / "brevo_contacts.csv").rows == want["rows"]
    assert desk.mailable() == set(want["subscribed"])
    assert [desk.state(email) for email in want["unsubscribed"]] == [ConsentState.UNSUBSCRIBED]
    assert desk.entry("el@example.fr").occurred_at == datetime(2023, 2, 1, 9, tzinfo=UTC)


def test_constant_contacts_permissions_are_what_expected_json_says(desk: Desk, exports: Path) -> None:
    want = expected(exports, "constant_contact_contacts.csv")
    desk.take(exports / "constant_contact_contacts.csv")
    assert [desk.entry(email).basis for email in want["implied"]] == [Basis.IMPLIED]
    assert {desk.state(email) for email in [*want["express"], *want["implied"]]} == {ConsentState.SUBSCRIBED}
    assert [desk.state(email) for email in want["unsubscribed"]] == [ConsentState.UNSUBSCRIBED]
    assert desk.state("c@example.com", "general_interest") is ConsentState.SUBSCRIBED


def test_googles_addresses_are_all_found_and_say_nothing_about_consent(desk: Desk, exports: Path) -> None:
    want = expected(exports, "google_contacts.csv")
    result = desk.take(exports / "google_contacts.csv")
    assert (result.rows, result.inserted, result.rejected) == (want["rows"], want["contacts_with_email"], 1)
    assert len({desk.contact(email).id for email in want["emails"]}) == 1
    assert desk.contact(want["emails"][0]).email == want["emails"][0]
    assert desk.contact("rob@acme.example").fields["birthday"] == "--03-07"
    assert desk.mailable() == set()


def test_hubspots_dates_of_two_kinds_cost_nobody_their_row(desk: Desk, exports: Path) -> None:
    want = expected(exports, "hubspot_contacts.csv")
    result = desk.take(exports / "hubspot_contacts.csv")
    assert (result.rows, result.rejected) == (want["rows"], 0)
    found = desk.db.execute("SELECT count(*) FROM contacts WHERE email IS NOT NULL").fetchone()[0]
    assert found == want["contacts_with_email"]
    assert desk.contact("john@example.com").attributes["create_date"] == "3/15/2026 2:30 PM"


# Words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cell", "state", "reasons"),
    [
        ("status", "cleaned", "never", {"hard_bounce"}),
        ("status", "Hard bounced", "never", {"hard_bounce"}),
        ("status", "soft bounce", "never", set()),
        ("status", "spam", "unsubscribed", {"complaint"}),
        ("status", "Blocklisted", "unsubscribed", {"manual"}),
        ("status", "transactional", "never", set()),
        ("status", "non-subscribed", "never", set()),
        ("status", "Unconfirmed", "pending", set()),
        ("bounced", "yes", "never", {"hard_bounce"}),
        ("bounced", "0", "never", set()),
        ("bounced at", "2026-01-02", "never", {"hard_bounce"}),
        ("bounce type", "soft", "never", set()),
        ("complained", "true", "unsubscribed", {"complaint"}),
        ("suppressed", "x", "unsubscribed", {"manual"}),
        ("unsubscribed", "hard_bounce", "never", {"hard_bounce"}),
        ("unsubscribed", "0000-00-00", "never", set()),
        ("unsubscribed at", "0000-00-00 00:00:00", "never", set()),
        ("unsubscribed at", "last spring", "unsubscribed", set()),
    ],
)
def test_a_word_says_no_or_that_the_address_gets_nothing(
    desk: Desk, header: str, cell: str, state: str, reasons: set[str]
) -> None:
    desk.take(f"email,{header}\nann@example.com,{cell}\n")
    assert (desk.state("ann@example.com"), desk.why("ann@example.com")) == (state, reasons)


def test_a_bounced_address_is_given_no_yes(desk: Desk) -> None:
    desk.take("email,newsletter,bounced\nann@example.com,yes,2026-01-02\n")
    assert desk.state("ann@example.com") is ConsentState.NEVER
    [kept] = suppressions.of_address(desk.db, desk.keys, normalise("ann@example.com"))
    assert kept.created_at == datetime(2026, 1, 1, 23, tzinfo=UTC)
    assert kept.evidence == "file.csv: bounced = 2026-01-02"


def test_a_date_that_cannot_be_read_costs_neither_the_row_nor_the_no(desk: Desk) -> None:
    result = desk.take(
        "email,newsletter,consent date,unsubscribed at\na@example.com,yes,sometime,\nb@example.com,,,in May\n"
    )
    assert (result.inserted, result.rejected) == (2, 0)
    assert (desk.state("a@example.com"), desk.state("b@example.com")) == ("subscribed", "unsubscribed")
    assert "2 dates of consent are not to be read" in " ".join(result.warnings)
    assert desk.entry("b@example.com").evidence == "file.csv: unsubscribed at = in May"


def test_a_yes_is_of_the_day_of_the_opt_in_and_a_no_is_not(desk: Desk) -> None:
    desk.take("email,status,opt-in date\na@example.com,subscribed,2024-05-06\nb@example.com,unsubscribed,2024-05-06\n")
    assert desk.entry("a@example.com").occurred_at == datetime(2024, 5, 5, 22, tzinfo=UTC)
    assert desk.entry("b@example.com").occurred_at == desk.now


# Orders of files ----------------------------------------------------------------------------------------------

FILES = {
    "yes": "email,newsletter\na@example.com,yes\nb@example.com,yes\nc@example.com,yes\nd@example.com,yes\n",
    "no": "email,newsletter\na@example.com,no\n",
    "left": "email,unsubscribed at\nb@example.com,2020-01-01\n",
    "cleaned": "email,status\nc@example.com,cleaned\n",
    "suppressed": "email,reason,suppressed at\nd@example.com,spam complaint,2020-01-01\ne@example.com,hard bounce,\n",
    "pending": "email,newsletter\ne@example.com,pending\nf@example.com,pending\n",
    "late yes": "email,newsletter\ne@example.com,yes\nf@example.com,yes\ng@example.com,yes\n",
}


@pytest.mark.parametrize("first", sorted(FILES))
def test_who_is_mailable_does_not_depend_on_which_file_comes_first(tmp_path: Path, first: str) -> None:
    others = [name for name in sorted(FILES) if name != first]
    for number, rest in enumerate((others, others[::-1], [*others[3:], *others[:3]])):
        folder = tmp_path / str(number)
        folder.mkdir()
        desk = Desk(folder)
        for name in (first, *rest):
            desk.take(FILES[name], f"{name}.csv")
        assert desk.mailable() == {"f@example.com", "g@example.com"}


PEOPLE = ["a@example.com", "b@example.com", "c@example.com"]
WORDS = ["yes", "no", "", "pending", "cleaned", "spam", "blocklisted", "never", "implied"]
ROWS = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(WORDS)), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROWS, min_size=2, max_size=3))
def test_no_order_of_files_or_rows_makes_anybody_mailable_who_said_no(files: list[list[tuple[str, str]]]) -> None:
    said = list(itertools.chain.from_iterable(files))
    noes = {email for email, word in said if word in ("no", "cleaned", "spam", "blocklisted")}
    yeses = {email for email, word in said if word in ("yes", "implied")}
    found = [after(order) for order in itertools.permutations(files)]
    found.append(after([rows[::-1] for rows in files]))
    assert all(each == yeses - noes for each in found)


def after(files: Sequence[Sequence[tuple[str, str]]]) -> set[str]:
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder))
        for number, rows in enumerate(files):
            lines = "".join(f"{email},{word}\n" for email, word in rows)
            desk.take(f"email,status\n{lines}", f"{number}.csv")
        return desk.mailable()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("word", ["no", "spam", "yes"])
def test_a_no_under_one_address_is_a_no_of_the_person(tmp_path: Path, order: Sequence[int], word: str) -> None:
    desk = Desk(tmp_path)
    files = [
        f"email,status\nold@example.com,{word}\n",
        "email,secondary email\nnew@example.com,old@example.com\n",
        "email,status\nnew@example.com,yes\n",
    ]
    for number in order:
        desk.take(files[number], f"{number}.csv")
    assert bool(desk.mailable()) is (word == "yes")


def test_two_contacts_whom_a_file_says_to_be_one_share_their_no(desk: Desk) -> None:
    desk.take("email,newsletter\na@example.com,yes\nb@example.com,no\nc@example.com,yes\nd@example.com,no\n")
    result = desk.take("email,secondary email\na@example.com,b@example.com\nd@example.com,c@example.com\n")
    assert desk.mailable() == set()
    assert (result.inserted, result.updated, result.unchanged) == (0, 1, 1)


# Suppressions -------------------------------------------------------------------------------------------------


def test_a_list_of_suppressions_needs_no_contact_and_makes_none(desk: Desk) -> None:
    text = "email,reason,suppressed at\nx@example.com,hard bounce,2025-01-02\ny@example.com,unsubscribed,2025-01-02\n"
    result = desk.take(text)
    assert (result.noun, result.inserted) == (Noun.SUPPRESSIONS, 2)
    assert desk.why("x@example.com") == {SuppressionReason.HARD_BOUNCE}
    assert [row[0] for row in desk.db.execute("SELECT email FROM contacts")] == ["y@example.com"]
    assert desk.state("y@example.com") is ConsentState.UNSUBSCRIBED
    assert desk.db.execute("SELECT count(*) FROM suppressions WHERE address_hash LIKE '%@%'").fetchone()[0] == 0
    again = desk.take(text.replace("hard bounce", "Hard-bounce"), "again.csv")
    assert (again.inserted, again.unchanged) == (0, 2)


def test_undo_keeps_what_is_suppressed_and_says_so(desk: Desk) -> None:
    result = desk.take("email,newsletter,bounced\na@example.com,,yes\nb@example.com,yes,\nc@example.com,no,\n")
    undone = desk.undo(result)
    assert (undone.kept_suppressions, undone.kept_opt_outs) == (1, 1)
    assert desk.why("a@example.com") == {SuppressionReason.HARD_BOUNCE}
    assert desk.mailable() == set()


def test_an_import_never_lifts_a_suppression(desk: Desk) -> None:
    desk.take("email,status\na@example.com,blocklisted\n")
    desk.take("email,status\na@example.com,subscribed\n", "later.csv")
    assert desk.why("a@example.com") == {SuppressionReason.MANUAL}
    assert desk.mailable() == set()


def test_a_row_that_only_suppresses_counts_as_updated_once(desk: Desk) -> None:
    desk.take("email,city\na@example.com,Wien\n")
    first = desk.take("email,city,bounced\na@example.com,Wien,yes\n", "bounces.csv")
    second = desk.take("email,city,bounced\na@example.com,Wien,true\n", "again.csv")
    assert (first.updated, first.unchanged, second.updated, second.unchanged) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("email,newsletter\ngone@example.com,yes\nann@example.com,yes\n", {}),
        ("email,secondary email\nb@example.com,gone@example.com\nann@example.com,\n", {}),
        ("order id,date,total,email\n1,2026-01-01,5,GONE@example.com\n2,2026-01-01,5,ann@example.com\n", {}),
        ("email,reason,suppressed at\ngone@example.com,unsubscribed,\nann@example.com,unsubscribed,\n", {}),
        ("email,submitted at,wording\ngone@example.com,2026-01-01,v1\nann@example.com,2026-01-01,v1\n", {}),
    ],
)
def test_who_was_erased_comes_back_by_no_file(desk: Desk, text: str, options: dict[str, Any]) -> None:
    with desk.store.transaction() as tx:
        suppressions.suppress(
            tx, desk.keys, normalise("gone@example.com"), SuppressionReason.ERASED, source="test", now=NOW
        )
    result = desk.take(text, **options)
    assert result.rejected == 1
    assert "asked to be forgotten" in result.problems[0].reason
    assert result.reject_file is not None
    assert "gone@" not in result.reject_file.read_text().lower()
    assert [row[0] for row in desk.db.execute("SELECT value FROM identities WHERE value LIKE 'gone@%'")] == []
    assert desk.contact("ann@example.com")


def test_a_dry_run_shows_who_would_leave_and_who_would_be_suppressed(desk: Desk) -> None:
    desk.take("email,newsletter\na@example.com,yes\nb@example.com,\n")
    text = "email,status\na@example.com,unsubscribed\nb@example.com,bounced\nnew@example.com,no\n"
    assert desk.take(text, "noes.csv", dry_run=True).changes == [
        {"line": 2, "contact": "a@example.com", "field": "consent", "old": "subscribed", "new": "unsubscribed"},
        {"line": 3, "contact": "b@example.com", "field": "suppressed", "old": None, "new": "hard_bounce"},
    ]
    assert desk.mailable() == {"a@example.com"}


# Topics, sources, sign-ups ------------------------------------------------------------------------------------


def test_lists_of_the_old_tool_are_topics_and_one_that_was_left_is_a_no_to_it_alone(desk: Desk) -> None:
    desk.take("email,status,lists,unsubscribed lists\na@example.com,subscribed,Tea News; Offers,Old List\n")
    states = {topic: desk.state("a@example.com", topic) for topic in ("", "tea_news", "offers", "old_list")}
    assert states == {"": "subscribed", "tea_news": "subscribed", "offers": "subscribed", "old_list": "unsubscribed"}
    assert desk.contact("a@example.com").attributes["lists"] == ["Tea News", "Offers"]
    again = desk.take("email,status,lists\na@example.com,subscribed,Tea News; Offers; Old List\n", "again.csv")
    assert desk.state("a@example.com", "old_list") is ConsentState.UNSUBSCRIBED
    assert (again.updated, again.unchanged) == (1, 0)  # the attribute


def test_undo_takes_topics_back_but_not_the_lists_that_were_left(desk: Desk) -> None:
    result = desk.take("email,status,lists,unsubscribed lists\na@example.com,subscribed,Tea,Old List\n")
    desk.undo(result)
    states = {topic: desk.state("a@example.com", topic) for topic in ("", "tea", "old_list")}
    assert states == {"": "never", "tea": "never", "old_list": "unsubscribed"}


def test_who_said_no_to_everything_gets_no_topic_back(desk: Desk) -> None:
    desk.take("email,newsletter\na@example.com,no\n")
    desk.take("email,status,lists\na@example.com,subscribed,Tea\n", "again.csv")
    assert (desk.state("a@example.com"), desk.state("a@example.com", "tea")) == ("unsubscribed", "never")


def test_the_first_source_stays(desk: Desk) -> None:
    desk.take("email,Original Source\na@example.com,Organic Search\nb@example.com,\n", "first.csv")
    desk.take("email,Signup source,city\na@example.com,Fair,Wien\nb@example.com,Fair,Wien\n", "later.csv")
    desk.take("email,utm_source\nc@example.com,spring\n", "new.csv")
    found = {email: desk.contact(f"{email}@example.com").source for email in "abc"}
    assert found == {"a": "Organic Search", "b": "plain", "c": "spring"}


def test_a_sign_up_is_pending_with_its_time_ip_source_and_wording_once(desk: Desk) -> None:
    line = json.dumps(
        {
            "email": "New@example.com", "submitted_at": "2026-11-01T10:00:00Z", "ip": "203.0.113.9",
            "source": "footer", "wording": "Yes, write to me (v3)", "tea": "Oolong",
        }
    )  # fmt: skip
    result = desk.take(f"{line}\n{line}\n", "signups.jsonl")
    assert (result.noun, result.inserted, result.unchanged) == (Noun.SIGNUPS, 1, 1)
    [entry] = consents.history(desk.db, desk.contact("new@example.com").id)
    assert (entry.state, entry.occurred_at) == (ConsentState.PENDING, datetime(2026, 11, 1, 10, tzinfo=UTC))
    assert (entry.source, entry.wording) == ("footer", "Yes, write to me (v3)")
    assert "ip = 203.0.113.9" in (entry.evidence or "")
    assert desk.contact("new@example.com").attributes == {"tea": "Oolong"}
    assert desk.mailable() == set()
    later = desk.take(f"{line}\n", "signups-again.jsonl")
    assert (later.inserted, later.unchanged) == (0, 1)


def test_a_sign_up_takes_nothing_from_who_is_subscribed_or_left(desk: Desk) -> None:
    desk.take("email,newsletter\na@example.com,yes\nb@example.com,no\n")
    desk.take("email,submitted at,wording\na@example.com,2026-01-01,v1\nb@example.com,2026-01-01,v1\n", "signups.csv")
    assert (desk.state("a@example.com"), desk.state("b@example.com")) == ("subscribed", "unsubscribed")


# Several addresses --------------------------------------------------------------------------------------------


def test_a_yes_is_for_the_address_it_was_given_with(desk: Desk) -> None:
    desk.take("email,secondary email\nwork@example.com,home@example.com\n")
    desk.take("email,newsletter\nhome@example.com,yes\n", "yes.csv")
    assert desk.mailable() == {"home@example.com"}
    desk.take("email,newsletter\nwork@example.com,yes\n", "both.csv")
    assert desk.mailable() == {"home@example.com"}


def test_an_address_book_moves_nobody_from_the_address_they_agreed_with(desk: Desk) -> None:
    desk.take("email,newsletter\nhome@example.com,yes\n")
    desk.take("email,secondary email,city\nwork@example.com,home@example.com,Wien\n", "book.csv")
    assert desk.mailable() == {"home@example.com"}
    assert desk.contact("work@example.com").fields["city"] == "Wien"


def test_a_row_without_a_first_address_is_known_by_the_second(desk: Desk) -> None:
    desk.take("email,secondary email\n,home@example.com\nnot one,home@example.com\n")
    assert desk.contact("home@example.com").email == "home@example.com"
    assert desk.db.execute("SELECT count(*) FROM contacts").fetchone()[0] == 1


def test_a_stopped_import_leaves_suppressed_only_whom_we_knew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.take("email,newsletter\nann@example.com,yes\n")
    monkeypatch.setattr(contacts_bulk, "add_new", _stop)
    with pytest.raises(RuntimeError):
        desk.take("email,status\nann@example.com,bounced\nnew@example.com,bounced\n", "stopped.csv")
    assert desk.why("ann@example.com") == {SuppressionReason.HARD_BOUNCE}
    assert desk.why("new@example.com") == set()
    assert desk.mailable() == set()


def _stop(*args: object, **options: object) -> None:
    raise RuntimeError("the machine stopped")
