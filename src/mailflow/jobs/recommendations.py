"""Recommendations as a whole: whether they are to be computed again, how good they are, what one person is shown.

The sums: analytics/. What is kept and looked up: scoring/recommend, scoring/suggest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mailflow import clock
from mailflow.outbox import context
from mailflow.scoring.suggest import Suggester, is_stale
from mailflow.templates.reasons import with_reasons
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.analytics.holdout import Evaluation, Figures

WORD = "recommendations"  # what a template says that shows them
COLUMNS = (
    "goal method people ndcg ndcg_low ndcg_high hit_rate hit_rate_low hit_rate_high ratio ratio_low ratio_high"
).split()

CHANCE_COLUMNS = (
    "group chance shown bought bought_low bought_high brier brier_popular brier_constant log_loss log_loss_popular"
    " log_loss_constant"
).split()


@dataclass(frozen=True, slots=True)
class Report:
    """How good recommendations would have been from the day `tested_from` to the day `tested_to`."""

    tested_from: date | None
    tested_to: date | None
    evaluation: Evaluation

    def chances(self) -> list[dict[str, Any]]:
        """Return what the chances were worth with the keys that the JSON promises: each chance told, then all."""
        forecast = self.evaluation.forecast
        if forecast is None:
            return []
        groups = [
            {
                "chance": round(group.chance, 4),
                "shown": group.shown,
                "bought": round(group.bought, 4),
                "bought_low": round(group.low, 4),
                "bought_high": round(group.high, 4),
            }
            for group in forecast.groups
        ]
        names = CHANCE_COLUMNS[6:]
        whole = {"chance": round(forecast.expected, 4), "shown": forecast.shown, "bought": round(forecast.bought, 4)}
        worth = {name: round(getattr(forecast, name), 6) for name in names}
        nothing = dict.fromkeys(names)
        rows = [{"group": "same chance", **group, **nothing} for group in groups]
        return [*rows, {"group": "all", **whole, "bought_low": None, "bought_high": None, **worth}]

    def records(self) -> list[dict[str, Any]]:
        """Return the figures with the keys that the JSON promises."""
        return [_record(figures) for figures in self.evaluation.figures]


def are_due(workspace: Workspace, *, now: datetime) -> bool:
    """Say whether a template shows recommendations and what was found out is of other data or settings."""
    return _are_asked_for(workspace) and is_stale(workspace.store.db, workspace.settings, now=now)


def evaluate(workspace: Workspace, *, since: date | None, now: datetime) -> Report:
    """Return how well what was known before a day would have done from then on; by default the last fifth is tested."""
    from mailflow.analytics import blend, holdout
    from mailflow.scoring import recommend

    settings, zone = workspace.settings, workspace.settings.zone
    bought = recommend.load(workspace.store.db, settings, until=clock.to_ms(now))
    purchases = bought.purchases
    if len(purchases) and since is None:
        since = clock.local_date(clock.from_ms(blend.split_at(purchases)), zone)
    at = 0 if since is None else clock.to_ms(clock.end_of_day(since - timedelta(days=1), zone))
    choices = recommend.choices_of(bought, settings)
    evaluation = holdout.evaluate(purchases, len(bought.products), choices, at=at)
    last = clock.local_date(clock.from_ms(int(purchases.at.max())), zone) if len(purchases) else None
    return Report(since, last, evaluation)


def shown_to(workspace: Workspace, contact_id: int, *, now: datetime) -> Sequence[dict[str, Any]]:
    """Return what a contact would be shown now, the best first, each with its reason in the contact's language."""
    db, settings = workspace.store.db, workspace.settings
    contact = context.contact_context(db, contact_id, settings=settings, now=now)["contact"]
    items = Suggester(db, settings).items({contact_id: contact}, now=now)[contact_id]
    return with_reasons(items, contact.get("language") or settings.language)


def _are_asked_for(workspace: Workspace) -> bool:
    return any(
        WORD in path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(workspace.templates.rglob("*"))
        if path.is_file() and path.suffix in {".md", ".html", ".mjml", ".txt"}
    )


def _record(figures: Figures) -> dict[str, Any]:
    record: dict[str, Any] = {"goal": str(figures.goal), "method": str(figures.method), "people": figures.people}
    for name in ("ndcg", "hit_rate", "ratio"):
        interval = getattr(figures, name)
        for ending, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            record[f"{name}{ending}"] = None if interval is None else round(getattr(interval, part), 4)
    return record
