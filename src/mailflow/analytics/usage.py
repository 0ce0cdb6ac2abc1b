"""How well somebody's use of a product goes: a score from 0 to 100 with its causes. The events: store/usage.

The score compares a person with their own earlier self: who always came once a week is not ill for coming once a week.
Of the present period (the last `period` days) and the one before it, with a day as the unit:

* recency (40 points): 1 while the time since they were last active is within their usual gap between active days,
  falling in a straight line to 0 at four times that gap. The gap is that of both periods together, at least a day, and
  a week where there is only one active day.
* frequency (30 points): active days now ÷ active days in the earlier period, at most 1. Who has no earlier period is
  measured against one active day a week.
* breadth (30 points): features used now ÷ features used in the earlier period, at most 1. Where nobody names features
  it is the frequency.

It is a rule of thumb, not a model: it predicts nothing, and says in its causes what it comes from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

PERIOD = timedelta(days=28)
RECENCY_POINTS, FREQUENCY_POINTS, BREADTH_POINTS = 40, 30, 30
_GONE_AFTER = 4  # usual gaps
_WEEK = 7

Activity = tuple[datetime, str | None]  # when, and with which feature


@dataclass(frozen=True, slots=True)
class Cause:
    """One part of a score: its name, the points it brought of those it could, and why."""

    name: str
    points: int
    of: int
    text: str


@dataclass(frozen=True, slots=True)
class UsageHealth:
    """How somebody uses a product. `unused` are features that others use and they did not in the present period."""

    score: int
    causes: Sequence[Cause]
    last_active_at: datetime
    used: Sequence[str]
    unused: Sequence[str]


def health(
    activity: Sequence[Activity], *, now: datetime, known_features: Collection[str] = (), period: timedelta = PERIOD
) -> UsageHealth | None:
    """Return the health of one person's use, None for somebody who was never active.

    `activity` is at least that of the last two periods before `now`, the oldest first; later ones are left out.
    """
    told = [(at, feature) for at, feature in activity if at <= now]
    if not told:
        return None
    starts = now - period
    present = [each for each in told if each[0] > starts]
    earlier = [each for each in told if starts - period < each[0] <= starts]
    used = sorted({feature for _, feature in present if feature})
    used_before = {feature for _, feature in earlier if feature}
    frequency = _frequency(present, earlier, period)
    causes = [
        _recency(told[-1][0], [*earlier, *present], now),
        frequency,
        _breadth(used, used_before, frequency),
    ]
    unused = sorted((set(known_features) | used_before) - set(used))
    return UsageHealth(sum(cause.points for cause in causes), causes, told[-1][0], used, unused)


def _recency(last: datetime, recent: Sequence[Activity], now: datetime) -> Cause:
    days = _days(recent)
    gap = max(1.0, (days[-1] - days[0]).days / (len(days) - 1)) if len(days) > 1 else float(_WEEK)
    since = max(0.0, (now - last) / timedelta(days=1))
    share = min(1.0, max(0.0, (_GONE_AFTER * gap - since) / ((_GONE_AFTER - 1) * gap)))
    text = f"last active {since:.0f} days ago, usually every {gap:.0f}"
    return Cause("recency", round(RECENCY_POINTS * share), RECENCY_POINTS, text)


def _frequency(present: Sequence[Activity], earlier: Sequence[Activity], period: timedelta) -> Cause:
    now, before = len(_days(present)), len(_days(earlier))
    wanted = before or max(1, period.days // _WEEK)
    than = f"{before} in the period before" if before else "no earlier period to compare with"
    share = min(1.0, now / wanted)
    return Cause("frequency", round(FREQUENCY_POINTS * share), FREQUENCY_POINTS, f"{now} active days, {than}")


def _breadth(used: Collection[str], before: Collection[str], frequency: Cause) -> Cause:
    if before:
        share = min(1.0, len(used) / len(before))
        text = f"{len(used)} features used, {len(before)} in the period before"
    elif used:
        share, text = 1.0, f"{len(used)} features used, none in the period before"
    else:
        share, text = frequency.points / frequency.of, "no features are named: as the frequency"
    return Cause("breadth", round(BREADTH_POINTS * share), BREADTH_POINTS, text)


def _days(activity: Sequence[Activity]) -> list[date]:
    return sorted({at.date() for at, _ in activity})
