"""Which articles of articles.csv each of some contacts is to read next. The ranking: analytics/articles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mailflow import clock
from mailflow.analytics.articles import Article, Choice, choose
from mailflow.config import Settings
from mailflow.errors import UsageError
from mailflow.places.tables import Line, Table
from mailflow.store import Connection
from mailflow.store import articles as kept

ARTICLES_FILE = "articles.csv"
_COLUMNS = {
    "title": ("title", "headline", "titel", "titre", "titolo", "título"),
    "url": ("url", "link", "permalink", "address"),
    "topics": ("topics", "topic", "tags", "categories", "category", "themen", "thema"),
    "published_on": ("published_on", "published_at", "published", "date", "datum"),
    "summary": ("summary", "excerpt", "description", "teaser"),
    "image_url": ("image_url", "image", "picture", "bild"),
}
_READ = 2  # a link they followed tells of an interest as much as so many products they bought


class Librarian:
    """Chooses articles for contacts. `ProblemsError` where articles.csv is wrong; no file is no articles."""

    def __init__(self, db: Connection, settings: Settings, root: Path) -> None:
        self._db = db
        self._settings = settings
        self._articles = read(root / ARTICLES_FILE)
        self._topics = {_page(article.url): article.topics for article in self._articles}

    def items(self, contact_ids: Collection[int], *, now: datetime) -> dict[int, list[dict[str, Any]]]:
        """Return the articles for contacts by id: `title url topics topic published_on summary image_url`."""
        if not self._articles:
            return {contact_id: [] for contact_id in contact_ids}
        until, today = clock.to_ms(now), clock.local_date(now, self._settings.zone)
        interests: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for contact_id, category, products in kept.categories(self._db, contact_ids, until=until):
            interests[contact_id][category.casefold()] += products
        seen: dict[int, set[str]] = defaultdict(set)
        for contact_id, url in kept.shown(self._db, contact_ids, rehearsal=self._settings.relay is None):
            seen[contact_id].add(url)
        by_page = {_page(article.url): article.url for article in self._articles}
        for contact_id, url in kept.links(self._db, contact_ids, until=until):
            for topic in self._topics.get(_page(url), ()):
                interests[contact_id][topic.casefold()] += _READ
            if _page(url) in by_page:
                seen[contact_id].add(by_page[_page(url)])
        items = self._settings.recommendations.articles
        return {
            contact_id: [
                _item(choice)
                for choice in choose(
                    self._articles, interests[contact_id], seen=seen[contact_id], today=today, items=items
                )
            ]
            for contact_id in contact_ids
        }


def read(path: Path) -> list[Article]:
    """Return the articles of a file; none where there is no file. `ProblemsError` lists the lines that are wrong."""
    if not path.exists():
        return []
    table = Table(path, _COLUMNS)
    found: dict[str, Article] = {}
    for line in table.lines():
        try:
            article = _article(line)
        except (ValueError, UsageError) as error:
            table.refuse(line.number, str(error))
            continue
        if article.url in found:
            table.refuse(line.number, f"{article.url} is in the file twice")
        found[article.url] = article
    table.done()
    return list(found.values())


def _article(line: Line) -> Article:
    cells = line.cells
    title, url = cells.get("title", ""), cells.get("url", "")
    if not title:
        raise ValueError("the title is missing")
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} is no address of a page: write https://…")
    parts = (part.strip() for part in cells.get("topics", "").replace(";", ",").replace("|", ",").split(","))
    published: date | None = clock.parse_date(cells["published_on"]) if cells.get("published_on") else None
    return Article(
        title,
        url,
        tuple(dict.fromkeys(part for part in parts if part)),
        published,
        cells.get("summary") or None,
        cells.get("image_url") or None,
    )


def _page(url: str) -> str:
    """Return what two links to one page have in common: no scheme, query or fragment, no slash at the end."""
    parts = urlsplit(url)
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _item(choice: Choice) -> dict[str, Any]:
    article = choice.article
    return {
        "title": article.title,
        "url": article.url,
        "topics": list(article.topics),
        "topic": choice.topic,
        "published_on": article.published_on,
        "summary": article.summary,
        "image_url": article.image_url,
    }
