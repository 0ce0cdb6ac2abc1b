"""Articles: ranked by what somebody cares about, and nobody gets one twice."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from import_shop import ImportShop
from mail_shop import SETTINGS, make_shop, write_campaign
from mailflow.analytics.articles import Article, choose
from mailflow.cli import main
from mailflow.config import Settings
from mailflow.errors import ProblemsError
from mailflow.scoring.articles import Librarian, read
from mailflow.store import articles, contents, messages
from mailflow.store.contents import Content
from people import add_message

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ARTICLES = """\
title,url,topics,published_on
Brewing,https://tea.example/brewing,"Tea, Water",2026-01-01
Glazes,https://tea.example/glazes,Ware,2026-02-01
News,https://tea.example/news,,2026-03-01
Soon,https://tea.example/soon,Tea,2027-01-01
"""
TODAY = date(2026, 3, 20)
TEMPLATE = """\
---
subject: Something to read
---
{% for a in articles %}
[{{ a.title }}]({{ a.url }})
{% else %}
Nothing new.
{% endfor %}
"""


def article(name: str, *topics: str, day: int = 1) -> Article:
    return Article(name, f"https://x.example/{name}", topics, date(2026, 1, day))


def test_the_most_of_their_interests_comes_first_then_the_newest() -> None:
    some = [article("a", day=9), article("b", "Tea"), article("c", "Tea", "Ware"), article("d", "Clay", day=8)]
    found = choose(some, {"tea": 3, "ware": 1}, seen=(), today=TODAY, items=9)
    assert [(one.article.title, one.topic) for one in found] == [("c", "Tea"), ("b", "Tea"), ("a", None), ("d", None)]
    assert [one.article.title for one in choose(some, {}, seen=(), today=TODAY, items=2)] == ["a", "d"]


def test_what_they_had_or_is_not_out_is_left_out() -> None:
    some = [article("a"), article("b", day=25)]
    assert choose(some, {}, seen={"https://x.example/a"}, today=date(2026, 1, 24), items=9) == []


def test_interests_come_from_what_they_bought_and_read(tmp_path: Path) -> None:
    shop = ImportShop(tmp_path)
    (tmp_path / "articles.csv").write_text(ARTICLES, encoding="utf-8")
    shop.take("product id,name,category,price\nt,Sencha,Tea,5\nb,Bowl,Ware,9\n", "products.csv")
    shop.take("order id,email,date,product id,total\n1,ada@example.com,2026-11-01,t,5\n", "orders.csv")
    shop.take("email\nbob@example.com\n", "people.csv")
    shop.take(
        "event,timestamp,email,url\n"
        "page_viewed,2026-11-02T10:00:00Z,bob@example.com,http://tea.example/glazes/?utm_source=mail\n",
        "events.csv",
    )
    settings = Settings.model_validate(
        {"name": "T", "sender": {"name": "M", "email": "m@t.example"}, "currency": "EUR", "timezone": "Europe/Vienna"}
    )
    ada, bob = (shop.contact(f"{name}@example.com").id for name in ("ada", "bob"))
    found = Librarian(shop.db, settings, tmp_path).items([ada, bob], now=NOW)
    assert [(one["title"], one["topic"]) for one in found[ada]] == [
        ("Brewing", "Tea"),
        ("News", None),
        ("Glazes", None),
    ]
    assert [one["title"] for one in found[bob]] == ["News", "Brewing"]  # what they read is not sent


def test_every_wrong_line_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "articles.csv"
    path.write_text(
        "title,url,date\n,https://a.example,\nA,ftp://a.example,\nB,https://b.example,soon\n", encoding="utf-8"
    )
    with pytest.raises(ProblemsError) as caught:
        read(path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]
    assert read(tmp_path / "none.csv") == []


def test_nobody_gets_an_article_twice(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=2)
    settings = SETTINGS + "recommendations: {articles: 2}\n"
    (shop.root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    (shop.root / "articles.csv").write_text(ARTICLES, encoding="utf-8")
    (shop.root / "templates" / "read.md").write_text(TEMPLATE, encoding="utf-8")
    sent = []
    for number in range(3):
        write_campaign(shop.root, f"read{number}", "audience: everyone\ntemplate: read\n")
        words = ["send", f"read{number}", "--yes", "--quiet", "--now", f"2026-03-2{number}T10:00"]
        assert main.run([*words, "--workspace", str(shop.root)]) == 0
        mails = {path: path.read_text(encoding="utf-8") for path in shop.maildir.rglob("*") if path.is_file()}
        sent.append(sorted(set(re.findall(r"tea\.example/(\w+)", "".join(mails.values())))))
        for path in mails:
            path.unlink()
    assert sent == [["glazes", "news"], ["brewing"], []]


def test_two_letters_of_one_run_have_different_articles(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=3)
    settings = SETTINGS + "recommendations: {articles: 1}\n"
    (shop.root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    (shop.root / "articles.csv").write_text(ARTICLES, encoding="utf-8")
    (shop.root / "templates" / "read.md").write_text(TEMPLATE, encoding="utf-8")
    for name in ("one", "two"):
        write_campaign(shop.root, name, "audience: everyone\ntemplate: read\nsend_at: 2026-03-20 12:00\n")
        words = ["send", name, "--yes", "--quiet", "--now", "2026-03-20T10:00", "--workspace", str(shop.root)]
        assert main.run(words) == 0
    assert main.run(["run", "--quiet", "--now", "2026-03-20T12:00", "--workspace", str(shop.root)]) == 0
    rows = shop.store.db.execute("SELECT contact_id, url, message_id FROM articles_shown").fetchall()
    assert len(rows) == len({row["message_id"] for row in rows}) == 6
    assert len({(row["contact_id"], row["url"]) for row in rows}) == 6
    letters = [path.read_text(encoding="utf-8") for path in shop.maildir.rglob("*.eml")]
    shown = Counter(name for letter in letters for name in set(re.findall(r"tea\.example/(\w+)", letter)))
    assert sorted(shown.values()) == [3, 3]


def test_a_letter_that_is_made_anew_may_have_the_same_articles(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", people=1)
    with shop.store.transaction() as tx:
        message = add_message(tx, 1, "p1@example.com", now=NOW)
        contents.keep(tx, [Content(message, "a@b.example", "p1@example.com", "Hi", b"x")], at=0)
        articles.note(tx, [("https://tea.example/news", message)])
    assert [tuple(row) for row in articles.shown(shop.store.db, [1], rehearsal=False)] == [
        (1, "https://tea.example/news")
    ]
    with shop.store.transaction() as tx:
        messages.thaw(tx, "campaign:spring")
    assert articles.shown(shop.store.db, [1], rehearsal=False) == []
