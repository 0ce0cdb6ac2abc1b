"""A campaign's messages as they go out: class-specific headers, counted links, and whose open may be counted."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from mail_shop import NOW, TEMPLATE, mailflow, make_shop, write_campaign
from mailflow.config.settings import load_settings
from mailflow.errors import ProblemsError
from mailflow.jobs import campaign as campaign_job
from mailflow.jobs import personal
from mailflow.model import Basis, ConsentState
from mailflow.outbox.render import page_name
from mailflow.store import consents
from mailflow.store.consents import ConsentEntry
from mailflow.store.contents import Content
from mailflow.tokens import Purpose
from mailflow.tracking import redirect
from mailflow.workspace import Workspace

TRACKING = "tracking: {clicks: on, opens: full, url: 'https://t.quitte.example/'}\n"
LINKED = TEMPLATE + "[All](https://quitte.example/all) [Yours](https://quitte.example/{{ contact.key }})\n"


def content(shop: Workspace, contact_id: int = 1) -> Content:
    campaign = campaign_job.open_campaign(shop, "hello")
    known = personal.contexts(shop, campaign.template, [contact_id], now=NOW)[contact_id]
    return campaign.renderer().content(0, address="p1@example.com", token="tok", context=known, now=NOW, checked=True)


def message(shop: Workspace, contact_id: int = 1) -> Any:
    return message_from_bytes(content(shop, contact_id).data, policy=default)


def shop_with(tmp_path: Path, extra: str = "", template: str = TEMPLATE) -> Workspace:
    shop = make_shop(tmp_path / "shop", extra=extra)
    (shop.templates / "hello.md").write_text(template, encoding="utf-8")
    return shop


def test_marketing_mail_says_its_list_and_its_way_out(tmp_path: Path) -> None:
    shop = shop_with(tmp_path)
    names = message(shop).keys()
    assert {"List-ID", "List-Unsubscribe", "Feedback-ID"} <= set(names)
    assert not {"Precedence", "Auto-Submitted"} & set(names)
    assert not [name for name in names if name.startswith("X-")]


def test_essential_mail_is_of_no_list_and_offers_no_way_out(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, template=TEMPLATE.replace("---\nHello", "class: essential\n---\nHello"))
    names = message(shop).keys()
    assert not [name for name in names if name.startswith(("List-", "X-", "Auto-"))]
    assert "Feedback-ID" in names


@pytest.mark.parametrize("topic", ["tea", f"{'t' * 62} and more", "Tee & Kaffee!", "茶"])
def test_a_list_is_named_by_a_label_of_a_domain(tmp_path: Path, topic: str) -> None:
    shop = shop_with(tmp_path, template=TEMPLATE.replace("---\nHello", f"topic: '{topic}'\n---\nHello"))
    assert re.match(r"<[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.[a-z.]+>\Z", message(shop)["List-ID"])


def test_campaigns_with_different_ids_have_different_pages() -> None:
    ids = ["spring.sale", "spring-sale", "spring_sale", "Spring.sale"]
    assert len({page_name(each) for each in ids}) == len(ids)


def test_the_feedback_id_names_campaign_and_sender_and_nobody(tmp_path: Path) -> None:
    shop = shop_with(tmp_path)
    parts = message(shop)["Feedback-ID"].split(":")
    assert parts[:3] == ["hello", "promo", "marketing"]
    assert re.fullmatch(r"[0-9a-f]{12}", parts[3])
    assert message(shop, 2)["Feedback-ID"].split(":") == parts


def test_identical_input_gives_identical_bytes(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, TRACKING, LINKED)
    assert content(shop) == content(shop)
    campaign = campaign_job.open_campaign(shop, "hello")
    renderer = campaign.renderer()
    known = personal.contexts(shop, campaign.template, [1], now=NOW)[1]
    made = [
        renderer.content(0, address="p1@example.com", token="tok", context=known, now=NOW).data for _ in range(3)
    ]  # the first person of a template takes another way than the others
    assert set(made) == {content(shop).data}


def test_nothing_is_counted_unless_the_settings_say_so(tmp_path: Path) -> None:
    made = content(shop_with(tmp_path, template=LINKED))
    assert made.links == {}
    html = message_from_bytes(made.data, policy=default).get_body(("html",)).get_content()  # type: ignore[attr-defined]
    assert 'href="https://quitte.example/all"' in html


def test_a_link_that_was_sent_is_found_again_by_what_stands_in_the_mail(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, TRACKING + "utm: {source: news, hosts: [quitte.example]}\n", LINKED)
    assert mailflow(shop, "send", "hello", "--yes", now=NOW) == 0
    sent = [message_from_bytes(path.read_bytes(), policy=default) for path in (shop.maildir / "new").glob("*.eml")]
    assert len(sent) == 3
    targets = set()
    for mail in sent:
        html = mail.get_body(("html",)).get_content()  # type: ignore[attr-defined]
        counted = re.findall(r'href="https://t\.quitte\.example/c/([^/"]+)/([^/"]+)"', html)
        assert len(counted) == 2
        for signed, link in counted:
            followed = redirect.follow(shop.store.db, shop.keys, signed, link)
            assert followed is not None
            targets.add(followed.url)
    utm = "?utm_source=news&utm_medium=email&utm_campaign=hello"
    assert targets == {f"https://quitte.example/{path}{utm}" for path in ("all", "key1", "key2", "key3")}


def test_a_campaign_says_its_own_utm_values(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, "url: https://quitte.example\n", LINKED)
    write_campaign(shop.root, "hello", "audience: everyone\ntemplate: hello\nutm: {medium: letter, campaign: easter}\n")
    html = message(shop).get_body(("html",)).get_content()
    assert 'href="https://quitte.example/all?utm_source=mailflow&amp;utm_medium=letter&amp;utm_campaign=easter"' in html


@pytest.mark.parametrize("state", [None, ConsentState.PENDING, ConsentState.UNSUBSCRIBED, ConsentState.SUBSCRIBED])
def test_an_open_is_counted_only_of_who_said_yes_to_just_that(tmp_path: Path, state: ConsentState | None) -> None:
    shop = shop_with(tmp_path, TRACKING)
    if state is not None:
        entry = ConsentEntry(1, state, Basis.EXPRESS, "p1@example.com", NOW, NOW, "test", channel=consents.OPENS)
        with shop.store.transaction() as tx:
            consents.append(tx, entry)
    html = message(shop).get_body(("html",)).get_content()
    pictures = re.findall(r'<img src="https://t\.quitte\.example/o/([^"]+)"', html)
    if state is ConsentState.SUBSCRIBED:
        assert [redirect.opened(shop.keys, picture) for picture in pictures] == ["tok"]
        assert shop.keys.verify(pictures[0].removesuffix(".gif"), Purpose.CLICK) is None
    else:
        assert pictures == []


@pytest.mark.parametrize("what", ["clicks: on", "opens: full", "opens: hygiene"])
def test_counting_without_an_address_is_an_error_that_says_so(tmp_path: Path, what: str) -> None:
    shop = shop_with(tmp_path)
    (shop.root / "mailflow.yaml").open("a", encoding="utf-8").write(f"tracking: {{{what}}}\n")
    with pytest.raises(ProblemsError, match="cannot be counted without url"):
        load_settings(shop.root / "mailflow.yaml")
