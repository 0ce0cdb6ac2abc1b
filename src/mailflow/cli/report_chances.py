"""`mailflow report recommendations --chances`: each chance told beside the share that was bought."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mailflow.jobs.recommendations import Report


def chances_table(found: Report) -> RenderableType:
    """Return the chances that were told, what became of them, and what they were worth against popularity alone."""
    from rich.console import Group

    from mailflow.cli.tables import rows_table

    told = found.evaluation.forecast
    if told is None:
        return "Too early to say: too few people bought, before the test and in it, to tell chances."
    headings = ["chance told", "products shown", "bought", "95 % interval"]
    rows = [
        (f"{group.chance:.2%}", f"{group.shown:,}", f"{group.bought:.2%}", f"{group.low:.2%} to {group.high:.2%}")
        for group in told.groups
    ]
    worth = [
        ("chances told", f"{told.brier:.5f}", f"{told.log_loss:.5f}"),
        ("popularity alone", f"{told.brier_popular:.5f}", f"{told.log_loss_popular:.5f}"),
        ("one chance for all", f"{told.brier_constant:.5f}", f"{told.log_loss_constant:.5f}"),
    ]
    return Group(
        f"Learned before {found.tested_from}; what was bought within {told.days} days of then."
        f" Expected {told.expected:.2%}, bought {told.bought:.2%}.",
        rows_table(rows, headings, numbers=headings),
        rows_table(worth, ["less is better", "Brier score", "log loss"], numbers=["Brier score", "log loss"]),
    )
