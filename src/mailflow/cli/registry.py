"""The list of commands, in the order that help shows them. A command's code is imported only when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """Where a command lives: a function made by `frame.command`, or a `typer.Typer` for a group of them."""

    module: str
    attribute: str
    summary: str


def _entry(name: str, summary: str, *, module: str | None = None) -> tuple[str, CommandEntry]:
    attribute = f"{name}_" if name == "import" else name
    return name, CommandEntry(f"mailflow.cli.{module or attribute}", attribute, summary)


COMMANDS: Mapping[str, CommandEntry] = MappingProxyType(
    dict(
        [
            _entry("init", "Make a workspace with templates and campaigns that run as they are."),
            _entry("demo", "Run the whole main job on sample data, into a mailbox folder."),
            _entry("import", "Read contacts and orders from CSV files."),
            _entry("segment", "Show who is who: the RFM report, or a segment's members."),
            _entry("score", "Compute and store scores; `run` does it when due."),
            _entry("export", "Hand data over: contacts, orders, events … as CSV, JSON or Parquet."),
            _entry("lint", "Check every file, and every template for every recipient."),
            _entry("preview", "Show what one person would get."),
            _entry("draft", "Word a template anew, as drafts for you to read and sign."),
            _entry("plan", "Show who would get what and when, who would not, and why."),
            _entry("send", "Send one campaign; who has it does not get it again."),
            _entry("run", "Do everything that is due, then exit: the line for cron."),
            _entry("status", "Show what is waiting, in doubt or failed."),
            _entry("outbox", "List and show messages, one row per recipient."),
            _entry("stop", "Stop sending, of everything or of one campaign, at once."),
            _entry("resume", "Take a stop back."),
            _entry("offers", "Show offers: codes free, given and redeemed, and whose a code is."),
            _entry("poll", "Record answers to polls: from a log or a mailbox, or by hand."),
            _entry("report", "Tell what came out: how good recommendations are."),
            _entry("why", "Explain why a person got something, or did not."),
            _entry("contact", "Show one person; subscribe, unsubscribe, suppress, merge."),
            _entry("doctor", "Say what is wrong and how to mend it; where each field comes from."),
        ]
    )
)
