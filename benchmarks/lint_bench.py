"""Lint one template for all recipients of a campaign, against rendering and building the messages that it looks at.

All three decide who the recipients are and read what is known of each. *render* makes HTML, text, subject and
preheader; *render + build* also the bytes, as a send does; *lint* renders, looks at every message, and reads every file
of the workspace. In turn, in one process; processor time, because the machine may be busy with other things.

The letter is that of send_bench.py: 10 KB, 20 links, a part that only some people get. Its readers have names of
their own. *keyed*: each link also has the reader's key, so that no two messages have a link in common.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from mailflow.jobs import campaign as campaign_job
from mailflow.jobs import lint, personal
from mailflow.outbox.render import Renderer
from mailflow.workspace import Workspace
from paired import clean_environment
from send_bench import FRONT_MATTER, LETTER, SETTINGS, mailflow

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
BLOCK = 500
WANTED = 1.5
SEED = 20
CAMPAIGNS = ("letter", "keyed")
FIRST = ("An", "Ju", "Ma", "Zo", "Ni", "El", "Ka", "Jo"), ("na", "ra", "lia", "rek", "mh", "ën", "sa", "si", "tje", "")
LAST = (
    ("Mül", "Gar", "No", "Smi", "Ros", "Ó Br", "Da", "Hol"),
    ("ler", "vá", "th", "in", "sen", "mann", "ri", "berg"),
)
LAST_END = ("", "ová", "son", "er", "ski", "ini", "-Lang", "a", "dottir", "s", "et", "wick")
TOWNS = ("Freiburg", "Lyon", "Kraków", "Cork")
LOCAL = "{% if contact.city == 'Cork' %}<p>Come and see us in Cork.</p>{% endif %}</body>"


def make_workspace(folder: Path, people: int) -> Workspace:
    """Return a workspace with two campaigns to everybody; the people of one town read another part."""
    root = folder / "shop"
    mailflow(root, "init", root)
    settings = SETTINGS.partition("relay:")[0].format()
    (root / "mailflow.yaml").write_text(settings, encoding="utf-8")
    html = (LETTER / "letter.html").read_text(encoding="utf-8").replace("</body>", LOCAL)
    keyed = html.replace("?from=letter", "?from=letter&amp;c={{ contact.key }}")
    for name, text in zip(CAMPAIGNS, (html, keyed), strict=True):
        (root / "templates" / f"{name}.html").write_text(FRONT_MATTER + text, encoding="utf-8")
        (root / "campaigns" / f"{name}.yaml").write_text(f"audience: everyone\ntemplate: {name}\n", encoding="utf-8")
    dice = random.Random(SEED)
    lines = [f"reader{number}@customers.example,{_name(dice)},{TOWNS[number % 4]}" for number in range(people)]
    (folder / "contacts.csv").write_text(
        "\n".join(["email,first_name,last_name,city", *lines]) + "\n", encoding="utf-8"
    )
    mailflow(root, "import", folder / "contacts.csv", "--consent", "express", "--evidence", "benchmark")
    return Workspace.at(root)


def _name(dice: random.Random) -> str:
    """Return a made-up first and last name; there are 80 and 9,000 of them."""
    last = "".join(map(dice.choice, (*LAST, *LAST, LAST_END)))
    return f"{''.join(map(dice.choice, FIRST))},{last.title()}"


Make = Callable[[Renderer, dict[str, object]], object]


def render(renderer: Renderer, known: dict[str, object]) -> object:
    return renderer.render(known, token="lint")


def build(renderer: Renderer, known: dict[str, object]) -> object:
    address = str(known["contact"]["email"])  # type: ignore[index]
    return renderer.content(0, address=address, token="lint", context=known, now=NOW)


def make_all(workspace: Workspace, name: str, make: Make) -> None:
    """Make the messages of a campaign for everybody."""
    campaign = campaign_job.open_campaign(workspace, name)
    recipients = campaign.plan(NOW).recipients.ids
    renderer = campaign.renderer()
    asked = personal.asked(workspace, [campaign.template], now=NOW)
    for start in range(0, len(recipients), BLOCK):
        ids = recipients[start : start + BLOCK].tolist()
        for known in personal.contexts_of(workspace, asked, ids, now=NOW).values():
            make(renderer, known)


def measure(workspace: Workspace, name: str, rounds: int) -> None:
    """Time the three in turn and print a row of the table."""
    tasks: dict[str, Callable[[], object]] = {
        "render": lambda: make_all(workspace, name, render),
        "render + build": lambda: make_all(workspace, name, build),
        "lint": lambda: lint.lint(workspace, lint.Options((name,)), now=NOW),
    }
    times: dict[str, list[float]] = {task: [] for task in tasks}
    for _ in range(rounds):
        for task, run in tasks.items():
            begun = time.process_time()
            run()
            times[task].append(time.process_time() - begun)
    seconds = ", ".join(f"{task} {statistics.median(each):.2f} s" for task, each in times.items())
    print(f"{name}: {seconds} of the processor")
    for task in ("render + build", "render"):
        ratios = [mine / theirs for mine, theirs in zip(times["lint"], times[task], strict=True)]
        told = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        print(f"  lint ÷ {task}: {told}" + (f"; to reach: at most {WANTED}" if task == "render + build" else ""))


def peak(workspace: Workspace, name: str) -> float:
    """Return the most memory, in MiB, that a process of its own takes to lint a campaign."""
    words = [sys.executable, __file__, "--peak-of", str(workspace.root), name]
    done = subprocess.run(words, env=clean_environment(), capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peak-of", nargs=2, metavar=("WORKSPACE", "CAMPAIGN"))
    options = parser.parse_args()
    if options.peak_of:
        lint.lint(Workspace.at(Path(options.peak_of[0])), lint.Options((options.peak_of[1],)), now=NOW)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder), options.people)
        print(f"{options.people:,} people, {options.rounds} rounds")
        for name in CAMPAIGNS:
            measure(workspace, name, options.rounds)
            print(f"  peak of lint {peak(workspace, name):.0f} MiB")


if __name__ == "__main__":
    main()
