"""traits.yaml in a workspace: what is wrong in it, who has a trait and why, and everything that hangs on one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailflow import clock, templates
from mailflow.cli import main
from mailflow.config import Settings
from mailflow.errors import ProblemsError
from mailflow.jobs import keep, members, personal
from mailflow.jobs.init import Brand, init
from mailflow.segments import Segments, segments, traits
from mailflow.store import Connection, favourites, imports
from mailflow.workspace import Workspace
from people import add_contact
from shop import at, recount

ZONE = clock.zone("Europe/Vienna")
DAY = timedelta(days=1)
NOW = at("2026-03-02", ZONE)
TRAITS = """\
organic:
  title: cares for organic growing
  signs:
    - rule: attributes.values contains "organic"
      source: said so in the survey
      confidence: 90%
    - rule: bought(category="organic", within=30d)
      confidence: 60 %
    - rule: segment("stingy")
      against: 50%
      source: spends little
calm:
  signs:
    - {rule: attributes.pulse < 60, confidence: 80%}
"""
RULES = """\
stingy: orders.count >= 1 and orders.revenue < 5
likely: traits.organic
sure: traits.organic >= 90% and not segment("stingy")
"""
SETTINGS = "fields:\n  pulse: {type: number, sensitive: true}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """Four people: 1 said it and bought it, 2 bought it a while ago, 3 bought it and spent little, 4 did nothing."""
    made = init(tmp_path / "shop", Brand(timezone="Europe/Vienna")).workspace
    (made.root / "segments.yaml").write_text(RULES)
    (made.root / "traits.yaml").write_text(TRAITS)
    with (made.root / "mailflow.yaml").open("a") as file:
        file.write(SETTINGS)
    with made.store.transaction() as tx:
        for number in range(1, 5):
            add_contact(tx, f"p{number}@example.com", now=NOW - 100 * DAY)
        goods(tx, [(1, "Organic"), (2, "organic"), (3, "Mugs")])
        order(tx, 1, NOW - 3 * DAY, 1000, [1])
        order(tx, 2, NOW - 50 * DAY, 1000, [1])
        order(tx, 3, NOW - 5 * DAY, 300, [2, 3])
        attributes(tx, 1, values=["organic", "fair"], pulse=50)
        recount(tx)
        imports.data_changed(tx)
    return Workspace.at(made.root)


def goods(tx: Connection, categories: list[tuple[int, str]]) -> None:
    for number, category in categories:
        tx.execute(
            "INSERT INTO products (id, source, product_id, title) VALUES (?, 'test', ?, ?)",
            (number, f"g{number}", f"Good {number}"),
        )
        tx.execute("INSERT INTO product_categories VALUES (?, ?)", (number, category))


def order(tx: Connection, contact_id: int, placed_at: datetime, total_minor: int, products: list[int]) -> None:
    number = tx.execute(
        "INSERT INTO orders (source, order_id, contact_id, status, placed_at, total_minor, currency, fingerprint)"
        " VALUES ('test', (SELECT count(*) FROM orders), ?, 'paid', ?, ?, 'EUR', 0) RETURNING id",
        (contact_id, clock.to_ms(placed_at), total_minor),
    ).fetchone()[0]
    for product in products:
        tx.execute(
            "INSERT INTO order_lines (order_id, product_id, title, quantity) VALUES (?, ?, 'x', 1)", (number, product)
        )


def attributes(tx: Connection, contact_id: int, **values: object) -> None:
    tx.execute("UPDATE contacts SET attributes = ? WHERE id = ?", (json.dumps(values), contact_id))


def known(shop: Workspace) -> Segments:
    return Segments.open(shop.root, shop.settings, shop.store.db)


def meant(shop: Workspace, rule: str) -> list[int]:
    segments = known(shop)
    return list(segments.members(shop.store, segments.parse(rule), now=NOW))


def told(shop: Workspace, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    code = main.run([*arguments, "--workspace", str(shop.root), "--now", clock.iso(NOW), "--format", "json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    return json.loads(printed.out)


def test_confidences_are_those_of_the_true_signs(shop: Workspace) -> None:
    found = known(shop).confidences(shop.store, "organic", now=NOW)
    assert [found.get(number) for number in range(1, 6)] == [0.96, None, 0.3, None, None]
    assert meant(shop, "traits.organic == 96%") == [1]
    assert meant(shop, "traits.organic == 30%") == [3]
    assert meant(shop, "traits.organic == null") == [2, 4]
    assert meant(shop, "likely") == meant(shop, "sure") == [1]


def test_a_person_has_traits_with_sources_the_surest_first(shop: Workspace) -> None:
    organic, calm = traits.of_contact(known(shop), shop.store.db, 1, now=NOW)
    assert (organic.name, organic.title, organic.confidence) == ("organic", "cares for organic growing", 0.96)
    assert [(sign.source, sign.percent, sign.seen) for sign in organic.signs] == [
        ("said so in the survey", 90, "organic, fair"),
        ("", 60, "1, last 2026-02-27"),
    ]
    assert (calm.name, calm.sensitive, organic.sensitive) == ("calm", True, False)
    (third,) = traits.of_contact(known(shop), shop.store.db, 3, now=NOW)
    assert third.in_words().startswith("30 % cares for organic growing (")
    assert "spends little against 50 %" in third.in_words()


def test_the_profile_and_the_scores_give_confidence_and_source(
    shop: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shown = told(shop, capsys, "contact", "show", "p1@example.com")
    assert [(one["trait"], one["confidence"], one["sensitive"]) for one in shown["traits"]] == [
        ("organic", 0.96, False),
        ("calm", 0.8, True),
    ]
    assert shown["traits"][0]["signs"][0] == {
        "rule": 'attributes.values contains "organic"',
        "confidence": 0.9,
        "against": False,
        "source": "said so in the survey",
        "seen": "organic, fair",
    }
    assert shown["favourite_category"] == "Organic"
    kept = {row["score"]: row for row in told(shop, capsys, "score", "--explain", "p1@example.com")}
    assert kept["traits.organic"]["value"] == 0.96
    assert kept["traits.organic"]["causes"][0]["source"] == "said so in the survey"
    page = tmp_path / "p1.html"
    main.run(
        [
            "contact",
            "show",
            "p1@example.com",
            "--html",
            str(page),
            "--workspace",
            str(shop.root),
            "--now",
            clock.iso(NOW),
        ]
    )
    for part in ("cares for organic growing", "96 %", "said so in the survey", "buys most"):
        assert part in page.read_text(encoding="utf-8")


def test_an_explanation_shows_signs_and_sum(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(shop, capsys, "segment", "likely", "--explain", "p3@example.com")
    assert "traits.organic is false (30 %)" in found["sentence"]
    assert (found["tree"]["truth"], found["tree"]["confidence"]) == (False, 0.3)
    signs = found["tree"]["parts"]
    assert [(sign["truth"], sign["confidence"]) for sign in signs] == [(False, 0.9), (True, 0.6), (True, 0.5)]
    assert signs[2]["text"] == '50 % against, spends little: segment("stingy")'
    assert signs[2]["parts"][0]["parts"], "a segment within a sign is explained by its parts"


def test_a_trait_is_in_the_list_and_shown_by_its_name(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in told(shop, capsys, "segment", "--list")}
    assert (rows["traits.organic"]["contacts"], rows["traits.organic"]["rule"]) == (1, "traits.organic >= 50%")
    assert [row["email"] for row in told(shop, capsys, "segment", "traits.organic")] == ["p1@example.com"]
    assert main.run(["segment", "traits.organik", "--workspace", str(shop.root)]) == 2
    assert "did you mean 'traits.organic'?" in capsys.readouterr().err


def test_as_of_a_past_day_a_trait_is_from_what_had_happened_by_then(shop: Workspace) -> None:
    asked = members.written(shop, "traits.organic >= 60%")
    for day, wanted in (("2026-01-20", [1, 2]), ("2026-02-20", [1]), ("2026-03-02", [1])):
        assert list(members.found(shop, asked, now=NOW, as_of=clock.parse_date(day)).contact_ids) == wanted


def rows(shop: Workspace, name: str) -> list[tuple[int, str, str | None]]:
    found = shop.store.db.execute(
        """SELECT m.contact_id, m.entered_by, m.left_by FROM membership AS m
           JOIN segments AS s ON s.id = m.segment_id WHERE s.name = ? ORDER BY m.id""",
        (name,),
    )
    return [tuple(row) for row in found]


def kept(shop: Workspace, now: datetime) -> bool:
    return keep.keep(Workspace.at(shop.root), now=now, is_real_clock=True) is not None


def test_history_sees_through_a_trait(shop: Workspace) -> None:
    kept(shop, NOW)
    assert rows(shop, "likely") == [(1, "start", None)]
    with shop.store.transaction() as tx:
        order(tx, 4, NOW, 900, [2])
        recount(tx)
        imports.data_changed(tx)
    assert kept(shop, NOW + timedelta(minutes=1))
    assert rows(shop, "likely") == [(1, "start", None), (4, "person", None)]
    kept(shop, NOW + 32 * DAY)  # what was bought is too long ago
    assert rows(shop, "likely") == [(1, "start", None), (4, "person", "person")]


def test_an_edited_trait_makes_a_new_version_of_segments_that_name_it(shop: Workspace) -> None:
    kept(shop, NOW)
    (shop.root / "traits.yaml").write_text(TRAITS.replace("against: 50%", "against: 10%"))
    assert kept(shop, NOW + timedelta(minutes=1))
    assert rows(shop, "likely") == [(1, "start", None), (3, "rule", None)]
    versions = "SELECT s.name, count(*) FROM segment_versions v JOIN segments s ON s.id = v.segment_id GROUP BY 1"
    assert dict(map(tuple, shop.store.db.execute(versions))) == {"likely": 2, "sure": 2, "stingy": 1}


def test_templates_have_confidences_of_the_traits_they_name(shop: Workspace) -> None:
    (shop.templates / "hello.md").write_text(
        "---\nsubject: Hello\n---\n{% if contact.traits.organic >= 0.7 %}Organic {{ contact.traits.organic }}"
        "{% else %}Tea{% endif %} and {{ contact.favourite_category | default('more') }}\n"
    )
    (shop.templates / "plain.md").write_text("---\nsubject: Hello\n---\nHello\n")
    hello, plain = (templates.load(shop.templates, name) for name in ("hello", "plain"))
    found = personal.contexts(shop, hello, [1, 3, 4], now=NOW)
    assert [found[number]["contact"]["traits"] for number in (1, 3, 4)] == [{"organic": n} for n in (0.96, 0.3, 0)]
    assert [found[number]["contact"]["favourite_category"] for number in (1, 3, 4)] == ["Organic", "Mugs", None]
    shared = {"campaign": {}, "unsubscribe_url": "https://shop.example/u"}
    made = [hello.render({**found[number], **shared}).text for number in (1, 3, 4)]
    assert [text.strip().splitlines()[0] for text in made] == [
        "Organic 0.96 and Organic", "Tea and Mugs", "Tea and more",
    ]  # fmt: skip
    asked: list[str] = []
    shop.store.db.set_trace_callback(asked.append)
    personal.asked(shop, [plain], now=NOW)
    shop.store.db.set_trace_callback(None)
    assert asked == []


def test_templates_do_not_get_what_a_sensitive_field_tells(shop: Workspace) -> None:
    (shop.templates / "all.md").write_text("---\nsubject: x\n---\n{{ contact.traits | dictsort | join }}\n")
    template = templates.load(shop.templates, "all")
    assert personal.contexts(shop, template, [1], now=NOW)[1]["contact"]["traits"] == {"organic": 0.96}
    assert personal.sample(shop, template, now=NOW)["contact"]["traits"].keys() == {"organic"}


def test_the_doctor_says_which_trait_reads_a_field(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    fields = {row["field"]: row for row in told(shop, capsys, "doctor")["fields"]}
    readers = [(one["kind"], one["name"]) for one in fields["attributes.values"]["read_by"]]
    assert readers == [("segment", "likely"), ("segment", "sure"), ("trait", "organic")]


SIGN = "    - {rule: country == null, confidence: 50%}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("organic: yes\n", "traits.yaml:1:10: must be a group of `key: value` lines"),
        ("organic:\n  titel: x\n  signs:\n" + SIGN, "traits.yaml:2:3: unknown key 'titel' (did you mean 'title'?)"),
        (
            'organic:\n  signs:\n    - {rule: "true", confidenc: 5%}\n',
            "traits.yaml:3:22: unknown key 'confidenc' (did you mean 'confidence'?)",
        ),
        (
            'organic:\n  signs:\n    - {rule: "true", confidence: 90}\n',
            "traits.yaml:3:34: write a percentage from 1% to 99%, such as 90% (found 90)",
        ),
        ('organic:\n  signs:\n    - {rule: "true", confidence: 100%}\n', "traits.yaml:3:34: write a percentage"),
        ('organic:\n  signs:\n    - {rule: "true"}\n', "traits.yaml:3:7: a sign says how sure it makes you"),
        (
            'organic:\n  signs:\n    - {rule: "true", confidence: 9%, against: 9%}\n',
            "traits.yaml:3:7: a sign says how sure it makes you",
        ),
        (
            'organic:\n  signs:\n    - {rule: "true", against: 9%}\n',
            "traits.yaml:2:3: a trait needs a sign that speaks",
        ),
        ("organic:\n  signs: []\n", "traits.yaml:2:10: "),
        ("organic: {title: x}\n", "traits.yaml:1:10: the key 'signs' is missing"),
        ("or ganic:\n  signs:\n" + SIGN, "traits.yaml:1:1: 'or ganic' is no name for a trait"),
        ("- organic\n", "traits.yaml:1:1: must hold `key: value` lines"),
        (
            'organic:\n  signs:\n    - {rule: "contry == null", confidence: 5%}\n',
            "traits.yaml:3:14: unknown name 'contry' (did you mean 'country'?)",
        ),
        (
            "organic:\n  signs:\n    - {rule: traits.organic, confidence: 5%}\n",
            "traits.yaml:3:14: a trait is told from what people are and do, not from traits",
        ),
        ("organic:\n  signs:\n" + 10 * SIGN.replace("50%", "51%"), "traits.yaml:2:3: these are too many signs"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "traits.yaml").write_text(text)
    settings = Settings(name="x", sender={"name": "x", "email": "x@example.com"}, currency="EUR", timezone="UTC")
    found = [str(problem) for problem in segments.problems(tmp_path, settings)]
    assert found[0].startswith(told), found


def test_a_broken_trait_breaks_only_what_names_it(shop: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    broken = TRAITS.replace("attributes.values contains", "values contains")
    (shop.root / "traits.yaml").write_text(broken)
    assert meant(shop, "stingy") == [3]
    assert [one.name for one in traits.of_contact(known(shop), shop.store.db, 1, now=NOW)] == ["calm"]
    assert main.run(["segment", "likely", "--workspace", str(shop.root)]) == 78
    assert "trait 'organic' in traits.yaml is wrong: unknown name 'values'" in capsys.readouterr().err
    assert main.run(["doctor", "--workspace", str(shop.root)]) != 0
    assert "traits.yaml:4:13" in capsys.readouterr().out


def test_without_the_file_and_with_an_empty_one_there_are_no_traits(shop: Workspace) -> None:
    (shop.root / "traits.yaml").write_text("# nothing yet\n")
    assert known(shop).traits == {}
    (shop.root / "traits.yaml").unlink()
    assert known(shop).traits == {}
    (shop.root / "traits.yaml").write_text("a: &x 1\n")
    with pytest.raises(ProblemsError):
        known(shop)


def test_the_favourite_is_in_most_orders_and_of_two_the_later(shop: Workspace) -> None:
    with shop.store.transaction() as tx:
        goods(tx, [(4, "tea"), (5, "Cups")])
        for days, products in ((40, [4, 4, 4, 5]), (30, [5]), (20, [4]), (10, [5])):
            order(tx, 4, NOW - days * DAY, 100, products)
        order(tx, 4, NOW + 2 * DAY, 100, [4])  # has not happened yet
        recount(tx)
        imports.data_changed(tx)
    segments = known(shop)
    assert meant(shop, 'favourite.category == "cups"') == [4]
    assert meant(shop, "favourite.category == null") == []
    tea = segments.parse('favourite.category == "TEA"')
    assert list(segments.members(shop.store, tea, now=NOW + 3 * DAY)) == [4]
    assert segments.means(shop.store.db, tea, 4, now=NOW + 3 * DAY)
    assert not segments.means(shop.store.db, tea, 4, now=NOW)
    with shop.store.transaction() as tx:
        tx.execute("UPDATE contacts SET merged_into = 2 WHERE id = 4")
    end = clock.to_ms(NOW + DAY)
    assert favourites.categories(shop.store.db, [1, 2, 3], until=end) == {1: "Organic", 2: "Cups", 3: "Mugs"}
    past = members.written(shop, 'favourite.category == "tea"')
    assert list(members.found(shop, past, now=NOW, as_of=clock.parse_date("2026-02-15")).contact_ids) == [2]
