"""What each person's message is made of: choices by rule, stages, days, and nothing at all for who wants none of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail_shop import mailflow, make_shop
from mailflow import templates
from mailflow.errors import ProblemsError
from mailflow.jobs import campaign as campaign_job
from mailflow.jobs import personal
from mailflow.model import Basis, ConsentState
from mailflow.outbox import neutral
from mailflow.segments import Segments, choices
from mailflow.segments.choices import Case, Chooser
from mailflow.store import consents
from mailflow.store.consents import ConsentEntry
from mailflow.templates import context
from mailflow.templates.environment import TEXT, run
from mailflow.workspace import Workspace

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
CHOICES = """\
hero:
  default: {image: "https://shop.example/tea.jpg", text: Tea for everybody}
  choose:
    - when: segment("vip")
      use: {text: Tea for old friends}
    - when: country == "AT"
      use: {image: "https://shop.example/vienna.jpg", text: Tea for Vienna}
"""
BEGIN = "hero:\n  default: {text: x}\n  choose:\n"
EXTRA = """\
fields:
  donated: {type: number}
  allergies: {type: text, multi: true}
never_show:
  - {contact: allergies, product: allergens}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """Three people: 1 a VIP in Austria, 2 in Austria, 3 about whom nothing is known."""
    made = make_shop(tmp_path / "shop", 3, extra=EXTRA)
    (made.root / "segments.yaml").write_text("vip: donated >= 100\n", encoding="utf-8")
    (made.root / "choices.yaml").write_text(CHOICES, encoding="utf-8")
    with made.store.transaction() as tx:
        tx.execute("UPDATE contacts SET country = 'AT' WHERE id IN (1, 2)")
        tx.execute(
            "UPDATE contacts SET city = 'Graz', first_name = 'Ada', attributes = ? WHERE id = 1",
            (json.dumps({"donated": 150}),),
        )
    return made


def load(shop: Workspace, body: str, front: str = "") -> Any:
    (shop.templates / "hello.md").write_text(f"---\nsubject: Hello\n{front}---\n{body}\n", encoding="utf-8")
    return templates.load(shop.templates, "hello")


def opt_out(shop: Workspace, contact_id: int, topic: str = neutral.PERSONALISATION) -> None:
    with shop.store.transaction() as tx:
        consents.append(tx, ConsentEntry(
            contact_id, ConsentState.UNSUBSCRIBED, Basis.EXPRESS, None, NOW, NOW, "owner", topic=topic,
        ))  # fmt: skip


def test_the_first_case_that_means_somebody_counts_and_everybody_else_has_the_default(shop: Workspace) -> None:
    known = personal.contexts(shop, load(shop, "{{ choices.hero.text }}"), [1, 2, 3], now=NOW)
    assert [known[number]["choices"]["hero"]["text"] for number in (1, 2, 3)] == [
        "Tea for old friends", "Tea for Vienna", "Tea for everybody",
    ]  # fmt: skip
    assert known[1]["choices"]["hero"]["image"] == "https://shop.example/tea.jpg"  # of the default


def test_choices_are_only_looked_up_where_a_template_speaks_of_them(shop: Workspace) -> None:
    (shop.root / "choices.yaml").write_text("hero: broken\n", encoding="utf-8")
    assert personal.contexts(shop, load(shop, "Hello."), [1], now=NOW)[1]["choices"] == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hero: {choose: [{when: 'true', use: {text: x}}]}\n", r"choices.yaml:1:\d+: the key 'default' is missing"),
        (BEGIN + "    - when: countri == 'AT'\n      use: {text: y}\n", "choices.yaml:4:"),
        (BEGIN + '    - when: segment("nobody")\n      use: {text: y}\n', "choices.yaml:4:"),
        (BEGIN + "    - {when: 'true', use: {txt: y}}\n", "did you mean 'text'"),
        ("he ro:\n  default: {text: x}\n", "choices.yaml:1:1: 'he ro' is no name"),
        ("hero:\n  default: {}\n", "choices.yaml:2:"),
        ("hero:\n  default: {text: [a, b]}\n", "choices.yaml:2:"),
    ],
)
def test_what_is_wrong_in_choices_is_told_with_its_place(shop: Workspace, text: str, told: str) -> None:
    (shop.root / "choices.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError, match=told):
        personal.contexts(shop, load(shop, "{{ choices.hero.text }}"), [1], now=NOW)


def test_a_circle_of_segments_in_a_choice_is_told(shop: Workspace) -> None:
    (shop.root / "segments.yaml").write_text('vip: segment("old")\nold: segment("vip")\n', encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"choices.yaml:4:\d+"):
        personal.contexts(shop, load(shop, "{{ choices.hero.text }}"), [1], now=NOW)


def test_an_edit_of_choices_is_an_edit_of_the_campaign_that_shows_them(shop: Workspace) -> None:
    load(shop, "{{ choices.hero.text }}")
    before = campaign_job.open_campaign(shop, "hello").hash
    (shop.root / "choices.yaml").write_text(CHOICES.replace("old friends", "friends"), encoding="utf-8")
    assert campaign_job.open_campaign(shop, "hello").hash != before
    load(shop, "Hello.")
    plain = campaign_job.open_campaign(shop, "hello").hash
    (shop.root / "choices.yaml").write_text(CHOICES, encoding="utf-8")
    assert campaign_job.open_campaign(shop, "hello").hash == plain


def test_previews_show_the_default(shop: Workspace) -> None:
    known = personal.sample(shop, load(shop, "{{ choices.hero.text }}"), now=NOW)
    assert known["choices"]["hero"]["text"] == "Tea for everybody"


def test_a_choice_that_names_a_forbidden_product_is_passed_over() -> None:
    chooser = Chooser(
        {"hero": (Case(frozenset({1}), {"text": "Our new Nut Cake is here"}), Case(frozenset({1}), {"text": "Cake"}))},
        {"hero": {"text": "Tea"}},
    )
    assert chooser.of(1) == {"hero": {"text": "Our new Nut Cake is here"}}
    assert chooser.of(1, ["nut cake"]) == {"hero": {"text": "Cake"}}
    assert chooser.of(1, ["nut cak", "12"]) == {"hero": {"text": "Our new Nut Cake is here"}}
    assert chooser.of(2, ["tea"]) == {"hero": None}


TITLES = ["Nut Cake", "Oat Milk", "Green Tea", "https://shop.example/nut-cake", "SKU-1", "42"]
NAMES = st.sampled_from(TITLES)
PRODUCTS = st.fixed_dictionaries({"title": NAMES, "url": NAMES, "sku": NAMES | st.none()})
PICKS = """{% for p in picks | allowed %}[{% if p is mapping %}{{ p.title }}|{{ p.url }}{% else %}{{ p }}|{% endif %}]\
{% endfor %}"""


def is_forbidden(pick: Any, hidden: set[str]) -> bool:
    names = pick.values() if isinstance(pick, dict) else [pick]
    return not hidden.isdisjoint(str(name).casefold() for name in names)


@settings(max_examples=200, deadline=None)
@given(picks=st.lists(NAMES | PRODUCTS, max_size=8), hidden=st.lists(NAMES | NAMES.map(str.upper), max_size=4))
def test_nothing_forbidden_is_ever_rendered(picks: list[Any], hidden: list[str]) -> None:
    text = run(TEXT.from_string(PICKS), {"picks": picks, "never_show": hidden}).casefold()
    unseen = {name.casefold() for name in hidden}
    assert unseen.isdisjoint(text.replace("[", "|").replace("]", "|").split("|"))
    assert text.count("[") == sum(not is_forbidden(pick, unseen) for pick in picks)  # and nothing else is left out


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hidden=st.lists(st.sampled_from(["Nut Cake", "https://shop.example/oat", "Green Tea"]), max_size=3))
def test_items_of_the_front_matter_keep_to_it_in_every_layout(tmp_path: Path, hidden: list[str]) -> None:
    items = [("Nut Cake", "nut"), ("Oat Milk", "oat"), ("Green Tea", "tea")]
    front = "".join(f"  - {{title: {title}, url: https://shop.example/{url}}}\n" for title, url in items)
    (tmp_path / "t.md").write_text(f"---\nsubject: x\nlayout: products\nitems:\n{front}---\nHello.\n", encoding="utf-8")
    made = templates.load(tmp_path, "t").render({**context.sample(), "never_show": hidden})
    for title, url in items:
        is_hidden = title in hidden or f"https://shop.example/{url}" in hidden
        assert (title in made.html, title in made.text) == (not is_hidden, not is_hidden)


BODY = (
    "{{ contact.first_name | default('friend') }} {{ contact.city | default('-') }} {{ contact.donated | default(0) }} "
    "{{ contact.segments | join(',') }} {{ contact.lifecycle | default('-') }} {{ choices.hero.text }} "
    "{{ contact.orders.count }} {{ contact.personalised }} {{ 'vip' in contact.segments }} "
    "{{ day.weather | default('-') }}"
)


@pytest.mark.parametrize("topic", ["personalisation", "personalization"])
def test_who_opted_out_is_told_nothing_but_their_name(shop: Workspace, topic: str) -> None:
    (shop.root / "context.csv").write_text(
        "date,country,city,weather\n2026-03-20,AT,,sun\n2026-03-20,AT,Graz,snow\n", encoding="utf-8"
    )
    assert mailflow(shop, "score", now=NOW) == 0
    template = load(shop, BODY)
    shared = {"campaign": {}, "unsubscribe_url": "mailto:out@quitte.example"}

    def said() -> str:
        known = personal.contexts(shop, template, [1], now=NOW)[1]
        return template.render({**known, **shared}).text.splitlines()[0]

    assert said().startswith("Ada Graz 150 vip lead Tea for old friends 0 True True snow")
    opt_out(shop, 1, topic)
    assert said().startswith("Ada - 0  - Tea for everybody 0 False False sun")


def test_a_no_to_personalisation_stops_no_mail_and_other_topics_mean_nothing(shop: Workspace) -> None:
    opt_out(shop, 2, "tea")
    opt_out(shop, 1)
    assert neutral.among(shop.store.db, [1, 2, 3]) == {1}
    assert consents.state_of(shop.store.db, 1) is ConsentState.SUBSCRIBED


def test_hard_rules_hold_in_blocks_and_choices_and_for_who_opted_out(shop: Workspace, tmp_path: Path) -> None:
    food = "product id,name,price,allergens\nc,Nut Cake,8,nuts\nt,Tart,7,milk\n"
    (tmp_path / "food.csv").write_text(food, encoding="utf-8")
    assert mailflow(shop, "import", str(tmp_path / "food.csv"), "--quiet") == 0
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET attributes = ? WHERE id IN (1, 2)", (json.dumps({"allergies": ["Nuts"]}),))
    chosen = "hero:\n  default: {text: Tart}\n  choose:\n    - {when: 'true', use: {text: The Nut Cake!}}\n"
    (shop.root / "choices.yaml").write_text(chosen, encoding="utf-8")
    opt_out(shop, 2)
    body = "{% for p in ['Nut Cake', 'Tart'] | allowed %}{{ p }};{% endfor %} {{ choices.hero.text }}"
    template = load(shop, body)
    known = personal.contexts(shop, template, [1, 2, 3], now=NOW)
    shared = {"campaign": {}, "unsubscribe_url": "mailto:out@quitte.example"}
    said = [template.render({**known[number], **shared}).text.splitlines()[0] for number in (1, 2, 3)]
    assert said == ["Tart; Tart", "Tart; Tart", "Nut Cake;Tart; The Nut Cake!"]


def test_a_neutral_contact_has_every_name_of_a_contact() -> None:
    contact = context.sample()["contact"]
    made = neutral.of(contact)
    assert made.keys() == contact.keys()
    assert made["orders"].keys() == contact["orders"].keys()
    assert made["orders"]["revenue"] == Decimal(0)


def test_the_stage_is_told(shop: Workspace) -> None:
    assert mailflow(shop, "score", now=NOW) == 0
    known = personal.contexts(shop, load(shop, "{{ contact.lifecycle }}"), [3], now=NOW)
    assert known[3]["contact"]["lifecycle"] == "lead"


def test_a_wrong_line_of_context_is_told_before_any_message(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    load(shop, "{% if day.weather == 'snow' %}Stay in.{% else %}Come out.{% endif %}")
    (shop.root / "context.csv").write_text("date,weather\ntoday,snow\n", encoding="utf-8")
    assert mailflow(shop, "plan", "hello", now=NOW) != 0
    assert "context.csv:2: 'today' is not a date" in capsys.readouterr().err


def test_the_file_of_choices_without_a_file_is_empty(shop: Workspace) -> None:
    (shop.root / "choices.yaml").unlink()
    assert choices.sample(shop.root) == {}
    template = load(shop, "{{ choices.hero.text | default('-') }}")
    assert personal.contexts(shop, template, [1], now=NOW)[1]["choices"] == {}


def test_the_owner_says_who_wants_no_mail_made_for_them(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        capsys.readouterr()
        assert mailflow(shop, "contact", "neutral", "p1@example.com", *words, "--format", "json", now=NOW) == 0
        return str(json.loads(capsys.readouterr().out)[0]["result"])

    assert said("--reason", "asked by phone") == "neutral"
    assert neutral.among(shop.store.db, [1, 2]) == {1}
    assert said() == "unchanged"
    opt_out(shop, 1, "personalization")
    assert said("--lift") == "personalised"
    assert neutral.among(shop.store.db, [1, 2]) == set()
    assert said("--lift") == "unchanged"
    assert consents.state_of(shop.store.db, 1) is ConsentState.SUBSCRIBED  # to mail, throughout


def test_a_plan_counts_stages_where_the_template_speaks_of_them(
    shop: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    def planned(body: str, *words: str) -> str:
        load(shop, body)
        capsys.readouterr()
        assert mailflow(shop, "plan", "hello", *words, now=NOW) == 0
        return capsys.readouterr().out

    body = "{% if contact.lifecycle == 'lead' %}Try it.{% else %}Welcome back.{% endif %}"
    opt_out(shop, 1)
    assert json.loads(planned(body, "--format", "json"))["stages"] == {"lead": 2, "unknown": 1}
    table = planned(body, "--format", "table")
    assert "Stage" in table
    assert "(none)" in table
    assert "stages" not in json.loads(planned("Hello.", "--format", "json"))


def test_a_send_shows_stages_before_it_asks(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    load(shop, "{% if contact.lifecycle == 'lead' %}Try it.{% else %}Welcome back.{% endif %}")
    capsys.readouterr()
    assert mailflow(shop, "send", "hello", now=NOW) == 2  # there is nobody to ask
    assert re.search(r"lead +3\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ("Hello", False),
        ("{% if 'vip' in contact.segments %}Tea{% endif %}", False),
        ("{% if 'champs' in contact.segments %}Tea{% endif %}", True),
        ("{% if 'alpine_champs' in contact.segments %}Tea{% endif %}", True),  # a segment that names another
        ("{% if 'broken' in contact.segments %}Tea{% endif %}", False),
        ("{% if contact.traits.green >= 0.5 %}Tea{% endif %}", False),
        ("{% if contact.traits.spender >= 0.5 %}Tea{% endif %}", True),
        ("{% for name in contact.traits %}{{ name }}{% endfor %}", True),
    ],
)
def test_segments_and_traits_of_a_template_may_follow_from_scores(shop: Workspace, body: str, asks: bool) -> None:
    (shop.root / "segments.yaml").write_text(
        'vip: donated >= 100\nchamps: rfm.class == "champions"\nalpine_champs: segment("champs") and country == "AT"\n'
        "broken: rfmm.r == 1\n"
    )
    (shop.root / "traits.yaml").write_text(
        "green:\n  signs:\n    - {rule: donated >= 1, confidence: 60%, source: ours}\n"
        "spender:\n  signs:\n    - {rule: rfm.m >= 4, confidence: 60%, source: ours}\n"
    )
    known = Segments.open(shop.root, shop.settings)
    assert personal.asks_for_scores(known, load(shop, body)) is asks


def test_the_doctor_reads_the_files_and_knows_the_names(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    load(shop, "{% if contact.lifecycle == 'lead' and contact.personalised %}{{ season }}{% endif %}")
    mailflow(shop, "doctor", now=NOW)
    healthy = capsys.readouterr().out
    assert "attributes.lifecycle" not in healthy
    assert "attributes.personalised" not in healthy
    assert "choices.yaml" not in healthy
    (shop.root / "choices.yaml").write_text(BEGIN + "    - {when: countri == 'AT', use: {text: y}}\n", encoding="utf-8")
    (shop.root / "context.csv").write_text("date,weather\ntoday,snow\n", encoding="utf-8")
    assert mailflow(shop, "doctor", "--format", "json", now=NOW) != 0
    told = capsys.readouterr().out
    assert "choices.yaml:4:" in told
    assert "context.csv:2" in told
