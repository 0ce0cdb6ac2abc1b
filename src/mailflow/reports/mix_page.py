"""Make the page of the mix: how much of people's mail is promotion. The page is mix_page.html beside this file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from mailflow import clock
from mailflow.analytics.mix import Mix
from mailflow.config import Settings
from mailflow.reports import pages


def render(mix: Mix, settings: Settings, sentences: Sequence[str], *, now: datetime) -> str:
    """Return the page as one HTML file; `sentences` say the figures in words."""
    return pages.template("mix_page.html").render(
        shop=settings.name,
        mix=mix,
        sentences=sentences,
        most=max((band.people for band in mix.bands), default=0) or 1,
        first=clock.local_date(mix.since, settings.zone),
        last=clock.local_date(mix.until, settings.zone),
        made_at=clock.wall_text(now, settings.zone),
    )
