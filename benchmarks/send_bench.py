"""Send 5,000 personal letters of 10 KB to Postfix's smtp-sink, against nodemailer's pool and two other senders.

Every contender is one process timed as a whole. All but smtp-source, which sends ready bytes and shows the limit of the
wire, render HTML and text from the same template files for each recipient. mailflow also reads its people from the
database, decides about each, and makes every message durable before its final dot; the others keep no record at all.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from paired import BIN, Contender, Limit, clean_environment, compare, compile_sources, report

HERE = Path(__file__).parent
LETTER = HERE / "letter"
PEERS = HERE / "peers"
MESSAGES = 5000
CONNECTIONS = 10
SEED = 5000

SETTINGS = """\
name: The Bakery
address: Backgasse 3, 79098 Freiburg, Germany
currency: EUR
timezone: Europe/Berlin
language: en
sender: {{name: The Bakery, email: news@bakery.example}}
unsubscribe: {{mailto: leave@bakery.example}}
relay: {{host: 127.0.0.1, port: {port}, tls: none, connections: {connections}}}
"""
FRONT_MATTER = '---\nsubject: "{{ contact.first_name }}, news from the oven"\n---\n'
CAMPAIGN = "audience: everyone\ntemplate: letter\n"

Recipient = Mapping[str, str]


def recipients() -> list[Recipient]:
    """Return made-up readers with names in several languages, always the same."""
    dice = random.Random(SEED)
    return [
        {
            "email": f"reader{number}@customers.example",
            "first_name": dice.choice(["Anna", "Jürgen", "Zoë", "Marek", "Niamh"]),
            "last_name": dice.choice(["Müller", "O'Reilly", "Nowak", "García", "Smith"]),
            "city": dice.choice(["Freiburg", "Lyon", "Kraków", "Cork"]),
            "token": f"{dice.getrandbits(64):016x}",
        }
        for number in range(MESSAGES)
    ]


def need(*programs: str) -> None:
    """Leave with a clear word when a program that this benchmark is about is missing."""
    search = "/usr/sbin:/sbin"
    missing = [name for name in programs if not (shutil.which(name) or shutil.which(name, path=search))]
    if missing:
        raise SystemExit(f"send: needs {', '.join(missing)} (Debian: postfix, nodejs, npm)")


def program(name: str) -> str:
    """Return the path of a system's program, also of one that only root has on its path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or name


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Run Postfix's smtp-sink on a free loopback port while the block runs; yields the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    unprivileged = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program("smtp-sink"), *unprivileged, f"127.0.0.1:{port}", "100"])
    try:
        time.sleep(1)
        yield port
    finally:
        process.terminate()
        process.wait()


def mailflow(workspace: Path, *words: str | Path) -> None:
    """Run a mailflow command in the workspace; what it says is shown only when it fails."""
    command = [BIN / "mailflow", *words, "--workspace", workspace]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mailflow {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr}")


def make_workspace(folder: Path, port: int, people: Sequence[Recipient]) -> Path:
    """Return a workspace in which nothing is left to do but `mailflow send letter`."""
    workspace = folder / "shop"
    mailflow(workspace, "init", workspace)
    (workspace / "mailflow.yaml").write_text(SETTINGS.format(port=port, connections=CONNECTIONS), encoding="utf-8")
    html = (LETTER / "letter.html").read_text(encoding="utf-8")
    (workspace / "templates" / "letter.html").write_text(FRONT_MATTER + html, encoding="utf-8")
    (workspace / "campaigns" / "letter.yaml").write_text(CAMPAIGN, encoding="utf-8")
    columns = ["email", "first_name", "last_name", "city"]
    with (folder / "contacts.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(people)
    mailflow(workspace, "import", folder / "contacts.csv", "--consent", "express", "--evidence", "benchmark")
    mailflow(workspace, "send", "letter", "--test-to", "owner@bakery.example")
    return workspace


def accepted(workspace: Path) -> int:
    """Return how many messages of the campaign the relay took, as the ledger says."""
    with closing(sqlite3.connect(workspace / "mailflow.db")) as db:
        return int(db.execute("SELECT count(*) FROM messages WHERE state = 'accepted'").fetchone()[0])


def contenders(folder: Path, port: int) -> list[Contender]:
    """Return nodemailer, mailflow, the usual Python and the limit of the wire, ready to run."""
    people = recipients()
    listed = folder / "recipients.json"
    listed.write_text(json.dumps(people), encoding="utf-8")
    prepared = make_workspace(folder, port, people)
    tested = accepted(prepared)
    workspace = folder / "round"

    def fresh() -> None:
        if workspace.exists():
            if accepted(workspace) != MESSAGES + tested:
                raise SystemExit(f"mailflow sent {accepted(workspace) - tested} of {MESSAGES} messages")
            shutil.rmtree(workspace)
        shutil.copytree(prepared, workspace)

    node = ["node", PEERS / "nodemailer_pool.js", str(port), str(CONNECTIONS), LETTER, listed]
    usual = [sys.executable, PEERS / "usual_python.py", str(port), LETTER, listed]
    source = [program("smtp-source"), "-s", str(CONNECTIONS), "-m", str(MESSAGES), "-l", "9700", "-d"]
    return [
        Contender("nodemailer pool", node, environment={"NODE_ENV": "production"}),
        Contender(
            "mailflow send", [BIN / "mailflow", "send", "letter", "--yes", "--workspace", workspace], before=fresh
        ),
        Contender("jinja2 + EmailMessage + smtplib", usual),
        Contender("smtp-source (no rendering)", [*source, f"127.0.0.1:{port}"]),
    ]


def main() -> int:
    """Measure and report."""
    need("node", "npm", "smtp-sink", "smtp-source")
    compile_sources()
    subprocess.run(["npm", "ci", "--silent"], cwd=PEERS, check=True)
    with tempfile.TemporaryDirectory() as folder, smtp_sink() as port:
        results = compare(contenders(Path(folder), port))
    ours = results[1]
    limits = [Limit("messages per second, mailflow × nodemailer's pool", 1 / ours.ratio, 1.2, at_least=True)]
    return report("Sending 5,000 personal letters of 10 KB", results, limits, per_second=MESSAGES)


if __name__ == "__main__":
    sys.exit(main())
