"""Lint one template for all recipients of a campaign, against only rendering it for them.

Both decide who the recipients are, read what is known of each, and render HTML, text, subject and preheader; lint then
looks at every message. In turn, in one process; processor time, because the machine may be busy with other things.
The letter is that of send_bench.py: 10 KB, 20 links, names and towns in it, and parts that only some people get.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from mailflow.jobs import campaign as campaign_job
from mailflow.jobs import lint, personal
from mailflow.workspace import Workspace
from send_bench import FRONT_MATTER, LETTER, SETTINGS, mailflow

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
BLOCK = 500
WANTED = 1.5
NAMES = ("Anna", "Jürgen", "Zoë", "Marek", "Niamh")
FAMILIES = ("Müller", "O'Reilly", "Nowak", "García", "Smith", "Novák", "Rossi")
TOWNS = ("Freiburg", "Lyon", "Kraków", "Cork")
LOCAL = "{% if contact.city == 'Cork' %}<p>Come and see us in Cork.</p>{% endif %}</body>"


def make_workspace(folder: Path, people: int) -> Workspace:
    """Return a workspace with a campaign to everybody; the people of one town read another part."""
    root = folder / "shop"
    mailflow(root, "init", root)
    settings = SETTINGS.partition("relay:")[0].format()
    (root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    html = (LETTER / "letter.html").read_text(encoding="utf-8")
    (root / "templates" / "letter.html").write_text(FRONT_MATTER + html.replace("</body>", LOCAL), encoding="utf-8")
    (root / "campaigns" / "letter.yaml").write_text("audience: everyone\ntemplate: letter\n", encoding="utf-8")
    lines = [
        f"reader{number}@customers.example,{NAMES[number % 5]},{FAMILIES[number % 7]},{TOWNS[number % 4]}"
        for number in range(people)
    ]
    (folder / "contacts.csv").write_text(
        "\n".join(["email,first_name,last_name,city", *lines]) + "\n", encoding="utf-8"
    )
    mailflow(root, "import", folder / "contacts.csv", "--consent", "express", "--evidence", "benchmark")
    return Workspace.at(root)


def render(workspace: Workspace) -> None:
    """Render the campaign for everybody."""
    campaign = campaign_job.open_campaign(workspace, "letter")
    recipients = campaign.plan(NOW).recipients
    renderer = campaign.renderer()
    asked = personal.asked(workspace, [campaign.template], now=NOW)
    for start in range(0, len(recipients), BLOCK):
        ids = [person.contact_id for person in recipients[start : start + BLOCK]]
        for known in personal.contexts_of(workspace, asked, ids, now=NOW).values():
            renderer.render(known, token="lint")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), options.people)
        names = lint.Options(("letter",))
        rendering, linting = [], []
        for _ in range(options.rounds):
            begun = time.process_time()
            render(workspace)
            between = time.process_time()
            report = lint.lint(workspace, names, now=NOW)
            rendering.append(between - begun)
            linting.append(time.process_time() - between)
    ratios = [mine / bare for mine, bare in zip(linting, rendering, strict=True)]
    print(f"{report.messages:,} messages, {len(report.findings)} findings")
    print(
        f"rendering {statistics.median(rendering):.2f} s, linting {statistics.median(linting):.2f} s of the processor"
    )
    told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    print(f"lint ÷ rendering: {told}; to reach: at most {WANTED}")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
