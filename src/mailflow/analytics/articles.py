"""Rank articles for one person by how much of what they care about each is about. Products: recommend.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

_DIGITS = 9

Interests = Mapping[str, float]  # topic in small letters → how much of their attention it got


@dataclass(frozen=True, slots=True)
class Article:
    """One thing to read. `topics` are as they were written; None where nobody said when it came out."""

    title: str
    url: str
    topics: tuple[str, ...] = ()
    published_on: date | None = None
    summary: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An article for one person; `topic` is the one of its topics they care most about, None where for none."""

    article: Article
    topic: str | None


def choose(
    articles: Iterable[Article], interests: Interests, *, seen: Collection[str], today: date, items: int
) -> list[Choice]:
    """Return up to `items` articles, the one that is most about their interests first, then the newest.

    An article's score is the sum of the shares that its topics have of all interests (a content profile: Pazzani &
    Billsus 2007). What they got or read (`seen`, by URL) and what is not out yet is left out.
    """
    total = sum(interests.values())
    ranked = []
    for article in articles:
        if article.url in seen or (article.published_on is not None and article.published_on > today):
            continue
        shares = {topic: interests.get(topic.casefold(), 0.0) / total if total else 0.0 for topic in article.topics}
        score = round(sum(shares.values()), _DIGITS)
        newest = -(article.published_on or date.min).toordinal()
        best = min(shares, key=lambda topic: (-shares[topic], topic), default=None) if score else None
        ranked.append(((-score, newest, article.url), Choice(article, best)))
    return [choice for _, choice in sorted(ranked, key=lambda one: one[0])[:items]]
