"""docs/tutorial.md works as it stands: every command of it is typed, in order, by a stranger with a fresh folder."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from sink import Sink

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_ASKS = re.compile(r"mailflow send \S+$")


def _blocks() -> list[tuple[str, str]]:
    """Return (kind, text) of the tutorial's code blocks in order."""
    text = TUTORIAL.read_text(encoding="utf-8")
    return [(found[2], textwrap.dedent(found[3])) for found in _BLOCK.finditer(text)]


def _commands(block: str) -> list[str]:
    lines = block.splitlines()
    assert all(line.startswith("$ ") for line in lines), block
    return [line.removeprefix("$ ") for line in lines]


class Stranger:
    """Somebody at a terminal, with `mailflow` on the path and nothing else of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        program = folder / "bin" / "mailflow"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mailflow "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILFLOW")}
        self.environment = {**kept, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "COLUMNS": "80", "NO_COLOR": "1"}

    def types(self, command: str) -> str:
        """Run a command, answering `y` where it asks, and return what it said; the test fails where it fails."""
        if command.startswith("cd "):
            self.folder = (self.folder / command.removeprefix("cd ")).resolve(strict=True)
            return ""
        ours, theirs = pty.openpty()
        os.write(ours, b"y\n" if _ASKS.match(command) else b"")
        try:
            done = subprocess.run(
                command,
                shell=True,
                cwd=self.folder,
                env=self.environment,
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                timeout=120,
                check=False,
            )
        finally:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout

    def writes(self, block: str) -> None:
        """Put a YAML block of the tutorial where its text says."""
        first = block.split(":")[0]
        if first == "relay":
            path = self.folder / "mailflow.yaml"
            path.write_text(path.read_text(encoding="utf-8") + "\n" + block, encoding="utf-8")
        elif "template: newsletter" in block:
            (self.folder / "campaigns" / "newsletter.yaml").write_text(block, encoding="utf-8")
        else:
            shown = block.strip().splitlines()
            assert set(shown) <= set((self.folder / "campaigns" / "thank_you.yaml").read_text("utf-8").splitlines())

    def fills_in_the_first_lines(self) -> None:
        path = self.folder / "mailflow.yaml"
        text = path.read_text(encoding="utf-8").replace('address: ""', 'address: "Musterweg 4, 8010 Graz, Austria"')
        path.write_text(text.replace("hello@example.com", "hello@quitte-kanne.example"), encoding="utf-8")


def test_every_command_of_the_tutorial_works(tmp_path: Path, mail_sink: Callable[..., Sink]) -> None:
    relay = mail_sink()
    stranger = Stranger(tmp_path)
    loopback = f"relay:\n  host: 127.0.0.1\n  port: {relay.port}\n  tls: none\n"
    said: dict[str, str] = {}
    for kind, block in _blocks():
        if kind == "yaml":
            stranger.writes(loopback if block.startswith("relay:") else block)
        for command in _commands(block) if kind == "console" else []:
            said[command] = stranger.types(command)
            if command == "cd my-shop":
                stranger.fills_in_the_first_lines()
    recipients = [recipient for _, recipient in relay.accepted()]
    assert recipients[0] == "you@example.com"
    assert len(recipients) == len(set(recipients)) > 50
    delivered = list((stranger.folder / ".mailflow" / "rehearsal" / "new").iterdir())
    assert len(delivered) > len(recipients)


def test_the_tutorials_relay_block_is_one_that_loads(tmp_path: Path) -> None:
    from mailflow.config import load_settings

    block = next(block for kind, block in _blocks() if kind == "yaml" and block.startswith("relay:"))
    path = tmp_path / "mailflow.yaml"
    head = "name: X\ncurrency: EUR\ntimezone: UTC\nsender: {name: X, email: a@example.com}\n"
    path.write_text(head + block, encoding="utf-8")
    assert load_settings(path).relay is not None


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+\.md)\)", TUTORIAL.read_text(encoding="utf-8")))
def test_what_the_tutorial_links_to_is_there(link: str) -> None:
    assert (TUTORIAL.parent / link).exists()
